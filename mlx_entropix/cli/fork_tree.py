"""The paths of an answer, once it is settled, as a tree of words.

The path that was chosen is the trunk, whatever was copied of what. Every other path is a line, at
the path that it has most words in common with: the words before they part, the word there and the
one in its place, and what comes of it. Paths with the same words are one line, with their number.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from mlx_entropix.cli.words import first_words, last_words, one_line
from mlx_entropix.engine import ForkConfig, Path, Settled

MOST_LINES = 24
"""So many paths are shown."""

_DIM, _BOLD = Style(dim=True), Style(bold=True)
_CHOSEN, _END, _CUT = "✓", "(end)", "…"
_LONGEST_WORD = 20
_SCORE_WIDTH, _VOTE_WIDTH, _GONE_WIDTH = 7, 6, 9
_MOST_OTHERS, _LONGEST_ANSWER = 3, 24


@dataclass
class _Node:
    """A path, and the character at which it parts from the path that it hangs at.

    `same` are the paths that have these words, `vote` is that of all of them.
    """

    path: Path
    at: int = 0
    same: int = 1
    vote: float = 0.0
    others: list["_Node"] = field(default_factory=list)


def fork_tree(settled: Settled, config: ForkConfig, width: int) -> Text:
    """The tree, with each path's answer, score and vote, in lines of at most `width` columns.

    Below it are how the answer was chosen, and whether forks were left out. Where there was no
    fork, one line says so.
    """
    lines = []
    if len(settled.paths) == 1:
        lines.append(Text("No fork was taken.", _DIM))
    else:
        columns = _Columns(settled, config, width)
        rows = list(_rows(_planted(settled)))
        lines = [columns.head(), *(columns.row(*row) for row in rows[:MOST_LINES])]
        if more := len(rows[MOST_LINES:]):
            lines.append(Text(f"and {more} more, which --json and --trace name", _DIM))
        lines.append(Text(_chosen_by(settled, width), _DIM))
    if settled.narrowed:
        plural = "s were" if settled.narrowed != 1 else " was"
        want = "room or budget" + (f" ({config.budget:,} tokens)" if config.budget else "")
        lines.append(Text(f"{settled.narrowed} fork{plural} not made, for want of {want}.", _DIM))
    return Text("\n").join(lines)


# ---- which path hangs where ----


def _planted(settled: Settled) -> _Node:
    """The tree's trunk, with all other paths at it."""
    trunk = next(path for path in settled.paths if path.branch == settled.chosen)
    nodes = [_Node(trunk, vote=trunk.vote)]
    for path in settled.paths:
        if path is trunk:
            continue
        twin = next((node for node in nodes if _is_same(node.path, path)), None)
        if twin is not None:
            twin.same, twin.vote = twin.same + 1, twin.vote + path.vote
        else:
            shared = [parting(node.path.text, path.text) for node in nodes]
            best = max(range(len(nodes)), key=lambda i: shared[i])  # the first of equals
            node = _Node(path, shared[best], vote=path.vote)
            nodes[best].others.append(node)
            nodes.append(node)
    return nodes[0]


def _is_same(path: Path, other: Path) -> bool:
    return path.text == other.text and _is_gone(path) == _is_gone(other)


def _is_gone(path: Path) -> bool:
    return path.finish_reason in ("dropped", "failed")


def parting(text: str, other: str) -> int:
    """The character at which the first word begins that two texts do not have in common.

    What has no spaces, as a long line of Chinese, parts where its characters do.
    """
    pairs = enumerate(zip(text, other, strict=False))
    common = next((i for i, (a, b) in pairs if a != b), min(len(text), len(other)))
    if all(not rest or rest[0].isspace() for rest in (text[common:], other[common:])):
        return common  # behind a word
    start = common
    while start and not text[start - 1].isspace():
        start -= 1
    return start if common - start < _LONGEST_WORD else common


def _rows(trunk: _Node) -> Iterator[tuple[str, _Node, _Node | None]]:
    """Each path in the order of the text, with its tree lines and the path that it hangs at."""
    yield f"{_CHOSEN} ", trunk, None
    yield from _below(trunk, "")


def _below(node: _Node, lines: str) -> Iterator[tuple[str, _Node, _Node | None]]:
    others = sorted(node.others, key=lambda other: (other.at, other.path.branch))
    for other in others:
        is_last = other is others[-1]
        yield f"{lines}{'└' if is_last else '├'} ", other, node
        yield from _below(other, lines + ("  " if is_last else "│ "))


# ---- how a path looks ----


class _Columns:
    """Words on the left; answer, score and vote on the right."""

    def __init__(self, settled: Settled, config: ForkConfig, width: int):
        self.score = config.score
        self.title = f"{config.policy} · {config.vote} · {config.score.replace('_', ' ')}"
        self.chosen = settled.chosen
        self.votes = bool(settled.votes)
        longest = max(cell_len(path.answer or "") for path in settled.paths)
        self.answer_width = max(6, min(longest, width // 5)) if longest else 0
        gone = any(map(_is_gone, settled.paths))
        self.vote_width = _GONE_WIDTH if gone else _VOTE_WIDTH if self.votes else 0
        right = self.answer_width + 2 * bool(longest) + _SCORE_WIDTH + self.vote_width
        self.left_width = max(16, width - 1 - right)

    def head(self) -> Text:
        """What the columns are, dim."""
        left = first_words(self.title, self.left_width)
        vote = "vote" if self.votes else ""
        return self._line(Text(left, _DIM), "answer", "score", vote, _DIM)

    def row(self, lines: str, node: _Node, parent: _Node | None) -> Text:
        """One path."""
        path = node.path
        many = f"×{node.same} " if node.same > 1 else ""
        left = Text(lines, _DIM).append(f"{path.branch} {many}", _DIM)
        room = self.left_width - cell_len(left.plain)
        if parent is None:
            left.append(first_words(path.text, room))
        else:
            left.append_text(_way(node, parent, room))
        score = path.scores.get(self.score)
        vote = _number(node.vote) if self.votes else ""
        if _is_gone(path):
            vote = path.finish_reason
        style = _DIM if _is_gone(path) else _BOLD if path.branch == self.chosen else Style.null()
        return self._line(
            left, path.answer or "", "" if score is None else f"{score:.2f}", vote, style
        )

    def _line(self, left: Text, answer: str, score: str, vote: str, style: Style) -> Text:
        line = left.copy()
        line.append(" " * (self.left_width - cell_len(line.plain)))
        if self.answer_width:
            shown = first_words(answer, self.answer_width)
            line.append("  ").append(shown, style)
            line.append(" " * (self.answer_width - cell_len(shown)))
        line.append(f"{score:>{_SCORE_WIDTH}}", _DIM)
        if self.vote_width:
            line.append(f"{vote:>{self.vote_width}}", style)
        if style == _DIM:
            line.stylize(_DIM)
        line.rstrip()
        return line


def _way(node: _Node, parent: _Node, room: int) -> Text:
    """Where a path parts from another: what is before, the word there → its own, what follows."""
    text, other, at = node.path.text, parent.path.text, node.at
    there, own = _word(parent.path, at), _word(node.path, at)
    rest = text[at:].lstrip()[len(own) :]
    there, own = first_words(there, room // 3), first_words(own, room // 3)
    if there == own:  # what differs is the space before it
        there, own = _line_end(other, at) + there, _line_end(text, at) + own
    turn = f"{there} → "
    before = last_words(text[:at], max(room // 4, room - cell_len(f" {turn}{own}{one_line(rest)}")))
    way = Text()
    if before:
        way.append(f"{before} ", _DIM)
    way.append(turn, _DIM).append(own, _BOLD)
    left = room - cell_len(way.plain)
    if left > 3 and rest:
        space = " " * rest[0].isspace()
        way.append(space + first_words(rest, left - len(space)))
    way.truncate(room, overflow="ellipsis")
    return way


def _word(path: Path, at: int) -> str:
    """The word from a character on."""
    word, *_ = one_line(path.text[at:]).split(" ", 1)
    return word[:_LONGEST_WORD] or (_END if path.finish_reason == "stop" else _CUT)


def _line_end(text: str, at: int) -> str:
    """A sign for a line that ends before the word from a character on."""
    rest = text[at:]
    return "↵ " if "\n" in rest[: len(rest) - len(rest.lstrip())] else ""


def _number(weight: float) -> str:
    return f"{weight:.0f}" if weight == round(weight) else f"{weight:.2f}"


def _chosen_by(settled: Settled, width: int) -> str:
    """How the paths came to their answer, in a sentence: as many of the others as fit."""
    if sum(not _is_gone(path) for path in settled.paths) == 1:
        return f"Path {settled.chosen} was kept."
    if not settled.votes:
        return f"Path {settled.chosen} has the best score."
    total = sum(vote.weight for vote in settled.votes)
    best, *others = settled.votes
    most = min(_LONGEST_ANSWER, width // 3)
    told = f"{_quoted(best.answer, most)} has {_number(best.weight)} of {_number(total)} votes"
    if others and others[0].weight == best.weight:
        tied = f"{told}, and of equals the best score"
        told = tied if cell_len(tied) + 1 < width else told
    for n in range(min(_MOST_OTHERS, len(others)), 0, -1):
        after = [f"{_quoted(vote.answer, most)} ({_number(vote.weight)})" for vote in others[:n]]
        after += [f"{len(others) - n} more"] * (len(others) > n)
        whole = f"{told}; then {', '.join(after)}."
        if cell_len(whole) < width:
            return whole
    return f"{told}."


def _quoted(answer: str, most: int) -> str:
    words = first_words(answer, most)
    return f"“{words}”" if " " in words else words
