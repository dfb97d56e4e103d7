"""The tokenizer of a checkpoint, as the engine and the faces use it.

Text and token ids are two languages here. Text is only ever text: what a person wrote encodes to
ordinary tokens even if it spells `<|im_end|>`, and control tokens have no text when decoded.
Control tokens come from the model's own chat template alone (see `chat.py`).
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import tokenizers

from mlx_entropix.errors import PromptError
from mlx_entropix.text.chat_template import ChatTemplate
from mlx_entropix.text.constraint import Constraint, Grammars, Matcher
from mlx_entropix.text.plain import PlainEncoder, check_text
from mlx_entropix.text.reasoning import ReasoningSplitter, find_marks
from mlx_entropix.text.stream import CallDecoder, SpellingDecoder, StreamDecoder
from mlx_entropix.text.tool_formats import ToolFormat, find_format
from mlx_entropix.text.tool_grammar import forced_calls
from mlx_entropix.text.vocabulary import Vocabulary


class Tokenizer:
    """Encodes prompts and chats, decodes what a model writes.

    `backend` is the tokenizer of the `tokenizers` library underneath. `eos_token_ids` are the ids
    that end an answer. `vocabulary_size` counts the ids that have a token; a model's output may
    have more, which read as nothing. `special_tokens` are the names of tokens by what they are for
    (`bos_token`), `chat_template` is the source of that, None where there is none. `tool_parser` is
    what the checkpoint calls mlx-lm's parser of its tool calls, if it does.
    """

    def __init__(
        self,
        backend: tokenizers.Tokenizer,
        *,
        special_tokens: Mapping[str, str],
        eos_token_ids: Iterable[int],
        chat_template: str | None,
        tool_parser: str | None = None,
    ):
        backend.no_truncation()  # a tokenizer.json may bring both, meant for training
        backend.no_padding()
        self.backend = backend
        control = control_token_ids(backend)
        unknown = backend.token_to_id(special_tokens.get("unk_token", ""))
        self.vocabulary_size = backend.get_vocab_size(with_added_tokens=True)
        self.eos_token_ids = frozenset(eos_token_ids)
        self.special_tokens = dict(special_tokens)
        self.chat_template = chat_template
        self._vocabulary = Vocabulary(backend, control)
        self._marks = find_marks(backend, control, chat_template)
        self._tool_parser = tool_parser
        self._plain = PlainEncoder(backend, control, unknown)
        self._grammars = Grammars(self)
        self._chat = (
            ChatTemplate(chat_template, backend, control, self._plain, special_tokens)
            if chat_template
            else None
        )

    @property
    def has_chat_template(self) -> bool:
        """Whether the checkpoint says how to write a chat."""
        return self._chat is not None

    def encode(
        self, text: str, *, add_special_tokens: bool = True, control_tokens: bool = False
    ) -> list[int]:
        """Encode a prompt as it is, after the BOS token if the tokenizer puts one first.

        Names of control tokens in the text are text, unless `control_tokens` is true: then they are
        those tokens, and one that begins the text is not put before it again. Bytes for which a
        vocabulary has no token are left out; the bundled model's lacks a few control characters.
        Raises PromptError for what is no text.
        """
        text = check_text(text, "The prompt")
        if control_tokens:
            written = self.backend.encode(text, add_special_tokens=False).ids
            ids = self.backend.encode(text, add_special_tokens=add_special_tokens).ids
            begins_twice = len(ids) > len(written) > 0 and ids[:2] == written[:1] * 2
            return written if begins_twice else ids
        return self._plain.encode(text, add_special_tokens=add_special_tokens)

    def chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        add_generation_prompt: bool = True,
        continue_final_message: bool = False,
        chat_template_kwargs: Mapping[str, Any] | None = None,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> list[int]:
        """Encode `{"role", "content"}` messages through the model's own chat template.

        `add_generation_prompt` opens the assistant's answer; `continue_final_message` leaves the
        last message, an assistant's, open instead. `chat_template_kwargs` are more variables of
        the template, such as `enable_thinking`. An assistant's message may have the thoughts before
        it as `reasoning_content`, of which the template takes what it wants. It may have
        `tool_calls`, whose results are messages of the role `tool`, and the model may call `tools`,
        all in the form of OpenAI's API. Raises PromptError for messages that cannot be written or
        variables that cannot be given, or if the model has no chat template.
        """
        return self._own_template().encode(
            messages,
            add_generation_prompt=add_generation_prompt,
            continue_final_message=continue_final_message,
            variables=chat_template_kwargs or {},
            tools=tools,
        )

    def chat_text(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        add_generation_prompt: bool = True,
        continue_final_message: bool = False,
        chat_template_kwargs: Mapping[str, Any] | None = None,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> str:
        """Write messages through the chat template, as `chat` encodes them, for people to read.

        With `control_tokens` it encodes to the same ids, unless a message spells a control token.
        Raises PromptError as `chat` does.
        """
        return self._own_template().write(
            messages,
            add_generation_prompt=add_generation_prompt,
            continue_final_message=continue_final_message,
            variables=chat_template_kwargs or {},
            tools=tools,
        )

    def _own_template(self) -> ChatTemplate:
        if self._chat is None:
            raise PromptError(
                "The model has no chat template, so it cannot chat; give it the raw prompt instead."
            )
        return self._chat

    def check_chat_template_kwargs(self, variables: Mapping[str, Any]) -> None:
        """Raise PromptError for variables that cannot be given to the model's chat template."""
        if self._chat is not None:
            self._chat.check(variables)

    @property
    def marks_reasoning(self) -> bool:
        """Whether the model is known to mark what it thinks before it answers."""
        return self._marks is not None

    def reasoning_splitter(self, prompt: Sequence[int] | None) -> ReasoningSplitter:
        """Return what tells thoughts from the answer in the tokens that follow a chat's `prompt`.

        A chat template may open the thoughts itself, or close them at once. What follows no chat
        (None) has no thoughts.
        """
        if self._marks is None or prompt is None:
            return ReasoningSplitter(None)
        splitter = ReasoningSplitter(self._marks)
        own, begin = self._marks.own, len(prompt)
        while begin and (
            prompt[begin - 1] in own or prompt[begin - 1] not in self._vocabulary.control_ids
        ):
            begin -= 1
        decoder = self.stream_decoder()
        for token_id in prompt[begin:]:
            splitter.add(token_id, decoder.add(token_id))
        return splitter

    @cached_property
    def tool_format(self) -> ToolFormat:
        """How the model writes calls of the tools that a chat offers."""
        return find_format(
            self.chat_template,
            self.backend.get_vocab(),
            self._tool_parser,
            has_tools=self._chat is not None and self._chat.has_tools,
        )

    def first_token_of(self, text: str) -> int:
        """Return the token that a text within another is, such as " ...", or begins with.

        Raises PromptError for an empty text.
        """
        ids = self.encode_inside(text)
        if not ids:
            raise PromptError("An empty text has no first token; give it at least one character.")
        return ids[0]

    def encode_inside(self, text: str) -> list[int]:
        """Encode text that stands within other text. Raises PromptError for what is no text."""
        return self._plain.encode_inside(check_text(text, "The text"))

    def matcher(self, constraint: Constraint) -> Matcher:
        """Return what follows the tokens of an answer of that form, from its beginning.

        Compiles the form if it is new; that may take a second, and any thread may do it. Raises
        ConstraintError where the form cannot be held.
        """
        return self._grammars.matcher(constraint)

    def decode(self, ids: Iterable[int], *, control_tokens: bool = False) -> str:
        """Return the text of a sequence: nothing cleaned up.

        There is nothing for control tokens, or their names, if `control_tokens` is true. Bytes that
        are no character read as U+FFFD. A SentencePiece tokenizer writes a space before
        the first word of a text; it is kept, since a model's answer may continue a prompt.
        """
        written = self._vocabulary.spelling_of if control_tokens else self._vocabulary.bytes_of
        return b"".join(map(written, ids)).decode("utf-8", "replace")

    def token_text(self, token_id: int) -> str:
        r"""Return how one token reads alone, for people: `\xe2` for a part of a character."""
        return self._vocabulary.name_of(token_id)

    def token_bytes(self, token_id: int) -> bytes:
        """Return the bytes of text that one token writes: none for a control token."""
        return self._vocabulary.bytes_of(token_id)

    def piece(self, token_id: int) -> str | list[int]:
        """Return the text that one token writes, or the name of one that writes none.

        Bytes that are only a part of a character are given as numbers.
        """
        written = self._vocabulary.spelling_of(token_id)
        try:
            return written.decode()
        except UnicodeDecodeError:
            return list(written)

    def is_text(self, token_id: int) -> bool:
        """Whether a token writes text; a control token and an id without a token do not."""
        return bool(self._vocabulary.bytes_of(token_id))

    def stream_decoder(
        self, *, shows_calls: bool = False, shows_control: bool = False
    ) -> StreamDecoder:
        """Return a new decoder for tokens that come one at a time.

        With `shows_calls` the control tokens of tool calls read as their names, with
        `shows_control` all but those that mark thoughts, which are told apart anyway.
        """
        if shows_control:
            return SpellingDecoder(self._vocabulary, self._marks.characters if self._marks else ())
        if not shows_calls or self.tool_format.begins_answers:
            return StreamDecoder(self._vocabulary)
        return CallDecoder(self._vocabulary, self.tool_format, self._names_in_calls)

    def forced_calls(
        self, tools: Sequence[Mapping[str, Any]], *, several: bool
    ) -> tuple[ToolFormat, Constraint]:
        """The form of an answer that is a call of one of the `tools`, see tool_grammar.py."""
        control_ids = {self.token_text(id): id for id in self._vocabulary.control_ids}
        return forced_calls(self.tool_format, control_ids, tools, several=several)

    @cached_property
    def _names_in_calls(self) -> dict[int, str]:
        """The control tokens that may be part of a call, with what they are called."""
        others = self.eos_token_ids | set(self._marks.characters if self._marks else ())
        return {id: self.token_text(id) for id in self._vocabulary.control_ids - others}


def control_token_ids(backend: tokenizers.Tokenizer) -> frozenset[int]:
    """Return the ids of the added tokens that steer a model, apart from those that are text.

    Special tokens steer. Of the others, which a checkpoint adds to its vocabulary, runs of
    whitespace and plain words are text; whatever is written in brackets, such as `<think>` and
    `[INST]`, steers.
    """
    added = backend.get_added_tokens_decoder().items()
    return frozenset(id for id, t in added if t.special or any(c in "<>[]{}|" for c in t.content))
