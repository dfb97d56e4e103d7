"""What the API says of an answer's paths, as the documentation at `/docs` shows it."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from mlx_entropix.server.token_schemas import TokenRecord, TopLogprob

_CHOICE = "Which answer it is, from 0."
_BRANCH = "The number of the path; 0 is the one that the answer begins with."
_PARENT = "The path that it left; null for the first."
_POSITION = "Where it left that path: an index in the whole sequence, the prompt included."


class _ForkEvent(BaseModel):
    choice: int = Field(description=_CHOICE)


class PathForked(_ForkEvent):
    """A path begins: it has another's tokens up to a position, and goes on in another way."""

    type: Literal["fork"] = Field(description="A path begins.")
    branch: int = Field(description=_BRANCH)
    parent: int = Field(description=_PARENT)
    position: int = Field(description=_POSITION)
    token_ids: list[int] = Field(
        description="The tokens that it has there; none where it draws that one too."
    )
    text: str = Field(
        description="All that it has of an answer, these tokens among it, but for the prefix that "
        "was given."
    )
    reasoning_content: str | None = Field(
        None,
        description="All that it has of thoughts before the answer; left out where there are none.",
    )
    finish_reason: Literal["stop", "length", "repetition"] | None = Field(
        description="Why it has ended, where these tokens end it."
    )


class PathToken(TokenRecord):
    """A token of a path, which may be dropped yet."""

    type: Literal["token"] = Field(description="A path has got a token.")
    choice: int = Field(description=_CHOICE)
    branch: int = Field(description=_BRANCH)
    text: str = Field(
        description="What it adds to the path's text; a token may complete a character, or none."
    )
    reasoning_content: str | None = Field(
        None, description="What it adds to the path's thoughts; left out where there are none."
    )
    finish_reason: Literal["stop", "length", "repetition"] | None = Field(
        description="Why the path has ended, in its last token."
    )
    top_logprobs: list[TopLogprob] | None = Field(
        None, description="The likeliest tokens, as many as the request's logprobs ask for."
    )


class PathDropped(_ForkEvent):
    """A path has ended, and is not the answer."""

    type: Literal["drop"] = Field(description="A path is given up.")
    branch: int = Field(description=_BRANCH)
    finish_reason: Literal["dropped", "failed"] = Field(
        description="`dropped` by the policy, or `failed`: the model's output was not finite."
    )


class PathFacts(BaseModel):
    """What became of a path."""

    branch: int = Field(description=_BRANCH)
    parent: int | None = Field(description=_PARENT)
    position: int = Field(description=_POSITION)
    token_ids: list[int] = Field(description="Its tokens from there on.")
    text: str = Field(description="Its whole text, with the prefix that was given.")
    reasoning_content: str | None = Field(
        None, description="What was thought on it before the answer; left out where there are none."
    )
    finish_reason: Literal["stop", "length", "repetition", "dropped", "failed"] = Field(
        description="`stop` or `length` as for an answer; `dropped` by the policy; `failed`."
    )
    answer: str | None = Field(
        description="What was found in its text by the rule `extract`, in canonical form."
    )
    start: int = Field(description="Where in the text that begins, in characters.")
    end: int = Field(description="Where it ends.")
    scores: dict[str, float] = Field(
        description="Every score by its name, the higher the better; none for a path without "
        "tokens."
    )
    vote: float = Field(description="What its vote weighs; 0 where it has none.")


class VoteFacts(BaseModel):
    """An answer and who gave it."""

    answer: str = Field(description="In canonical form.")
    weight: float = Field(description="The sum of its votes.")
    branches: list[int] = Field(description="The paths that gave it, best first.")


class PathsSettled(_ForkEvent):
    """All paths have ended, and one is the answer. It has the last word on each of them."""

    type: Literal["settled"] = Field(description="The answer is chosen.")
    policy: str = Field(description="The policy that forked.")
    chosen: int | None = Field(description="The path that is the answer.")
    tokens: int = Field(description="Tokens of all paths, each counted once.")
    narrowed: int = Field(
        description="So many forks were not made, for want of room in the batch or of budget."
    )
    votes: list[VoteFacts] = Field(
        description="The answers, the winner first; none where the highest score won."
    )
    paths: list[PathFacts] = Field(description="All paths, in the order of their branches.")


ForkEvent = Annotated[
    PathForked | PathToken | PathDropped | PathsSettled, Field(discriminator="type")
]
"""An item of `forks` in a stream."""
