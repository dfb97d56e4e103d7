"""What reaches the terminal: the model's own text, in the colours of the quadrants, and no more."""

import io

import pytest
from rich.console import Console
from rich.segment import Segments
from rich.text import Text

from mlx_entropix.cli.screen import make_console, visible
from mlx_entropix.cli.style import legend, token_segments
from mlx_entropix.cli.tally import Tally
from mlx_entropix.engine import Summary, TokenEvent
from mlx_entropix.sampling import Metrics, Quadrant


def event(quadrant, entropy, varentropy=1.0, summary=None, text="x", logprob=-0.5):
    return TokenEvent(
        row=0,
        position=9,
        token_id=1,
        token="x",
        text=text,
        logprob=logprob,
        metrics=Metrics(entropy, varentropy, 1, 1, 1, 1),
        quadrant=quadrant,
        parameters=None,
        finish_reason="stop" if summary else None,
        summary=summary,
    )


def written(text, quadrant, entropy=9.0, *, system="standard", **more):
    """What the terminal gets for a token."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system=system, width=20, soft_wrap=True)
    token = event(quadrant, entropy, text=text, **more)
    console.print(Segments(token_segments(token, console.color_system)), end="")
    return out.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "two\nlines\n",
        "a\ttab",
        "[red]no markup[/red]",
        ":smile: no emoji code",
        "https://example.org 'a' 1.5 None",
        "a long line that is much longer than the twenty columns of this terminal",
        "  spaces  ",
        "e\u0301 é 你好 👩‍👩‍👧 العربية",
        "",
    ],
)
def test_text_is_written_as_it_is(text):
    assert written(text, Quadrant.RESAMPLING, system=None) == text
    assert written(text, None, system=None) == text
    assert written(text, Quadrant.RESAMPLING, entropy=3.0) == text


@pytest.mark.parametrize(
    ("attack", "shown"),
    [
        ("\x1b[2J\x1b[H", "␛[2J␛[H"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("\x9b2J", "\ufffd2J"),
        ("gone\rover", "gone␍over"),
        ("abc\x08\x08\x08", "abc␈␈␈"),
        ("\x00\x0c\x7f", "␀␌␡"),
    ],
)
def test_control_characters_do_not_reach_the_terminal(attack, shown):
    assert visible(attack) == shown
    for system in ("standard", None):
        assert written(attack, Quadrant.FLOWING, system=system) == shown
    assert written(attack, Quadrant.RESAMPLING, system=None) == shown


@pytest.mark.parametrize(
    ("quadrant", "code"),
    [
        (Quadrant.TREADING, "33"),
        (Quadrant.EXPLORING, "94"),
        (Quadrant.RESAMPLING, "35"),
        (None, "36"),
    ],
)
def test_a_word_has_its_quadrants_colour_and_the_space_before_it_none(quadrant, code):
    assert written(" word", quadrant, 4) == f" \x1b[{code}mword\x1b[0m"
    assert written(" word", quadrant, 6) == f" \x1b[4;{code}mword\x1b[0m"
    assert written(" word", quadrant, 8) == f" \x1b[1;4;{code}mword\x1b[0m"


def test_a_word_in_between_has_a_faint_line():
    for entropy in (4, 8):
        assert written(" word", Quadrant.ADAPTIVE, entropy) == " \x1b[2;4mword\x1b[0m"


@pytest.mark.parametrize("quadrant", [*Quadrant, None])
@pytest.mark.parametrize("system", ["standard", "truecolor"])
def test_a_sure_token_is_plain_and_a_surprising_one_is_not(quadrant, system):
    assert written(" word", quadrant, 3.5, system=system) == " word"
    surprise = written(" word", quadrant, 1.0, logprob=-5.0, system=system)
    assert ("\x1b" in surprise) == (quadrant != Quadrant.FLOWING)


def test_every_quadrant_has_a_glyph_and_a_place_in_the_legend():
    assert len({quadrant.glyph for quadrant in Quadrant}) == len(Quadrant)
    line = legend(Console(file=io.StringIO()), quadrants=True).plain
    assert "\n" not in line
    assert len(line) < 80
    assert all(f"{q.glyph} {q.name.lower()}" in line for q in Quadrant)


@pytest.mark.parametrize("value", ["1", "yes"])
def test_no_color_means_no_escape_at_all(monkeypatch, value):
    monkeypatch.setenv("NO_COLOR", value)
    monkeypatch.setenv("FORCE_COLOR", "1")
    out = io.StringIO()
    console = make_console(out, no_color=False)
    console.print(Text("x", "bold red"), legend(console, quadrants=True))
    assert "\x1b" not in out.getvalue()
    monkeypatch.delenv("NO_COLOR")
    console = make_console(out, no_color=True)
    console.print(Text("x", "bold red"), legend(console, quadrants=True))
    assert "\x1b" not in out.getvalue()


SUMMARY = Summary(9, 4, 0, 0.5, 0.3, 0.25, 1.0)


def tally_of(*events):
    tally = Tally()
    for one in events:
        tally.add(one)
    return tally


def test_the_closing_line():
    q = Quadrant
    tally = tally_of(
        event(q.FLOWING, 0.5, 1),
        event(q.FLOWING, 1.5, 2),
        event(q.EXPLORING, 2, 6),
        event(q.RESAMPLING, 4, 7, SUMMARY),
    )
    assert tally.closing_lines(200).plain == (
        "4 tokens | 16.0 tok/s | first token 0.3 s | ~ 50 %, Ψ 25 %, ! 25 %"
        " | entropy 2.0 bits, varentropy 4.0 bits²"
    )
    narrow = tally.closing_lines(70).plain.splitlines()
    assert len(narrow) == 2
    assert all(len(line) <= 70 for line in narrow)
    assert " | ".join(narrow) == tally.closing_lines(200).plain
    assert "first token" not in tally.closing_lines(200, alone=False).plain


def test_the_sign_of_a_quadrant_is_no_separator():
    tally = tally_of(event(Quadrant.ADAPTIVE, 1), event(Quadrant.EXPLORING, 1, summary=SUMMARY))
    line = tally.closing_lines(200).plain
    assert " | · 50 %, Ψ 50 % | " in line
    assert len(line.split(" | ")) == 5


def test_the_closing_line_of_the_plain_sampler_has_no_shares():
    line = tally_of(event(None, 1, 1, SUMMARY)).closing_lines(200).plain
    assert line.startswith("1 token | ")
    assert line.endswith("varentropy 1.0 bits²")


def test_an_answer_that_was_cut_says_so():
    tally = tally_of(event(Quadrant.FLOWING, 1, 1), event(Quadrant.FLOWING, 1, 1))
    tally.is_interrupted = True
    assert tally.closing_lines(200).plain.endswith("bits² | interrupted")
    assert tally.record()["finish_reason"] == "interrupted"
    nothing = Tally(is_interrupted=True)
    assert nothing.closing_lines(200).plain == "0 tokens | interrupted"
    assert nothing.record()["text"] == ""
