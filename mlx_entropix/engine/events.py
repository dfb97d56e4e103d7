"""What goes into the engine, and what comes out: plain Python values, no arrays."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from mlx_entropix.engine.policy import Policy
from mlx_entropix.engine.token_rules import NO_RULES, TokenRules
from mlx_entropix.sampling import Metrics, Parameters, PlainConfig, Quadrant, SamplerConfig
from mlx_entropix.text import Constraint


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
    `PromptScored`; `max_tokens` may then be 0. It is computed whole then, and also where the
    request is `fresh`: nothing of it is taken from earlier ones.

    A `policy` may fork the row or drop it, see policy.py. `branch` is 0, or that of a fork that is
    to be written again, behind the tokens that it began with as the `prefix`. With `certainty`
    every event has that number. `attended` is how many of the positions that were attended to most
    each token is reported with.

    Drafts are guessed from past answers to the same `owner` alone, and from `prediction`: tokens of
    what the answer may well repeat. Of past sequences only those with the same `salt` are gone on
    from.

    With `splits_reasoning` what a model thinks before it answers is told apart, where it marks
    that; stop strings are then looked for in the answer alone. The prompt is that of a chat then.
    With `tells_draw` each event has the probabilities of the draw, of the `alternatives` too.
    `logit_bias` are ids of tokens with what is added to their logits, before the sampler sees them.
    With `shows_calls` the control tokens of tool calls have a text, so that these can be read.
    Where `stop_repeats` is not 0, the row also ends where its last tokens are the same piece so
    many times in a row (2 or more; stop.py says how long a piece is).
    An answer with a `constraint` has that form: other tokens cannot be drawn, and it ends where
    nothing can be added to it. The `prefix` is part of it; thoughts before an answer are not.
    `rules` say which single tokens may be drawn and which end the answer; a form goes before them
    where both leave nothing. With `keeps_stop` what ended the answer is part of its text, be it a
    stop string or a token of the rules. With `shows_control` control tokens read as their names.
    """

    prompt: tuple[int, ...]
    config: SamplerConfig | PlainConfig
    max_tokens: int = 4096
    seed: int = 0
    stop: tuple[str, ...] = ()
    alternatives: int = 0
    scores_prompt: bool = False
    fresh: bool = False
    prefix: tuple[int, ...] = ()
    policy: Policy | None = None
    branch: int = 0
    certainty: bool = False
    attended: int = 0
    owner: str = ""
    salt: str = ""
    splits_reasoning: bool = False
    prediction: tuple[int, ...] = ()
    logit_bias: tuple[tuple[int, float], ...] = ()
    tells_draw: bool = False
    shows_calls: bool = False
    constraint: Constraint | None = None
    stop_repeats: int = 0
    rules: TokenRules = NO_RULES
    keeps_stop: bool = False
    shows_control: bool = False

    @property
    def changes_logits(self) -> bool:
        """Whether the sampler sees other logits than the model's."""
        constrained = self.constraint is not None
        biased = bool(self.logit_bias)
        return constrained or biased or self.rules.masks or self.config.penalizes


class Alternative(NamedTuple):
    """A token that could have been chosen; `logprob` under the unscaled logits, in nats."""

    token_id: int
    token: str
    logprob: float


class Attended(NamedTuple):
    """A position that the last layer looked back at, and its weight (0 to 1), mean over heads."""

    position: int
    weight: float


class OfModel(NamedTuple):
    """What the model thought where the sampler saw changed logits: of these without the changes.

    `allowed` is the probability (0 to 1) of all tokens that were not forbidden.
    """

    logprob: float  # of the token, in nats
    logits_entropy: float  # bits
    logits_varentropy: float  # bits²
    allowed: float


class Chance(NamedTuple):
    """A token that could have been drawn, and how likely that was, 0 to 1."""

    token_id: int
    token: str
    probability: float


class Draw(NamedTuple):
    """How likely a token was where it was drawn, after temperature, filters and decision.

    1 where no draw was made. `alternatives` are the likeliest in the draw, best first, of
    probabilities above 0; the token may be among them.
    """

    probability: float
    alternatives: tuple[Chance, ...]


@dataclass(frozen=True)
class Summary:
    """What a finished row took. `cached_tokens` of the prompt were known from earlier rows.

    In `steps` steps of the model came its tokens. Of `drafted_tokens` that were guessed ahead,
    `accepted_tokens` were what it drew. `reasoning_tokens` of the completion's are thoughts.
    """

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    prompt_seconds: float
    first_token_seconds: float
    generation_seconds: float
    peak_memory_gb: float
    steps: int = 0
    drafted_tokens: int = 0
    accepted_tokens: int = 0
    reasoning_tokens: int = 0
    queue_seconds: float = 0.0

    @property
    def seconds(self) -> float:
        """From the request to the end."""
        return self.queue_seconds + self.prompt_seconds + self.generation_seconds

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
    made. The last event of a row has a `finish_reason`, "stop", "length" or "repetition" (its
    tokens were those of `stop_repeats`), and a `summary`; `stopped_by` is the stop string that
    ended it, or the token of the request's rules, None where that was something else.
    `certainty`, where it was asked for, is the divergence in nats of the model's distribution from
    one in which all tokens are equally likely, KL(U ‖ p) (Kang et al., arXiv:2502.18581).
    `drafted` tells that it was guessed before it was drawn, and came without a step of its own.
    A token that belongs to the thoughts before an answer has their text as its `reasoning`, empty
    for what marks them; for all others it is None.
    Where biases, penalties or a constraint changed the logits, all numbers are of the changed ones,
    which the sampler saw, and `of_model` are those of the model's own. `draw` is there where it was
    asked for.
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
    certainty: float | None = None
    attended: tuple[Attended, ...] = ()
    drafted: bool = False
    reasoning: str | None = None
    of_model: OfModel | None = None
    draw: Draw | None = None
    stopped_by: str | int | None = None


@dataclass(frozen=True)
class RowForked(_MayEnd):
    """A row was copied: `row` is the copy, number `branch`, and `parent` what it was copied of.

    The copy has the parent's tokens up to `position`, and `token_ids` from there on; `text` is that
    of all that it has of an answer, `reasoning` that of its thoughts, None where it has none. Where
    these end it, the event has a `summary` and is its last.
    """

    row: int
    parent: int
    branch: int
    position: int
    token_ids: tuple[int, ...]
    text: str
    finish_reason: str | None = None
    summary: Summary | None = None
    reasoning: str | None = None
    stopped_by: str | int | None = None


@dataclass(frozen=True)
class RowDropped:
    """A policy ended a row, of which nothing follows."""

    row: int
    summary: Summary
    ends = True


@dataclass(frozen=True)
class PromptProgress:
    """`done` of `total` tokens of a row's prompt are in the cache.

    `cached` of them were known from earlier rows; the others took some `seconds`. The last token of
    a prompt is not counted: the step that draws the first one of the answer takes it.
    """

    row: int
    done: int
    total: int
    cached: int = 0
    seconds: float = field(default=0.0, compare=False)
    ends = False


@dataclass(frozen=True)
class PromptToken:
    """A token of a prompt, and what the model thought of it where it stands.

    `logprob` in nats, `metrics`, `quadrant`, `alternatives`, `rank` (1 for the likeliest) and
    `attended` are of the position that foretold the token. For the first token, which nothing
    foretells, there are none. A quadrant whose conditions name means or slopes is that of a first
    token.
    """

    token_id: int
    token: str
    logprob: float | None = None
    metrics: Metrics[float] | None = None
    quadrant: Quadrant | None = None
    alternatives: tuple[Alternative, ...] = ()
    rank: int | None = None
    attended: tuple[Attended, ...] = ()


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


@dataclass(frozen=True)
class Answered:
    """Tokens that belong to the answer of a request that forks, whatever comes of its paths.

    `row` is the row that the request began with. Taken together the tokens are those of the answer
    as it would be without forks: their texts add up to it, and the last one has the finish reason
    and a summary, which counts the tokens of all paths.
    """

    row: int
    tokens: tuple[TokenEvent, ...]
    ends = False


@dataclass(frozen=True)
class Path:
    """What became of one path of a request that forks.

    It left the path `parent` (a branch, None for the first) at `position`, from where on
    `token_ids` are its own. `text` is all of its answer, with that of the request's prefix;
    `reasoning_content` are its thoughts, None where it has none.
    `finish_reason` is "stop" or "length", "dropped" where the policy ended it, "failed" where its
    numbers were not finite. `answer` is what was found in the text, from character `start` to
    `end`. `scores` are by their names; the higher, the better. `vote` is the weight that it gave to
    its answer, 0 for one that has none.
    """

    branch: int
    parent: int | None
    position: int
    token_ids: tuple[int, ...]
    text: str
    finish_reason: str
    answer: str | None
    start: int
    end: int
    scores: Mapping[str, float]
    vote: float
    reasoning_content: str | None = None


@dataclass(frozen=True)
class Vote:
    """An answer, the weight of all that gave it, and the branches of these, best first."""

    answer: str
    weight: float
    branches: tuple[int, ...]


@dataclass(frozen=True)
class Settled(_MayEnd):
    """A request that forks is at its end. `row` is the row that it began with.

    `chosen` is the branch of the path that is the answer; None where all failed, and `message` says
    why. `votes` are empty where the answer was chosen by its score. `tokens` were written on all
    paths together. `narrowed` forks were not made, for want of room or of budget.
    """

    row: int
    policy: str
    chosen: int | None
    paths: tuple[Path, ...]
    votes: tuple[Vote, ...]
    tokens: int
    narrowed: int
    summary: Summary
    message: str | None = None


Event = (
    TokenEvent
    | PromptProgress
    | PromptScored
    | RowForked
    | RowDropped
    | RowFailed
    | Answered
    | Settled
)
