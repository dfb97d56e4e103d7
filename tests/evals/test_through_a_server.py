"""Our server, asked by `--url` and, with the group `lm-eval`, by the recipes of docs/evals.md.

Offline: the tasks and their data are beside this file.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from evals.remote import Server
from evals.tokenizer_folder import write_tokenizer
from mlx_entropix.errors import EvalError
from tests.evals.samples import ENTROPIX, GREEDY, WARM, plan
from tests.server.running import ROOT, running

MODEL = "SmolLM2-135M-Instruct"
TASKS = Path(__file__).parent / "lm_eval_tasks"


@pytest.fixture(scope="module")
def evaluate(tmp_path_factory):
    """lm-eval's `simple_evaluate` with our own tasks."""
    folder = tmp_path_factory.mktemp("lm_eval")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HOME", str(folder))
        patch.setenv("HF_DATASETS_OFFLINE", "1")
        patch.setenv("OPENAI_API_KEY", "none")
        patch.chdir(ROOT)  # the tasks name their data from here
        lm_eval = pytest.importorskip("lm_eval", reason="uv sync --group lm-eval")
        from lm_eval.tasks import TaskManager

        known = TaskManager(include_path=str(TASKS), include_defaults=False)

        # It starts an event loop, and a browser's tests leave theirs running in this thread.
        with ThreadPoolExecutor(1) as thread:

            def evaluate(task, **options):
                asked = {"tasks": [task], "task_manager": known, **options}
                return thread.submit(lm_eval.simple_evaluate, **asked).result()["results"][task]

            yield evaluate


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with running(tmp_path_factory.mktemp("server") / "log") as server:
        yield server.api


def test_choices_are_scored_by_log_likelihood(evaluate, address, bundled, tmp_path):
    write_tokenizer(bundled[1], tmp_path)
    options = {
        "model": MODEL,
        "base_url": f"{address}/completions",
        "tokenizer": str(tmp_path),
        "tokenizer_backend": "huggingface",
        "num_concurrent": 4,
    }
    found = evaluate("capitals_choice", model="local-completions", model_args=options)
    assert found["acc,none"] == 1


def test_answers_are_generated_in_a_chat_under_a_sampler_of_ours(evaluate, address):
    found = evaluate(
        "capitals_written",
        model="local-chat-completions",
        model_args={"model": MODEL, "base_url": f"{address}/chat/completions", "num_concurrent": 4},
        apply_chat_template=True,
        gen_kwargs="sampler=entropix,temperature=0.1",
    )
    assert found["exact_match,name"] >= 0.5


def test_a_server_of_ours_takes_every_arm_and_another_one_does_not(address):
    asked = plan(1, 1, (GREEDY, WARM, ENTROPIX))
    server = Server(address, "none", None, asked.system, rows=4)
    server.check(asked.arms)
    assert server.name == MODEL
    records = list(server(asked.blocks()))
    assert {record["arm"] for record in records} == {"greedy", "temperature", "entropix"}
    assert all(0 < record["completion_tokens"] <= 6 for record in records)

    server.is_ours = False
    server.check((GREEDY, WARM))
    with pytest.raises(EvalError, match="'entropix' needs more"):
        server.check(asked.arms)
