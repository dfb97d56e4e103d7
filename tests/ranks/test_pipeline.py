"""Ranks that have some layers of a model each."""

import json

import pytest

from benchmarks.tiny_models import tiny_model
from evals.tokenizer_folder import write_tokenizer
from mlx_entropix import PRESETS, load, stream_generate
from mlx_entropix.cli import serve
from mlx_entropix.errors import WeightsError
from mlx_entropix.model.pipeline import check_pipeline
from tests.model.checkpoints import random_model, save_folder
from tests.ranks.launching import started

PROMPTS = ["Once upon a time", "Once", "A river flows to the sea and then", "Why"]


@pytest.fixture(scope="module")
def experts(tmp_path_factory, bundled):
    """A folder with a tiny mixture of experts, and the bundled tokenizer."""
    source, config = tiny_model("qwen3_moe", vocab_size=bundled[0].vocabulary_size)
    folder = tmp_path_factory.mktemp("experts")
    save_folder(folder, source, {**config, "norm_topk_prob": True})
    write_tokenizer(bundled[1], folder)
    return folder


def test_two_ranks_with_some_layers_each_give_the_tokens_and_metrics_of_one_process(
    experts, tmp_path
):
    rows = [f"{number},{prompt}\n" for number, prompt in enumerate(PROMPTS)]
    (tmp_path / "list.csv").write_text("act,prompt\n" + "".join(rows))
    command = ["--model", experts, "--prompt_csv", tmp_path / "list.csv", "--raw", "--rows", "4"]
    command += ["--trace", tmp_path / "trace.jsonl", "--parallel", "pipeline"]
    command += ["--sampler", "entropix", "--max_tokens", "8"]
    with started(tmp_path, 2, *map(str, command)) as ranks:
        assert ranks.wait() == [0, 0], ranks.said(0)
    traced = [json.loads(line) for line in (tmp_path / "trace.jsonl").read_text().splitlines()]
    model, tokenizer = load(experts)
    for number, prompt in enumerate(PROMPTS):
        tokens = [r for r in traced if r["type"] == "token" and r["index"] == number]
        alone = stream_generate(
            model, tokenizer, prompt, config=PRESETS["entropix"], max_tokens=8, speculate=0
        )
        for event, record in zip(alone, tokens, strict=True):
            assert record["token_id"] == event.token_id
            shown = {name: record[name] for name in event.metrics._fields}
            assert shown == pytest.approx(event.metrics._asdict(), abs=1e-3)


def test_a_model_without_a_pipeline_is_refused_with_its_architecture():
    with pytest.raises(WeightsError, match=r"no pipeline of tiny, whose architecture is llama\."):
        check_pipeline(random_model()[0], 2, "tiny")


def test_more_ranks_than_layers_are_refused_with_the_numbers():
    source, _ = tiny_model("qwen2")
    check_pipeline(source, 4, "tiny")
    with pytest.raises(WeightsError, match=r"tiny has 4 layers, .* 5 ranks .* 4 ranks at most"):
        check_pipeline(source, 5, "tiny")


def test_a_server_that_is_alone_has_nobody_to_share_layers_with(capsys, monkeypatch):
    monkeypatch.delenv("MLX_RANK", raising=False)
    with pytest.raises(SystemExit) as ended:
        serve.parse(["--parallel", "pipeline"])
    assert ended.value.code == 2
    assert "--parallel is for several ranks" in capsys.readouterr().err
