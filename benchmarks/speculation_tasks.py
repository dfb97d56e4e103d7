"""What is asked where tokens are guessed ahead: texts that repeat others, and texts that do not.

A model of 135 million parameters hardly follows an instruction to repeat, so each answer is begun
for it. A prompt has eight variants, for as many rows.
"""

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from mlx_entropix.text import Tokenizer

VARIANTS = 8

_ROOT = Path(__file__).parents[1]
_FILE = _ROOT / "mlx_entropix" / "cli" / "style.py"
_LINES = 150

_ARTICLE = """\
The lighthouse at Skarv Point was built in 1871, after the brig Amalie had broken up on the reef \
below it with all hands. For ninety-four years a keeper and two assistants lived in the stone \
house beside the tower. They trimmed the wicks every four hours, wound the clockwork that turned \
the lens, and wrote the weather into a book three times a day. The books are kept in the town \
archive, and they are complete but for six weeks in the winter of 1918, when all three men lay \
ill with influenza and the keeper's daughter Ragna, who was fifteen, kept the light alone. "I \
did not think about it," she said in an interview in 1963. "The light has to burn, and there was \
nobody else on the point." The lamp was electrified in 1937 and made automatic in 1965, and the \
last keeper, Olav Strand, locked the door and rowed across the sound with his dog and his \
barometer. The tower stood empty for thirty years. Storms took the roof of the house, and sheep \
went in and out of the kitchen. In 1996 a group of pilots, teachers and fishermen bought the \
ruin from the state for one krone. They rebuilt the house with their own hands in eleven \
summers, and since 2007 anyone may rent it by the week. "People come for the silence," says \
Marit Lunde, who keeps the bookings. "On the second day they ask whether there is a radio. On \
the fourth day they forget to ask." The money from the guests pays for the paint, for the boat, \
and for a student who reads the old weather books and types them into a table, line by line, so \
that those who study the climate can use them. So far she has typed forty-one years. The wind, \
she says, has not changed much, but the keepers of the last century wrote down ice on the sound \
in every March, and nobody has seen ice there since 1987."""

_SENTENCES = (
    "For ninety-four years a keeper and two assistants lived in",
    "They trimmed the wicks every four hours, wound",
    "The books are kept in the town archive, and",
    "The lamp was electrified in 1937 and made automatic in",
    "In 1996 a group of pilots, teachers and",
    "They rebuilt the house with their own hands in",
    "The money from the guests pays for the paint,",
    "The wind, she says, has not changed much, but",
)

_TABLE = """\
id,station,latitude,longitude,height_m,opened,operator,readings_per_day
1,Skarv Point,62.41,5.88,34,1871,Coast Office,3
2,Lille Grunn,62.57,6.02,12,1904,Coast Office,4
3,Heggfjell,62.33,6.71,1184,1932,Met Institute,24
4,Ormvik,62.19,6.05,8,1958,Harbour Board,24
5,Tresdal,62.72,7.14,402,1961,Met Institute,12
6,Aurevann,62.66,6.93,655,1968,Power Company,24
7,Storholm,62.80,6.21,19,1977,Coast Office,6
8,Bratten,62.47,6.49,286,1983,Road Office,48
9,Kvitnes,62.93,7.55,5,1990,Harbour Board,24
10,Langli,62.28,6.88,731,1999,Road Office,48
11,Neset,62.61,6.30,22,2006,Coast Office,24
12,Vardefjell,62.52,7.02,1340,2015,Met Institute,144
"""

_RECIPE = """\
Here is a plan for one week with five friends in the mountain hut.

Day 1 (Monday): Meet at the station at 9:40 and take the bus to the end of the valley. Walk to the \
hut in two hours, carry water from the stream, and cook lentil soup with bread.
Day 2 (Tuesday): Walk around the lake in four hours, with a rest at the old boathouse. In the \
evening play cards by the stove and cook pasta with tomatoes and cheese.
Day 3 (Wednesday): Climb the north ridge with ropes and helmets, and start before six in the \
morning. In the evening rest, stretch, and cook rice with beans and peppers.
Day 4 (Thursday): Stay at the hut, split wood for the next guests, and mend the fence. In the \
evening bake flat bread and cook potato stew with onions.
Day 5 (Friday): Walk to the village, buy fresh fruit and milk, and visit the small museum. In the \
evening cook pancakes with apples and cinnamon."""

_OPENINGS = (
    "The old woman who lived above the bakery had never told anyone why she",
    "On the morning that the river ran backwards, the mayor of the town",
    "It is often said that a good teacher knows when to be silent, but",
    "My grandfather built boats, and the first thing he taught me was",
    "The train had been standing in the snow for six hours when the conductor",
    "What nobody expected of the new telescope was that it would",
    "There are three ways to cross the desert, and the worst of them",
    "When the orchestra stopped in the middle of the second movement,",
)


def _edit(tokenizer: Tokenizer, variant: int) -> list[int]:
    """A file of 150 lines again, with an argument renamed; each variant has got further."""
    lines = _FILE.read_text("utf-8").splitlines()[:_LINES]
    begun = 60 + 8 * variant
    renamed = [line.replace("color_system", "colors") for line in lines[:begun]]
    return tokenizer.encode(
        "A Python file:\n\n```python\n"
        + "\n".join(lines)
        + "\n```\n\nThe same file again, where `color_system` is called `colors`:"
        + "\n\n```python\n"
        + "\n".join(renamed)
    )


def _summary(tokenizer: Tokenizer, variant: int) -> list[int]:
    """The most telling sentences of a text, word for word."""
    example = _ARTICLE.split(". ")[0] + "."
    return tokenizer.encode(
        f"Text:\n\n{_ARTICLE}\n\nA summary, each point of which is quoted word for word:\n\n"
        f"- How it began: “{example}”\n- What followed: “{_SENTENCES[variant]}"
    )


def _json(tokenizer: Tokenizer, variant: int) -> list[int]:
    """A table's lines as JSON, of which two are there."""
    lines = list(csv.DictReader(_TABLE.splitlines()))
    turned = lines[variant:] + lines[:variant]
    table = ",".join(lines[0]) + "\n" + "\n".join(",".join(line.values()) for line in turned)
    begun = json.dumps(turned[:2], indent=2).removesuffix("\n]")
    return tokenizer.encode(f"A table:\n\n{table}\n\nThe same as JSON:\n\n{begun},\n  {{")


def _next_turn(tokenizer: Tokenizer, variant: int) -> list[int]:
    """The last answer again, but for one thing."""
    friends = ("six", "seven", "eight", "nine", "ten", "eleven", "twelve", "three")[variant]
    messages = [
        {"role": "user", "content": "Plan a week with five friends in a mountain hut."},
        {"role": "assistant", "content": _RECIPE},
        {"role": "user", "content": f"Give me the same plan again, for {friends} friends."},
    ]
    begun = _RECIPE.split("Walk to")[0].replace("five", friends)
    return [*tokenizer.chat(messages), *tokenizer.encode(begun.rstrip())]


def _prose(tokenizer: Tokenizer, variant: int) -> list[int]:
    return tokenizer.encode(_OPENINGS[variant])


def _chat(tokenizer: Tokenizer, variant: int) -> list[int]:
    """Prompts that come with the project."""
    with (_ROOT / "data" / "prompts.csv").open(encoding="utf-8", newline="") as file:
        prompts = [line["prompt"] for line in csv.DictReader(file)]
    return tokenizer.chat([{"role": "user", "content": prompts[1 + variant]}])


TASKS: Mapping[str, Callable[[Tokenizer, int], list[int]]] = {
    "code edit": _edit,
    "summary": _summary,
    "JSON": _json,
    "next turn": _next_turn,
    "prose": _prose,
    "chat": _chat,
}
"""The prompt of each task in tokens, by its variant."""
