"""Short questions of our own that any child or atlas can answer, as tables.

`python -m evals.make_tasks` writes them to `tasks/`. A bar between answers parts accepted variants,
the usual one first.
"""

from itertools import combinations

from evals.questions import Question

CAPITALS = """
France Paris; Spain Madrid; Portugal Lisbon; Italy Rome; Germany Berlin; Austria Vienna
Greece Athens; Poland Warsaw; Hungary Budapest; Czechia Prague; Sweden Stockholm; Norway Oslo
Denmark Copenhagen; Finland Helsinki; Iceland Reykjavik|Reykjavík; Ireland Dublin; Belgium Brussels
Netherlands Amsterdam; Switzerland Bern|Berne; Romania Bucharest; Bulgaria Sofia; Serbia Belgrade
Croatia Zagreb; Slovenia Ljubljana; Slovakia Bratislava; Estonia Tallinn; Latvia Riga
Lithuania Vilnius; Ukraine Kyiv|Kiev; Russia Moscow; Turkey Ankara; Egypt Cairo; Morocco Rabat
Tunisia Tunis; Algeria Algiers; Kenya Nairobi; Ethiopia Addis_Ababa; Nigeria Abuja; Ghana Accra
Senegal Dakar; Uganda Kampala; Rwanda Kigali; Zambia Lusaka; Zimbabwe Harare; Angola Luanda
Madagascar Antananarivo; Japan Tokyo; China Beijing; South_Korea Seoul; India New_Delhi
Nepal Kathmandu; Bangladesh Dhaka; Pakistan Islamabad; Afghanistan Kabul; Iran Tehran; Iraq Baghdad
Syria Damascus; Jordan Amman; Lebanon Beirut; Saudi_Arabia Riyadh; Thailand Bangkok; Vietnam Hanoi
Indonesia Jakarta; Malaysia Kuala_Lumpur; Philippines Manila; Mongolia Ulaanbaatar|Ulan_Bator
Australia Canberra; New_Zealand Wellington; Canada Ottawa; United_States Washington|Washington_DC
Mexico Mexico_City; Cuba Havana; Jamaica Kingston; Brazil Brasilia|Brasília; Argentina Buenos_Aires
Chile Santiago; Peru Lima; Colombia Bogota|Bogotá; Ecuador Quito; Venezuela Caracas
Uruguay Montevideo; Paraguay Asuncion|Asunción; Costa_Rica San_Jose|San_José
"""

OPPOSITES = """
rich poor; empty full; near far|distant; weak strong; before after; win lose; laugh cry; thick thin
sharp blunt|dull; rough smooth; sweet sour|bitter; brave cowardly|afraid|timid|coward
generous selfish|stingy|mean; ancient modern; increase decrease; expand contract|shrink
victory defeat; friend enemy|foe; maximum minimum; success failure; birth death; asleep awake
cheap expensive|costly; noisy quiet|silent; beautiful ugly; abundant scarce; transparent opaque
optimist pessimist; ascend descend; humble arrogant|proud; artificial natural; permanent temporary
voluntary compulsory|involuntary|mandatory; vertical horizontal; import export; entrance exit
guilty innocent; attack defend|defense; borrow lend; praise criticize|criticise|blame; cause effect
theory practice; literal figurative; urban rural; majority minority; introvert extrovert|extravert
hostile friendly; frequent rare|infrequent; synonym antonym; even odd|uneven; singular plural
public private; domestic foreign|wild; amateur professional; fertile barren|infertile
flexible rigid|inflexible; complex simple; ignorance knowledge; absent present
reward punishment|punish; accept reject|refuse; shallow deep; broad narrow; arrive leave|depart
remember forget; begin end|finish; always never; front back|rear; inside outside; freeze melt|thaw
appear disappear|vanish; combine separate|divide; captive free; ally enemy|foe|adversary
interior exterior; concave convex; predator prey; debit credit; profit loss; supply demand
positive negative; zenith nadir; rural urban; teacher student|pupil; odd even|normal
"""

PLURALS = """
child children; man men; woman women; foot feet; tooth teeth; goose geese; mouse mice; ox oxen
person people|persons; leaf leaves; knife knives; wife wives; life lives; wolf wolves; shelf shelves
loaf loaves; thief thieves; calf calves; half halves; baby babies; city cities; lady ladies
story stories; box boxes; church churches; glass glasses; bus buses; dish dishes; potato potatoes
tomato tomatoes; hero heroes; echo echoes; cactus cacti|cactuses; fungus fungi|funguses
crisis crises; analysis analyses; phenomenon phenomena; criterion criteria; sheep sheep; deer deer
"""

PASTS = """
go went; eat ate; run ran; see saw; take took; give gave; come came; write wrote; drive drove
sing sang; swim swam; drink drank; begin began; speak spoke; break broke; choose chose; fly flew
grow grew; know knew; throw threw; draw drew; buy bought; bring brought; think thought; teach taught
catch caught; fight fought; find found; sleep slept; keep kept; feel felt; leave left; meet met
make made; build built; send sent; lose lost; sell sold; tell told; hear heard; stand stood
understand understood; win won; sit sat; hold held; fall fell; wear wore; steal stole; freeze froze
shake shook; hide hid; bite bit; ride rode; rise rose; forget forgot; wake woke; swing swung
"""

KNOWLEDGE = """
What is a baby dog called? puppy|pup
What is a baby cat called? kitten
What is a baby cow called? calf
What is a baby horse called? foal
What is a baby sheep called? lamb
What is a baby goat called? kid
What is a baby pig called? piglet
What is a baby duck called? duckling
What is a baby hen called? chick
What is a baby goose called? gosling
What is a baby bear called? cub
What is a baby lion called? cub
What is a baby deer called? fawn
What is a baby kangaroo called? joey
What is a baby swan called? cygnet
What is a baby frog called? tadpole
What is a baby owl called? owlet
What is a female horse called? mare
What is a male chicken called? rooster|cock
What is a female lion called? lioness
What is a male cow called? bull
What is a female sheep called? ewe
What is a female pig called? sow
Which animal barks? dog
Which animal says meow? cat
Which animal says moo? cow
Which animal says oink? pig
Which animal says quack? duck
Which animal neighs? horse
Which animal roars and has a mane? lion
Which bird hoots at night? owl
Which insect makes honey? bee|honeybee|honey bee
Which animal carries its house on its back and is very slow? snail|tortoise|turtle
Which animal builds dams in rivers? beaver
Which animal is called man's best friend? dog
Which animal has a trunk and big ears? elephant
Which animal has a very long neck? giraffe
Which animal has black and white stripes? zebra
Which animal has eight arms and lives in the sea? octopus
Which is the largest animal on Earth? blue whale|whale
Which is the fastest animal on land? cheetah
What do caterpillars turn into? butterflies|butterfly|moths
What colour is grass? green
What colour is a ripe banana? yellow
What colour is fresh snow? white
What colour is coal? black
What colour is blood? red
What colour is the sky on a clear day? blue
What colour is a ripe carrot? orange
What colour is chocolate? brown
What colour is a flamingo? pink
What colour is the yolk of an egg? yellow
What colour is an emerald? green
What colour is a ruby? red
What colour is a sapphire? blue
What colour is made by mixing blue and yellow? green
What colour is made by mixing red and yellow? orange
What colour is made by mixing red and blue? purple|violet
What colour is made by mixing black and white? gray|grey
What colour is made by mixing red and white? pink
At which colour of a traffic light do cars stop? red
At which colour of a traffic light do cars go? green
What is frozen water called? ice
What falls from the clouds when it rains? water|rain|raindrops
Which gas do people need to breathe? oxygen
Which gas do plants take in from the air? carbon dioxide|co2
Which metal has the chemical symbol Fe? iron
Which metal has the chemical symbol Au? gold
Which metal has the chemical symbol Ag? silver
Which metal has the chemical symbol Cu? copper
Which element has the chemical symbol O? oxygen
Which element has the chemical symbol H? hydrogen
Which element has the chemical symbol He? helium
Which element has the chemical symbol C? carbon
Which element has the chemical symbol N? nitrogen
Which element has the chemical symbol Na? sodium
Which planet is closest to the Sun? mercury
Which planet is the largest of our solar system? jupiter
Which planet is known for its rings? saturn
Which planet is called the red planet? mars
On which planet do we live? earth
Which star is closest to the Earth? sun
What goes around the Earth once a month? moon
Which organ pumps blood through the body? heart
Which organ do people think with? brain
Which organs do people breathe with? lungs|lung
With which organ do people see? eyes|eye
With which organ do people hear? ears|ear
With which organ do people smell? nose
Which part of a plant is under the ground? roots|root
Which part of a tree is covered with bark? trunk
What is the hardest natural substance? diamond|diamonds
What do bees collect from flowers? nectar|pollen|nectar pollen
What do people use to see in the rain at night while driving a car? headlights|lights|headlamps
What is a person who bakes bread called? baker
What is a person who flies a plane called? pilot
What is a person who teaches at a school called? teacher
What is a person who treats sick animals called? veterinarian|vet
What is a person who treats teeth called? dentist
What is a person who paints pictures called? painter|artist
What is a person who writes books called? author|writer
What is a person who grows crops called? farmer
What is a person who cuts hair called? barber|hairdresser
What is a person who puts out fires called? firefighter|fireman
What is a person who repairs pipes called? plumber
What is a shape with three sides called? triangle
What is a shape with five sides called? pentagon
What is a shape with six sides called? hexagon
What is a shape with eight sides called? octagon
What is a shape with four equal sides and four right angles called? square
What is a ball's shape called? sphere
What is the largest ocean on Earth? pacific ocean|pacific
What is the longest river in Africa? nile|nile river
What is the highest mountain on Earth? mount everest|everest|mt everest
What is the largest continent? asia
What is the smallest continent? australia|oceania
On which continent is Egypt? africa
On which continent is Brazil? south america
On which continent is France? europe
On which continent is China? asia
Which language is spoken in Brazil? portuguese|brazilian portuguese
Which language is spoken in Mexico? spanish
Which language is spoken in Austria? german
Which language is spoken in Egypt? arabic
What is the currency of Japan? yen|japanese yen
What is the currency of the United Kingdom? pound|pound sterling|pounds|british pound
What is the currency of India? rupee|indian rupee|rupees
What is the currency of Germany? euro|euros
What is the currency of Mexico? peso|mexican peso|pesos
What do we call the meal that is eaten in the morning? breakfast
What do we call the season after winter? spring
What do we call the season after summer? autumn|fall
What do we call the season before summer? spring
What instrument is used to measure temperature? thermometer
What instrument shows where north is? compass
What instrument makes distant stars look larger? telescope
What instrument makes tiny things look larger? microscope
What is bread made from? flour|wheat
What is paper made from? wood|trees|wood pulp
What is butter made from? milk|cream
What is wine made from? grapes|grape
What is cheese made from? milk
What is glass made from? sand
What is a raisin made from? grape|grapes
Who wrote Romeo and Juliet? shakespeare|william shakespeare
Who painted the Mona Lisa? leonardo da vinci|da vinci|leonardo
Who developed the theory of relativity? albert einstein|einstein
"""

COUNTS = """
How many days are in a week? 7
How many months are in a year? 12
How many hours are in a day? 24
How many minutes are in an hour? 60
How many seconds are in a minute? 60
How many weeks are in a year? 52
How many years are in a century? 100
How many years are in a decade? 10
How many days are in January? 31
How many days are in April? 30
How many days are in a leap year? 366
How many legs does a dog have? 4
How many legs does a spider have? 8
How many legs does an ant have? 6
How many legs does a chicken have? 2
How many wheels does a bicycle have? 2
How many wheels does a tricycle have? 3
How many wheels does a car have? 4
How many sides does a triangle have? 3
How many sides does a square have? 4
How many sides does a pentagon have? 5
How many sides does a hexagon have? 6
How many sides does an octagon have? 8
How many faces does a cube have? 6
How many fingers are on one hand? 5
How many fingers do two hands have? 10
How many eyes do three people have? 6
How many letters are in the English alphabet? 26
How many vowels are in the English alphabet? 5
How many planets are in our solar system? 8
How many continents are there on Earth? 7
How many strings does a violin have? 4
How many strings does a usual guitar have? 6
How many players of one team are on a football (soccer) field? 11
How many players of one team are on a basketball court? 5
How many eggs are in a dozen? 12
How many things are in half a dozen? 6
How many cents are in a dollar? 100
How many cents is a quarter of a dollar? 25
How many centimetres are in a metre? 100
How many metres are in a kilometre? 1000
How many millimetres are in a centimetre? 10
How many grams are in a kilogram? 1000
How many millilitres are in a litre? 1000
How many inches are in a foot? 12
How many feet are in a yard? 3
How many ounces are in a pound? 16
How many quarters make a whole? 4
How many degrees are in a right angle? 90
How many degrees are in a full circle? 360
How many seasons are in a year? 4
How many colours does a traffic light usually have? 3
How many squares are on a chessboard? 64
How many cards are in a standard deck without jokers? 52
How many zeros does the number one million have? 6
How many bits are in a byte? 8
How many states does the United States have? 50
At how many degrees Celsius does water freeze? 0
At how many degrees Celsius does water boil? 100
How many hours are in two days? 48
How many minutes are in half an hour? 30
How many minutes are in a quarter of an hour? 15
How many days are in two weeks? 14
How many months are in half a year? 6
How many years are in half a century? 50
What is the first prime number? 2
What is the square root of 81? 9
What is the square root of 49? 7
What is half of 50? 25
What is double 15? 30
"""

# From small to large.
SIZES = (
    ("ant", "mouse", "cat", "sheep", "horse", "elephant", "blue whale"),
    ("pea", "cherry", "plum", "apple", "melon"),
    ("village", "city", "country", "continent"),
)
WEIGHTS = (("feather", "pencil", "brick", "bicycle", "car", "ship"),)
SPEEDS = (("snail", "tortoise", "dog", "train", "rocket"),)
AGES = (("baby", "child", "teenager", "adult"),)
SPANS = (("second", "minute", "hour", "day", "week", "month", "year", "decade", "century"),)
TEMPERATURES = (("ice", "tap water", "boiling water", "lava"),)

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def fact_questions() -> dict[str, list[Question]]:
    """The questions of each task, in the order of the tables."""
    return {
        "capitals": _numbered(
            "capitals",
            [(f"What is the capital of {_the(a)}?", b) for a, b in _pairs(CAPITALS)],
        ),
        "opposites": _numbered(
            "opposites",
            [(f'What is the opposite of "{a}"?', b) for a, b in _pairs(OPPOSITES)],
        ),
        "word_forms": _numbered(
            "word_forms",
            [(f'What is the plural of "{a}"?', b) for a, b in _pairs(PLURALS) if a != b]
            + [(f'What is the past tense of "{a}"?', b) for a, b in _pairs(PASTS)],
        ),
        "knowledge": _numbered("knowledge", _lines(KNOWLEDGE)),
        "calendar": _calendar(),
        "counts": _numbered("counts", _lines(COUNTS)),
        "comparisons": _comparisons(),
    }


def _pairs(table: str) -> list[tuple[str, str]]:
    entries = table.strip().replace("\n", ";").split(";")
    pairs = (entry.strip().split(" ") for entry in entries)
    return [(a.replace("_", " "), b.replace("_", " ")) for a, b in pairs]


def _lines(table: str) -> list[tuple[str, str]]:
    lines = (line.partition("?") for line in table.strip().splitlines())
    return [(question + mark, answers.strip()) for question, mark, answers in lines]


def _the(country: str) -> str:
    named = {"Netherlands", "United States", "Philippines"}
    return f"the {country}" if country in named else country


def _numbered(task: str, pairs: list[tuple[str, str]]) -> list[Question]:
    return [
        Question(task, f"{number:03}", text, tuple(answers.split("|")))
        for number, (text, answers) in enumerate(pairs, 1)
    ]


def _calendar() -> list[Question]:
    """What comes before and after, in a circle."""
    asked = []
    for names, unit in ((DAYS, "day"), (MONTHS, "month")):
        for i, name in enumerate(names):
            following, previous = names[(i + 1) % len(names)], names[i - 1]
            asked += [
                (f"Which {unit} comes right after {name}?", following),
                (f"Which {unit} comes right before {name}?", previous),
            ]
    return _numbered("calendar", asked)


def _comparisons() -> list[Question]:
    """Two things of a scale, the right one first in every other question."""
    asked: list[tuple[str, str, tuple[str, str]]] = []
    for group, more, less in (
        (SIZES, "larger", "smaller"),
        (WEIGHTS, "heavier", "lighter"),
        (SPEEDS, "faster", "slower"),
        (AGES, "older", "younger"),
        (SPANS, "longer", "shorter"),
        (TEMPERATURES, "hotter", "colder"),
    ):
        for names in group:
            for small, large in combinations(names, 2):
                number = len(asked)
                word, right = (more, large) if number % 4 < 2 else (less, small)
                first, second = (small, large) if number % 2 else (large, small)
                text = f"Which is {word}, {_a(first)} or {_a(second)}?"
                asked.append((text, right, (small, large)))
    return [
        Question("comparisons", f"{number:03}", text, (answer,), choices)
        for number, (text, answer, choices) in enumerate(asked, 1)
    ]


def _a(name: str) -> str:
    if name in ("ice", "tap water", "boiling water", "lava"):
        return name
    return f"{'an' if name[0] in 'aeiou' or name == 'hour' else 'a'} {name}"
