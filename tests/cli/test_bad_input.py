"""What is wrong without a model is said before one is loaded: in a sentence, with exit code 2."""

import json
import subprocess
import sys

import pytest

from mlx_entropix.choices import NAMES
from mlx_entropix.cli.ask import main
from mlx_entropix.cli.ask_options import make_parser
from mlx_entropix.sampling import SamplerConfig

from .conftest import ROOT, environment


@pytest.fixture
def no_model(monkeypatch):
    """Fails the test where a model is loaded."""
    import mlx_entropix.engine

    module = sys.modules[mlx_entropix.engine.load_from.__module__]

    def load_model(*_):
        raise AssertionError("the model was loaded")

    monkeypatch.setattr(module, "load_model", load_model)


def error_of(capsys, *arguments):
    """The exit code 2's sentences."""
    try:
        code = main([str(a) for a in arguments])
    except SystemExit as stop:
        code = stop.code
    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    first, *rest = captured.err.strip().splitlines()
    assert first.startswith("error: ")
    assert len(rest) <= 1
    assert "Traceback" not in captured.err
    return captured.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--input", ""], "empty"),
        (["--input", " \n\t "], "empty"),
        (["--input", "a\udcffb"], "not valid UTF-8"),
        (["--input", "x", "--system", "\udcff"], "not valid UTF-8"),
        (["--input", "x", "--prompts"], "not allowed with argument --input"),
        (["--input", "x", "--max_tokens", "0"], "at least 1"),
        (["--input", "x", "--max-tokens", "-5"], "at least 1"),
        (["--input", "x", "--max_tokens", "many"], "not a whole number"),
        (["--input", "x", "--threads", "0"], "--threads: 0 is too small, it must be at least 1"),
        (["--input", "x", "--threads", "two"], "not a whole number"),
        (["--input", "x", "--adapter_path", "/nowhere"], "There is no adapter at /nowhere"),
        (["--input", "x", "--kv_bits", "5"], "choose from 2, 4, 8"),
        (["--input", "x", "--draft_model", "d", "--speculate", "off"], "wants no guesses"),
        (["--input", "x", "--draft_model", "/nowhere"], "no weights at /nowhere"),
        (["--input", "x", "--kv_group_size", "32"], "it needs --kv_bits N"),
        (["--input", "x", "--seed", "1.5"], "--seed"),
        (["--input", "x", "--stop", ""], "empty"),
        (["--input", "x", "--window", "8"], "--window adds to the trace"),
        (["--input", "x", "--window", "513", "--trace", "t.jsonl"], "at most 512"),
        (["--input", "x", "--window", "-1", "--trace", "t.jsonl"], "at least 0"),
        (["--input", "x", "--rows", "2"], "--rows is for a list"),
        (["--prompts", "--rows", "0"], "at least 1"),
        (["--input", "x", "--fork", "nope"], "no policy 'nope', choose one of independent"),
        (["--input", "x", "--paths", "3"], "--paths is for answers that fork"),
        (["--input", "x", "--extract", "number"], "--extract is for answers that fork"),
        (["--input", "x", "--fork", "first", "--paths", "0"], "at least 1"),
        (["--input", "x", "--fork", "first", "--paths", "65"], "equal to 64 (given: 65)"),
        (["--input", "x", "--fork", "first", "--budget", "some"], "not a whole number"),
        (["--input", "x", "--fork", "first", "--extract", "sum"], "no rule 'sum'"),
        (["--input", "x", "--fork", "first", "--extract", "regex:("], "no regular expression"),
        (["--input", "x", "--fork_config", "missing.toml"], "missing.toml cannot be read"),
        (["--input", "x", "--normal", "--sampler", "frog"], "contradict"),
        (["--input", "x", "--raw", "--system", "y"], "no place for --system"),
        (["--json"], "needs a prompt"),
        (["--raw"], "needs a prompt"),
        ([], "no terminal to chat in"),
        (["--input", "x", "--sampler", "greedy"], "entropix, frog, normal"),
        (["--input", "x", "--temperature", "9"], "temperature"),
        (["--input", "x", "--temperature", "nan"], "temperature"),
        (["--input", "x", "--normal", "--top_p", "2"], "top_p"),
        (["--input", "x", "--top_k", "0"], "top_k"),
        (["--input", "x", "--min_p", "-1"], "min_p"),
        (["--input", "x", "--sampler_config", "missing.json"], "missing.json cannot be read"),
        (["--input", "x", "--trace", "/nowhere/trace.jsonl"], "/nowhere/trace.jsonl"),
        (["--input", "x", "--trace", str(ROOT)], "Is a directory"),
        (["--input", "x", "--weights_dir", "/nowhere/llama"], "no weights at /nowhere/llama"),
        (["--input", "x", "--model", "weights/foo"], "no weights at weights/foo"),
        (["--input", "x", "--style", "roles"], "--style roles is for the prompts of a CSV"),
        (["--input", "x", "--style", "thinking", "--system", "y"], "no place for --system"),
        (["--input", "x", "--raw", "--prefill", "y"], "behind the prompt"),
        (["--input", "x", "--entropix", "--normal"], "contradict"),
        (["--input", "x", "--stop_repeats", "1"], "at least 2"),
        (["--input", "x", "--resume", "t.jsonl"], "--resume is for a list"),
        (["--prompts", "--resume", "t.jsonl", "--trace", "t.jsonl"], "no place for --trace"),
        (["--prompts", "--resume", "missing.jsonl"], "missing.jsonl cannot be read"),
        (["--prompt_csv", "missing.csv"], "missing.csv does not exist"),
        (["--input", "x", "--max_token", "3"], "Did you mean --max_tokens?"),
    ],
)
def test_each_mistake_has_its_sentence(capsys, no_model, arguments, said):
    assert said in error_of(capsys, *arguments)


def test_a_folder_that_is_no_model(capsys):
    assert "has no config.json" in error_of(capsys, "--input", "x", "--model", ROOT / "tests")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not JSON"),
        ("[1]", "no JSON object"),
        ("\xff", "not UTF-8"),
        ('{"heat": 1}', "heat: there is no such field"),
        ('{"temperature": -1, "adaptive": {"top_k_maximum": 999}}', "adaptive.top_k_maximum"),
        ('{"low_logits_entropy_threshold": 4}', "config.json, line 1: the thresholds of"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_config_file_that_cannot_be_used(capsys, no_model, tmp_path, content, said):
    path = tmp_path / "config.json"
    path.write_bytes(content.encode("latin-1"))
    assert said in error_of(capsys, "--input", "x", "--sampler_config", path)


@pytest.mark.parametrize("options", [["--sampler", "entropix"], ["--normal"]])
def test_a_config_file_of_another_sampler(capsys, no_model, tmp_path, options):
    path = tmp_path / "config.toml"
    path.write_text('base = "frog"')
    err = error_of(capsys, "--input", "x", "--sampler_config", path, *options)
    assert f"The base of {path} is frog, and --sampler {options[-1].strip('-')} names" in err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("paths = 3", "forks.toml names no policy"),
        ('policy = ["entropy"]', "forks.toml: there is no policy ['entropy']"),
        ('policy = "entropy"\nwarmup = 3', "forks.toml: warmup: there is no such field"),
        ('policy = "first', "forks.toml is no TOML"),
        ('policy = "entropy"\nwhen = ["agreement < low"]', "do not go with the sampler"),
    ],
)
def test_a_file_of_forks_that_cannot_be_used(capsys, no_model, tmp_path, content, said):
    path = tmp_path / "forks.toml"
    path.write_text(content)
    assert said in error_of(capsys, "--input", "x", "--normal", "--fork_config", path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no column"),
        (b"act,text\na,b\n", "no column 'prompt'"),
        (b"act,prompt\n", "no prompt below the header"),
        (b"act,prompt\na,b,c\n", "3 cells"),
        (b"act,prompt\na, \n", "line 2: the prompt is empty"),
        (b'act,prompt\na,"b\n', "check the double quotes"),
        (b"act,prompt\na,\xff\n", "not UTF-8"),
    ],
)
def test_a_csv_file_that_cannot_be_used(capsys, no_model, tmp_path, content, said):
    path = tmp_path / "prompts.csv"
    path.write_bytes(content)
    assert said in error_of(capsys, "--prompt_csv", path)


def test_an_old_trace_survives_a_run_that_does_not_begin(capsys, no_model, tmp_path):
    trace = tmp_path / "trace.jsonl"
    trace.write_text("precious\n")
    error_of(capsys, "--input", "x", "--trace", trace, "--model", "/nowhere/llama")
    assert trace.read_text() == "precious\n"


def test_standard_input_that_is_not_utf8(run_here):
    done = run_here("--input", "-", stdin=b"caf\xe9")
    assert (done.returncode, done.stdout) == (2, "")
    assert "error: Standard input is not UTF-8 (byte 4 " in done.stderr


def test_a_megabyte_does_not_fit(run_here):
    done = run_here("--input", "-", stdin=b"All work and no play. " * 48_000, TERM="dumb")
    assert (done.returncode, done.stdout) == (2, "")
    assert "flowing" not in done.stderr.lower()  # no legend for an answer that does not come
    error = done.stderr.splitlines()[-2:]
    assert "tokens, and SmolLM2-135M-Instruct takes at most 8,191" in error[0]
    assert error[1] == "Shorten the prompt."


def printed_and_loaded(*arguments):
    """What the command prints before it ends, and which heavy modules it has loaded by then."""
    script = (
        "import sys\n"
        "from mlx_entropix.cli.ask import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as stop: print('code', stop.code)\n"
        "heavy = ('mlx_entropix.engine', 'transformers', 'mlx.core', 'pydantic', 'rich')\n"
        "print([m for m in heavy if m in sys.modules])\n"
    )
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), cwd=ROOT)
    *shown, code, heavy = done.stdout.splitlines()
    return "\n".join(shown), code, heavy


def test_help_names_every_option_sampler_and_range():
    shown, code, heavy = printed_and_loaded("--help")
    assert code == "code 0"
    assert heavy == "[]"
    for action in make_parser()._actions:
        assert action.option_strings[0] in shown
    for name in NAMES:
        assert name in shown
    text = " ".join(shown.split())
    for name, metavar in (("temperature", "X"), ("top_p", "X"), ("top_k", "N"), ("min_p", "X")):
        field = SamplerConfig.model_json_schema()["properties"][name]
        told = f"base {name.replace('_', '-')}, {field['minimum']} to {field['maximum']}"
        assert f"--{name} {metavar} {told}" in text
    assert all(action.help for action in make_parser()._actions)


def test_a_wrong_option_is_told_before_anything_heavy_is_loaded():
    assert printed_and_loaded("--max_token", "3")[1:] == ("code 2", "['rich']")


def test_an_unforeseen_error_is_no_traceback_unless_asked_for(capsys, monkeypatch, tmp_path):
    import mlx_entropix.weights.locate as locate

    def fail(_):
        raise LookupError("surprise")

    monkeypatch.setattr(locate, "locate_weights", fail)
    assert main(["--input", "x"]) == 1
    err = capsys.readouterr().err
    assert "LookupError: surprise" in err
    assert "--debug" in err
    assert "Traceback" not in err
    assert main(["--input", "x", "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_the_error_is_plain_without_a_terminal(capsys):
    assert "\x1b" not in error_of(capsys, "--input", "")
    assert json.dumps("error") not in capsys.readouterr().out


def test_a_form_that_cannot_be_held_is_refused_before_a_model_is_loaded(capsys, no_model, tmp_path):
    schema = tmp_path / "schema.json"
    for text in ("[]", "{", '{"allOf": [{"multipleOf": 9973}, {"multipleOf": 9967}]}'):
        schema.write_text(text)
        assert "schema" in error_of(capsys, "--input", "Hi", "--json_schema", schema)
    assert "cannot be read" in error_of(capsys, "--input", "Hi", "--json_schema", tmp_path / "no")
