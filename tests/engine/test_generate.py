"""`generate` and its options: what a person types in a notebook."""

import inspect
import pydoc

import pytest

from mlx_entropix import PRESETS, SYSTEM_PROMPT, generate, stream_generate
from mlx_entropix.engine.prompt import with_system
from mlx_entropix.errors import ConfigError, PromptError, UsageError

QUESTION = [{"role": "user", "content": "Which planet is known as the red planet?"}]


def test_each_of_many_prompts_gets_the_answer_that_it_gets_alone(tiny):
    prompts = ["Once upon", QUESTION, [1, 2, 3]]
    many = generate(*tiny, prompts, rows=2, max_tokens=5, seed=3)
    assert many == [generate(*tiny, prompt, max_tokens=5, seed=3) for prompt in prompts]


def test_many_prompts_may_fork(tiny):
    options = {"max_tokens": 4, "fork": {"policy": "independent", "paths": 2}}
    many = generate(*tiny, ["Once upon", "The sea"], **options)
    assert many == [generate(*tiny, one, **options) for one in ("Once upon", "The sea")]


def test_a_prompt_of_many_that_cannot_be_answered_is_named_at_once(tiny):
    seen = []
    with pytest.raises(PromptError, match=r"^Prompt 2 of 2: The prompt is empty\. Give"):
        generate(*tiny, ["Once", ""], on_prompt=lambda *at: seen.append(at))
    assert seen == []


def test_the_sampler_is_chosen_by_keywords(tiny):
    named = generate(*tiny, "Once", sampler="frog", temperature=0, max_tokens=4)
    config = PRESETS["frog"].override({"temperature": 0})
    assert named == generate(*tiny, "Once", config=config, max_tokens=4)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"sampler": "loud"}, ConfigError, "no sampler 'loud'. Choose one of auto, entropix"),
        ({"sampler": "frog", "config": PRESETS["frog"]}, UsageError, "Leave one of them out"),
        ({"temperature": 9}, ConfigError, "temperature"),
        ({"prompt": QUESTION * 2, "rows": 1}, TypeError, "'rows'"),
        ({"prompt": ["a", "b"]}, PromptError, "`generate` takes lists"),
        ({"prompt": [1, 2], "system": "Be brief."}, UsageError, "Token ids are the whole prompt"),
    ],
)
def test_an_option_that_cannot_be_has_its_sentence(tiny, options, error, said):
    with pytest.raises(error, match=said):
        stream_generate(*tiny, **{"prompt": "Once", **options})


def test_a_chat_gets_one_system_prompt():
    system = {"role": "system", "content": SYSTEM_PROMPT}
    own = [{"role": "system", "content": "Be brief."}, *QUESTION]
    assert with_system(QUESTION, None) == [system, *QUESTION]
    assert with_system(QUESTION, "") == QUESTION
    assert with_system(own, None) == with_system(own, "") == own
    assert with_system(QUESTION[0]["content"], "Be brief.") == own
    assert with_system("as it is", None) == "as it is"
    with pytest.raises(UsageError, match="have a system prompt"):
        with_system(own, "Be kind.")


def test_an_answer_that_repeats_itself_ends(tiny):
    loop = {"logit_bias": {65: 100}, "temperature": 0, "max_tokens": 60}
    assert [*stream_generate(*tiny, "Once", **loop)][-1].finish_reason == "length"
    for speculate in (0, 8):
        tokens = [*stream_generate(*tiny, "Once", stop_repeats=4, speculate=speculate, **loop)]
        assert (len(tokens), tokens[-1].finish_reason) == (24, "repetition")


def test_help_names_every_option_once():
    shown = pydoc.plaintext.document(stream_generate)
    assert "mlx_entropix." not in shown  # types by their names alone
    doc = inspect.getdoc(stream_generate)
    for name in inspect.signature(stream_generate).parameters:
        assert name in doc or name in ("model", "tokenizer")
