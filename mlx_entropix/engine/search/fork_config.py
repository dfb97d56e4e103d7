"""What all policies of forks have in common, as data."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field

from mlx_entropix.choices import EXTRACTORS, MOST_PATHS
from mlx_entropix.engine.search.extract import extractor
from mlx_entropix.engine.search.scores import SCORES
from mlx_entropix.engine.search.votes import VOTES
from mlx_entropix.sampling.config import ConfigModel, PlainConfig, SamplerConfig

if TYPE_CHECKING:
    from mlx_entropix.engine.search.search import Search

BEST = "best"
MOST_TOKENS = 1_000_000

DEFAULT_BUDGET = 4096
"""Tokens of all paths together, unless one answer may be longer: a model that finds no end on one
path in five should not keep anybody waiting for five times the longest answer."""

NEVER = 1 << 62
"""A position that no fork comes to."""


def _rule(name: str) -> str:
    extractor(name)
    return name


def _one_of(known: tuple[str, ...], about: str) -> Any:
    """The type of a name that has to be known."""

    def check(name: str) -> str:
        if name not in known:
            raise ValueError(f"there is no {name!r}; there are {', '.join(known)}")
        return name

    described = Field(description=about, json_schema_extra={"enum": list(known)})
    return Annotated[str, AfterValidator(check), described]


Rule = Annotated[
    str,
    AfterValidator(_rule),
    Field(
        max_length=500,
        description=f"What of a path's text is its answer: {', '.join(EXTRACTORS)}.",
    ),
]

if TYPE_CHECKING:
    ScoreName = str
    VoteName = str
else:
    ScoreName = _one_of(tuple(SCORES), "What paths are compared by, the higher the better.")
    VoteName = _one_of(
        (*VOTES, BEST),
        f"How paths agree on an answer; {BEST} takes the path with the highest score.",
    )


def whole(default: int, lowest: int, highest: int, text: str) -> Any:
    """A whole number within limits."""
    return Field(default=default, ge=lowest, le=highest, description=text)


class ForkConfig(ConfigModel):
    """Bounds, score, vote. What is specific to a policy is in its own class."""

    policy: str
    paths: int = whole(5, 1, MOST_PATHS, "The most paths that are alive at once.")
    budget: int | None = Field(
        default=None,
        ge=1,
        le=MOST_TOKENS,
        description="The most tokens that all paths may have together; null for "
        f"{DEFAULT_BUDGET:,}, or for max_tokens where that is more. When three quarters are spent, "
        "the best path goes on alone.",
    )
    extract: Rule = "auto"
    score: ScoreName = "logprob"
    vote: VoteName = "majority"
    power: float = Field(
        default=1.0,
        ge=0,
        le=10,
        description="In a vote by borda: the power that a path's rank, counted from below, is "
        "raised to.",
    )
    window: int = whole(
        16, 1, 4096, "Over how many tokens tail_confidence and lowest_confidence are taken."
    )

    def decide(self, search: "Search") -> None:
        """Fork and drop, now that the paths of `search.fresh` have got a token."""
        raise NotImplementedError

    def next_fork(self, _search: "Search") -> int:
        """No fork comes before this position any more; `NEVER` where none comes after this read."""
        return NEVER

    def check(self, sampler: SamplerConfig | PlainConfig) -> None:
        """Raise `ConfigError` where the policy needs what the sampler does not have."""
