"""The loop's side of the engine, with an engine or a model that fails."""

import asyncio
from dataclasses import replace

import mlx.core as mx
import pytest
from mlx.utils import tree_flatten

from mlx_entropix.engine import Engine, Request, RowFailed, TokenEvent, fork_config, forked
from mlx_entropix.model.load import load_model
from mlx_entropix.sampling import PRESETS, PlainConfig
from mlx_entropix.server import async_engine
from mlx_entropix.server.api_errors import ApiError
from mlx_entropix.server.async_engine import AsyncEngine
from mlx_entropix.server.open_answer import PathEvents
from mlx_entropix.server.settings import Settings
from tests.model.checkpoints import random_model, save_folder


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


def test_a_path_that_fails_is_left_out_and_where_all_fail_the_answer_is_an_error(
    monkeypatch, tmp_path, bundled
):
    """Of a tiny model one token spoils what comes after it: that which the second path takes."""
    tokenizer = bundled[1]
    sound, _ = random_model(vocab_size=49152)
    weights = dict(tree_flatten(sound.parameters()))
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    model, config = random_model(vocab_size=49152, tie_word_embeddings=False)
    model.load_weights(list(weights.items()))
    asked = replace(request(max_tokens=4), config=PlainConfig(temperature=0), alternatives=3)
    engine = Engine(load_model(save_folder(tmp_path / "sound", model, config))[0], tokenizer)
    engine.add(asked)
    while not (events := [e for e in engine.step() if isinstance(e, TokenEvent)]):
        pass
    best = [other.token_id for other in events[0].alternatives]
    model.model.embed_tokens.weight = mx.array(weights["lm_head.weight"])
    model.model.embed_tokens.weight[best[1]] = mx.nan
    folder = save_folder(tmp_path / "spoilt", model, config)
    found = load_model(folder)[0], tokenizer
    monkeypatch.setattr(async_engine, "load_from", lambda *_, **__: found)
    fork = fork_config("first", paths=3, vote="best")

    async def run():
        engine = AsyncEngine(Settings())
        engine.start()
        await engine.loaded.wait()
        answer = engine.submit([forked(asked, fork)])
        events = [event async for _, event in answer]
        paths = [event for event in events if isinstance(event, PathEvents)]
        failed = [p.branch for e in paths for p in e.events if isinstance(p.event, RowFailed)]
        settled = paths[-1].settled
        assert failed == [1]
        assert [path.finish_reason for path in settled.paths] == ["length", "failed", "length"]
        answered = [event for event in events if isinstance(event, TokenEvent)]
        assert answered[-1].summary.completion_tokens == settled.tokens == 9
        assert answered[0].token_id in (best[0], best[2])
        assert (engine.rows, engine.queue, engine.answers) == (0, 0, set())

        spoilt = replace(asked, prompt=(1, best[1]))
        beside = engine.submit([forked(asked, fork)])
        with pytest.raises(ApiError, match="not finite") as error:
            async for _ in engine.submit([forked(spoilt, fork), asked]):
                pass
        assert error.value.code == "generation_failed"
        assert [event async for _, event in beside]
        assert (engine.rows, engine.queue, engine.answers) == (0, 0, set())

    asyncio.run(run())
