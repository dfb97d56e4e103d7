"""What the API says of one token, as the documentation at `/docs` shows it."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, Field, create_model
from typing_extensions import TypedDict

from mlx_entropix.sampling import Metrics, PlainConfig, Quadrant
from mlx_entropix.sampling.formulas import PARAMETERS
from mlx_entropix.sampling.metrics import ABOUT, ATTENTION

if TYPE_CHECKING:
    QuadrantName = str
    MetricName = str
else:
    QuadrantName = Literal[tuple(Quadrant.__members__)]
    MetricName = Literal[Metrics._fields]


class Moving(BaseModel):
    """A metric over the last tokens of an answer."""

    mean: float | None = Field(
        description="Its mean, in its own unit; null where it has no values."
    )
    slope: float | None = Field(
        description="How fast it rises, by least squares, in its unit a token; null for one token."
    )


class Attended(BaseModel):
    """A position that the last layer looked back at."""

    position: int = Field(description="Its index in the whole sequence.")
    weight: float = Field(description="Its attention weight, 0 to 1, as the mean over the heads.")


_ATTENDED = Field(
    None,
    description="The positions that the last layer looked at most; only where the request has "
    "`attended`.",
)


class _WindowSize(BaseModel):
    size: int = Field(description="How many tokens; the first ones of an answer have fewer.")


class _Place(BaseModel):
    position: int = Field(
        description="Index of the token in the whole sequence, the prompt included."
    )
    token_id: int = Field(description="The token's number in the vocabulary.")
    token: str = Field(description="Its text; a part of a character reads as `\\xe2`.")
    quadrant: QuadrantName | None = Field(
        description="The condition that held; null under the plain sampler."
    )
    logprob: float = Field(description="Under the unscaled logits, in nats.")


def _more(base: type[BaseModel], fields: dict[str, Any]) -> Any:
    """The model with more fields, each given as its type and its description."""
    typed: Any = {name: (type_, Field(description=text)) for name, (type_, text) in fields.items()}
    return create_model(base.__name__, __base__=base, **typed)


_MOVING = {
    name: (Moving, f"In {unit}, and {unit} a token." if unit else "Mean and slope.")
    for name, (unit, _) in ABOUT._asdict().items()
}
_METRICS = {
    name: (float | None if name in ATTENTION else float, f"{text} In {unit}." if unit else text)
    for name, (unit, text) in ABOUT._asdict().items()
}
_PARAMETERS = {
    name: (PlainConfig.model_fields[name].annotation | None, text)  # type: ignore[operator]
    for name, text in zip(
        PARAMETERS,
        (
            "Temperature of the draw; null, as the next three, where none was made.",
            "Share of probability that was drawn from.",
            "The most candidates that were drawn from.",
            "Least probability of a candidate, as a share of the likeliest one's.",
        ),
        strict=True,
    )
}


class Window(_more(_WindowSize, _MOVING)):  # type: ignore[misc]
    """Every metric over the last tokens of an answer, this one among them."""


class OfModel(BaseModel):
    """What the model thought before its logits were changed for the sampler."""

    logprob: float = Field(description="Of the token, in nats.")
    logits_entropy: float = Field(description="In bits.")
    logits_varentropy: float = Field(description="In bits².")
    allowed: float = Field(
        description="Its probability, 0 to 1, of all tokens that were not forbidden."
    )


class TokenRecord(_more(_Place, _METRICS | _PARAMETERS)):  # type: ignore[misc]
    """One token. Entropies are in bits, varentropies in bits²; see docs/api.md."""

    drafted: bool = Field(
        description="Whether it was guessed before it was drawn, and took no step of its own."
    )
    window: Window | None = Field(
        None, description="The metrics over the last tokens; only where the request has a `window`."
    )
    reasoning: bool | None = Field(
        None, description="True for a token of the thoughts before an answer; left out elsewhere."
    )
    attended: list[Attended] | None = _ATTENDED
    of_model: OfModel | None = Field(
        None,
        description="The same of the model's own logits; only where the request has penalties, a "
        "`logit_bias` or a form of the answer, which change them before the sampler and all that "
        "it reports.",
    )
    choice: int | None = Field(None, description="Whose token it is, where there are several.")


class TopLogprob(TypedDict):
    """A token that could have been chosen."""

    token: Annotated[str, Field(description="The token's text.")]
    token_id: Annotated[int, Field(description="The token's number in the vocabulary.")]
    logprob: Annotated[float, Field(description="Under the unscaled logits, in nats.")]
    bytes: Annotated[
        list[int], Field(description="The token's bytes; several tokens may make a character.")
    ]


class TopProb(TypedDict):
    """A token that could have been drawn."""

    token: Annotated[str, Field(description="The token's text.")]
    token_id: Annotated[int, Field(description="The token's number in the vocabulary.")]
    prob: Annotated[float, Field(description="Its probability in the draw, 0 to 1.")]
    bytes: Annotated[
        list[int], Field(description="The token's bytes; several tokens may make a character.")
    ]


class _PromptPlace(BaseModel):
    position: int = Field(description="Index of the token in the prompt.")
    token_id: int = Field(description="The token's number in the vocabulary.")
    token: str = Field(description="Its text; a part of a character reads as `\\xe2`.")
    text: str = Field(
        description="What it adds to the prompt's text: nothing for a control token, or while a "
        "character is incomplete."
    )
    quadrant: QuadrantName | None = Field(
        description="The condition that held where it stands; null under the plain sampler."
    )
    logprob: float | None = Field(description="Under the unscaled logits, in nats.")
    rank: int | None = Field(description="1 where no token was likelier.")


_FIRST = {name: (type_ | None, text) for name, (type_, text) in _METRICS.items()}


class PromptTokenRecord(_more(_PromptPlace, _FIRST)):  # type: ignore[misc]
    """One token of a prompt. Nothing is said of the first one: its fields are null."""

    attended: list[Attended] | None = _ATTENDED
    top_logprobs: list[TopLogprob] | None = Field(
        None,
        description="The likeliest tokens, as many as the request's logprobs ask for; none for the "
        "first token.",
    )
    choice: int | None = Field(
        None, description="The first answer to its prompt, where there are several answers."
    )
