"""Answers from a server of the OpenAI API, ours or another.

Ours takes every arm: `sampler` and `sampler_config` go with the request. Another one takes what the
API has, a temperature and top_p, so arms that need more are refused.
"""

import asyncio
import queue
import threading
from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Any

import openai

from evals.answering import answer_record, messages_of
from evals.arms import NO_FILTERS, Arm
from evals.plan import Job
from evals.records import Record
from mlx_entropix.errors import EvalError
from mlx_entropix.sampling import PlainConfig

SECONDS_TO_ANSWER = 600


class Server:
    """A server at `url`, asked for up to `rows` answers at once. Raises EvalError."""

    def __init__(self, url: str, api_key: str, model: str | None, system: str, rows: int):
        self.url, self.api_key, self.system, self.rows = url, api_key, system, rows
        client = openai.OpenAI(base_url=url, api_key=api_key, timeout=20, max_retries=1)
        try:
            self.name = model or client.models.list().data[0].id
        except (openai.OpenAIError, IndexError) as error:
            raise EvalError(
                f"{url} does not answer as a server of the OpenAI API: {error}"
            ) from None
        try:
            client.get("/samplers", cast_to=object)
            self.is_ours = True
        except openai.OpenAIError:
            self.is_ours = False

    def check(self, arms: Sequence[Arm]) -> None:
        """Raise EvalError where the server cannot do what an arm asks for."""
        for arm in arms:
            if arm.fork is not None:
                raise EvalError(
                    f"The arm {arm.name!r} forks, and its paths agree on answers by the rules of "
                    "the tasks, which no server has; leave out --url."
                )
            if not self.is_ours and not _is_common(arm):
                raise EvalError(
                    f"{self.url} takes a temperature and top_p alone, and the arm {arm.name!r} "
                    "needs more; leave it out with --arms greedy,temperature,top_p."
                )

    def __call__(self, blocks: Sequence[Sequence[Job]]) -> Iterator[Record]:
        """Answer all jobs, in the order in which the server does."""
        done: queue.Queue[Record | BaseException | None] = queue.Queue()
        jobs = [job for block in blocks for job in block]
        thread = threading.Thread(target=self._ask_all, args=(jobs, done), daemon=True)
        thread.start()
        while (item := done.get()) is not None:
            if isinstance(item, BaseException):
                raise EvalError(f"{self.url} failed: {item}") from None
            yield item

    def _ask_all(self, jobs: Sequence[Job], done: Any) -> None:
        async def ask() -> None:
            client = openai.AsyncOpenAI(
                base_url=self.url, api_key=self.api_key, timeout=SECONDS_TO_ANSWER
            )
            places = asyncio.Semaphore(self.rows)

            async def one(job: Job) -> None:
                async with places:
                    done.put(await self._answer(client, job))

            async with client:
                await asyncio.gather(*map(one, jobs))

        try:
            asyncio.run(ask())
            done.put(None)
        except Exception as error:
            done.put(error)

    async def _answer(self, client: openai.AsyncOpenAI, job: Job) -> Record:
        started = perf_counter()
        messages: Any = messages_of(job, self.system)
        reply = await client.chat.completions.create(
            model=self.name,
            messages=messages,
            max_tokens=job.task.max_tokens,
            stop=list(job.task.stop) or None,
            seed=job.random_seed,
            **request_fields(job.arm, self.is_ours),
        )
        choice, usage = reply.choices[0], reply.usage
        return answer_record(
            job,
            choice.message.content or "",
            finish_reason=choice.finish_reason,
            completion_tokens=usage.completion_tokens if usage else 0,
            prompt_tokens=usage.prompt_tokens if usage else 0,
            seconds=round(perf_counter() - started, 3),
        )


def request_fields(arm: Arm, is_ours: bool) -> dict[str, Any]:
    """What an arm is in a request."""
    config = arm.config.model_dump(mode="json")
    if is_ours:
        return {"extra_body": {"sampler": arm.base, "sampler_config": config}}
    return {"temperature": config["temperature"], "top_p": config["top_p"]}


def _is_common(arm: Arm) -> bool:
    """Whether a temperature and top_p say all that an arm is."""
    if not isinstance(arm.config, PlainConfig):
        return False
    if not arm.draws and not arm.config.penalizes:
        return True
    common = {"temperature": arm.config.temperature, "top_p": arm.config.top_p}
    return any(
        arm.config == PlainConfig(**{**NO_FILTERS, **common, "top_k": top_k})
        for top_k in (0, NO_FILTERS["top_k"])
    )
