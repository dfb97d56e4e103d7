"""Whether several ranks give the tokens of one process, and how fast:

    uv run python -m benchmarks.ranks --save one.json
    uv run mlx.launch -n 3 --backend ring -- python -m benchmarks.ranks --compare one.json
    uv run python -m benchmarks.ranks --arithmetic

The last prints what ranks exchange for a token, which is a matter of the model's shape alone. The
others answer different prompts, each with every seed, as rows of one batch. Where a token differs,
they say at which position, and how close the first two candidates were.
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
from mlx_entropix.ranks.launch import PIPELINE, TENSOR
from mlx_entropix.weights.locate import locate_weights

# Layers, hidden size, heads, of which the layers divide by any number of ranks in the table.
SHAPES = {
    "Llama 3.2 1B": (16, 2048, 32),
    "Llama 3.1 8B": (32, 4096, 32),
    "Llama 3.1 70B": (80, 8192, 64),
}
# Hidden sizes of some that mlx-lm has a pipeline of.
PIPELINES = {"Qwen2.5 7B": 3584, "Qwen2.5 72B": 8192, "DeepSeek V3": 7168}
CONTEXT = 2048  # tokens that the last layer's scores are of
NUMBERS = 60  # bytes of a drawn token and its numbers


def main() -> int:
    with first_rank_alone():
        options = _parse()
    if options.arithmetic:
        arithmetic()
        return 0
    return on_ranks(lambda ranks: _run(options, ranks), options)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights_dir", "--model")
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--sampler", default="entropix")
    parser.add_argument("--arithmetic", action="store_true")
    parser.add_argument("--save", type=Path)
    parser.add_argument("--compare", type=Path)
    parser.add_argument("--parallel", choices=(TENSOR, PIPELINE))
    parser.set_defaults(print_config=False, debug=True)
    return parser.parse_args()


def arithmetic(bytes_a_number: int = 2) -> None:
    """Print what each of some ranks sends for a token of one row, in 16 bits.

    A sum over n ranks in a ring sends 2 (n − 1) / n of its numbers from each, gathering n parts
    sends n − 1 parts from each. A layer has two sums, of a hidden state each. In a pipeline a
    hidden state goes from rank to rank, and then those of all are gathered, to have rank 0's: each
    of these 2 (n − 1) transfers waits for the one before.
    """
    print("| model | ranks | messages | sums, KB | scores, KB | 1 token at 1 GB/s, ms |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, (layers, hidden, heads) in SHAPES.items():
        for n in (2, 4):
            summed = 2 * layers * hidden * bytes_a_number + NUMBERS
            sums = 2 * (n - 1) / n * summed
            scores = (n - 1) * heads / n * CONTEXT * bytes_a_number
            took = (sums + scores) / 1e9 * 1e3
            sizes = f"{sums / 1e3:.0f} | {scores / 1e3:.0f} | {took:.2f}"
            print(f"| {name} | {n} | {2 * layers + 2} | {sizes} |")
    print("\nIn a pipeline:\n")
    print("| model | ranks | messages | states, KB | 1 token at 1 GB/s, ms |")
    print("| --- | --- | --- | --- | --- |")
    for name, hidden in PIPELINES.items():
        for n in (2, 4):
            state, numbers = hidden * bytes_a_number, 2 * (n - 1) / n * NUMBERS
            took = (2 * (n - 1) * state + numbers) / 1e9 * 1e3
            print(f"| {name} | {n} | {n + 1} | {(n * state + numbers) / 1e3:.0f} | {took:.2f} |")


def _run(options: argparse.Namespace, ranks: Ranks | None) -> int:
    model, tokenizer = load_from(locate_weights(options.weights_dir), ranks=ranks)
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
