"""Answers of several paths at the command line, with the bundled model."""

import os
import signal

from rich.cells import cell_len

from mlx_entropix.cli import ask_options
from mlx_entropix.cli.answer import stop_between_steps, stream_answer
from mlx_entropix.cli.fork_options import Forks
from mlx_entropix.cli.live_paths import path_lines
from mlx_entropix.cli.trace_file import read_trace
from mlx_entropix.engine import Settled, fork_config

from .conftest import json_lines

QUESTION = "Which is larger, 9.9 or 9.11?"


def forks_of(*arguments):
    return Forks.of(ask_options.parse(["--input", "x", *map(str, arguments)]))


def test_a_file_is_enough_and_options_take_precedence_over_it(tmp_path):
    path = tmp_path / "forks.toml"
    path.write_text('policy = "deepconf"\nwarmup = 2\npaths = 6\nextract = "line"\n')
    config = forks_of("--fork_config", path).config
    assert (config.policy, config.warmup, config.paths) == ("deepconf", 2, 6)
    forks = forks_of("--fork_config", path, "--paths", 4, "--budget", 90)
    assert (forks.config.paths, forks.config.budget, forks.config.extract) == (4, 90, "line")
    # What a chat turns to has the options, not the file, which is for its own policy.
    other = forks.named("entropy")
    assert (other.paths, other.budget, other.extract) == (4, 90, "auto")
    assert forks.named("deepconf") == forks.config


def test_a_list_in_which_each_prompt_forks(run_here, tmp_path):
    csv, trace = tmp_path / "prompts.csv", tmp_path / "trace.jsonl"
    csv.write_text(f'act,prompt\none,"{QUESTION}"\ntwo,What is 17 + 25?\nthree,"{QUESTION}"\n')
    done = run_here(
        *("--prompt_csv", csv, "--rows", 2, "--max_tokens", 16, "--json", "--trace", trace),
        *("--fork", "first", "--paths", 3, "--budget", 40),
    )
    assert done.returncode == 0
    results = {result["index"]: result for result in json_lines(done.stdout)}
    assert sorted(results) == [0, 1, 2]
    same = ("text", "finish_reason", "completion_tokens")
    assert [results[0][key] for key in same] == [results[2][key] for key in same]
    lines = json_lines(trace.read_text("utf-8"))
    assert len(read_trace(str(trace), ["logprob"]).answers) == 3  # `compare` reads it
    for index, result in results.items():
        forks = result["forks"]
        assert result["fork"]["budget"] == 40
        assert result["completion_tokens"] == forks["tokens"] <= 40
        assert len(forks["paths"]) > 1
        of_type = {
            kind: [line for line in lines if (line["type"], line["index"]) == (kind, index)]
            for kind in ("prompt", "fork", "token", "path", "result")
        }
        assert sum(map(len, of_type.values())) == sum(line["index"] == index for line in lines)
        written = "".join(token["token"] for token in of_type["token"])
        assert written.removesuffix("<|im_end|>") == result["text"]
        keys = {"type": "path", "index": index}
        assert of_type["path"] == [
            keys | path | {"chosen": path["branch"] == forks["chosen"]} for path in forks["paths"]
        ]
        (chosen,) = (path for path in of_type["path"] if path["chosen"])
        assert chosen["text"] == result["text"]
        made = [(fork["branch"], fork["parent"], fork["position"]) for fork in of_type["fork"]]
        assert made == [(p["branch"], p["parent"], p["position"]) for p in forks["paths"][1:]]


def test_the_answer_is_alone_where_it_is_asked_for_quietly(run_here):
    asked = ("--input", QUESTION, "--max_tokens", 8, "--fork", "independent", "--paths", 3)
    (result,) = json_lines(run_here(*asked, "--json").stdout)
    quiet = run_here(*asked, "--quiet")
    assert (quiet.stdout, quiet.stderr) == (result["text"] + "\n", "")
    told = run_here(*asked)
    assert told.stdout == quiet.stdout
    assert f"{result['forks']['tokens']} tokens on 3 paths | " in told.stderr
    assert f"✓ {result['forks']['chosen']} " in told.stderr
    assert "\x1b" not in told.stderr


def test_the_lines_of_live_paths_fit_a_small_terminal(session):
    session.fork, session.max_tokens = fork_config("independent", paths=6), 12
    request = session.request(tuple(session.tokenizer.encode("Once upon a time")))
    shown, ends = [], []

    def on_path(event):
        shown.append(path_lines(request.policy, 30, 4))
        ends.append(isinstance(event, Settled))

    text = "".join(event.text for event in session.stream(request, lambda *_: None, on_path))
    assert text
    assert ends == [False] * (len(ends) - 1) + [True]
    lines = [[line.plain for line in frame] for frame in shown if frame]
    assert max(map(len, lines)) == 6
    assert all(cell_len(line) < 30 for frame in lines for line in frame)
    full = next(frame for frame in lines if len(frame) == 6)
    assert full[0].split()[:2] == ["6", "paths"]
    assert full[-1].strip() == "and 2 more"
    assert shown[-1] == []


def test_a_turn_goes_on_from_paths_that_ctrl_c_stopped(session, monkeypatch):
    session.prefix_cache_bytes = 1 << 28
    session.fork, session.max_tokens = fork_config("entropy", paths=3), 40
    question = {"role": "user", "content": QUESTION}
    prompt_ids = tuple(session.tokenizer.chat([question]))

    def press(index, event, tally):
        if tally.search.used >= 40:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(session, "trace_path", press)
    with stop_between_steps() as check:
        stopped = stream_answer(session, 0, "", prompt_ids, check=check)
    assert stopped.is_interrupted
    assert f"{stopped.tokens} tokens on" in session.shown()
    assert "interrupted\n" in session.shown()
    *_, last = session.shown().splitlines()
    assert last.split()[0].isdecimal()  # a path as far as it had come
    assert stopped.record()["forks"] is None

    monkeypatch.undo()
    session.fork, session.max_tokens = None, 4
    turns = [question, {"role": "assistant", "content": stopped.text}, question]
    answer = stream_answer(session, 1, "", tuple(session.tokenizer.chat(turns)))
    assert answer.events[-1].summary.cached_tokens >= len(prompt_ids) - 1
