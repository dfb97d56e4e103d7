"""Any model of mlx-lm, unchanged, as a decoder of many rows that reports how it attends.

The model is called once for each run of a step (runs.py): neighbouring rows with equally many
tokens, whose caches stand in front of rows of our own (fronts.py, any_rows.py). Which class of
model can do that is found out when it is loaded, by a pass whose result nobody asks for, so it
costs next to nothing; one that cannot is called row by row. The last layer that attends to all
tokens before is heard in the same way (tap.py); where there is none, no scores are reported.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx_lm.models.cache import make_prompt_cache

from mlx_entropix.errors import WeightsError
from mlx_entropix.model.any_rows import AnyRows, LoneRows, NotBatchedError
from mlx_entropix.model.decoder import Looked, Span
from mlx_entropix.model.quantized import KVBits
from mlx_entropix.model.runs import Run, join_scores
from mlx_entropix.model.tap import Tap, listen, open_to_taps

# Modules that take rows at different positions without an error, and compute them wrongly.
_ONE_BY_ONE = frozenset({"afm7"})

# Modules that mlx-lm itself computes wrongly, and why.
_REFUSED = {
    "phi3small": "its results with mlx-lm depend on the pieces in which a prompt is computed",
}

_TRIED_ROWS = 13  # no model has so many KV heads, for which rows could be mistaken
_ERRORS = (ValueError, TypeError, AttributeError, IndexError, KeyError, RuntimeError)


class AnyDecoder:
    """A model of mlx-lm as a `Decoder`.

    `attends` is whether scores are reported, `heard_call` of which call of attention in a pass.
    `context_length` is the most tokens that a row may hold, `vocabulary_size` the width of logits.
    Raises `WeightsError` where the model cannot be run.
    """

    def __init__(self, source: nn.Module, name: str, context_length: int, kv: KVBits | None = None):
        self.name = name
        self.kv = kv
        self.weights: Path | None = None
        self.context_length = context_length
        self.source = source
        self._module = type(source).__module__.rsplit(".", 1)[-1]
        if self._module in _REFUSED:
            raise self._cannot_be_run(_REFUSED[self._module])
        open_to_taps(source)
        self._rows, self.vocabulary_size, self.heard_call = self._try()
        mx.eval(source.parameters())

    @property
    def attends(self) -> bool:
        """Whether there is attention to report."""
        return self.heard_call is not None

    def empty_cache(self) -> AnyRows | LoneRows:
        """A cache without rows."""
        return self._rows()

    def forward(
        self, tokens: mx.array, spans: Sequence[Span], cache: AnyRows | LoneRows
    ) -> Looked | None:
        """Append the tokens of `spans` to their rows, and look where that is asked for.

        `tokens` (N,) are those of all spans, one span after the other, rows in ascending order and
        none twice. Returns None where nothing is looked at.
        """
        logits: list[mx.array] = []
        scores: list[mx.array] = []
        runs: list[Run] = []
        for run, part, layers in cache.passes(spans):
            tap = Tap(self.heard_call) if run.look and self.heard_call is not None else None
            with listen(tap):
                out = self.source(tokens[part].reshape(run.size, -1), cache=layers)
            if run.look:
                runs.append(run)
                logits.append(out[:, -run.look :].flatten(0, 1))
                if tap is not None:
                    assert tap.heard is not None, "the layer that attends was not called"
                    scores.append(tap.heard.at(run.look, run.mask))
        if not runs:
            return None
        seen = join_scores(scores, runs) if scores else (None, None)
        return Looked(logits[0] if len(logits) == 1 else mx.concatenate(logits), *seen)

    def _try(self) -> tuple[Any, int, int | None]:
        """Which rows suit the model, the width of its logits, and which attention to hear."""

        def made() -> list[Any]:
            return list(make_prompt_cache(self.source))

        together = [lambda axes=axes: AnyRows(made(), axes, self.kv) for axes in (1, 2)]
        if self._module in _ONE_BY_ONE:
            together = []
        for rows in together:
            try:
                return rows, *self._probe(rows(), _TRIED_ROWS)
            except (NotBatchedError, *_ERRORS):
                continue
        if self.kv is not None:
            raise WeightsError(
                f"{self.name} does not keep keys and values in a way that --kv_bits can pack. "
                "Leave it out."
            )
        try:
            return (lambda: LoneRows(made)), *self._probe(LoneRows(made), 1)
        except _ERRORS as error:
            raise self._cannot_be_run(" ".join(str(error).split())[:300]) from error

    def _cannot_be_run(self, why: str) -> WeightsError:
        return WeightsError(
            f"{self.name} cannot be run: {why}. Choose another model, or another version of "
            "mlx-lm; docs/models.md lists all that work."
        )

    def _probe(self, cache: AnyRows | LoneRows, count: int) -> tuple[int, int | None]:
        """Promise passes of `count` rows, at one position and at different ones."""
        for _ in range(count):
            cache.join()
        plain: list[list[bool]] = []
        width = 0
        for length in (2, 1, 3):
            spans = [Span(row, length, 1) for row in range(count)]
            for run, _, layers in cache.passes(spans):
                tap = Tap()
                with listen(tap):
                    out = self.source(mx.zeros((run.size, length), mx.int32), cache=layers)
                if out.shape[:2] != (run.size, length):
                    raise ValueError(f"logits of the shape {out.shape}")
                plain.append(tap.plain)
                width = out.shape[-1]
            if cache.can_rewind and length == 2:
                cache.rewind([row % 2 for row in range(count)])
        heard = [i for i, are in enumerate(zip(*plain, strict=True)) if all(are)]
        return width, heard[-1] if heard else None
