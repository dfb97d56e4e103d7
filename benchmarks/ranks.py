"""Whether several ranks give the tokens of one process, and how fast:

    uv run python -m benchmarks.ranks --save one.json
    uv run mlx.launch -n 3 --backend ring -- python -m benchmarks.ranks --compare one.json

Rows with different prompts, each with every seed, in one batch. Where a token differs, it is said
at which position, and how close the two candidates were.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from mlx_entropix import PRESETS
from mlx_entropix.cli.on_ranks import first_rank_alone, on_ranks
from mlx_entropix.engine import Request, TokenEvent, encode_prompt, engine_on, load_from
from mlx_entropix.prompts import PREDEFINED
from mlx_entropix.ranks.join import Ranks
from mlx_entropix.weights.locate import locate_weights


def main() -> int:
    with first_rank_alone():
        options = _parse()
    return on_ranks(lambda ranks: _run(options, ranks), options)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights_dir", "--model")
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--sampler", default="entropix")
    parser.add_argument("--save", type=Path)
    parser.add_argument("--compare", type=Path)
    parser.set_defaults(print_config=False, debug=True)
    return parser.parse_args()


def _run(options: argparse.Namespace, ranks: Ranks | None) -> int:
    model, tokenizer = load_from(locate_weights(options.weights_dir), ranks)
    engine = engine_on(ranks, model, tokenizer, max_rows=options.rows * options.seeds)
    rows: dict[int, list[TokenEvent]] = {}
    for i in range(options.rows * options.seeds):
        prompt = encode_prompt(tokenizer, PREDEFINED[i % options.rows].messages)
        config, seed = PRESETS[options.sampler], i // options.rows
        rows[engine.add(Request(prompt, config, options.tokens, seed, alternatives=2))] = []
    begun = time.perf_counter()
    while not engine.idle:
        for event in engine.step():
            if isinstance(event, TokenEvent):
                rows[event.row].append(event)
    seconds = time.perf_counter() - begun
    tokens = {str(row): [event.token_id for event in events] for row, events in rows.items()}
    count = sum(map(len, tokens.values()))
    print(
        f"{ranks.size if ranks else 1} ranks: {count} tokens of {len(rows)} rows, {seconds:.1f} s"
    )
    if options.save:
        options.save.write_text(json.dumps(tokens))
    if not options.compare:
        return 0
    parted = 0
    for row, expected in json.loads(options.compare.read_text()).items():
        if tokens[row] != expected:
            parted += 1
            pairs = zip(expected, tokens[row], strict=False)
            at = next(i for i, (a, b) in enumerate(pairs) if a != b)
            event = rows[int(row)][at]
            gap = event.alternatives[0].logprob - event.alternatives[1].logprob
            print(f"row {row} parts at token {at}, where the first two are {gap:.1e} nats apart")
    print(f"{len(rows) - parted} of {len(rows)} rows have the same tokens")
    return 1 if parted else 0


if __name__ == "__main__":
    sys.exit(main())
