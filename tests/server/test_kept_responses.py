"""What is kept of responses: the newest, within bounds, and the items of each as long as it is."""

import pytest

from mlx_entropix.server.api_errors import ApiError
from mlx_entropix.server.responses_api import conversation
from mlx_entropix.server.responses_api.kept_responses import Item, KeptResponse, KeptResponses
from mlx_entropix.server.responses_api.response_request import ResponsesRequest
from mlx_entropix.server.settings import MAX_BODY_BYTES


def response(name, length=10, *, earlier=()):
    return KeptResponse(b" " * length, earlier, [Item(f"msg_{name}", b"{}")])


def test_the_newest_are_kept_within_a_number_and_within_bytes():
    kept = KeptResponses(most=3, most_bytes=10_000)
    for name in "abcd":
        kept.keep(name, response(name))
    assert [name in kept for name in "abcd"] == [False, True, True, True]
    assert (kept.item("msg_a"), kept.item("msg_d")) == (None, Item("msg_d", b"{}"))
    kept.keep("long", response("long", 9000))
    assert ["long" in kept, "d" in kept, "c" in kept] == [True, True, False]
    kept.keep("too long", response("too long", 10_000))
    assert (len(kept), kept.size) == (0, 0)


def test_an_item_is_there_as_long_as_a_response_that_has_it():
    kept = KeptResponses()
    kept.keep("first", response("first"))
    kept.keep("second", response("second", earlier=kept["first"].items))
    kept.delete("first")
    assert kept.item("msg_first")
    kept.delete("second")
    assert (kept.item("msg_first"), kept.size) == (None, 0)
    with pytest.raises(ApiError, match="No response 'second' is kept"):
        kept.delete("second")


def test_a_few_names_do_not_stand_for_more_than_a_request_may_send():
    kept = KeptResponses()
    said = b'{"role": "user", "content": "%s"}' % (b"a" * (MAX_BODY_BYTES // 4))
    kept.keep("r", KeptResponse(b"", [Item("msg_long", said)], []))
    names = [{"id": "msg_long"}] * 3
    assert len(conversation.conversation(ResponsesRequest(input=names), kept)) == 3
    with pytest.raises(ApiError, match="Begin a new conversation"):
        conversation.conversation(ResponsesRequest(input=names, previous_response_id="r"), kept)
