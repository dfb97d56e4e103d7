"""Does attention entropy rise towards a decision phrase? Traces to look at with `compare`.

    uv run python -m evals.decision_phrase --out /tmp/phrase.jsonl
    uv run mlx-entropix compare /tmp/phrase.jsonl --align phrase --phrase "9.9 is"

Asks the question of the published project, which of 9.9 and 9.11 is larger, with many seeds, and
writes one trace of all answers.
"""

import argparse
import json
from pathlib import Path

from mlx_entropix.cli.sampler_options import find_auto, named_config
from mlx_entropix.engine import (
    Engine,
    Request,
    TokenEvent,
    load,
    result_record,
    token_record,
)
from mlx_entropix.prompts import SYSTEM_PROMPT

QUESTION = "Which is larger, 9.9 or 9.11? Compare them digit by digit, then name the larger one."


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m evals.decision_phrase", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the trace")
    parser.add_argument("--question", default=QUESTION, metavar="TEXT")
    parser.add_argument("--model", metavar="PATH", help="(the bundled one)")
    parser.add_argument("--sampler", default="normal", help="(normal)")
    parser.add_argument("--answers", type=int, default=100, metavar="N", help="(100)")
    parser.add_argument("--max_tokens", type=int, default=96, metavar="N", help="(96)")
    options = parser.parse_args()
    config = named_config(options.sampler, find_auto(options.model))
    model, tokenizer = load(options.model)
    messages = [
        {"role": "system", "content": SYSTEM_PROMPT},
        {"role": "user", "content": options.question},
    ]
    prompt = tuple(tokenizer.chat(messages))
    engine = Engine(model, tokenizer, max_rows=50, prefix_cache_bytes=1 << 28)
    index = {
        engine.add(Request(prompt, config, options.max_tokens, seed)): seed
        for seed in range(options.answers)
    }
    events: dict[int, list[TokenEvent]] = {seed: [] for seed in index.values()}
    while not engine.idle:
        for event in engine.step():
            if isinstance(event, TokenEvent):
                events[index[event.row]].append(event)
    with options.out.open("w", encoding="utf-8") as file:

        def write(kind: str, seed: int, record: dict) -> None:
            line = {"type": kind, "index": seed, **record}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

        for seed, answer in events.items():
            asked = {"text": options.question, "token_ids": list(prompt), "model": model.name}
            asked |= {"sampler": options.sampler, "config": config.model_dump(mode="json")}
            write("prompt", seed, {**asked, "seed": seed})
            for event in answer:
                write("token", seed, token_record(event))
            text = "".join(event.text for event in answer)
            write("result", seed, result_record(text, answer[-1]))


if __name__ == "__main__":
    main()
