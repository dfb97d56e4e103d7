"""The last layer's attention, while somebody else's loop calls a model of mlx-lm.

`tap` lets each pass of the model be heard as our own decoder hears it (tap.py). The caches of
mlx-lm stay what they are; while a pass runs, each says when its keys are fetched.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import mlx.core as mx
import mlx.nn as nn

from mlx_entropix.errors import GenerationError, WeightsError
from mlx_entropix.model.any import AnyDecoder
from mlx_entropix.model.tap import Attended, Tap, listen


class Glance(NamedTuple):
    """What the last position of one row of a pass attended to, and the token there."""

    scores: mx.array  # (1, H, T)
    mask: mx.array | None  # (1, T), true at visible keys; None where all are
    token: mx.array  # (1,)


class Tapped:
    """What the newest pass of a tapped model attended to, row by row.

    A loop asks a sampler for each row of a pass in the rows' order, so each `next_row` is of the
    row behind the one before.
    """

    def __init__(self, name: str):
        self._name = name
        self._scores: mx.array | None = None  # (B, H, T)
        self._mask: mx.array | None = None
        self._tokens: mx.array | None = None  # (B,)
        self._next = 0

    def next_row(self) -> Glance:
        """The last position of the next row of the newest pass.

        Raises `GenerationError` where no pass was heard or all its rows were taken.
        """
        if self._scores is None or self._tokens is None or self._next == len(self._scores):
            raise GenerationError(
                f"No pass of {self._name} was heard for this token. Generate inside `with "
                "tap(model)`, with a sampler of its own for each row."
            )
        row = slice(self._next, self._next + 1)
        self._next += 1
        mask = None if self._mask is None else self._mask[row]
        return Glance(self._scores[row], mask, self._tokens[row])

    def begin(self) -> None:
        """A pass begins. Raises `GenerationError` where rows of the one before were left."""
        if self._scores is not None and 0 < self._next < len(self._scores):
            raise GenerationError(
                f"{self._next} of the {len(self._scores)} rows of a pass of {self._name} were "
                "sampled with their attention. Give every row of the batch such a sampler."
            )
        self._scores = self._mask = self._tokens = None
        self._next = 0

    def heard(self, inputs: mx.array, scores: mx.array, mask: mx.array | None) -> None:
        """A pass over tokens (B, L) is promised, with what its last position saw (B, H, T)."""
        self._scores, self._tokens = scores, inputs[:, -1]
        self._mask = None
        if mask is not None:
            self._mask = mx.broadcast_to(mask, (len(scores), scores.shape[-1]))


@contextmanager
def tap(model: nn.Module) -> Iterator[Tapped]:
    """Hear what a model of mlx-lm attends to in each pass, whoever asks for it, until the end.

    For `make_entropix_sampler(…, attention=…)`. Raises `WeightsError` where no layer of the model
    attends to all tokens before, or the model cannot be run.
    """
    original = type(model)
    name = str(getattr(model, "model_type", original.__module__.rsplit(".", 1)[-1]))
    wanted = AnyDecoder(model, name, context_length=1).heard_call
    if wanted is None:
        raise WeightsError(
            f"No layer of {name} attends to all tokens before: there is no attention to measure. "
            "Make the sampler without it."
        )
    tapped = Tapped(name)

    def call(self: Any, inputs: mx.array, cache: Any = None, *args: Any, **named: Any) -> Any:
        tapped.begin()
        ear = _Ear(wanted)
        layers = cache or ()
        with listen(ear), _announcing(layers, ear):
            out = original.__call__(self, inputs, cache, *args, **named)
        if ear.scores is not None:
            mask = _without_padding(layers, ear.scores.shape[-1]) if ear.mask is None else ear.mask
            tapped.heard(inputs, ear.scores, mask)
        return out

    # The model stays the object that the caller has, and an instance of its class.
    names = {"__call__": call, "__module__": original.__module__}
    model.__class__ = type(original.__name__, (original,), names)
    try:
        yield tapped
    finally:
        model.__class__ = original


class _Ear(Tap):
    """Makes the scores (B, H, T) of the last position when the wanted call comes, and their mask.

    Not later: the arrays of the call may be changed in place.
    """

    scores: mx.array | None = None
    mask: mx.array | None = None  # (B or 1, T), true at visible keys

    def called(self, attended: Attended, cache: Any) -> None:
        self._armed = False
        if len(self.plain) == self.wanted:
            if isinstance(attended.keys, list | tuple):  # packed by mlx-lm's kv_bits
                keys = mx.dequantize(*attended.keys, group_size=cache.group_size, bits=cache.bits)
                attended = attended._replace(keys=keys)
            self.scores = attended.at(1, None)
            if isinstance(attended.mask, mx.array) and attended.mask.dtype == mx.bool_:
                self.mask = attended.mask[..., -1, :].reshape(-1, self.scores.shape[-1])
        self.plain.append(True)


@contextmanager
def _announcing(layers: Sequence[Any], ear: Tap) -> Iterator[None]:
    """Let the caches of a pass tell an ear when keys are fetched of them."""
    caches = [one for one in _flat(layers) if hasattr(one, "update_and_fetch")]
    for one in caches:
        one.update_and_fetch = _heard_fetch(one.update_and_fetch, ear)
    try:
        yield
    finally:
        for one in caches:
            del one.update_and_fetch


def _heard_fetch(fetch: Any, ear: Tap) -> Any:
    def update_and_fetch(*given: Any) -> Any:
        fetched = fetch(*given)
        if isinstance(fetched[0], mx.array):
            ear.fetched(fetched[0], True)
        return fetched

    return update_and_fetch


def _flat(layers: Sequence[Any]) -> list[Any]:
    """Caches, those within a list of one layer's too."""
    return [one for layer in layers for one in getattr(layer, "caches", (layer,))]


def _without_padding(layers: Sequence[Any], width: int) -> mx.array | None:
    """Which of `width` columns are tokens of each row (B, T), where caches of full attention say.

    For models that mask their scores themselves.
    """
    for one in _flat(layers):
        if hasattr(one, "left_padding") and hasattr(one, "keys") and not hasattr(one, "max_size"):
            tokens: mx.array = mx.arange(width)[None] >= one.left_padding[:, None]
            return tokens
    return None
