"""A request that forks, run to its end beside whatever else an engine has to do."""

from dataclasses import dataclass, field, replace

from mlx_entropix.engine import (
    Answered,
    Engine,
    Request,
    RowDropped,
    RowForked,
    Settled,
    TokenEvent,
    forked,
)


@dataclass
class Family:
    """What a request that forks said, by branch where it is of one path."""

    request: Request
    root: int
    forks: dict[int, RowForked] = field(default_factory=dict)
    written: dict[int, list[TokenEvent]] = field(default_factory=lambda: {0: []})
    answered: list[TokenEvent] = field(default_factory=list)
    dropped: set[int] = field(default_factory=set)
    settled: Settled | None = None
    of_row: dict[int, int] = field(default_factory=dict)

    def __post_init__(self):
        self.of_row[self.root] = 0

    def take(self, event):
        """An event of one of its rows; others are not its own."""
        if isinstance(event, RowForked) and event.parent in self.of_row:
            self.of_row[event.row] = event.branch
            self.forks[event.branch] = event
            self.written[event.branch] = []
        elif event.row not in self.of_row:
            return
        elif isinstance(event, TokenEvent):
            self.written[self.of_row[event.row]].append(event)
        elif isinstance(event, RowDropped):
            self.dropped.add(self.of_row[event.row])
        elif isinstance(event, Answered):
            assert event.row == self.root
            assert self.settled is None
            self.answered += event.tokens
        elif isinstance(event, Settled):
            assert self.settled is None
            self.settled = event

    @property
    def tokens(self):
        """Those that were written on all paths so far, and those that forks were given."""
        given = sum(len(fork.token_ids) for fork in self.forks.values())
        return given + sum(map(len, self.written.values()))

    @property
    def live(self):
        """The branches that are being written."""
        ended = {b for b, events in self.written.items() if events and events[-1].ends}
        ended |= {b for b, fork in self.forks.items() if fork.ends}
        return set(self.written) - ended - self.dropped

    @property
    def start(self):
        """The position of the first token that is not known from the start."""
        return len(self.request.prompt) + len(self.request.prefix)

    @property
    def text(self):
        """The answer."""
        return "".join(token.text for token in self.answered)

    def given(self, branch):
        """The tokens that a path begins with and did not draw, behind the request's prefix."""
        if not branch:
            return []
        fork = self.forks[branch]
        return [*self.ids(self.of_row[fork.parent])[: fork.position - self.start], *fork.token_ids]

    def ids(self, branch):
        """All tokens of a path's answer, behind the request's prefix."""
        return [*self.given(branch), *(event.token_id for event in self.written[branch])]


def search(model, request, config, *, engine=None, each_step=None, **more):
    """Run a request that forks; `each_step(family)` is called as it goes."""
    engine = engine or Engine(*model, max_rows=config.paths)
    family = Family(request, engine.add(forked(request, config, **more)))
    while not engine.idle:
        for event in engine.step():
            family.take(event)
        if each_step is not None:
            each_step(family)
    assert family.settled is not None
    return family


def alone(model, family, branch):
    """The tokens of a path that is written again by itself."""
    request, given = family.request, family.given(branch)
    again = replace(
        request,
        prefix=(*request.prefix, *given),
        branch=branch,
        max_tokens=request.max_tokens - len(given),
        certainty=True,
        alternatives=20,
    )
    engine, events = Engine(*model, max_rows=1), []
    engine.add(again)
    while not engine.idle:
        events += [event for event in engine.step() if isinstance(event, TokenEvent)]
    return events
