"""Which architectures of mlx-lm work, and how: a tiny random model of every one is tried.

uv run python -m benchmarks.models                  # prints the table of docs/models.md; minutes
uv run python -m benchmarks.models qwen3 gemma2     # these alone

The generic decoder tries every one, and the fast decoder those that loading gives it.
"""

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from textwrap import fill
from typing import Any, NamedTuple, cast

import mlx_entropix  # noqa: F401  (loads the BLAS)

import mlx.core as mx  # isort: skip
import mlx.nn as nn
import numpy as np
from mlx_lm.models.cache import make_prompt_cache

from benchmarks.measure import print_table
from benchmarks.tiny_models import architectures, tiny_model
from mlx_entropix.model.any import AnyDecoder
from mlx_entropix.model.any_rows import LoneRows
from mlx_entropix.model.decoder import Decoder, Span
from mlx_entropix.model.load import decoder_of
from mlx_entropix.model.tap import Tap, listen
from mlx_entropix.sampling.metrics import attention_metrics

PROMPTS = (
    [3, 14, 15, 92, 65, 35, 89, 79],
    [7, 1, 82, 8],
    [27, 18, 28, 18, 28, 45, 90, 45, 23, 53, 60, 28],
)
TOKENS = 6
CLOSE = 2e-3
UNEVEN = "results depend on the pieces in which a text is computed, with mlx-lm as well"

TRIED = (
    "greedy tokens against mlx-lm's own loop, rows of different lengths in company against each "
    "alone, the metrics of attention against NumPy on queries and keys caught in mlx-lm's own "
    "pass, a text that is looked at everywhere in one step (as `--score` and `analyse()` do) "
    "against mlx-lm's own pass and against one token a step, and copies and drafts that are taken "
    "back where rows can be rewound"
)


class Found(NamedTuple):
    """What came of an architecture."""

    name: str
    kind: str  # full, logits only, refused
    why: str = ""
    fast: bool = False
    together: bool = False
    forks: bool = False


def try_architecture(name: str) -> Found:
    """Try a tiny model of a module of mlx-lm."""
    try:
        source, config = tiny_model(name)
        expected = [greedy(source, prompt) for prompt in PROMPTS]
    except (Exception, SystemExit) as error:
        return Found(name, "refused", f"mlx-lm computes nothing: {_line(error)}")
    try:
        chosen = decoder_of(source, name, config)
        generic = chosen
        if not isinstance(generic, AnyDecoder):
            generic = AnyDecoder(tiny_model(name)[0], name, 512)
            check(chosen, generic, expected)
        even = check(generic, generic, expected)
    except Exception as error:
        return Found(name, "refused", _line(error))
    cache = chosen.empty_cache()
    return Found(
        name,
        "full" if chosen.attends else "logits only",
        "" if even else UNEVEN,
        fast=chosen is not generic,
        together=not isinstance(cache, LoneRows),
        forks=cache.can_rewind,
    )


def _line(error: BaseException) -> str:
    return (type(error).__name__ + ": " + " ".join(str(error).split()))[:160]


def greedy(source: nn.Module, prompt: Sequence[int]) -> list[int]:
    """The likeliest tokens by mlx-lm's own model and caches."""
    cache = make_prompt_cache(source)
    source(mx.array([prompt[:-1]]), cache=cache)
    last, tokens = prompt[-1], []
    for _ in range(TOKENS):
        logits = source(mx.array([[last]]), cache=cache)[0, -1]
        last = cast(int, mx.argmax(logits).item())
        tokens.append(last)
    return tokens


def check(decoder: Decoder, generic: AnyDecoder, expected: Sequence[Sequence[int]]) -> bool:
    """Raise `ValueError` where something is not as it has to be.

    `generic` has mlx-lm's own model, of the same weights. Returns whether that gives the same for a
    text at once and token by token.
    """
    alone, even = [], True
    for prompt, tokens in zip(PROMPTS, expected, strict=True):
        got, logits, metrics = generate(decoder, [prompt], [tokens])
        text = [*prompt, *tokens[:-1]]
        even &= _check_scoring(decoder, generic.source, text, logits[:, 0], metrics)
        if got != [list(tokens)]:
            raise ValueError(f"greedy tokens {got[0]} where mlx-lm has {list(tokens)}")
        alone.append(logits)
    got, logits, scores = generate(decoder, PROMPTS, expected)
    for row, tokens in enumerate(expected):
        _same(logits[:, row], alone[row][:, 0], "logits in company")
        if decoder.attends:
            metrics = scores[-1][row]
            reference = reference_metrics(generic, PROMPTS[row], tokens[:-1])
            _same(metrics, reference, "metrics of attention")
    if decoder.empty_cache().can_rewind:
        _check_forks(decoder, alone[0][:, 0])
    return even


def _same(got: np.ndarray, wanted: np.ndarray, what: str) -> None:
    difference = np.abs(got - wanted).max()
    if not difference < CLOSE:
        raise ValueError(f"{what} differ by {difference:.2g}")


def _step(decoder: Decoder, cache: Any, rows: dict[int, Sequence[int]], look: int) -> Any:
    tokens = [token for part in rows.values() for token in part]
    spans = [Span(row, len(part), look) for row, part in rows.items()]
    return decoder.forward(mx.array(tokens), spans, cache)


def generate(
    decoder: Decoder, prompts: Sequence[Sequence[int]], forced: Sequence[Sequence[int]]
) -> tuple[list[list[int]], np.ndarray, list[np.ndarray]]:
    """The likeliest tokens at each step behind `forced` ones, logits (n, rows, V), and metrics."""
    cache = decoder.empty_cache()
    for _ in prompts:
        cache.join()
    # In two pieces, as the engine may cut a prompt anywhere.
    _step(decoder, cache, {row: prompt[:3] for row, prompt in enumerate(prompts)}, 0)
    rest = {row: prompt[3:-1] for row, prompt in enumerate(prompts) if len(prompt) > 4}
    if rest:
        _step(decoder, cache, rest, 0)
    last = [prompt[-1] for prompt in prompts]
    tokens: list[list[int]] = [[] for _ in prompts]
    logits, metrics = [], []
    for n in range(TOKENS):
        looked = _step(decoder, cache, {row: [token] for row, token in enumerate(last)}, 1)
        logits.append(np.array(looked.logits.astype(mx.float32)))
        if looked.scores is not None:
            metrics.append(np.array(attention_metrics(looked.scores, looked.mask)))
        for row, best in enumerate(logits[-1].argmax(axis=-1).tolist()):
            tokens[row].append(best)
        last = [line[n] for line in forced]
    return tokens, np.stack(logits), metrics


def reference_metrics(
    decoder: AnyDecoder, prompt: Sequence[int], tokens: Sequence[int]
) -> np.ndarray:
    """The metrics of the last position, by queries and keys of mlx-lm's own pass, in NumPy."""
    source, cache = decoder.source, make_prompt_cache(decoder.source)
    source(mx.array([prompt[:-1]]), cache=cache)
    tap = Tap(decoder.heard_call)
    for token in (prompt[-1], *tokens):
        tap = Tap(decoder.heard_call)
        with listen(tap):
            source(mx.array([[token]]), cache=cache)
    call = tap.heard
    if call is None and decoder.heard_call is not None:  # its softmax can be heard only by our rows
        return _metrics_of_softmax(decoder, [*prompt, *tokens])
    assert call is not None
    assert call.queries is not None
    assert call.keys is not None
    q, k = (np.array(x.astype(mx.float32), dtype=np.float64)[0] for x in (call.queries, call.keys))
    k = np.repeat(k, len(q) // len(k), axis=0)
    scores = call.scale * np.einsum("hd,htd->ht", q[:, -1], k)
    if isinstance(call.mask, mx.array) and call.mask.dtype != mx.bool_:
        scores = scores + np.array(call.mask.astype(mx.float32))[0, :, -1]
    return numpy_metrics(scores)


def _metrics_of_softmax(decoder: AnyDecoder, sequence: Sequence[int]) -> np.ndarray:
    cache = decoder.empty_cache()
    cache.join()
    looked = _step(decoder, cache, {0: sequence}, 1)
    return numpy_metrics(np.array(looked.scores[0].astype(mx.float32), dtype=np.float64))


def numpy_metrics(scores: np.ndarray) -> np.ndarray:
    """Attention entropy, its variance, agreement and interaction strength of scores (H, T)."""
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    entropies = -(weights * np.log2(np.maximum(weights, 1e-10))).sum(axis=-1)
    agreement = np.abs(weights - weights.mean(axis=0)).mean()
    return np.array([entropies.mean(), entropies.var(), agreement, np.abs(scores).mean()])


def _check_scoring(
    decoder: Decoder,
    source: nn.Module,
    text: Sequence[int],
    logits: np.ndarray,
    metrics: Sequence[np.ndarray],
) -> bool:
    """A text that is looked at everywhere has what mlx-lm's own pass has.

    At its last positions that is what steps of a token had. Returns False where it is not so with
    mlx-lm either.
    """
    cache = decoder.empty_cache()
    cache.join()
    looked = _step(decoder, cache, {0: text}, len(text))
    n = len(logits)
    theirs = source(mx.array([text]), cache=make_prompt_cache(source))[0].astype(mx.float32)
    _same(np.array(looked.logits.astype(mx.float32)), np.array(theirs), "logits of a text")
    if np.abs(np.array(theirs[-n:]) - logits).max() >= CLOSE:
        return False
    if looked.scores is not None:
        scored = np.array(attention_metrics(looked.scores, looked.mask))[-n:]
        _same(scored, np.concatenate(metrics), "metrics of a text")
    return True


def _check_forks(decoder: Decoder, wanted: np.ndarray) -> None:
    """A copy at an earlier position, with a draft that is taken back, goes on as the row did."""
    cache = decoder.empty_cache()
    cache.join()
    _step(decoder, cache, {0: [*PROMPTS[0], 5, 6]}, 0)
    cache.copy([(0, len(PROMPTS[0]) - 1)])
    cache.rewind([2, 0])
    _step(decoder, cache, {0: [9], 1: [PROMPTS[0][-1], 11]}, 1)
    cache.rewind([0, 2])
    looked = _step(decoder, cache, {1: PROMPTS[0][-1:]}, 1)
    _same(np.array(looked.logits[0].astype(mx.float32)), wanted[0], "logits of a fork")


def main() -> None:
    found = []
    for name in sys.argv[1:] or architectures():
        with redirect_stdout(sys.stderr):  # some modules print
            found.append(try_architecture(name))
        print(*found[-1], file=sys.stderr, flush=True)
    count = {
        kind: sum(f.kind == kind for f in found) for kind in ("full", "logits only", "refused")
    }
    print(fill(f"Tried are {TRIED}.", 120) + "\n")
    print(", ".join(f"{number} {kind}" for kind, number in count.items()) + ".\n")
    print_table(
        ["module of mlx-lm", "", "decoder", "rows", "forks, drafts", "why"],
        [
            [
                f"`{f.name}`",
                f.kind,
                *(
                    ("", "", "")
                    if f.kind == "refused"
                    else (
                        "fast" if f.fast else "generic",
                        "together" if f.together else "one by one",
                        "yes" if f.forks else "no",
                    )
                ),
                f.why.replace("|", "/"),
            ]
            for f in found
        ],
    )


if __name__ == "__main__":
    main()
