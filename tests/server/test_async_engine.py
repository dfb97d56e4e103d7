"""The loop's side of the engine, with an engine that fails."""

import asyncio

import pytest

from mlx_entropix.engine import Engine, Request, TokenEvent
from mlx_entropix.sampling import PRESETS
from mlx_entropix.server.api_errors import ApiError
from mlx_entropix.server.async_engine import AsyncEngine
from mlx_entropix.server.settings import Settings


def request(seed=0, max_tokens=3):
    return Request((1, 2, 3), PRESETS["entropix"], max_tokens=max_tokens, seed=seed)


async def tokens(answer):
    return [event.token_id async for _, event in answer if isinstance(event, TokenEvent)]


def test_a_step_that_fails_ends_its_answers_and_no_others(monkeypatch):
    """Another engine takes over, whose rows have the same numbers; old cancels do not reach it."""
    step = Engine.step
    broken = []

    def failing(engine):
        if broken:
            broken.clear()
            raise RuntimeError("out of memory")
        return step(engine)

    monkeypatch.setattr(Engine, "step", failing)

    async def run():
        engine = AsyncEngine(Settings())
        engine.start()
        await engine.loaded.wait()
        expected = await tokens(engine.submit([request(seed=5)]))
        old = engine.submit([request(max_tokens=2000), request(max_tokens=2000)])
        while engine.rows < 2:
            await asyncio.sleep(0.01)
        broken.append(True)
        with pytest.raises(ApiError, match="The engine failed"):
            await tokens(old)
        old.close()
        late = engine.submit([request(seed=5), request(seed=5)])
        found = [event.token_id async for _, event in late if isinstance(event, TokenEvent)]
        assert sorted(found) == sorted(expected * 2)
        assert (engine.rows, engine.queue, engine.answers) == (0, 0, set())

        dropped = engine.submit([request(max_tokens=2000)])
        dropped.close()  # before the engine has told its number
        assert await tokens(engine.submit([request(seed=5)])) == expected
        assert (engine.rows, engine.queue) == (0, 0)

        with pytest.raises(ApiError) as refused:
            await tokens(engine.submit([request(), request(max_tokens=0)]))
        assert refused.value.status == 500
        assert await tokens(engine.submit([request(seed=5)])) == expected

    asyncio.run(run())
