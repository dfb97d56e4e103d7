"""What a notebook makes of answers and analyses."""

import copy
import sys
from html.parser import HTMLParser

import pytest

from mlx_entropix import PRESETS, PlainConfig, analyse, generate, stream_generate
from mlx_entropix.cli.compare import main as compare
from mlx_entropix.cli.trace_file import read_trace
from mlx_entropix.engine import prompt_token_record, token_record
from mlx_entropix.errors import TraceError, UsageError
from mlx_entropix.sampling import Metrics, Quadrant

TEXT = "Café <script>alert('&')</script>\nqwyx 😀 $1 and $2."


class Seen(HTMLParser):
    """The text that is shown before anything is pointed at, and what is loaded from elsewhere."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.text, self.legend, self.cards, self.tags, self.loads = "", "", [], [], set()
        self.feed(page)
        self.close()
        assert self.tags == []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.loads |= {tag} & {"script", "img", "link", "iframe"} | {"src", "href"} & {*attributes}
        if tag != "br":
            self.tags.append((tag, attributes.get("class", "")))
        if attributes.get("class") == "mlxe-card":
            self.cards.append("")

    def handle_endtag(self, tag):
        assert self.tags.pop()[0] == tag

    def handle_data(self, data):
        classes = [name for _, name in self.tags]
        if "mlxe-card" in classes:
            self.cards[-1] += data + " "
        elif "mlxe-text" in classes:
            self.text += data
        elif "mlxe-legend" in classes:
            self.legend += data


@pytest.fixture(scope="module")
def answer(bundled):
    config = PRESETS["entropix"]
    return generate(*bundled, "Once upon a", config=config, max_tokens=10, seed=1, alternatives=3)


@pytest.fixture(scope="module")
def analysis(bundled):
    return analyse(*bundled, TEXT, alternatives=3)


def test_an_answer_is_its_text_and_knows_its_tokens(answer, bundled):
    assert isinstance(answer, str)
    assert answer == "".join(token.text for token in answer.tokens)
    assert answer.finish_reason == "length"
    assert copy.deepcopy(answer).tokens == answer.tokens
    stream = stream_generate(*bundled, "Once upon a", config=PRESETS["entropix"], seed=1)
    first = next(stream)
    assert (stream.answer, stream.answer.finish_reason) == (first.text, None)
    stream.close()
    assert answer.startswith(stream.answer)


def test_the_page_has_the_whole_text_escaped_a_card_a_token_and_loads_nothing(answer, analysis):
    seen = Seen(analysis._repr_html_())
    assert (seen.text, seen.loads) == (TEXT, set())
    assert all(quadrant.name.lower() in seen.legend for quadrant in Quadrant)
    written = Seen(answer._repr_html_())
    assert written.text == answer
    assert len(written.cards) == len(answer.tokens)
    for card, token in zip(written.cards, answer.tokens, strict=True):
        assert token.quadrant.phrase in card
        assert f"{token.metrics.logits_entropy:.3g} bits" in card
        assert (f"{token.parameters.temperature:.3g}" if token.parameters else "No draw") in card
        assert all(other.token.strip() in card for other in token.alternatives)


def test_a_sure_word_is_plain_and_the_plain_sampler_has_one_hue(bundled):
    sure = generate(*bundled, "one two three four five", config=PlainConfig(), max_tokens=1)
    page = sure._repr_html_()
    assert 'tabindex="0"' not in page
    lost = generate(*bundled, "qwyx", config=PlainConfig(), max_tokens=1, seed=2)
    page = lost._repr_html_()
    assert 'tabindex="0"' in page
    assert "flowing" not in Seen(page).legend


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_frame_has_a_row_a_token_and_the_columns_of_the_trace(library, answer, analysis):
    for shown, records in (
        (answer, [token_record(token) for token in answer.tokens]),
        (analysis, [prompt_token_record(at, t) for at, t in enumerate(analysis.tokens)]),
    ):
        frame = shown.to_frame(library)
        assert type(frame).__module__.startswith(library)
        assert list(frame.columns) == list(records[0])
        assert list(frame["logits_entropy"])[1:] == [r["logits_entropy"] for r in records][1:]
        assert list(frame["token"]) == [r["token"] for r in records]


def test_the_plot_has_a_panel_a_metric_with_its_unit_and_a_point_a_token(answer, analysis):
    figure = answer.plot()
    assert [panel.get_ylabel() for panel in figure.axes] == [
        "logits entropy\nbits",
        "logits varentropy\nbits²",
    ]
    heights = {y for points in figure.axes[0].collections for _, y in points.get_offsets()}
    assert heights == {token.metrics.logits_entropy for token in answer.tokens}
    figure = analysis.plot(["agreement"])
    names = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert len(names) == len(analysis.tokens)
    figure.canvas.draw()  # no word is taken for a formula
    with pytest.raises(UsageError, match=r"no metric 'speed'\. Choose from logits_entropy"):
        answer.plot(["speed"])


def test_without_the_library_a_sentence_says_which_to_install(answer, monkeypatch):
    for name in ("pandas", "polars", "matplotlib"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match="pip install pandas"):
        answer.to_frame()
    with pytest.raises(UsageError, match="pip install matplotlib"):
        answer.plot()


def test_a_saved_trace_can_be_compared_as_one_of_the_command_line(
    answer, analysis, bundled, tmp_path, capsys
):
    path = answer.save_trace(tmp_path / "a.jsonl")
    (read,) = read_trace(str(path), Metrics._fields).answers
    assert read.prompt["sampler"] == "entropix"
    assert [token["token_id"] for token in read.tokens] == [t.token_id for t in answer.tokens]
    assert compare([str(path), str(path)]) == 0
    lines = analysis.save_trace(tmp_path / "b.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == 2 + len(analysis.tokens)
    assert lines[-1].startswith('{"type": "score"')
    with pytest.raises(TraceError, match="Name a file in a folder that exists"):
        answer.save_trace(tmp_path / "none" / "a.jsonl")
    with pytest.raises(UsageError, match="not at its end"):
        stream_generate(*bundled, "Once").answer.save_trace(tmp_path / "c.jsonl")


def test_the_trace_of_an_answer_that_forked_has_its_paths(bundled, tmp_path):
    forked = generate(*bundled, "7 + 5 =", fork={"policy": "first", "paths": 2}, max_tokens=3)
    text = forked.save_trace(tmp_path / "f.jsonl").read_text("utf-8")
    assert text.count('{"type": "fork"') == 1
    assert text.count('{"type": "path"') == 2
