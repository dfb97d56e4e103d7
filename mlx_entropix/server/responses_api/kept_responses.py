"""The latest responses, in memory, for clients that name one in place of sending it again.

Nothing goes to a disk. What a response was made from is kept with it whole, earlier turns included,
so that a conversation can go on where these are deleted, or were pushed out.
"""

from collections.abc import Sequence
from typing import NamedTuple

from mlx_entropix.server.api_errors import ApiError

MOST_RESPONSES = 1000
MOST_BYTES = 64 * 1024 * 1024

_BYTES_AN_ITEM = 400  # of what is around it: its name, an entry of the index


class Item(NamedTuple):
    """An item of a conversation, by its name, as JSON in the form in which it is listed."""

    id: str
    json: bytes


class KeptResponse(NamedTuple):
    """A response as it was sent, the items that it was `made_from`, and those of its `output`."""

    json: bytes
    made_from: Sequence[Item]
    output: Sequence[Item]

    @property
    def items(self) -> list[Item]:
        """The conversation up to here."""
        return [*self.made_from, *self.output]

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return len(self.json) + sum(len(item.json) + _BYTES_AN_ITEM for item in self.items)


class KeptResponses:
    """At most so many responses, and bytes of them: the oldest one gives way."""

    def __init__(self, most: int = MOST_RESPONSES, most_bytes: int = MOST_BYTES):
        self.most = most
        self.most_bytes = most_bytes
        self.size = 0
        self._kept: dict[str, KeptResponse] = {}  # the oldest first
        self._items: dict[str, tuple[bytes, int]] = {}  # with how many times each is kept

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, name: str) -> bool:
        return name in self._kept

    def __getitem__(self, name: str) -> KeptResponse:
        """The response of a name. Raises the 404 where it is not kept."""
        if name not in self._kept:
            raise ApiError(
                404,
                f"No response {name!r} is kept here. The last {self.most:,} are, or fewer where "
                "they are long, until the server ends, but for those of `store: false` and those "
                "that were deleted. Ask again, with the conversation itself as input.",
                param="response_id",
                code="response_not_found",
            )
        return self._kept[name]

    def item(self, name: str) -> Item | None:
        """The item of a name, of any response that is kept; None where there is none."""
        found = self._items.get(name)
        return found and Item(name, found[0])

    def keep(self, name: str, response: KeptResponse) -> None:
        """Keep one more."""
        self._kept[name] = response
        self.size += response.size
        for item in response.items:
            _, times = self._items.get(item.id, (b"", 0))
            self._items[item.id] = (item.json, times + 1)
        while len(self) > self.most or self.size > self.most_bytes:
            self.delete(next(iter(self._kept)))

    def delete(self, name: str) -> None:
        """Forget one. Raises the 404 where it is not kept."""
        response = self[name]
        del self._kept[name]
        self.size -= response.size
        for item in response.items:
            json, times = self._items.pop(item.id)
            if times > 1:
                self._items[item.id] = (json, times - 1)
