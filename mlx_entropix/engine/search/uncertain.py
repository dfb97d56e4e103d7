"""Where a path divides: the conditions that `entropy` and `lookahead` fork at."""

import operator
import re
from collections.abc import Sequence
from math import exp, log
from typing import Annotated, Literal

from pydantic import Field

from mlx_entropix.engine.events import Alternative, TokenEvent
from mlx_entropix.engine.search.fork_config import NEVER, ForkConfig, whole
from mlx_entropix.engine.search.search import Branch, Search
from mlx_entropix.errors import ConfigError
from mlx_entropix.sampling import Metrics, PlainConfig, SamplerConfig
from mlx_entropix.sampling.formulas import LEVELS

_METRIC = "|".join(Metrics._fields)
_COMPARE = {"<": operator.lt, ">": operator.gt}

Condition = Annotated[
    str,
    Field(
        pattern=rf"^({_METRIC}) [<>] ({'|'.join(LEVELS)}|[0-9]+(\.[0-9]+)?)$",
        description="A metric, < or >, and a number or one of the sampler's three borders of it.",
        examples=["logits_entropy > medium", "logits_varentropy > 5.5"],
    ),
]

QuadrantName = Literal["FLOWING", "TREADING", "EXPLORING", "RESAMPLING", "ADAPTIVE"]


Least = Annotated[
    float,
    Field(
        ge=0,
        le=1,
        description="The least probability of a token that a fork takes. Without such a token "
        "there is no fork.",
    ),
]


class Uncertain(ForkConfig):
    """When a token is one to fork at, and which tokens the forks take."""

    quadrants: tuple[QuadrantName, ...] = Field(
        default=("TREADING", "EXPLORING", "RESAMPLING", "ADAPTIVE"),
        description="The quadrants in which paths fork; the plain sampler has none, and is not "
        "asked for one.",
    )
    when: tuple[Condition, ...] = Field(
        default=(), max_length=12, description="Paths fork where all of these hold as well."
    )
    least: Least = 0.2
    distance: int = whole(
        4, 1, 4096, "The least number of tokens between two forks of one path, or its beginning."
    )
    max_forks: int = whole(32, 0, 4096, "The most paths that are made by forks, over all.")

    def divides(self, branch: Branch) -> bool:
        """Whether a path is to fork at its last token.

        Not so close behind another fork, nor where a copy would be as long as it may be with the
        one token that it is given.
        """
        token, sampler = branch.tokens[-1], branch.row.request.config
        near = branch.forked_at >= 0 and token.position - branch.forked_at < self.distance
        if near or branch.finish_reason == "length":
            return False
        if token.quadrant is not None and token.quadrant.name not in self.quadrants:
            return False
        return all(_holds(condition, token.metrics, sampler) for condition in self.when)

    def others(self, token: TokenEvent) -> list[Alternative]:
        """The tokens that forks may take instead, the likeliest first.

        They have the least probability, and passed the filters of the draw, where one was made:
        top_p is measured among the likeliest tokens that are known.
        """
        allowed = _filtered(token)
        floor = log(self.least) if self.least else float("-inf")
        return [a for a in allowed if a.logprob >= floor and a.token_id != token.token_id]

    def fork_at_last(self, search: Search, branch: Branch, most: int) -> None:
        """Fork a path at its last token, if it divides there, to at most so many other tokens."""
        if not self.divides(branch):
            return
        token = branch.tokens[-1]
        for other in self.others(token)[:most]:
            if self._may_fork(search):
                search.fork(branch, token.position, other.token_id)

    def next_fork(self, search: Search) -> int:
        """What a live path writes next."""
        if not self._may_fork(search) or self.paths == 1:
            return NEVER
        return min((branch.length for branch in search.live), default=NEVER)

    def _may_fork(self, search: Search) -> bool:
        return len(search.branches) <= self.max_forks

    def check(self, sampler: SamplerConfig | PlainConfig) -> None:
        """Named borders are those of the entropy sampler."""
        for condition in self.when:
            border = condition.split()[2]
            if border in LEVELS and isinstance(sampler, PlainConfig):
                raise ConfigError(
                    f"when: {condition!r} names a border, which the plain sampler does not have; "
                    "write a number"
                )


def _holds(condition: str, metrics: Metrics[float], sampler: SamplerConfig | PlainConfig) -> bool:
    metric, sign, border = condition.split()
    if border in LEVELS:
        assert isinstance(sampler, SamplerConfig), "checked when the request was made"
        limit = sampler.threshold(border, metric)
    else:
        limit = float(border)
    value: float | None = getattr(metrics, metric)
    return value is not None and _COMPARE[sign](value, limit)


def _filtered(token: TokenEvent) -> Sequence[Alternative]:
    """The likeliest tokens at a position that the filters of its draw let through."""
    drawn, known = token.parameters, token.alternatives
    if drawn is None or not known or drawn.temperature <= 0:
        return known
    best = known[0].logprob
    weight = [exp((other.logprob - best) / drawn.temperature) for other in known]
    total, before, kept = sum(weight), 0.0, []
    for rank, (other, w) in enumerate(zip(known, weight, strict=True)):
        if rank and (
            (drawn.top_k and rank >= drawn.top_k)
            or w < drawn.min_p
            or (0 < drawn.top_p < 1 and before / total >= drawn.top_p)
        ):
            break
        kept.append(other)
        before += w
    return kept


SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]]*(?:\s|$)|\n")


def ends_sentence(token: TokenEvent) -> bool:
    """Whether a sentence or a line ends in a token, as far as can be known by then."""
    return SENTENCE_END.search(token.text) is not None
