"""How ranks meet, and what they then have of each other.

Every other rank connects to rank 0 before anything else is done, so that whatever goes wrong later
on one of them ends all with a sentence: an operation of `mx.distributed` whose partner is gone may
wait for ever, and cannot be interrupted. What rank 0 says goes to all others, in one order.

Nothing is encrypted and nobody is asked who they are, as with the backends of mlx themselves: ranks
belong on a network of their own. What is received is JSON, and nothing of it is executed.
"""

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import mlx.core as mx

from mlx_entropix.errors import RankError
from mlx_entropix.memory import total_memory
from mlx_entropix.ranks.launch import DATA, TENSOR, Launch
from mlx_entropix.ranks.link import Link

# So long the ranks wait for the last of them. Machines that are reached by ssh need some seconds.
_MEETING_SECONDS = 60.0
_HELLO_SECONDS = 5.0  # for the first message of somebody who has connected
_ENDING_SECONDS = 1.0  # for a rank that was told to end

OnLost = Callable[[str, int], None]


class Machine(NamedTuple):
    """What ranks have to have in common. `memory` in bytes: of all ranks, that of the smallest."""

    device: str
    memory: int


class Ranks:
    """All ranks, as this one sees them. Of the others rank 0 has links to all, each to rank 0.

    `share` is what they share: TENSOR, PIPELINE or DATA.
    `on_lost(sentence, exit_code)` is called in a thread of its own when another rank is gone or has
    failed; without a sentence on one that did not end when it was told to.
    """

    def __init__(
        self,
        launch: Launch,
        links: dict[int, Link],
        machine: Machine,
        on_lost: OnLost,
        share: str,
    ):
        self.launch = launch
        self.share = share
        self.rank = launch.rank
        self.size = launch.size
        self.memory = machine.memory
        self.on_lost = on_lost
        self.heard: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        """What was received, with the rank that it came from, in the order of each."""
        self.parted = False
        """Whether a step of rank 0's is not done, by which the others may be ahead."""
        self._links = links
        self._closing = threading.Event()
        self._losing = threading.Lock()
        for rank in links:
            threading.Thread(target=self._listen, args=(rank,), daemon=True).start()

    @cached_property
    def group(self) -> mx.distributed.Group:
        """The group of `mx.distributed`, for the thread that computes. Raises `RankError`."""
        try:
            return mx.distributed.init(strict=True, backend=self.launch.backend)
        except (RuntimeError, ValueError) as error:
            raise RankError(
                f"The ranks found each other, but the backend {self.launch.backend} of mlx cannot "
                f"connect them: {error}. docs/distributed.md says what it needs."
            ) from None

    def tell(self, *message: Any) -> None:
        """Send a message to every rank that there is a link to."""
        for rank in self._links:
            self.tell_one(rank, *message)

    def tell_one(self, rank: int, *message: Any) -> None:
        """Send a message to one rank. If it is gone, `on_lost` is called, and this returns."""
        try:
            self._links[rank].send(message)
        except OSError as error:
            self._lose(rank, error)

    def agree(self, what: str, facts: Any) -> None:
        """Wait until all ranks have come here.

        Raises `RankError` on rank 0 where their `facts` differ.
        """
        if self.rank:
            self.tell("has", facts)
            return
        for _ in self._links:
            rank, (_, theirs) = self.heard.get()
            if theirs != facts:
                raise RankError(
                    f"{what} of rank {rank} differ from those of rank 0: {theirs} there, {facts} "
                    "here. Give every rank the same."
                )

    def close(self, code: int) -> None:
        """Rank 0 ends: the others are to end too, with this exit code."""
        self._closing.set()
        self.tell("end", code)

    def _listen(self, rank: int) -> None:
        link = self._links[rank]
        while True:
            try:
                message = link.receive()
            except (OSError, ValueError) as error:
                self._lose(rank, error)
                return
            if message[0] == "end":  # of rank 0 alone
                self._closing.set()
                self.heard.put((rank, message))
                time.sleep(_ENDING_SECONDS)
                self.on_lost("", message[1])  # it waits for something that does not come any more
                return
            if message[0] == "failed":
                self.fail(f"Rank {rank} of {self.size}: {message[1]}", message[2])
                return
            self.heard.put((rank, message))

    def _lose(self, rank: int, error: Exception) -> None:
        self.fail(
            f"Rank {rank} of {self.size} is gone ({error}), and the others cannot go on without "
            "it. Look at what it wrote last, and start all of them again.",
            1,
        )

    def fail(self, message: str, code: int) -> None:
        """End all ranks: `message` is said once, by the one that knows of it first."""
        if self._closing.is_set() or not self._losing.acquire(blocking=False):
            return
        for link in self._links.values() if self.rank == 0 else ():
            with contextlib.suppress(OSError):  # it is gone too
                link.send(["end", code])
        self.on_lost(message, code)


def join(launch: Launch, on_lost: OnLost, share: str = TENSOR) -> Ranks:
    """Meet the other ranks. Raises `RankError` where they do not come, or do not go together."""
    if launch.rank:
        link, machine = _report(launch)
        return Ranks(launch, {0: link}, machine, on_lost, share)
    links: dict[int, Link] = {}
    try:
        machine = _gather(launch, links, alike=share != DATA)
    except BaseException:
        for link in links.values():
            with contextlib.suppress(OSError):
                link.send(["end", 1])
        raise
    ranks = Ranks(launch, links, machine, on_lost, share)
    ranks.tell(*machine)
    return ranks


def _gather(launch: Launch, links: dict[int, Link], alike: bool) -> Machine:
    """Wait for all other ranks, which may have to be `alike`, and put them among the links."""
    deadline = time.monotonic() + _MEETING_SECONDS
    machine = _machine()
    with _listener(launch) as listener:
        while missing := sorted(set(range(1, launch.size)) - set(links)):
            listener.settimeout(max(deadline - time.monotonic(), 0.01))
            try:
                link = Link(listener.accept()[0])
            except TimeoutError:
                raise RankError(
                    f"Rank {missing[0]} of {launch.size} has not come within "
                    f"{_MEETING_SECONDS:.0f} s. Look at what it wrote on its machine, and whether "
                    f"that reaches {launch.host} port {launch.port}."
                ) from None
            try:
                rank, size, theirs = link.receive(_HELLO_SECONDS)
                theirs = Machine(*theirs)
            except (OSError, ValueError, TypeError):
                link.close()  # somebody else
                continue
            if size != launch.size or rank not in missing:
                link.send(["failed", f"there is no place for rank {rank} of {size}.", 1])
                link.close()
                continue
            links[rank] = link
            if alike and theirs.device != machine.device:
                raise RankError(
                    f"Rank {rank} computes on a {theirs.device}, and rank 0 on a {machine.device}. "
                    "Their numbers have different widths: use machines of one kind."
                )
            machine = machine._replace(memory=min(machine.memory, theirs.memory))
    return machine


def _report(launch: Launch) -> tuple[Link, Machine]:
    deadline = time.monotonic() + _MEETING_SECONDS
    while True:
        try:
            link = Link(socket.create_connection((launch.host, launch.port), timeout=5))
            link.send([launch.rank, launch.size, _machine()])
            answer = link.receive(max(deadline - time.monotonic(), 0.01))
            break
        except (OSError, ValueError) as error:
            if time.monotonic() > deadline:
                raise RankError(
                    f"Rank 0 did not answer at {launch.host} port {launch.port} within "
                    f"{_MEETING_SECONDS:.0f} s ({error}). Check that it runs, and that its machine "
                    "can be reached."
                ) from None
            time.sleep(0.1)
    if answer[0] == "failed":
        raise RankError(f"Rank 0 refused rank {launch.rank}: {answer[1]}")
    if answer[0] == "end":
        raise SystemExit(answer[1])
    return link, Machine(*answer)


def _listener(launch: Launch) -> socket.socket:
    try:
        return socket.create_server((launch.host, launch.port), backlog=launch.size)
    except OSError as error:
        raise RankError(
            f"Rank 0 cannot listen for the others at {launch.host} port {launch.port} "
            f"({error.strerror or error}). Start with another port, as with "
            "`mlx.launch --starting-port 40000`."
        ) from None


def _machine() -> Machine:
    device = "CPU" if mx.default_device().type == mx.DeviceType.cpu else "GPU"
    return Machine(device, total_memory())
