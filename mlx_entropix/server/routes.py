"""The endpoints of the API."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Security
from fastapi.security import HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request as HttpRequest
from starlette.responses import PlainTextResponse, Response

from mlx_entropix.choices import NORMAL
from mlx_entropix.engine.search import POLICIES, ForkConfig
from mlx_entropix.installed import version
from mlx_entropix.prompts import SYSTEM_PROMPT
from mlx_entropix.sampling import PlainConfig, SamplerConfig
from mlx_entropix.sampling.metrics import ABOUT
from mlx_entropix.sampling.quadrants import FROM_SUREST
from mlx_entropix.server import openapi, schemas
from mlx_entropix.server.answer_form import answer_constraint
from mlx_entropix.server.api_errors import unknown_model
from mlx_entropix.server.async_engine import AsyncEngine, ModelInfo
from mlx_entropix.server.chat_reply import ChatReply
from mlx_entropix.server.chat_request import ChatRequest
from mlx_entropix.server.choice import Choice
from mlx_entropix.server.completion_request import CompletionRequest
from mlx_entropix.server.engine_requests import (
    Prompt,
    answer_prefix,
    chat_prompt,
    engine_requests,
    predicted_tokens,
    text_prompts,
)
from mlx_entropix.server.replies import Reply
from mlx_entropix.server.requests import GenerationRequest
from mlx_entropix.server.responses import StreamedAnswer, WholeAnswer
from mlx_entropix.server.single_tokens import biases, token_rules
from mlx_entropix.server.text_reply import TextReply
from mlx_entropix.server.token_ids import told_of
from mlx_entropix.server.tool_choice import calling_of

# KeyCheck looks at the key, before the body is read; this is for the documentation.
KEY = HTTPBearer(auto_error=False, description="Where the server was started with a key.")

router = APIRouter()
_keyed = APIRouter(dependencies=[Security(KEY)])


async def _engine(request: HttpRequest) -> AsyncEngine:
    engine: AsyncEngine = request.app.state.engine
    return engine


EngineOf = Annotated[AsyncEngine, Depends(_engine)]


@_keyed.post("/chat/completions", include_in_schema=False)
@_keyed.post(
    "/v1/chat/completions",
    summary="Answer a chat",
    responses=openapi.answers(schemas.ChatCompletion, schemas.ChatCompletionChunk),
    tags=["generation"],
)
async def chat_completions(body: ChatRequest, engine: EngineOf, request: HttpRequest) -> Response:
    """Answer a chat, whole or as a stream of server-sent events that ends with `[DONE]`."""
    model = model_for(body.model, engine)
    if engine.settings.log_prompts:
        request.state.prompt = [message.plain() for message in body.messages]
    prompt = await engine.read(chat_prompt, body, model)
    return await _answer(body, engine, model, ChatReply, [(prompt, None)], request)


@_keyed.post("/completions", include_in_schema=False)
@_keyed.post(
    "/v1/completions",
    summary="Continue a text",
    responses=openapi.answers(schemas.Completion, schemas.Completion),
    tags=["generation"],
)
async def completions(body: CompletionRequest, engine: EngineOf, request: HttpRequest) -> Response:
    """Continue one text or several, whole or as a stream that ends with `[DONE]`.

    With `echo` and `logprobs`, and `max_tokens` 0 if nothing is to be added, the prompt itself is
    scored.
    """
    model = model_for(body.model, engine)
    if engine.settings.log_prompts:
        request.state.prompt = body.prompt
    engine.check_number(len(body.prompts), "prompt")
    prompts = await engine.read(text_prompts, body, model)
    return await _answer(body, engine, model, TextReply, prompts, request)


@_keyed.get("/models", include_in_schema=False)
@_keyed.get(
    "/v1/models",
    summary="List the served model",
    responses=openapi.errors(401, 503),
    tags=["server"],
)
async def models(engine: EngineOf) -> schemas.ModelList:
    """List the one model that is served, under every name that `model` in a request may be."""
    return schemas.ModelList(data=[_model_card(name, engine) for name in names_of(engine)])


@_keyed.get(
    "/v1/models/{name:path}",
    summary="Describe the served model",
    responses=openapi.errors(401, 404, 503),
    tags=["server"],
)
async def model(
    name: Annotated[str, Path(description="The name, as /v1/models lists it.")], engine: EngineOf
) -> schemas.Model:
    """Describe the served model, where it has that name."""
    model_for(name, engine)
    return _model_card(name, engine)


@_keyed.get(
    "/v1/samplers",
    summary="List the samplers",
    responses=openapi.errors(401),
    tags=["server"],
)
async def samplers(engine: EngineOf) -> schemas.Samplers:
    """Every preset's values, the plain sampler's, their JSON Schemas, and the server's default.

    With them the policies of forks, and what a person has to know to read answers: quadrants,
    metrics, the system prompt.
    """
    settings = engine.settings
    named = {name: config.model_dump() for name, config in settings.auto.samplers.items()}
    return schemas.Samplers(
        default=settings.sampler,
        config=settings.config.model_dump(),
        normal=named.pop(NORMAL),
        presets=named,
        fitted=settings.auto.fitted,
        schema=SamplerConfig.model_json_schema(),
        plain_schema=PlainConfig.model_json_schema(),
        forks=[_policy_facts(name, policy) for name, policy in POLICIES.items()],
        quadrants=[
            schemas.QuadrantFacts(name=q.name, code=q.code, phrase=q.phrase, glyph=q.glyph)
            for q in FROM_SUREST
        ],
        metrics=[
            schemas.MetricFacts(name=name, unit=unit, description=description)
            for name, (unit, description) in ABOUT._asdict().items()
        ],
        system_prompt=SYSTEM_PROMPT,
    )


@router.get("/ping", include_in_schema=False)
@router.head("/health", include_in_schema=False)
@router.get("/health", summary="How the server is", tags=["server"])
async def health(engine: EngineOf) -> schemas.Health:
    """Its state, its model once that is loaded, and how many rows are live and waiting."""
    name = engine.info.name if engine.info else None
    return schemas.Health(
        status=engine.status,
        model=name,
        rows=engine.rows,
        queue=engine.queue,
        version=version(),
    )


@router.get("/version", include_in_schema=False)
async def server_version() -> dict[str, str]:
    """The server's version, where vLLM has its own."""
    return {"version": version()}


@_keyed.get(
    "/metrics",
    summary="Numbers for Prometheus",
    response_class=PlainTextResponse,
    responses={200: {"description": "Prometheus' text format."}, **openapi.errors(401)},
    tags=["server"],
)
async def metrics(request: HttpRequest) -> Response:
    """Requests, tokens, time to first token, tokens a second, rows, queue, quadrants."""
    text = request.app.state.telemetry.text()
    return Response(text, media_type=CONTENT_TYPE_LATEST)


router.include_router(_keyed)


def _model_card(name: str, engine: AsyncEngine) -> schemas.Model:
    limit = engine.model().limit
    return schemas.Model(id=name, created=engine.loaded_at, max_model_len=limit)


def _policy_facts(name: str, policy: type[ForkConfig]) -> schemas.PolicyFacts:
    about = policy.model_json_schema()
    return schemas.PolicyFacts(
        name=name,
        description=about["description"].partition("\n")[0],
        defaults=policy(policy=name).model_dump(mode="json"),
        schema=about,
    )


def model_for(name: str | None, engine: AsyncEngine) -> ModelInfo:
    """The served model, if that is the one that is asked for by `name`, or by none.

    Raises the 404 for another one; `default_model` is what mlx-lm's server calls its own.
    """
    model = engine.model()
    names = names_of(engine)
    if name is not None and name not in (*names, "default_model"):
        raise unknown_model(name, names[0])
    return model


def names_of(engine: AsyncEngine) -> list[str]:
    """What the model may be called: first the names that the server was told, then its own."""
    return list(dict.fromkeys((*engine.settings.served_names, engine.model().name)))


async def _answer(
    body: GenerationRequest,
    engine: AsyncEngine,
    model: ModelInfo,
    kind: type[Reply],
    prompts: list[tuple[Prompt, str | None]],
    request: HttpRequest,
) -> Response:
    """The response to prompts, each with the text to echo if that is asked for."""
    ids = [prompt for prompt, _ in prompts]
    prefix = await engine.read(answer_prefix, body, ids, model)
    seed = secrets.randbits(31) if body.seed in (None, -1) else body.seed
    prediction = await engine.read(predicted_tokens, body, model)
    constraint = await engine.read(answer_constraint, body, model.tokenizer)
    calling = await engine.read(calling_of, body, model.tokenizer, constraint)
    owner = getattr(request.state, "owner", "")  # KeyCheck sets it
    rows = engine_requests(
        body,
        engine.settings,
        ids,
        prefix,
        seed,
        prediction=prediction,
        owner=owner,
        logit_bias=biases(body, model),
        calling=calling,
        constraint=calling.constraint if calling else constraint,
        rules=await engine.read(token_rules, body, model),
    )
    reply = kind(
        names_of(engine)[0],
        model.tokenizer,
        seed,
        answers=body.answers,
        alternatives=body.alternatives,
        with_metrics=body.metrics is not False,
        with_prompt_metrics=bool(body.prompt_metrics),
        with_draws=bool(body.post_sampling_probs),
        told=told_of(body),
    )
    if body.request_id:
        reply.id = reply.id_prefix + body.request_id
    choices = [
        Choice(
            i,
            prompts[i // body.answers][1],
            prefix.text or body.echoed,
            prefix_reasoning=prefix.reasoning,
            window=body.window or 0,
            prompt_tokens=len(row.prompt) + len(row.prefix),
            prompt_ids=row.prompt,
            splitter=calling.splitter() if calling else None,
        )
        for i, row in enumerate(rows)
    ]
    answer = engine.submit(rows)
    if body.stream:
        return StreamedAnswer(
            answer,
            reply,
            choices,
            with_usage=body.wants_usage,
            usage_always=body.wants_usage_always,
            with_progress=bool(body.return_progress),
        )
    return WholeAnswer(answer, reply, choices)
