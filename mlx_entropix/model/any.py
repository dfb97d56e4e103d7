"""Any model of mlx-lm, unchanged, as a decoder of many rows that reports how it attends.

The model is called once for each run of a step (runs.py): neighbouring rows with equally many
tokens, whose caches stand in front of rows of our own (fronts.py, any_rows.py). Which class of
model can do that is found out when it is loaded, by a pass whose result nobody asks for, so it
costs next to nothing; one that cannot is called row by row. The last layer that attends to all
tokens before is heard in the same way (tap.py); where there is none, no scores are reported.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx_lm.models.cache import make_prompt_cache

from mlx_entropix.errors import WeightsError
from mlx_entropix.model.any_rows import AnyRows, LoneRows, NotBatchedError
from mlx_entropix.model.decoder import Looked, Span
from mlx_entropix.model.pipeline import Stage
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
    With a `group` it computes this rank's layers of a pipeline (pipeline.py). Raises `WeightsError`
    where the model cannot be run.
    """

    def __init__(
        self,
        source: nn.Module,
        name: str,
        context_length: int,
        kv: KVBits | None = None,
        group: mx.distributed.Group | None = None,
    ):
        self.name = name
        self.kv = kv
        self.weights: Path | None = None
        self.context_length = context_length
        self.source = source
        self._module = type(source).__module__.rsplit(".", 1)[-1]
        if self._module in _REFUSED:
            raise self._cannot_be_run(_REFUSED[self._module])
        open_to_taps(source)
        self._template = self._caches()
        self._make_rows, self.vocabulary_size, self.heard_call = self._try()
        self._stage = None if group is None else self._join_pipeline(group)
        mx.eval(source.parameters())

    @property
    def attends(self) -> bool:
        """Whether there is attention to report."""
        return self.heard_call is not None

    def empty_cache(self) -> AnyRows | LoneRows:
        """A cache without rows."""
        return self._make_rows(stage=None if self._stage is None else self._stage.layers)

    def promise(self, length: int, cache: AnyRows | LoneRows) -> None:
        """Append that many tokens to the only row of a cache, without computing any of them."""
        for _, _, layers in cache.passes([Span(0, length)]):
            self.source(mx.zeros((1, length), mx.int32), cache=layers)

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
        stage = self._stage
        for run, part, layers in cache.passes(spans):
            tap = None
            if run.look and self.attends:
                tap = Tap(self.heard_call) if stage is None else stage.tap()
            with listen(tap):
                out = self.source(tokens[part].reshape(run.size, -1), cache=layers)
            if run.look:
                runs.append(run)
                logits.append(out[:, -run.look :].flatten(0, 1))
            if tap is not None and stage is not None:
                scores.append(stage.scores(tap.heard, run, logits[-1]))
            elif tap is not None:
                assert tap.heard is not None, "the layer that attends was not called"
                scores.append(tap.heard.at(run.look, run.mask))
            if stage is not None:  # all ranks have to be done with a run before the next
                mx.async_eval(logits[-1:], scores[-1:], cache.arrays())
        if not runs:
            return None
        seen = join_scores(scores, runs) if scores else (None, None)
        return Looked(logits[0] if len(logits) == 1 else mx.concatenate(logits), *seen)

    def _caches(self) -> list[Any]:
        try:
            return list(make_prompt_cache(self.source))
        except _ERRORS as error:
            raise self._cannot_be_run(" ".join(str(error).split())[:300]) from error

    def _join_pipeline(self, group: mx.distributed.Group) -> Stage:
        """Leave this rank's layers of the model, and find the attention to hear among all."""
        heard = self._listen(self._make_rows()).heard
        stage = Stage(self.source, group, self.name)
        if self.heard_call is not None:
            assert heard is not None, "the layer that attends was not called"
            own = self._listen(self._make_rows(stage=stage.layers))
            stage.find(self.heard_call, heard.at(1, None).shape[1], len(own.plain))
        return stage

    def _listen(self, cache: AnyRows | LoneRows) -> Tap:
        """What is heard in a pass of one row, which is only promised."""
        tap = Tap(self.heard_call)
        cache.join()
        for _, _, layers in cache.passes([Span(0, 2, 1)]):
            with listen(tap):
                self.source(mx.zeros((1, 2), mx.int32), cache=layers)
        return tap

    def _try(self) -> tuple[Callable[..., AnyRows | LoneRows], int, int | None]:
        """Which rows suit the model, the width of its logits, and which attention to hear."""
        together = [partial(AnyRows, self._template, axes, self.kv) for axes in (1, 2)]
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
        alone = partial(LoneRows, self._template)
        try:
            return alone, *self._probe(alone(), 1)
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
