"""`mlx-entropix tokenize`: the tokens of a text or a chat."""

import json

import pytest

from mlx_entropix.cli.main import main as entropix
from mlx_entropix.prompts import SYSTEM_PROMPT


def test_ids_stand_below_what_each_token_writes(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    assert entropix(["tokenize", "Naïve 🦊\x1b\n<|im_end|> and <|im_start|>"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert "\\xf0" in lines[0]
    assert "␛" in out
    assert lines[0].index("ïve") == lines[1].index("46494")
    assert max(map(len, lines)) <= 40
    assert "<|im_end|>" not in out  # a text is text
    assert "SmolLM2-135M-Instruct" in err


def test_a_chat_is_written_through_the_template_as_one_json_object(capsys, bundled):
    _, tokenizer = bundled
    assert entropix(["tokenize", "--chat", "--json", "Hello"]) == 0
    made = json.loads(capsys.readouterr().out)
    messages = [("system", SYSTEM_PROMPT), ("user", "Hello")]
    ids = tokenizer.chat([{"role": role, "content": text} for role, text in messages])
    assert [token["id"] for token in made["tokens"]] == ids
    assert "".join(token["piece"] for token in made["tokens"]) == made["text"]
    assert made["text"].startswith("<|im_start|>system\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([""], "empty"),
        (["a", "--system", "x"], "--chat"),
        (["a", "--chat", "--special_tokens"], "--chat"),
        (["a", "--model", "nothing.gguf"], "no weights at nothing.gguf"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(capsys, words, said):
    try:
        code = entropix(["tokenize", *words])
    except SystemExit as end:
        code = end.code
    assert code == 2
    assert said in capsys.readouterr().err
