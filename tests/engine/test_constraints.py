"""Answers of a given form: whatever the model thinks, what it says has that form.

`tests/data/json_schemas.json` has those schemas of the JSON Schema Test Suite, draft 2020-12, that
the library supports (© Julian Berman, MIT; it comes with the source of the package jsonschema).
"""

import json
import math
import re
from pathlib import Path

import jsonschema_rs
import pytest
import tokenizers
from tokenizers import decoders, models, pre_tokenizers

from mlx_entropix import PRESETS, PlainConfig
from mlx_entropix.engine import Engine, Request, RowFailed, fork_config
from mlx_entropix.engine.draft.drafter import IndexDrafter
from mlx_entropix.engine.row import Row
from mlx_entropix.errors import ConstraintError
from mlx_entropix.model.load import load_model
from mlx_entropix.text import Tokenizer, any_grammar, choice, json_schema, lark_grammar, regex
from tests.engine.family import alone, search
from tests.engine.guessing import Guesses, drawn, following, ids, same, spoil, write
from tests.engine.test_penalties import logits_behind
from tests.model.checkpoints import random_model, save_folder
from tests.sampling import oracle

SCHEMAS = json.loads((Path(__file__).parents[1] / "data" / "json_schemas.json").read_text())
MERGES = ['{ "', '" :', '" ,', "t r", "tr u", "tru e", "n u", "nu l", "nul l", "1 2"]
PROMPT = (5, 6, 7)
WARM = PlainConfig(temperature=1.0)
PERSON = json_schema(
    {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 6},
            "age": {"type": "integer", "minimum": 0, "maximum": 150},
            "home": {"enum": ["Paris", "Rome", "Parma"]},
        },
        "required": ["name", "age", "home"],
        "additionalProperties": False,
    }
)


@pytest.fixture(scope="module")
def letters(tmp_path_factory):
    """A tiny random model that spells nearly everything byte by byte, with 96 ids that are none."""
    words = sorted(pre_tokenizers.ByteLevel.alphabet())
    words += [merge.replace(" ", "") for merge in MERGES]
    merges = [tuple(merge.split(" ")) for merge in MERGES]
    backend = tokenizers.Tokenizer(models.BPE({word: i for i, word in enumerate(words)}, merges))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(["<|end|>", "<|call|>"])
    end = backend.token_to_id("<|end|>")
    tokenizer = Tokenizer(backend, special_tokens={}, eos_token_ids={end}, chat_template=None)
    size = tokenizer.vocabulary_size + 96
    source, config = random_model(vocab_size=size, max_position_embeddings=256)
    return load_model(save_folder(tmp_path_factory.mktemp("letters"), source, config))[0], tokenizer


def text(events):
    return "".join(event.text for event in drawn(events))


def closing(tokenizer):
    """Biases by which a random model comes to an end where it may."""
    ends = dict.fromkeys(tokenizer.eos_token_ids, 50.0)
    return tuple((ends | {tokenizer.encode(c)[0]: 5.0 for c in '"}]'}).items())


def test_answers_are_valid_by_every_schema_of_json_schemas_own_tests(letters):
    bias = closing(letters[1])
    requests = [
        Request(PROMPT, WARM, 100, seed=i, constraint=json_schema(schema), logit_bias=bias)
        for i, schema in enumerate(SCHEMAS.values())
    ]
    for (name, schema), events in zip(SCHEMAS.items(), write(letters, requests), strict=True):
        assert events[-1].finish_reason == "stop", (name, text(events))
        answer = json.loads(text(events))
        assert jsonschema_rs.Draft202012Validator(schema).is_valid(answer), (name, answer)


def test_rows_draw_the_same_beside_others_and_with_guesses(letters):
    """Right guesses, wrong ones, and ones that the form forbids; one row is free of any form."""
    bias = closing(letters[1])
    requests = [
        Request(PROMPT, PRESETS["entropix"], 60, seed=1, constraint=PERSON, logit_bias=bias),
        Request(PROMPT, WARM, 16, seed=2),
        Request(PROMPT, WARM, 24, seed=3, constraint=regex("(ab|cd){3,9}x")),
    ]
    rows = [write(letters, [request])[0] for request in requests]
    for together in (
        write(letters, requests),
        write(letters, requests, Guesses(spoil(following([ids(row) for row in rows], 5), 3))),
    ):
        for events, expected in zip(together, rows, strict=True):
            same(events, expected)
    assert any(event.drafted for event in drawn(together[0]))
    person = json.loads(text(rows[0]))
    assert list(person) == ["name", "age", "home"]
    assert text(rows[2]).endswith("x")


def test_numbers_are_of_what_may_be_chosen_and_those_of_the_model_stand_beside_them(letters):
    model, tokenizer = letters
    request = Request(PROMPT, WARM, 12, constraint=regex("[a-f]{12}"), alternatives=20)
    events = drawn(write(letters, [request])[0])
    logits = logits_behind(model, [*PROMPT, *ids([*events])])
    letters_only = [tokenizer.encode(c)[0] for c in "abcdef"]
    for event in events:
        whole = oracle.log_softmax(logits[event.position - 1])
        allowed = math.fsum(math.exp(whole[i]) for i in letters_only)
        assert event.of_model.allowed == pytest.approx(allowed, abs=1e-4)
        assert event.of_model.logprob == pytest.approx(whole[event.token_id], abs=1e-3)
        assert event.logprob == pytest.approx(whole[event.token_id] - math.log(allowed), abs=1e-3)
        assert event.metrics.logits_entropy <= math.log2(6)
        assert {other.token_id for other in event.alternatives} == set(letters_only)


def test_an_answer_ends_where_nothing_can_be_added_and_only_where_it_is_whole(letters):
    always_end = tuple((token_id, 100.0) for token_id in letters[1].eos_token_ids)
    forms = (regex("a{7}"), regex("a{3,}"), regex("a{30}"))
    requests = [Request(PROMPT, WARM, 9, constraint=form, logit_bias=always_end) for form in forms]
    exact, least, too_long = write(letters, requests)
    assert (text(exact), exact[-1].finish_reason, len(ids(exact))) == ("a" * 7, "stop", 7)
    assert (text(least), least[-1].finish_reason) == ("aaa", "stop")
    assert (text(too_long), too_long[-1].finish_reason) == ("a" * 9, "length")


def test_tokens_that_are_none_and_control_tokens_are_not_drawn_unless_a_grammar_names_them(letters):
    tokenizer = letters[1]
    hot = PlainConfig(temperature=5, top_k=0, top_p=1)
    call = tokenizer.backend.token_to_id("<|call|>")
    grammar = lark_grammar('start: <|call|> %json {"const": 12}')
    requests = [
        Request(PROMPT, hot, 40, constraint=regex(r"(.|\n){400}")),
        Request(PROMPT, hot, 40, constraint=grammar),
    ]
    anything, called = write(letters, requests)
    assert max(ids(anything)) < call
    assert ids(called)[0] == call
    assert text(called) == "12"


def test_what_a_form_leaves_no_choice_about_is_guessed(letters):
    tokenizer = letters[1]
    request = Request(PROMPT, WARM, 40, constraint=choice(["unmistakable", "unmistakably"]))
    row = Row.of(0, request, tokenizer)
    drafter = IndexDrafter()
    drafter.begin(row)
    (draft,) = drafter.plan({row: 39}, 1).values()
    assert "unmistakabl".startswith(tokenizer.decode(draft))
    assert len(draft) > 1


def test_every_path_of_an_answer_has_its_form(letters):
    form = regex("(ab|cd|[e-h]){2,9}x")
    request = Request(PROMPT, WARM, 24, seed=2, constraint=form)
    family = search(letters, request, fork_config({"policy": "first", "paths": 3}))
    assert len(family.written) > 1
    for branch, events in family.written.items():
        assert ids(alone(letters, family, branch)) == ids(events)
    assert all(re.fullmatch("(ab|cd|[e-h]){2,9}x", path.text) for path in family.settled.paths)


def test_thoughts_have_no_form_and_the_answer_after_them_does(letters):
    """The prompt opens thoughts: one row is in the middle of them, the other has closed them."""
    model, plain = letters
    template = "{{ messages[0].content }}<think>{% if false %}</think>{% endif %}"
    ends = plain.eos_token_ids
    tokenizer = Tokenizer(
        plain.backend, special_tokens={}, eos_token_ids=ends, chat_template=template
    )
    prompt = tuple(tokenizer.chat([{"role": "user", "content": "Is water wet?"}]))
    ending = tuple((token_id, 100.0) for token_id in ends)
    requests = [
        Request(
            prompt,
            WARM,
            4,
            prefix=tuple(tokenizer.encode(text)),
            constraint=choice(["yes", "no"]),
            logit_bias=ending,
            splits_reasoning=True,
        )
        for text in ("Well,", "Well</think>")
    ]
    inside, behind = write((model, tokenizer), requests)
    assert len(ids(inside)) == 4
    assert all(event.reasoning is not None for event in drawn(inside))
    assert text(behind) in ("yes", "no")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: json_schema({"type": "x"}), "Invalid type: x"),
        (lambda: json_schema({"not": {}}), 'Unimplemented keys: ."not"'),
        (lambda: json_schema({"properties": {str(i): {} for i in range(1001)}}), "1,001 propert"),
        (lambda: json_schema({"allOf": [{"multipleOf": n} for n in (97, 89, 83)]}), "multipleOf"),
        (lambda: json_schema({"enum": ["x" * 300_000]}), "may take 262,144"),
        (lambda: json_schema("[]"), "no JSON object"),
        (lambda: json_schema("{"), "cannot be used"),
        (lambda: any_grammar("root ::= ("), "cannot be used"),
        (lambda: lark_grammar("start: word"), 'unknown name: "word"'),
        (lambda: regex("(?=a)b"), "look-around"),
        (lambda: choice([]), "at least one text"),
    ],
)
def test_a_form_that_cannot_be_held_is_refused_with_the_reason(letters, make, reason):
    with pytest.raises(ConstraintError, match=reason):
        letters[1].matcher(make())


def test_a_row_whose_form_grows_too_complex_fails_alone(letters):
    """Behind the first letter there are more rules to follow than the library does."""
    rules = "".join(f'x{i}: "a" y{i}\ny{i}: "b"\n' for i in range(2500))
    hard = lark_grammar(f"start: {' | '.join(f'x{i}' for i in range(2500))}\n{rules}")
    requests = [Request(PROMPT, WARM, 9, constraint=hard), Request(PROMPT, WARM, 9, seed=1)]
    lost, other = write(letters, requests)
    assert isinstance(lost[-1], RowFailed)
    assert "could not be held" in lost[-1].message
    assert ids(other) == ids(write(letters, requests[1:])[0])


def test_a_beginning_that_does_not_have_the_form_is_refused(letters):
    engine = Engine(*letters)
    with pytest.raises(ConstraintError, match="begin"):
        engine.add(Request(PROMPT, WARM, 9, prefix=(1,), constraint=PERSON))
