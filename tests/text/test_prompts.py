"""The prompts that come along, and CSV files of them, good and bad."""

import csv
from pathlib import Path

import pytest

from mlx_entropix.errors import CsvError
from mlx_entropix.prompts import PREDEFINED, SYSTEM_PROMPT, create_prompts_from_csv

PROMPTS_CSV = Path(__file__).parents[2] / "data" / "prompts.csv"


@pytest.fixture
def write(tmp_path):
    def write(content: str | bytes) -> Path:
        path = tmp_path / "some prompts.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def test_predefined_prompts_fit_the_bundled_model(smollm2):
    assert len(PREDEFINED) == 5
    assert len({prompt.name for prompt in PREDEFINED}) == 5
    for prompt in PREDEFINED:
        text = smollm2.decode(smollm2.chat(prompt.messages))
        assert prompt.user in text
        assert (prompt.system or "You are a helpful AI assistant") in text


def test_the_thinking_prompt_costs_a_slow_machine_little(smollm2):
    assert len(smollm2.encode(SYSTEM_PROMPT)) < 40


def test_the_prompts_of_the_project():
    prompts = create_prompts_from_csv(PROMPTS_CSV)
    assert len(prompts) >= 40
    assert len({prompt.name for prompt in prompts}) == len(prompts)
    for prompt in prompts:
        assert prompt.messages == [{"role": "user", "content": prompt.user}]
        assert 100 < len(prompt.user) < 600
    with PROMPTS_CSV.open(newline="", encoding="utf-8") as file:
        assert [row["prompt"] for row in csv.DictReader(file)] == [p.user for p in prompts]


def test_a_spreadsheets_csv_is_read_whole(write):
    path = write(
        "\ufeffId, ACT ,Prompt\r\n"
        '1,Poet,"Say ""hi"", please\r\nand a second line\u2028and more"\r\n'
        "\r\n"
        "2,,What is a form feed\x0c\u2028?\r\n"
    )
    first, second = create_prompts_from_csv(path)
    assert (first.name, first.user) == (
        "Poet",
        'Say "hi", please\r\nand a second line\u2028and more',
    )
    assert (second.name, second.user) == ("line 5", "What is a form feed\x0c\u2028?")


def test_columns_in_another_order_and_no_last_newline(write):
    (prompt,) = create_prompts_from_csv(write("prompt,act\nWho are you?,Sphinx"))
    assert (prompt.name, prompt.user) == ("Sphinx", "Who are you?")


@pytest.mark.parametrize(
    "content",
    [
        'act;prompt\nPoet;"One, two; three"\n',
        'act\tprompt\nPoet\t"One, two; three"\n',
        "act|prompt\nPoet|One, two; three\n",
        'sep=;\r\nact;prompt\r\nPoet;"One, two; three"\r\n',
        '"sep=\t"\nprompt\tact\nOne, two; three\tPoet\n',
        'sep=,\nact,prompt\nPoet,"One, two; three"\n',
    ],
)
def test_whatever_a_spreadsheet_parts_cells_by_is_read(write, content):
    (prompt,) = create_prompts_from_csv(write(content))
    assert (prompt.name, prompt.user) == ("Poet", "One, two; three")


def test_a_prompt_may_be_as_long_as_a_book(write):
    limit = csv.field_size_limit()
    (prompt,) = create_prompts_from_csv(write(f"act,prompt\nReader,{'x' * 200_000}\n"))
    assert len(prompt.user) == 200_000
    assert csv.field_size_limit() == limit  # as it was, for all others


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("act,question\na,b\n", r"line 1: there is no column 'prompt' \(found: act, question\)"),
        ("act:prompt\na:b\n", "line 1: there is no column 'act'"),
        ("act,prompt,Prompt\na,b,c\n", "line 1: there are 2 columns 'prompt'; rename"),
        ("sep=;\nact;prompt\na;b\nc;d;e\n", "line 4: 3 cells .* text with semicolons"),
        ("", r"line 1: there is no column 'act' \(found: none\)"),
        ("act,prompt\n", "line 2: there is no prompt"),
        ("act,prompt\n\n\n", "there is no prompt"),
        ("act,prompt\na,b\nc\n", "line 3: 1 cells where the header has 2"),
        ("act,prompt\na,one, two\n", "line 2: 3 cells .* double quotes"),
        ('act,prompt\na,"1\n2\n3"\nb, \n', "line 5: the prompt is empty"),
        ('act,prompt\na,b\nc,"never closed\n', "line 3: this is not CSV"),
        ('act,prompt\na,"b" c\n', "line 2: this is not CSV"),
        (b"act,prompt\na,caf\xe9\n", "line 2: this is not UTF-8"),
        ("act,prompt\na,b\n".encode("utf-16"), "line 1: this is not UTF-8"),
    ],
)
def test_a_csv_that_cannot_be_used(write, content, words):
    path = write(content)
    with pytest.raises(CsvError, match=words) as caught:
        create_prompts_from_csv(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_csv_that_is_not_there(tmp_path):
    with pytest.raises(CsvError, match="does not exist"):
        create_prompts_from_csv(tmp_path / "none.csv")
    with pytest.raises(CsvError, match="cannot be read"):
        create_prompts_from_csv(tmp_path)
