"""Prompts that come with the project, and prompts and questions from files."""

import csv
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlx_entropix.errors import CsvError, UsageError


@dataclass(frozen=True)
class Prompt:
    """One question to a model: its name, what the user says, and a system prompt if any."""

    name: str
    user: str
    system: str | None = None

    @property
    def messages(self) -> list[dict[str, str]]:
        """The prompt as chat messages."""
        system = [] if self.system is None else [{"role": "system", "content": self.system}]
        return [*system, {"role": "user", "content": self.user}]


CALIBRATION_CSV = Path(__file__).with_name("calibration.csv")
"""Prompts of many kinds, for fitting a sampler to a model."""

# Short, because a small model on a CPU reads every token of it before the first answer.
SYSTEM_PROMPT = "Think carefully, then answer briefly and correctly. Say so if you are not sure."

_WEATHER_FUNCTION = """\
You can look things up by calling a function. To call it, answer with one JSON object and nothing \
else: {"name": ..., "arguments": {...}}.

The one function is get_forecast. Its arguments are "city" (a string), "days" (an integer from 1 \
to 7) and "unit" ("celsius" or "fahrenheit")."""

PREDEFINED = (
    Prompt(
        "numbers",
        "Which of these two numbers is larger, 9.9 or 9.11? Compare them digit by digit, then "
        "give the larger one.",
        SYSTEM_PROMPT,
    ),
    Prompt("fact", "Which planet of our solar system has the shortest day, and how long is it?"),
    Prompt(
        "function call",
        "I am flying to Lisbon tomorrow and stay until Thursday, three days in all. Will I need "
        "an umbrella? I think in Celsius.",
        _WEATHER_FUNCTION,
    ),
    Prompt(
        "riddle",
        "A farmer has seventeen sheep. All but nine run away through a hole in the fence, and "
        "two of those come back by evening. How many sheep does the farmer have at night?",
        SYSTEM_PROMPT,
    ),
    Prompt(
        "plan",
        "Plan a Saturday in a city I have never seen, for two adults and a child of six, on foot "
        "and on a budget of 60 euros. Give a time, a place and a cost for each step, and say what "
        "to do if it rains.",
    ),
)


def create_prompts_from_csv(path: str | Path) -> list[Prompt]:
    """Read prompts from a UTF-8 CSV file with the columns `act` (a name) and `prompt`.

    Raises CsvError for a file or a line that cannot be used; see `prompts_of_csv`.
    """
    path = Path(path)
    return prompts_of_csv(str(path), _read(path))


def prompts_of_csv(name: str, text: str) -> list[Prompt]:
    """The prompts in the text of a CSV that people know by `name`.

    Cells are parted by commas, semicolons, tabs or bars: by what a first line such as `sep=;` says,
    as spreadsheets write it, or else by what finds both columns in the header. The case of the
    header does not matter, further columns are ignored, and so are empty lines. Raises CsvError.
    """
    with _long_cells(len(text)):
        return _prompts(name, text)


def _prompts(name: str, text: str) -> list[Prompt]:
    separator, first_line = _separator(text)
    rows = _rows(name, text, separator, first_line)
    line, header = next(rows, (1, []))
    names = [cell.strip().lower() for cell in header]
    found = ", ".join(filter(None, names)) or "none"
    for wanted in _COLUMNS:
        if wanted not in names:
            raise CsvError(
                f"{name}, line {line}: there is no column {wanted!r} (found: {found}); "
                "begin the file with the line 'act,prompt'."
            )
        if names.count(wanted) > 1:
            raise CsvError(
                f"{name}, line {line}: there are {names.count(wanted)} columns {wanted!r}; rename "
                "all but the one that is meant."
            )
    act, prompt = map(names.index, _COLUMNS)
    prompts = []
    for line, row in rows:
        if len(row) != len(header):
            raise CsvError(
                f"{name}, line {line}: {len(row)} cells where the header has {len(header)}; put "
                f'a text with {_SEPARATORS[separator]} in double quotes ("…").'
            )
        if not row[prompt].strip():
            raise CsvError(f"{name}, line {line}: the prompt is empty; write one or drop the line.")
        prompts.append(Prompt(row[act].strip() or f"line {line}", row[prompt]))
    if not prompts:
        raise CsvError(f"{name}, line 2: there is no prompt below the header; add at least one.")
    return prompts


_COLUMNS = ("act", "prompt")
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[,;\t|]*(?:\r\n|\r|\n|$)', re.IGNORECASE)


def _separator(text: str) -> tuple[str, int]:
    """What parts the cells of a CSV, and at which character its header begins."""
    said = _SEPARATOR_LINE.match(text)
    if said and said[1] in _SEPARATORS:
        return said[1], said.end()
    header = next((line for line in text.splitlines() if line.strip()), "")
    for separator in _SEPARATORS:
        cells = {cell.strip(' "').lower() for cell in header.split(separator)}
        if cells.issuperset(_COLUMNS):
            return separator, 0
    return ",", 0


def read_questions(path: str | Path) -> list[tuple[str, tuple[str, ...]]]:
    """Questions with their accepted answers from a JSON Lines file. Raises `UsageError`."""
    remedy = 'Write lines such as {"question": "What is 2 + 3?", "answers": ["5"]}.'
    path = Path(path)
    try:
        lines = path.expanduser().read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UsageError(f"{path} cannot be read ({reason}). {remedy}") from None
    questions = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            question, answers = record["question"], record["answers"]
        except (ValueError, KeyError, TypeError):
            raise UsageError(f"{path}, line {number}: this is no question. {remedy}") from None
        texts = isinstance(answers, list) and all(isinstance(a, str) and a for a in answers)
        if not (isinstance(question, str) and question.strip() and texts and answers):
            raise UsageError(f"{path}, line {number}: this is no question. {remedy}")
        questions.append((question, tuple(answers)))
    if not questions:
        raise UsageError(f"{path} holds no question. {remedy}")
    return questions


def _read(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise CsvError(f"{path} does not exist; give the path of a CSV file.") from None
    except OSError as error:
        raise CsvError(f"{path} cannot be read ({error.strerror}); give a readable file.") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # What the error counts from is behind a byte order mark, which no line holds.
        line = error.object[: error.start].count(b"\n") + 1
        raise CsvError(f"{path}, line {line}: this is not UTF-8; save the file as UTF-8.") from None


def _rows(name: str, text: str, separator: str, begin: int) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not empty with the number of the line that it begins on.

    The first row begins at the character `begin` of the text.
    """
    lines = io.StringIO(text[begin:], newline="")  # newlines inside quotes stay as they are
    reader = csv.reader(lines, delimiter=separator, strict=True, skipinitialspace=True)
    above = line = 1 + bool(begin)
    try:
        for row in reader:
            if row:
                yield line, row
            line = reader.line_num + above
    except csv.Error as error:
        raise CsvError(
            f"{name}, line {line}: this is not CSV ({error}); check the double quotes."
        ) from None


@contextmanager
def _long_cells(most: int) -> Iterator[None]:
    """Let a cell have so many characters, and not 131,072 at most, as is usual."""
    usual = csv.field_size_limit()
    csv.field_size_limit(max(most, usual))
    try:
        yield
    finally:
        csv.field_size_limit(usual)
