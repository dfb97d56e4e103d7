"""How often the first answers that a newcomer sees are good: the page's examples and the README's.

    uv run python -m evals.examples [--sampler NAME] [--seeds N] [--show]

Each question is asked with many seeds, with the system prompt that the command line uses and with
none, as the page asks. An answer counts as right where it holds what the question asks for, and
no word that only a lost model says; open questions count as told where the answer neither breaks
off at once nor repeats itself.
"""

import argparse
import re
from collections import Counter
from dataclasses import dataclass

from mlx_entropix.cli.sampler_options import find_auto, named_config
from mlx_entropix.engine import Engine, Request, TokenEvent, load
from mlx_entropix.prompts import SYSTEM_PROMPT
from mlx_entropix.sampling.tint import strength


@dataclass(frozen=True)
class Example:
    """A question; the pattern that right answers hold (None for an open one), and one that none
    may hold."""

    text: str
    right: str | None
    wrong: str = r"(?!)"


EXAMPLES = (
    Example("What is the capital of France?", r"\bParis\b"),
    Example("What is the opposite of hot?", r"\bcold\b"),
    Example("Which planet is known as the red planet?", r"\bMars\b"),
    Example("What is frozen water called?", r"\bice\b"),
    Example(
        "List three fruits.",
        r"(?is)(\b(apple|banana|orange|grape|strawberr|mango|pear|peach|"
        r"blueberr|kiwi|pineapple|watermelon|lemon|cherr)\w*\b.*){3}",
    ),
    Example("What is photosynthesis?", r"(?is)plants.*(light|sun)"),
    Example("Write the opening of a story set on a night train.", None),
    Example("Give two tips for better sleep.", None),
    Example("Explain what a computer is.", None),
)


def repeats_itself(text: str) -> bool:
    """Whether four words in a row come three times."""
    words = re.findall(r"\w+", text.lower())
    runs = Counter(zip(*(words[i:] for i in range(4)), strict=False))
    return max(runs.values(), default=0) >= 3


def is_good(example: Example, text: str) -> bool:
    """Whether an answer would be shown to a stranger."""
    if re.search(example.wrong, text):
        return False
    if example.right is not None:
        return bool(re.search(example.right, text))
    return len(text.split()) >= 12 and not repeats_itself(text)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m evals.examples", description=__doc__)
    parser.add_argument("--sampler", default="auto", help="(auto)")
    parser.add_argument("--model", metavar="PATH", help="(the bundled one)")
    parser.add_argument("--seeds", type=int, default=20, metavar="N", help="(20)")
    parser.add_argument("--max_tokens", type=int, default=96, metavar="N", help="(96)")
    parser.add_argument("--show", action="store_true", help="print the answers that are not good")
    options = parser.parse_args()
    config = named_config(options.sampler, find_auto(options.model))
    model, tokenizer = load(options.model)
    engine = Engine(model, tokenizer, max_rows=48, prefix_cache_bytes=1 << 28)
    rows, texts, coloured = {}, {}, {}
    for example in EXAMPLES:
        for system in (SYSTEM_PROMPT, None):
            messages = [{"role": "system", "content": system}] if system else []
            prompt = tuple(tokenizer.chat([*messages, {"role": "user", "content": example.text}]))
            for seed in range(options.seeds):
                row = engine.add(Request(prompt, config, options.max_tokens, seed))
                rows[row] = (example, system is not None)
                texts[row] = ""
                coloured[row] = [0, 0]
    while not engine.idle:
        for event in engine.step():
            if isinstance(event, TokenEvent):
                texts[event.row] += event.text
                tint = strength(event.metrics.logits_entropy, event.logprob)
                coloured[event.row][0] += tint > 0
                coloured[event.row][1] += 1
    print(f"{model.name}, sampler {options.sampler}, {options.seeds} seeds\n")
    print(
        "| question | good with our system prompt | without | tinted |\n| --- | --- | --- | --- |"
    )
    for example in EXAMPLES:
        good = []
        for with_system in (True, False):
            mine = [row for row, asked in rows.items() if asked == (example, with_system)]
            good.append(sum(is_good(example, texts[row]) for row in mine))
        both = [row for row, asked in rows.items() if asked[0] == example]
        share = sum(coloured[r][0] for r in both) / max(1, sum(coloured[r][1] for r in both))
        print(f"| {example.text} | {good[0]} | {good[1]} | {share:.0%} |")
        for row in both if options.show else ():
            if not is_good(example, texts[row]):
                print(f"    {rows[row][1]!s:5} {texts[row][:300]!r}")


if __name__ == "__main__":
    main()
