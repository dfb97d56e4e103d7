"""The chat: turns, commands, and what does not end it."""

import contextlib
import json
import os
import signal
import sys

import pexpect
import pytest

from mlx_entropix.cli.answer import Stopped, stop_between_steps, stream_answer
from mlx_entropix.cli.chat import COMMANDS, Conversation, _take_turn, run_command
from mlx_entropix.errors import UsageError

from .conftest import MAIN, ROOT, environment, json_lines, wait_for_lines


@pytest.fixture
def talked():
    conversation = Conversation("Be brief.")
    conversation.turns += [
        {"role": "user", "content": "Hi <b>"},
        {"role": "assistant", "content": "Hello, é."},
    ]
    return conversation


def test_save_as_json_and_markdown(session, talked, tmp_path):
    path = tmp_path / "chat.json"
    assert run_command(f"/save {path}", session, talked) == f"Saved to {path}, as JSON."
    saved = json.loads(path.read_text("utf-8"))
    assert saved["messages"] == [{"role": "system", "content": "Be brief."}, *talked.turns]
    assert (saved["model"], saved["sampler"], saved["seed"]) == (
        "SmolLM2-135M-Instruct",
        "auto",
        0,
    )
    said = run_command(f"/save {tmp_path / 'chat.md'}", session, talked)
    assert said.endswith("as Markdown.")
    assert "**assistant**\n\nHello, é.\n" in (tmp_path / "chat.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/save", "no file name"),
        ("/save {tmp}/old.md", "exists already. Give another name, or replace it: /save! "),
        ("/load", "no file name"),
        ("/load {tmp}/none.json", "cannot be read"),
        ("/load {tmp}/old.md", "holds no chat"),
        ("/retry x", "not a whole number"),
        ("/save {tmp}/none/chat.md", "cannot be written"),
        ("/seed x", "not a whole number"),
        ("/sampler loud", "entropix, frog, normal"),
        ("/fork loud", "no policy 'loud'"),
        ("/nonsense", "no command /nonsense"),
    ],
)
def test_a_command_that_is_wrong_changes_nothing(session, talked, tmp_path, line, said):
    (tmp_path / "old.md").write_text("old")
    before = (list(talked.turns), session.sampler, session.config, session.seed, session.fork)
    with pytest.raises(UsageError, match=said):
        run_command(line.format(tmp=tmp_path), session, talked)
    now = (talked.turns, session.sampler, session.config, session.seed, session.fork)
    assert before == now
    assert (tmp_path / "old.md").read_text() == "old"


def test_a_conversation_that_was_saved_goes_on(session, talked, tmp_path):
    path = tmp_path / "chat.json"
    path.write_text("old")
    run_command(f"/save! {path}", session, talked)
    other = Conversation(None)
    assert run_command(f"/load {path}", session, other).endswith("with 3 messages.")
    assert other == talked
    assert run_command("/system", session, other) == "The system prompt is: Be brief."
    assert run_command('/system ""', session, other) == "There is no system prompt."
    assert other.messages() == talked.turns


def test_a_question_that_is_asked_again_has_one_answer(session, talked, monkeypatch):
    monkeypatch.setattr("mlx_entropix.cli.chat.without_echo", contextlib.nullcontext)
    session.max_tokens = 2
    assert run_command("/retry", session, talked) == "Again, with seed 1."
    _take_turn(session, talked, 1, "/retry")
    question, answer = talked.turns
    assert question["content"] == "Hi <b>"
    assert answer["content"] != "Hello, é."
    with pytest.raises(UsageError, match="no question"):
        run_command("/retry", session, Conversation(None))


def test_nothing_to_save(session, tmp_path):
    with pytest.raises(UsageError, match="nothing to save"):
        run_command(f"/save {tmp_path}/a.md", session, Conversation(None))


def test_the_other_commands(session, talked):
    assert "frog now" in run_command("/sampler frog", session, talked)
    assert session.config.top_k == 33
    assert "frog" in run_command("/sampler", session, talked)
    assert run_command("/seed 12", session, talked) == "The seed is 12 now."
    assert session.seed == 12
    assert "entropy now, on 5 paths" in run_command("/fork entropy", session, talked)
    assert session.fork.policy == "entropy"
    assert "Forks are entropy." in run_command("/fork", session, talked)
    run_command("/fork off", session, talked)
    assert session.fork is None
    assert all(name in run_command("/help", session, talked) for name in COMMANDS)
    run_command("/reset", session, talked)
    assert talked.messages() == [{"role": "system", "content": "Be brief."}]
    with pytest.raises(EOFError):
        run_command("/quit", session, talked)


def test_a_turn_goes_on_from_the_turns_before(session):
    session.prefix_cache_bytes = 1 << 28
    question = {"role": "user", "content": "Name a river."}
    first = stream_answer(session, 0, "", tuple(session.tokenizer.chat([question])))
    assert first.events[-1].summary.cached_tokens == 0
    turns = [question, {"role": "assistant", "content": first.text}, question]
    prompt_ids = tuple(session.tokenizer.chat(turns))
    second = stream_answer(session, 1, "", prompt_ids)
    assert second.events[-1].summary.cached_tokens > len(session.tokenizer.chat([question])) - 5
    session.drop_engine()  # forgets, and answers the same
    again = stream_answer(session, 2, "", prompt_ids)
    assert again.text == second.text
    assert again.events[-1].summary.cached_tokens == 0


def test_a_turn_goes_on_from_an_answer_that_ctrl_c_stopped(session, monkeypatch):
    session.prefix_cache_bytes, session.max_tokens = 1 << 28, 8
    question = {"role": "user", "content": "Tell me a long story."}
    prompt_ids = tuple(session.tokenizer.chat([question]))
    seen = []

    def press_after_five(index, event):
        seen.append(event.token_id)
        if len(seen) == 5:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(session, "trace_token", press_after_five)
    with stop_between_steps() as check:
        stopped = stream_answer(session, 0, "", prompt_ids, check=check)
    assert stopped.is_interrupted
    assert len(stopped.events) == len(seen) == 5
    assert "5 tokens" in session.shown()
    assert session.shown().endswith("interrupted\n")
    with pytest.raises(KeyboardInterrupt):  # again as before
        os.kill(os.getpid(), signal.SIGINT)

    turns = [question, {"role": "assistant", "content": stopped.text}, question]
    prompt_ids = tuple(session.tokenizer.chat(turns))
    answer = stream_answer(session, 1, "", prompt_ids)
    history = len(session.tokenizer.chat([question])) + len(stopped.events)
    assert answer.events[-1].summary.cached_tokens >= history - 1
    session.drop_engine()
    assert stream_answer(session, 2, "", prompt_ids).text == answer.text


def test_the_second_ctrl_c_does_not_wait():
    with stop_between_steps() as check:
        check()
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Stopped):
            check()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_while_a_long_prompt_is_read_stops_before_the_first_token(session):
    session.prefix_cache_bytes = 1 << 28
    with stop_between_steps() as check:
        os.kill(os.getpid(), signal.SIGINT)
        tally = stream_answer(session, 0, "", tuple(range(100, 900)), check=check)
    assert tally.is_interrupted
    assert not tally.events
    question = tuple(session.tokenizer.chat([{"role": "user", "content": "Name a river."}]))
    assert stream_answer(session, 1, "", question).text


def test_chat_in_a_terminal(tmp_path):
    trace = tmp_path / "trace.jsonl"
    chat = pexpect.spawn(
        sys.executable,
        [MAIN, "--max_tokens", "40", "--trace", str(trace)],
        env=environment(
            TERM="xterm-256color", XDG_STATE_HOME=str(tmp_path), PROMPT_TOOLKIT_NO_CPR="1"
        ),
        cwd=str(ROOT),
        encoding="utf-8",
        dimensions=(40, 100),
        timeout=100,
    )
    chat.expect("/help shows the commands")
    chat.expect("›")

    chat.send("Name the capital\x1b\rof France.\r")  # Alt-Enter is Escape and Enter
    chat.expect(r"\d+ tokens? \| ")

    chat.send("/sampler nor\t")
    chat.expect("mal")  # by Tab
    chat.send("\r")
    chat.expect("The sampler is normal now")
    chat.send("/seed x\r")
    chat.expect("not a whole number")

    chat.send("Tell me a long story.\r")
    wait_for_lines(trace, lambda lines: [line["index"] for line in lines[-2:]] == [1, 1])
    chat.setecho(True)  # as a shell has it after Ctrl-Z
    chat.kill(signal.SIGCONT)  # `fg`
    assert chat.waitnoecho(20)
    chat.sendintr()
    chat.expect("interrupted")

    chat.send("/fork ind\t")
    chat.expect("ependent")
    chat.send("\r")
    chat.expect("Answers fork by independent now")
    chat.send("Say hi.\r")
    chat.expect(r"5 paths · \d+ tokens")  # while they are written
    chat.expect(r"\d+ tokens on 5 paths \| ")
    chat.expect("✓ ")
    chat.expect(r"has \d of 5 votes")
    chat.expect("›")  # a terminal without a prompt takes no line as long as the next one

    chat.send("\x1b[200~" + "word " * 9000 + "\x1b[201~\r")  # pasted, and too long
    chat.expect("takes at most 8,191")
    chat.expect("Type /reset")

    path = tmp_path / "chat.json"
    chat.send(f"/save {path}\r")
    chat.expect("Saved to")
    chat.send("half a line\x03")  # Ctrl-C throws it away and stays
    chat.send("/quit\r")
    chat.expect(pexpect.EOF)
    chat.close()
    assert chat.exitstatus == 0

    system, *turns = json.loads(path.read_text("utf-8"))["messages"]
    assert system["role"] == "system"
    assert [turn["role"] for turn in turns] == ["user", "assistant"] * 3
    assert turns[0]["content"] == "Name the capital\nof France."
    assert turns[3]["content"]  # as far as it had come when it was stopped

    lines = json_lines(trace.read_text("utf-8"))
    first, second, third = (line for line in lines if line["type"] == "prompt")
    assert second["token_ids"][: len(first["token_ids"])] == first["token_ids"]
    assert (first["text"], second["text"]) == (turns[0]["content"], turns[2]["content"])
    assert (first["sampler"], second["sampler"]) == ("auto", "normal")
    assert "fork" not in second
    assert third["fork"]["policy"] == "independent"
    assert [line["index"] for line in lines if line["type"] == "result"] == [0, 2]
    history = (tmp_path / "mlx-entropix" / "history").read_text("utf-8")
    assert "+Name the capital\n+of France.\n" in history
