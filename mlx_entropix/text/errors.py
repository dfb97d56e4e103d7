"""What can be wrong with a tokenizer or a prompt; each message is one sentence for a person."""


class TokenizerError(ValueError):
    """A checkpoint's tokenizer is missing, broken, or of a kind that is not supported."""


class PromptError(ValueError):
    """A prompt or a chat cannot be turned into tokens."""
