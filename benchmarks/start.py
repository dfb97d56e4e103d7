"""Wall time of `--help`, and of the whole main job with its parts, each in a fresh process.

uv run python -m benchmarks.start
"""

import json
import subprocess
import sys
import time

from benchmarks.measure import alternate, median_and_range, print_machine, print_table

PARTS = """
import json, time
start = time.perf_counter()
from mlx_entropix.engine import load, stream_generate
imported = time.perf_counter()
model, tokenizer = load()
loaded = time.perf_counter()
messages = [{"role": "user", "content": "What is the capital of France?"}]
last = list(stream_generate(model, tokenizer, messages, max_tokens=16))[-1].summary
done = time.perf_counter()
print(json.dumps({
    "import": imported - start,
    "load": loaded - imported,
    "prompt": done - loaded - last.generation_seconds,
    "decode, 16 tokens": last.generation_seconds,
}))
"""


def wall(*arguments: str) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - begin


def main() -> None:
    print_machine()
    parts: dict[str, list[float]] = {}

    def in_parts() -> float:
        begin = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", PARTS], check=True, capture_output=True, text=True
        )
        for name, seconds in json.loads(done.stdout).items():
            parts.setdefault(name, []).append(seconds)
        return time.perf_counter() - begin

    question = ["mlx_main.py", "--input", "What is the capital of France?", "--max_tokens", "16"]
    numbers = alternate(
        {
            "`mlx_main.py --help`": lambda: wall("mlx_main.py", "--help"),
            "`mlx_server.py --help`": lambda: wall("mlx_server.py", "--help"),
            "`mlx_main.py --input …`, 16 tokens": lambda: wall(*question),
            "the same in Python": in_parts,
        }
    )
    rows = [[name, median_and_range(values, 2)] for name, values in numbers.items()]
    rows += [[f"… {name}", median_and_range(values[1:], 2)] for name, values in parts.items()]
    print_table(["start", "seconds"], rows)


if __name__ == "__main__":
    main()
