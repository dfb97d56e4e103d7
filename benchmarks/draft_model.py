"""Tokens a second with a draft model: ours, and mlx-lm's own speculative decoding, in turn.

uv run python -m benchmarks.draft_model
uv run python -m benchmarks.draft_model --layers 29 --weights "4 bit"

There is but one bundled model, and no smaller one of its tokens. So the draft model is the bundled
one without its last layers, which was never trained to be used like that: it says how the two
compare, and not what a good draft model brings. Each side is also measured without drafts, and ours
with those of its index of what was written before alone, which stays beside a draft model. mlx-lm
makes always as many drafts as it is told; ours are at most as many, none where they do not pay. It
is greedy, so that all sides should write the same tokens.
"""

import argparse
import time

from benchmarks.forms import FORMS, in_form, source_in_form
from benchmarks.measure import (
    ROUNDS,
    alternate,
    median_and_range,
    print_machine,
    print_table,
    ratio_of_medians,
)
from benchmarks.sides import wrapped

import mlx.core as mx  # isort: skip
from typing import Any

from mlx_lm import stream_generate as mlx_lm_stream
from mlx_lm.models.llama import Model
from mlx_lm.tokenizer_utils import TokenizerWrapper

from mlx_entropix import PlainConfig
from mlx_entropix.engine import Engine, Request, TokenEvent
from mlx_entropix.engine.draft import DraftModel, make_drafter

PROMPTS = {
    "letter": "Write a long letter from a lighthouse keeper to a friend in the city.",
    "list": "List the numbers from one to sixty in words, one a line.",
}


class Ours:
    """Runs of our engine: tokens a second, the tokens of the last run, and what came of drafts."""

    def __init__(self, engine: Engine, request: Request):
        self.engine = engine
        self.request = request
        self.tokens: list[int] = []
        self.accepted = ""

    def __call__(self) -> float:
        """Tokens a second between the first token and the last."""
        self.engine.add(self.request)
        self.tokens, times = [], []
        while not self.engine.idle:
            for event in self.engine.step():
                if not isinstance(event, TokenEvent):
                    continue
                self.tokens.append(event.token_id)
                times.append(time.perf_counter())
                if (took := event.summary) and took.drafted_tokens:
                    self.accepted = f"{took.accepted_tokens} of {took.drafted_tokens}"
        return (len(times) - 1) / (times[-1] - times[0])


class MlxLm:
    """The same of mlx-lm, with `more` for its stream."""

    def __init__(self, model: Model, tokenizer: TokenizerWrapper, request: Request, **more: Any):
        self.model = model
        self.tokenizer = tokenizer
        self.request = request
        self.more = more
        self.tokens: list[int] = []
        self.accepted = ""

    def __call__(self) -> float:
        """Tokens a second between the first token and the last."""
        self.tokens, times, drafted = [], [], 0
        prompt, most = list(self.request.prompt), self.request.max_tokens
        for response in mlx_lm_stream(
            self.model, self.tokenizer, prompt, max_tokens=most, **self.more
        ):
            self.tokens.append(response.token)
            times.append(time.perf_counter())
            drafted += response.from_draft
        self.accepted = str(drafted) if self.more else ""
        return (len(times) - 1) / (times[-1] - times[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--layers", type=int, default=28, help="of the draft model, of 30")
    parser.add_argument("--weights", choices=FORMS, default="float32")
    parser.add_argument("--drafts", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--repeats", type=int, default=ROUNDS)
    given = parser.parse_args()
    if not 1 <= given.layers <= 30:
        parser.error("--layers takes numbers from 1 to 30.")
    print_machine(f"medians of {given.repeats} (range)")

    model, tokenizer = in_form(given.weights)
    draft = DraftModel.of(model, tokenizer, in_form(given.weights, given.layers))
    theirs, *_ = source_in_form(given.weights)
    their_draft, *_ = source_in_form(given.weights, given.layers)
    mx.eval(theirs.parameters(), their_draft.parameters())
    their_tokenizer = wrapped(tokenizer)
    drafts = {"draft_model": their_draft, "num_draft_tokens": given.drafts}
    lines = []
    for name, text in PROMPTS.items():
        prompt = tuple(tokenizer.chat([{"role": "user", "content": text}]))
        request = Request(prompt, PlainConfig(temperature=0), given.tokens)
        sides: dict[str, Ours | MlxLm] = {
            "ours": Ours(Engine(model, tokenizer), request),
            **{
                f"ours, {what}": Ours(Engine(model, tokenizer, drafter=drafter), request)
                for what, drafter in (
                    ("what was written before", make_drafter(given.drafts)),
                    ("draft model too", make_drafter(given.drafts, draft)),
                )
            },
            "mlx-lm": MlxLm(theirs, their_tokenizer, request),
            "mlx-lm, draft model": MlxLm(theirs, their_tokenizer, request, **drafts),
        }
        numbers = alternate(sides, given.repeats)
        lines += [
            [
                name,
                side,
                median_and_range(numbers[side]),
                f"{ratio_of_medians(numbers[side], numbers['mlx-lm, draft model']):.2f}",
                run.accepted,
                "yes" if run.tokens == sides["ours"].tokens else "no",
            ]
            for side, run in sides.items()
        ]
    what = f"{given.weights}, {given.layers} of 30 layers, {given.drafts} drafts"
    head = [what, "side", "tokens/s", "over mlx-lm's drafts", "accepted", "same tokens"]
    print_table(head, lines)


if __name__ == "__main__":
    main()
