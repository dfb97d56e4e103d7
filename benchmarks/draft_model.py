"""Tokens a second with a draft model: ours, and mlx-lm's own speculative decoding, in turn.

uv run python -m benchmarks.draft_model
uv run python -m benchmarks.draft_model --layers 29 --weights "4 bit"

There is but one bundled model, and no smaller one of its tokens. So the draft model is the bundled
one without its last layers, which was never trained to be used like that: it says how the two
compare, and not what a draft model brings. Each side is also measured with its drafts alone left
out. mlx-lm takes always as many drafts as it is told; ours are at most as many. Greedy, as mlx-lm
accepts by comparing too, and so all sides should write the same tokens.
"""

import argparse
import time
from collections.abc import Callable

from benchmarks.forms import FORMS
from benchmarks.measure import (
    ROUNDS,
    alternate,
    median_and_range,
    print_machine,
    print_table,
    ratio_of_medians,
)

import mlx.core as mx  # isort: skip
from typing import cast

from mlx_lm import stream_generate as mlx_lm_stream
from mlx_lm.models.llama import Model
from mlx_lm.tokenizer_utils import BPEStreamingDetokenizer, TokenizerWrapper
from mlx_lm.utils import dequantize_model
from transformers import PreTrainedTokenizerFast

from mlx_entropix import PlainConfig
from mlx_entropix.engine import Engine, Request, TokenEvent
from mlx_entropix.engine.draft import DraftModel, make_drafter
from mlx_entropix.engine.events import Summary
from mlx_entropix.model.llama import Llama
from mlx_entropix.text import tokenizer_from_gguf
from mlx_entropix.weights.gguf import load_gguf
from mlx_entropix.weights.locate import bundled_model
from mlx_entropix.weights.model_config import context_length

PROMPTS = {
    "letter": "Write a long letter from a lighthouse keeper to a friend in the city.",
    "list": "List the numbers from one to sixty in words, one a line.",
}


def source(form: str, layers: int | None = None) -> Model:
    """mlx-lm's model of the bundled weights in a form of `FORMS`, with its first `layers`."""
    model, _, _ = load_gguf(bundled_model())
    model.set_dtype(mx.float32)
    if form != "4 bit":
        model = cast(Model, dequantize_model(model))
    if form == "bfloat16":
        model.set_dtype(mx.bfloat16)
    if layers is not None:
        model.model.layers = model.model.layers[:layers]
        model.model.num_hidden_layers = layers
    mx.eval(model.parameters())
    return model


class Writing:
    """Runs of one side: tokens a second, the tokens of the last run, and what our side says."""

    def __init__(self, write: Callable[["Writing"], None]):
        self.write = write
        self.tokens: list[int] = []
        self.times: list[float] = []
        self.summary: Summary | None = None

    def add(self, token_id: int) -> None:
        """Take a token at the time it comes."""
        self.tokens.append(token_id)
        self.times.append(time.perf_counter())

    def __call__(self) -> float:
        """Tokens a second between the first token and the last."""
        self.tokens, self.times = [], []
        self.write(self)
        return (len(self.times) - 1) / (self.times[-1] - self.times[0])


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

    _, config, metadata = load_gguf(bundled_model())
    tokenizer = tokenizer_from_gguf(metadata)
    tokenizer.eos_token_ids = frozenset()
    length = context_length(config)
    model = Llama(source(given.weights), "larger", length)
    smaller = Llama(source(given.weights, given.layers), "smaller", length)
    draft = DraftModel.of(model, tokenizer, (smaller, tokenizer))
    theirs, their_draft = source(given.weights), source(given.weights, given.layers)
    wrapped = TokenizerWrapper(
        PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend), BPEStreamingDetokenizer
    )
    engines = {
        "ours": Engine(model, tokenizer),
        "ours, draft model": Engine(model, tokenizer, drafter=make_drafter(given.drafts, draft)),
    }

    lines = []
    for name, text in PROMPTS.items():
        prompt = tokenizer.chat([{"role": "user", "content": text}])

        def ours(engine: Engine, prompt: list[int] = prompt) -> Callable[[Writing], None]:
            def write(run: Writing) -> None:
                engine.add(Request(tuple(prompt), PlainConfig(temperature=0), given.tokens))
                while not engine.idle:
                    for event in engine.step():
                        if isinstance(event, TokenEvent):
                            run.add(event.token_id)
                            run.summary = event.summary

            return write

        def mlx_lm(drafts: bool, prompt: list[int] = prompt) -> Callable[[Writing], None]:
            more = {"draft_model": their_draft, "num_draft_tokens": given.drafts} if drafts else {}

            def write(run: Writing) -> None:
                for response in mlx_lm_stream(
                    theirs, wrapped, prompt, max_tokens=given.tokens, **more
                ):
                    run.add(response.token)

            return write

        sides = {side: Writing(ours(engine)) for side, engine in engines.items()}
        sides |= {"mlx-lm": Writing(mlx_lm(False)), "mlx-lm, draft model": Writing(mlx_lm(True))}
        numbers = alternate(sides, given.repeats)
        for side, run in sides.items():
            took = run.summary
            drafted = took is not None and took.drafted_tokens
            lines.append(
                [
                    name,
                    side,
                    median_and_range(numbers[side]),
                    f"{ratio_of_medians(numbers[side], numbers['mlx-lm, draft model']):.2f}",
                    f"{took.accepted_tokens} of {took.drafted_tokens}" if took and drafted else "",
                    "yes" if run.tokens == sides["ours"].tokens else "no",
                ]
            )
    what = f"{given.weights}, {given.layers} of 30 layers, {given.drafts} drafts"
    head = [what, "side", "tokens/s", "over mlx-lm's drafts", "accepted", "the same tokens"]
    print_table(head, lines)


if __name__ == "__main__":
    main()
