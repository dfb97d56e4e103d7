"""What rows ask to be changed of their logits, gathered for a step."""

from collections.abc import Sequence

import mlx.core as mx
import numpy as np

from mlx_entropix.choices import MOST_BIAS
from mlx_entropix.engine.step import Look
from mlx_entropix.sampling import Changed

_NEUTRAL = (1.0, 0.0, 0.0)  # penalties that change nothing
_ALL = 0xFFFFFFFF  # a word of 32 tokens, any of which may be taken
_Lists = tuple[np.ndarray, np.ndarray]  # ids (S,) and a number for each
_NONE: _Lists = np.zeros(0, np.int32), np.zeros(0, np.float32)


def changes_of(looks: Sequence[Look], vocabulary_size: int) -> Changed | None:
    """The changes of the logits at these positions; None where no row asks for any.

    A row's last token may still be on the device; those before it are known here, drafted ones
    among them. What is only scored is the model's own, and stays as it is.
    """
    if not any(look.row.request.changes_logits for look in looks):
        return None
    seen, bias = [_NONE] * len(looks), [_NONE] * len(looks)
    answers = np.zeros((len(looks), 1), np.float32)
    penalties = np.full((len(looks), 3), _NEUTRAL, np.float32)
    for i, look in enumerate(looks):
        row, request = look.row, look.row.request
        if look.given is not None:
            continue
        if request.logit_bias:
            ids, values = zip(*request.logit_bias, strict=True)
            numbers = np.array(values, np.float32)
            numbers[numbers <= -MOST_BIAS] = -np.inf  # a ban, whatever the model thinks
            bias[i] = np.array(ids, np.int32), numbers
        config = request.config
        if config.penalizes:
            drafted = row.draft[: max(0, look.position - 1 - len(row.tokens))]
            seen[i] = row.history.of(row.tokens[: look.position - 1], drafted)
            answers[i] = look.position - 1 >= len(request.prompt)
            penalties[i] = (
                config.repetition_penalty,
                config.presence_penalty,
                config.frequency_penalty,
            )
    return Changed(
        *_filled_up(seen, least=1),
        mx.array(answers),
        mx.array(penalties),
        *_filled_up(bias),
        _allowed(looks, vocabulary_size),
    )


def _allowed(looks: Sequence[Look], vocabulary_size: int) -> mx.array | None:
    """The tokens that each row may take, as `Changed` has them; None where all may take any.

    What rows with a constraint drew last has to be known here.
    """
    if all(look.row.matcher is None and look.row.mask is None for look in looks):
        return None
    words = np.full((len(looks), -(-vocabulary_size // 32)), _ALL, np.uint32)
    for i, look in enumerate(looks):
        row, ahead = look.row, look.position - len(look.row.tokens)
        if look.given is not None or ahead < 0:
            continue
        if row.matcher is not None and ahead <= len(row.draft):  # else it has ended, or is not read
            bits = row.allowed(row.draft[:ahead])[: words.shape[1]]
            words[i, : len(bits)], words[i, len(bits) :] = bits, 0
        if row.mask is not None:
            both = words[i] & row.ruled(look.position, row.draft[:ahead], vocabulary_size)
            words[i] = both if both.any() else words[i]
    return mx.array(words)


def _filled_up(lists: Sequence[_Lists], least: int = 0) -> tuple[mx.array, mx.array]:
    """Lists as two arrays (N, S), the shorter ones filled up with the id −1.

    S is a power of two, so that a step seldom has another shape than the one before.
    """
    longest = max(least, *(len(ids) for ids, _ in lists), 0)
    width = 1 << (longest - 1).bit_length() if longest else 0
    ids = np.full((len(lists), width), -1, np.int32)
    values = np.zeros((len(lists), width), np.float32)
    for i, (its, numbers) in enumerate(lists):
        ids[i, : len(its)] = its
        values[i, : len(its)] = numbers
    return mx.array(ids), mx.array(values)
