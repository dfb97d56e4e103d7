"""The answer to a request that is under way: whole or as a stream, for all APIs."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

from fastapi.sse import EventSourceResponse, format_sse_event
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from mlx_entropix.engine import PromptProgress, PromptScored
from mlx_entropix.server.api_errors import ApiError
from mlx_entropix.server.choice import Choice
from mlx_entropix.server.dialect import ChatDialect, Dialect, as_json
from mlx_entropix.server.open_answer import OpenAnswer, PathEvents
from mlx_entropix.server.replies import Reply, prompt_tokens

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 60.0
"""A client that takes nothing of a stream for so long is given up: what waits is kept in memory."""

# A comment after so many silent seconds keeps proxies from closing the connection.
_PING_SECONDS = 15
_HEADERS = {"cache-control": "no-cache", "x-accel-buffering": "no"}


class WholeAnswer(Response):
    """Waits for all rows and sends one JSON object, unless the client goes away meanwhile."""

    media_type = "application/json"
    dialect: Dialect = ChatDialect()

    def __init__(self, answer: OpenAnswer, reply: Reply, choices: list[Choice]):
        super().__init__()
        self.answer = answer
        self.reply = reply
        self.choices = choices

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait, and send."""
        work = asyncio.create_task(self._collect())
        gone = asyncio.create_task(_client_gone(receive))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                await (await work)(scope, receive, send)
        finally:
            work.cancel()
            gone.cancel()
            self.answer.close()

    async def _collect(self) -> Response:
        try:
            async for index, event in self.answer:
                self.choices[index].take(event)
        except ApiError as error:
            return error.response()
        whole = self.dialect.whole(self.reply.whole(self.choices))
        return Response(as_json(whole), media_type=self.media_type)


class StreamedAnswer(EventSourceResponse):
    """Sends chunks as the rows go on. Frees the rows where the client goes away."""

    dialect: Dialect = ChatDialect()

    def __init__(
        self,
        answer: OpenAnswer,
        reply: Reply,
        choices: list[Choice],
        *,
        with_usage: bool,
        usage_always: bool = False,
        with_progress: bool = False,
    ):
        self.answer = answer
        self.reply = reply
        self.choices = choices
        self.with_usage = with_usage
        self.usage_always = usage_always
        self.with_progress = with_progress
        super().__init__(self._events(), headers=_HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send every chunk as it comes."""

        async def send_soon(message: Message) -> None:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await send(message)

        try:
            await super().__call__(scope, receive, send_soon)
        except TimeoutError:
            logger.warning("a client that took nothing of its stream was given up")
        finally:
            self.answer.close()

    async def _events(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._chunks():
                if isinstance(chunk, str):
                    yield format_sse_event(comment=chunk)
                    continue
                if chunk is not None and self.usage_always:
                    chunk.setdefault("usage", self.reply.usage_so_far(self.choices))
                said = self.dialect.ping if chunk is None else self.dialect.chunk(chunk)
                if said:
                    yield said
            yield self.dialect.end()
        except ApiError as error:
            yield self.dialect.failed(error)
        except Exception:
            logger.exception("a stream failed")
            yield self.dialect.failed(ApiError(500, "The server made an error in this stream."))

    async def _chunks(self) -> AsyncIterator[dict[str, Any] | str | None]:
        """The objects of the stream, and comments; None where nothing was said for a while."""
        for choice in self.choices:
            if first := self.reply.first_chunk(choice):
                yield first
        several = len(self.choices) > 1
        async for item in self.answer.with_pauses(_PING_SECONDS):
            if item is None:
                yield None
                continue
            index, event = item
            choice = self.choices[index]
            choice.take(event)
            if isinstance(event, PromptProgress):
                if self.with_progress:
                    yield self.reply.progress_chunk(choice, event)
                elif event.done < event.total:  # a prompt that is computed at once needs no word
                    yield "prompt {}/{}".format(*prompt_tokens(event))
                continue
            if isinstance(event, PathEvents):
                yield self.reply.paths_chunk(choice, event)
                continue
            if isinstance(event, PromptScored):
                if prompt := self.reply.scored_chunk(choice, several=several):
                    yield prompt
            else:
                yield self.reply.token_chunk(choice, several=several)
            if choice.summary:
                yield self.reply.last_chunk(choice)
        if self.with_usage:
            yield self.reply.usage_chunk(self.choices)


async def _client_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
