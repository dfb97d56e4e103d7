"""The command as people and scripts run it, with the bundled model."""

import re
import signal
import sys
from itertools import pairwise

import pexpect
import pytest

from mlx_entropix.cli.ask import main
from mlx_entropix.prompts import SYSTEM_PROMPT

from .conftest import MAIN, ROOT, environment, json_lines, run, start, wait_for_lines

QUESTION = "What is the capital of France?"
METRICS = [
    "logits_entropy",
    "logits_varentropy",
    "attention_entropy",
    "attention_varentropy",
    "agreement",
    "interaction_strength",
]
PARAMETERS = ["temperature", "top_p", "top_k", "min_p"]
TOKEN = ["type", "index", "position", "token_id", "token", "quadrant", "logprob"]
RESULT = [
    "text",
    "finish_reason",
    "prompt_tokens",
    "completion_tokens",
    "prompt_tps",
    "generation_tps",
    "peak_memory_gb",
    "steps",
    "drafted_tokens",
    "accepted_tokens",
]


def test_json_and_trace(run_here, tmp_path):
    trace, config = tmp_path / "trace.jsonl", tmp_path / "config.json"
    trace.write_text("what was here before\n")
    config.write_text('{"adaptive": {"top_k_maximum": 40}, "min_p": 0.04}')
    arguments = ["--input", QUESTION, "--max-tokens", 8, "--seed", 5, "--temperature", 0.5]
    arguments += ["--sampler", "entropix"]
    done = run_here(*arguments, "--json", "--trace", trace, "--sampler-config", config)
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "Bundled model SmolLM2-135M-Instruct. For Llama: uv run mlx_download_weights.py"
    ]
    (result,) = json_lines(done.stdout)
    prompt, *tokens, last = json_lines(trace.read_text("utf-8"))

    assert list(prompt) == [
        *("type", "index", "text", "token_ids", "max_tokens"),
        *("model", "sampler", "config", "seed"),
    ]
    assert (prompt["type"], prompt["index"], prompt["text"]) == ("prompt", 0, QUESTION)
    assert (prompt["model"], prompt["sampler"]) == ("SmolLM2-135M-Instruct", "entropix")
    assert prompt["seed"] == 5
    used = prompt["config"]
    assert (used["temperature"], used["min_p"], used["top_p"]) == (0.5, 0.04, 0.9)
    assert used["adaptive"]["top_k_maximum"] == 40

    assert all(list(token) == [*TOKEN, *METRICS, *PARAMETERS, "drafted"] for token in tokens)
    start_at = len(prompt["token_ids"])
    assert [token["position"] for token in tokens] == list(range(start_at, start_at + len(tokens)))
    assert all(token["index"] == 0 and token["logprob"] <= 0 for token in tokens)
    quadrants = [token["quadrant"] for token in tokens]
    assert set(quadrants) <= {"FLOWING", "TREADING", "EXPLORING", "RESAMPLING", "ADAPTIVE"}
    for token in tokens:
        assert (token["temperature"] is None) == (token["quadrant"] == "FLOWING")

    assert list(last) == ["type", "index", *RESULT]
    assert last["text"] == "".join(token["token"] for token in tokens)
    assert last["completion_tokens"] == len(tokens) == 8
    assert last["prompt_tokens"] == start_at
    assert last["finish_reason"] == "length"

    assert {key: result[key] for key in RESULT} == {key: last[key] for key in RESULT}
    assert result["prompt"] == QUESTION
    assert result["config"] == used
    assert result["quadrants"] == {name: quadrants.count(name) for name in result["quadrants"]}
    assert sum(result["quadrants"].values()) == 8
    mean = sum(token["logits_entropy"] for token in tokens) / 8
    assert result["mean_logits_entropy"] == pytest.approx(mean)


@pytest.mark.slow
def test_an_adapter_and_a_cache_of_few_bits(bundled_adapter, run_here, capsys):
    arguments = ["--input", QUESTION, "--normal", "--temperature", "0", "--max_tokens", "8"]
    (plain,) = json_lines(run_here(*arguments, "--json").stdout)
    changes = ["--adapter_path", str(bundled_adapter), "--kv_bits", "8", "--json"]
    assert main([*arguments, *changes]) == 0
    (changed,) = json_lines(capsys.readouterr().out)
    assert (changed["kv_bits"], changed["kv_group_size"]) == (8, 64)
    assert changed["adapter_path"] == str(bundled_adapter)
    assert changed["text"] != plain["text"]
    assert "kv_bits" not in plain


def test_piped_quiet_and_stop(run_here):
    whole = run("--input", "-", "--max_tokens", 8, "--quiet", "--no_color", stdin=QUESTION.encode())
    assert (whole.returncode, whole.stderr) == (0, "")
    assert whole.stdout.endswith("\n")
    answer = whole.stdout[:-1]
    assert len(answer.split()) > 2
    stop = answer[4:9]
    cut = run_here(
        *("--input", QUESTION, "--max_tokens", 8, "--stop", "never", "--stop", stop, "--system"),
        SYSTEM_PROMPT,
        FORCE_COLOR="",
    )
    # The same question by another way, with the usual system prompt: the same answer, but cut.
    assert (cut.returncode, cut.stdout) == (0, answer[: answer.index(stop)] + "\n")
    _, legend, *closing = cut.stderr.splitlines()
    assert legend == (
        "~ flowing  · adaptive  ε treading  Ψ exploring  ! resampling  strong = unsure"
    )
    assert re.fullmatch(
        r"\d tokens \| [\d.]+ tok/s \| first token [\d.]+ s"
        r" \| [~·εΨ!] \d+ %(, [~·εΨ!] \d+ %)*"
        r" \| entropy [\d.]+ bits, varentropy [\d.]+ bits²",
        " | ".join(closing),
    )
    assert "\x1b" not in cut.stdout + cut.stderr


def test_normal_raw(run_here, tmp_path):
    trace = tmp_path / "trace.jsonl"
    done = run_here(
        *("--normal", "--raw", "--input", "one two three four", "--temperature", 0),
        *("--max_tokens", 6, "--trace", trace),
    )
    assert done.returncode == 0
    prompt, *tokens, _ = json_lines(trace.read_text("utf-8"))
    assert prompt["sampler"] == "normal"
    assert len(prompt["token_ids"]) == 4  # no chat template around it
    assert all(token["quadrant"] is None for token in tokens)
    assert all(token["temperature"] is None for token in tokens)  # the likeliest, no draw
    assert all(token["logits_entropy"] >= 0 for token in tokens)
    assert done.stdout == "".join(token["token"] for token in tokens).rstrip("\n") + "\n"
    assert "flowing" not in done.stderr
    assert "cut at the token limit" in done.stderr


def test_a_list_loses_nothing_to_a_prompt_that_fails(run_here, tmp_path):
    csv, trace = tmp_path / "prompts.csv", tmp_path / "trace.jsonl"
    csv.write_text(
        f'act,prompt\none,"{QUESTION}"\ntoo long,"{"word " * 9000}"\nthree,"Oh, tell a story."\n'
    )
    arguments = ["--json", "--max_tokens", 5, "--trace", trace, "--rows", 2, "--window", 2]
    done = run_here("--prompt_csv", csv, *arguments)
    assert done.returncode == 1
    results = {result["name"]: result for result in json_lines(done.stdout)}
    assert {name: result["index"] for name, result in results.items()} == {"one": 0, "three": 2}
    assert results["three"]["prompt"] == "Oh, tell a story."
    assert "error: prompt 2 of 3 (too long) failed: The prompt has 9," in done.stderr

    lines = json_lines(trace.read_text("utf-8"))
    for index in (0, 2):
        kinds = [line["type"] for line in lines if line["index"] == index]
        assert kinds == ["prompt", *["token"] * 5, "result"]
        tokens = [x for x in lines if x["index"] == index and x["type"] == "token"]
        assert tokens[0]["window"]["agreement"]["slope"] is None  # each row has its own window
        for before, now in pairwise(tokens):
            assert list(now["window"]) == ["size", *METRICS]
            for name in METRICS:
                mean, slope = now["window"][name].values()
                assert mean == pytest.approx((before[name] + now[name]) / 2)
                assert slope == pytest.approx(now[name] - before[name])
    assert not [line for line in lines if line["index"] == 1]


def test_a_list_that_is_interrupted_keeps_what_is_finished(tmp_path):
    csv, trace = tmp_path / "prompts.csv", tmp_path / "trace.jsonl"
    csv.write_text("act,prompt\nlast,Hello.\nfirst,Count up.\n")
    process = start("--prompt_csv", csv, "--rows", 1, "--max_tokens", 20, "--trace", trace)
    first = [process.stdout.readline().decode() for _ in range(2)]
    wait_for_lines(trace, lambda lines: [line["index"] for line in lines[-2:]] == [1, 1])
    process.send_signal(signal.SIGINT)
    rest, err = (stream.decode() for stream in process.communicate(timeout=60))
    assert process.returncode == 130
    assert first[0] == "1 of 2 · last\n"
    assert "first" not in rest
    assert "error: interrupted after 1 of 2 prompts." in err
    results = [x["index"] for x in json_lines(trace.read_text("utf-8")) if x["type"] == "result"]
    assert results == [0]


def test_a_killed_run_leaves_a_readable_trace(tmp_path):
    trace = tmp_path / "trace.jsonl"
    process = start("--input", "Tell me a long story.", "--trace", trace)
    wait_for_lines(trace, lambda lines: len(lines) > 3)
    process.kill()
    out, _ = process.communicate(timeout=60)
    prompt, *tokens = json_lines(trace.read_text("utf-8"))
    assert prompt["type"] == "prompt"
    assert {token["type"] for token in tokens} == {"token"}
    assert out.decode()  # what was streamed stays
    assert "".join(token["token"] for token in tokens).startswith(out.decode()[:10])


def test_a_reader_that_goes_away_is_no_error():
    process = start("--input", "Tell me a long story.", "--quiet")
    assert process.stdout.read(1)
    process.stdout.close()
    assert process.wait(timeout=60) == 1
    assert process.stderr.read() == b""


def test_in_a_terminal_with_ctrl_c():
    terminal = pexpect.spawn(
        sys.executable,
        [MAIN, "--input", "Tell me a long story."],
        env=environment(TERM="xterm-256color"),
        cwd=str(ROOT),
        encoding="utf-8",
        dimensions=(24, 80),
        timeout=100,
    )
    terminal.expect("Loading SmolLM2-135M-Instruct")
    terminal.expect(r"1;4;38;5;\d+mexploring")  # the legend, in one of 256 colours
    terminal.expect("strong = unsure")
    terminal.expect(r"\x1b\[(1;)?(4;)?38;5;\d+m\w+\x1b\[0m")  # a coloured word
    terminal.sendintr()
    terminal.expect(r"\d+ tokens? \| .*interrupted")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 130
