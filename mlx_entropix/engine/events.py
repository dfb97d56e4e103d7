"""What goes into the engine, and what comes out: plain Python values, no arrays."""

from dataclasses import dataclass

from mlx_entropix.engine.policy import Policy
from mlx_entropix.sampling import Metrics, Parameters, PlainConfig, Quadrant, SamplerConfig


@dataclass(frozen=True)
class Request:
    """One sequence to continue.

    `prompt` are token ids, at least one. The row ends after `max_tokens` tokens (1 or more), at an
    end-of-sequence token, where one of the `stop` strings appears (it is not part of the text), or
    at the model's context length. `alternatives` is how many of the likeliest tokens each event
    names. Equal `seed`, prompt, model and config give equal tokens.

    The answer begins with the tokens of `prefix`, which are not drawn: the events are those of the
    tokens after them, whose texts go on where the text of the prefix ends, in the middle of a
    character too.

    With `scores_prompt` the prompt's own tokens are looked at too, and reported in one
    `PromptScored`; `max_tokens` may then be 0. A `policy` may fork the row, drop it or propose
    tokens, see policy.py.
    """

    prompt: tuple[int, ...]
    config: SamplerConfig | PlainConfig
    max_tokens: int = 4096
    seed: int = 0
    stop: tuple[str, ...] = ()
    alternatives: int = 0
    scores_prompt: bool = False
    prefix: tuple[int, ...] = ()
    policy: Policy | None = None


@dataclass(frozen=True)
class Alternative:
    """A token that could have been chosen; `logprob` under the unscaled logits, in nats."""

    token_id: int
    token: str
    logprob: float


@dataclass(frozen=True)
class Summary:
    """What a finished row took. `cached_tokens` of the prompt were known from earlier rows."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    prompt_seconds: float
    first_token_seconds: float
    generation_seconds: float
    peak_memory_gb: float

    @property
    def prompt_tps(self) -> float:
        """Tokens of the prompt computed a second."""
        return (self.prompt_tokens - self.cached_tokens) / max(self.prompt_seconds, 1e-9)

    @property
    def generation_tps(self) -> float:
        """Tokens generated a second, from the first one on."""
        return self.completion_tokens / max(self.generation_seconds, 1e-9)


class _MayEnd:
    """An event that is its row's last where it has a summary."""

    summary: Summary | None

    @property
    def ends(self) -> bool:
        """Whether this is the row's last event."""
        return self.summary is not None


@dataclass(frozen=True)
class TokenEvent(_MayEnd):
    """One token of one row.

    `text` is what the token added to the row's text: empty while a character or a possible stop
    string is incomplete, more than the token where something held back is let go. `token` is the
    token's own text. `quadrant` is None under the plain sampler, `parameters` where no draw was
    made. The last event of a row has a `finish_reason`, "stop" or "length", and a `summary`.
    """

    row: int
    position: int
    token_id: int
    token: str
    text: str
    logprob: float
    metrics: Metrics[float]
    quadrant: Quadrant | None
    parameters: Parameters[float] | None
    alternatives: tuple[Alternative, ...] = ()
    finish_reason: str | None = None
    summary: Summary | None = None


@dataclass(frozen=True)
class RowForked(_MayEnd):
    """A row was copied: `row` is the copy, number `branch`, and `parent` what it was copied of.

    The copy has the parent's tokens up to `position`, and `token_ids` from there on; `text` is that
    of all that it has of an answer. Where these end it, the event has a `summary` and is its last.
    """

    row: int
    parent: int
    branch: int
    position: int
    token_ids: tuple[int, ...]
    text: str
    finish_reason: str | None = None
    summary: Summary | None = None


@dataclass(frozen=True)
class RowDropped:
    """A policy ended a row, of which nothing follows."""

    row: int
    summary: Summary
    ends = True


@dataclass(frozen=True)
class PromptProgress:
    """`done` of `total` tokens of a row's prompt are in the cache."""

    row: int
    done: int
    total: int
    ends = False


@dataclass(frozen=True)
class PromptToken:
    """A token of a prompt, and what the model thought of it where it stands.

    `logprob` in nats, `metrics`, `quadrant` and `alternatives` are of the position that foretold
    the token. For the first token, which nothing foretells, there are none.
    """

    token_id: int
    token: str
    logprob: float | None = None
    metrics: Metrics[float] | None = None
    quadrant: Quadrant | None = None
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True)
class PromptScored(_MayEnd):
    """A prompt's tokens with their scores. With a `summary` it is the row's last event."""

    row: int
    tokens: tuple[PromptToken, ...]
    summary: Summary | None = None


@dataclass(frozen=True)
class RowFailed:
    """A row ended without a result; `message` says why in a sentence."""

    row: int
    message: str
    ends = True


Event = TokenEvent | PromptProgress | PromptScored | RowForked | RowDropped | RowFailed
