"""A smaller model beside a larger one, and the drafter that an engine gets."""

from dataclasses import dataclass

from mlx_entropix.choices import MOST_DRAFTED
from mlx_entropix.engine.draft.drafter import Drafter, IndexDrafter
from mlx_entropix.engine.draft.model_drafter import ModelDrafter
from mlx_entropix.errors import ConfigError, WeightsError
from mlx_entropix.model.decoder import Decoder
from mlx_entropix.text import Tokenizer


@dataclass(frozen=True)
class DraftModel:
    """A model whose tokens are those of another one, for which it guesses.

    `vocabulary_size` is the width of the other one's logits.
    """

    model: Decoder
    tokenizer: Tokenizer
    vocabulary_size: int

    @classmethod
    def of(
        cls, model: Decoder, tokenizer: Tokenizer, draft: tuple[Decoder, Tokenizer]
    ) -> "DraftModel":
        """The model and the tokenizer `draft`, to guess for `model`.

        Raises `WeightsError` where it cannot: their tokens differ, or one of the two models cannot
        take tokens back.
        """
        smaller, its_tokenizer = draft
        for one in (model, smaller):
            if not one.empty_cache().can_rewind:
                raise WeightsError(
                    f"{one.name} cannot take tokens back, so that no draft model can be used with "
                    "it. Leave the draft model out, or choose a model with full attention."
                )
        _check_same_tokens(model, tokenizer, smaller, its_tokenizer)
        return cls(smaller, tokenizer, model.vocabulary_size)


def _check_same_tokens(
    model: Decoder, tokenizer: Tokenizer, draft: Decoder, its_tokenizer: Tokenizer
) -> None:
    """Raise unless every token of the larger model's tokenizer is one of the draft model's."""
    remedy = "Choose a draft model of the same family."
    count = tokenizer.vocabulary_size
    if min(its_tokenizer.vocabulary_size, draft.vocabulary_size) < count:
        raise WeightsError(
            f"The draft model {draft.name} has {its_tokenizer.vocabulary_size:,} tokens, and "
            f"{model.name} has {count:,}. {remedy}"
        )
    for token_id in range(count):
        own, its = (t.backend.id_to_token(token_id) for t in (tokenizer, its_tokenizer))
        if own != its:
            raise WeightsError(
                f"The draft model {draft.name} has another tokenizer: its token {token_id:,} is "
                f"{its!r}, and that of {model.name} is {own!r}. {remedy}"
            )


def make_drafter(most: int = MOST_DRAFTED, draft: DraftModel | None = None) -> Drafter | None:
    """A drafter for an engine, of so many tokens at once; None for 0.

    Raises `ConfigError` where there are fewer than none, or none to guess with a draft model.
    """
    if most < 0:
        raise ConfigError(
            f"speculate is {most}. Give how many tokens may be guessed ahead, or 0 for none."
        )
    if not most and draft is not None:
        raise ConfigError(
            "A draft model guesses tokens ahead, and speculate is 0. Leave one of them out."
        )
    if draft is not None:
        return ModelDrafter(draft.model, draft.tokenizer, draft.vocabulary_size, most)
    return IndexDrafter(most) if most else None
