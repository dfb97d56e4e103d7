"""Pairs of answers to open questions, to be judged blind.

    uv run python -m evals.pairs make --out DIR --left auto --right normal
    uv run python -m evals.pairs count DIR

`make` writes DIR/pairs.md, in which each of 30 questions stands twice, with the two answers in
either order and in no order that tells which sampler wrote which, and DIR/key.json, which does.
Judges write DIR/judged-NAME.txt without seeing the key: a line for each pair, its number and A, B
or =. `count` reports how often each side was preferred, and where a judge's two verdicts on the
same answers contradicted each other, which then count as equal.
"""

import argparse
import json
import random
from collections import Counter
from math import comb
from pathlib import Path

QUESTIONS = (
    "How do I make a cup of tea?",
    "Why do cats purr?",
    "Describe a sunset over the mountains.",
    "Write a short message to congratulate a colleague.",
    "What makes a good friend?",
    "Tell me a story about a lost dog.",
    "How can I learn to cook?",
    "Explain what the moon is to a child.",
    "Give me three ideas for a rainy Sunday.",
    "Write the first paragraph of a detective novel.",
    "What is the best way to study for an exam?",
    "Why is exercise good for you?",
    "Describe your favorite place.",
    "How does a car engine work?",
    "Write a poem about a tree.",
    "What should I see in Paris?",
    "How do I grow tomatoes?",
    "What is love?",
    "Write an email to cancel a meeting.",
    "Explain how rain forms.",
    "Give me advice for my first day at work.",
    "What is the internet used for?",
    "Tell me about dinosaurs.",
    "How do I take care of a goldfish?",
    "Write a short dialogue between a teacher and a student.",
    "What is happiness?",
    "How can a city become greener?",
    "Describe how to ride a bicycle.",
    "What are the benefits of reading?",
    "Write a slogan for a coffee shop and explain it.",
)


def make(options: argparse.Namespace) -> None:
    """Answer the questions with both samplers and write the pairs."""
    from mlx_entropix.cli.sampler_options import find_auto, named_config
    from mlx_entropix.engine import Engine, Request, TokenEvent, load
    from mlx_entropix.prompts import SYSTEM_PROMPT

    auto = find_auto(options.model)
    samplers = {"left": options.left, "right": options.right}
    configs = {side: named_config(name, auto) for side, name in samplers.items()}
    if options.greedy:
        configs[options.greedy] = configs[options.greedy].override({"temperature": 0})
    model, tokenizer = load(options.model)
    engine = Engine(model, tokenizer, max_rows=48, prefix_cache_bytes=1 << 28)
    rows = {}
    for number, question in enumerate(QUESTIONS):
        messages = [
            {"role": "system", "content": SYSTEM_PROMPT},
            {"role": "user", "content": question},
        ]
        prompt = tuple(tokenizer.chat(messages))
        for side, config in configs.items():
            row = engine.add(Request(prompt, config, options.max_tokens, options.seed + number))
            rows[row] = (number, side)
    texts = dict.fromkeys(rows.values(), "")
    while not engine.idle:
        for event in engine.step():
            if isinstance(event, TokenEvent):
                texts[rows[event.row]] += event.text
    shuffle = random.Random(options.seed)
    shown = [(number, flip) for number in range(len(QUESTIONS)) for flip in (False, True)]
    shuffle.shuffle(shown)
    parts, key = [], {}
    for pair, (number, flip) in enumerate(shown, 1):
        a, b = ("right", "left") if flip else ("left", "right")
        key[pair] = {"question": number, "A": a, "B": b}
        texts_of = texts[number, a].strip(), texts[number, b].strip()
        parts.append(
            f"## {pair}\n\nQuestion: {QUESTIONS[number]}\n\n"
            f"**A**\n\n{texts_of[0]}\n\n**B**\n\n{texts_of[1]}\n"
        )
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "pairs.md").write_text("\n".join(parts), encoding="utf-8")
    about = {"samplers": samplers, "greedy": options.greedy, "seed": options.seed, "pairs": key}
    (options.out / "key.json").write_text(json.dumps(about, indent=1), encoding="utf-8")


def count(options: argparse.Namespace) -> None:
    """Print how often each side was preferred."""
    about = json.loads((options.folder / "key.json").read_text(encoding="utf-8"))
    print(f"left: {about['samplers']['left']}, right: {about['samplers']['right']}")
    print("| judge | left | equal | right | contradictions | sign test, p |")
    print("| --- | --- | --- | --- | --- | --- |")
    for path in sorted(options.folder.glob("judged-*.txt")):
        verdicts: dict[int, list[str]] = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line.strip():
                continue
            pair, sign = line.split()[:2]
            asked = about["pairs"][pair]
            verdicts.setdefault(asked["question"], []).append(asked.get(sign, "equal"))
        tally: Counter[str] = Counter()
        for both in verdicts.values():
            sides = set(both) - {"equal"}
            tally["contradictions"] += len(sides) == 2
            tally[sides.pop() if len(sides) == 1 else "equal"] += 1
        left, right = tally["left"], tally["right"]
        few, all_ = min(left, right), left + right
        p = min(1.0, 2 * sum(comb(all_, i) for i in range(few + 1)) / 2**all_)
        judge = path.stem.removeprefix("judged-")
        print(
            f"| {judge} | {left} | {tally['equal']} | {right} | {tally['contradictions']} "
            f"| {p:.2f} |"
        )


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m evals.pairs", description=__doc__)
    commands = parser.add_subparsers(required=True)
    making = commands.add_parser("make", help="write the pairs and the key")
    making.add_argument("--out", type=Path, required=True, metavar="DIR")
    making.add_argument("--left", default="auto")
    making.add_argument("--right", default="normal")
    making.add_argument("--greedy", choices=("left", "right"), help="this side at temperature 0")
    making.add_argument("--model", metavar="PATH", help="(the bundled one)")
    making.add_argument("--seed", type=int, default=0)
    making.add_argument("--max_tokens", type=int, default=120)
    making.set_defaults(run=make)
    counting = commands.add_parser("count", help="count the judgements")
    counting.add_argument("folder", type=Path, metavar="DIR")
    counting.set_defaults(run=count)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
