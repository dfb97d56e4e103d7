"""Ctrl-Z and `fg` while an answer streams."""

import sys

import pexpect

ANSWER = """
import os, signal, time
from mlx_entropix.cli.jobs import without_echo

with without_echo():
    # A step of the model holds the signal up, until the shell has the terminal.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTSTP])
    print("answ" + "ering", flush=True)
    while os.tcgetpgrp(0) == os.getpgrp():
        time.sleep(0.01)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTSTP])
    print("went " + "on", flush=True)
print("answ" + "ered", flush=True)
"""


def test_an_answer_goes_on_after_fg_where_its_parent_stopped_first(tmp_path):
    script = tmp_path / "answer.py"
    script.write_text(ANSWER)
    shell = pexpect.spawn("bash", ["--norc", "-i"], encoding="utf-8", timeout=20)
    shell.sendline(f"sh -c '{sys.executable} {script}; true'")  # as below `uv run`
    shell.expect("answering")
    shell.send("\x1a")
    shell.expect("Stopped")
    shell.sendline("fg")
    assert shell.expect(["went on", "Error", "error"]) == 0
    shell.expect("answered")
    shell.sendline("exit")
    shell.expect(pexpect.EOF)
