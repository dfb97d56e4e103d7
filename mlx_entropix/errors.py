"""What can go wrong, in one hierarchy, of which every face knows what to make.

An error's message is a sentence or two for a person: what is wrong, and what to do instead. A
command ends with the error's `exit_code` (1: it failed on the way, 2: bad usage or bad input), a
server answers with its `status`.
"""


class EntropixError(Exception):
    """What a person can be told; anything else that is raised is a bug."""

    exit_code = 2
    status = 400


class UsageError(EntropixError):
    """What the user asked for cannot be done."""


class ConfigError(EntropixError, ValueError):
    """A configuration of a sampler cannot be used; the message names each field and its range.

    `faults` are the mistakes one by one (`mlx_entropix.sampling.config.Fault`), where there are
    several fields to name.
    """

    def __init__(self, message: str, faults: tuple = ()):
        super().__init__(message)
        self.faults = faults


class BackendError(EntropixError):
    """MLX has nothing to compute with on this machine."""

    exit_code = 1
    status = 500


class PromptError(EntropixError):
    """A prompt or a chat cannot be turned into tokens, or does not fit."""


class ConstraintError(EntropixError):
    """The form that an answer is to have cannot be held; the message says why."""


class CsvError(EntropixError):
    """A CSV of prompts cannot be used; one sentence names the file, the line and what to do."""


class CalibrationError(EntropixError):
    """Thresholds cannot be fitted."""


class EvalError(EntropixError):
    """An evaluation that was asked for cannot be done."""


class WeightsError(EntropixError):
    """Weights are missing or cannot be used."""

    status = 500


class DownloadError(WeightsError):
    """Weights could not be fetched.

    `bad_input` tells a request that can never work (no such model, no access, a folder that cannot
    be written) from a failure on the way (network, disk), after which the same request may succeed.
    """

    def __init__(self, message: str, *, bad_input: bool):
        super().__init__(message)
        self.exit_code = 2 if bad_input else 1


class TokenizerError(EntropixError):
    """A checkpoint's tokenizer is missing, broken, or of a kind that is not supported."""

    status = 500


class GenerationError(EntropixError):
    """A row ended without a result."""

    exit_code = 1
    status = 500


class TraceError(EntropixError):
    """The trace could not be written to its end."""

    exit_code = 1


class ServeError(EntropixError):
    """The server cannot start."""

    exit_code = 1


class RankError(EntropixError):
    """Several processes cannot compute one model together, or no longer."""

    exit_code = 1
    status = 500
