"""The endpoints of the API."""

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Security
from fastapi.security import HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request as HttpRequest
from starlette.responses import PlainTextResponse, Response

from mlx_entropix.engine import Request
from mlx_entropix.server import documentation, schemas
from mlx_entropix.server.answer import StreamedAnswer, WholeAnswer
from mlx_entropix.server.chat_reply import ChatReply
from mlx_entropix.server.engine_thread import ModelInfo
from mlx_entropix.server.errors import ApiError
from mlx_entropix.server.prompts import (
    Prefix,
    Prompt,
    answer_prefix,
    chat_prompt,
    text_prompts,
)
from mlx_entropix.server.replies import Choice, Reply
from mlx_entropix.server.requests import ChatRequest, CompletionRequest, GenerationRequest
from mlx_entropix.server.samplers import describe_samplers, request_config
from mlx_entropix.server.text_reply import TextReply
from mlx_entropix.server.worker import Worker

DEFAULT_CHAT_TOKENS = 4096
DEFAULT_TEXT_TOKENS = 16  # as the OpenAI API has it

# KeyCheck looks at the key, before the body is read; this is for the documentation.
_key = HTTPBearer(auto_error=False, description="Where the server was started with a key.")

router = APIRouter()
_keyed = APIRouter(dependencies=[Security(_key)])


async def _worker(request: HttpRequest) -> Worker:
    worker: Worker = request.app.state.worker
    return worker


WorkerOf = Annotated[Worker, Depends(_worker)]


@_keyed.post(
    "/v1/chat/completions",
    summary="Answer a chat",
    responses=documentation.answers(schemas.ChatCompletion, schemas.ChatCompletionChunk),
    tags=["generation"],
)
async def chat_completions(body: ChatRequest, worker: WorkerOf, request: HttpRequest) -> Response:
    """Answer a chat, whole or as a stream of server-sent events that ends with `[DONE]`."""
    model = _model_for(body, worker)
    if worker.settings.log_prompts:
        request.state.prompt = [message.plain() for message in body.messages]
    prompt = await worker.read(chat_prompt, body, model)
    prefix = await worker.read(answer_prefix, body, [prompt], model)
    seed = secrets.randbits(31) if body.seed is None else body.seed
    rows = _rows(body, worker, [prompt], prefix, seed, body.alternatives, DEFAULT_CHAT_TOKENS)
    reply = ChatReply(
        model.name,
        model.tokenizer,
        seed,
        answers=body.n or 1,
        with_logprobs=bool(body.logprobs),
        with_metrics=body.metrics is not False,
    )
    choices = [Choice(i, prefix=prefix.text, window=body.window or 0) for i in range(len(rows))]
    return _answer(body, worker, rows, reply, choices)


@_keyed.post(
    "/v1/completions",
    summary="Continue a text",
    responses=documentation.answers(schemas.Completion, schemas.Completion),
    tags=["generation"],
)
async def completions(body: CompletionRequest, worker: WorkerOf, request: HttpRequest) -> Response:
    """Continue one text or several, whole or as a stream that ends with `[DONE]`.

    With `echo` and `logprobs`, and `max_tokens` 0 if nothing is to be added, the prompt itself is
    scored.
    """
    model = _model_for(body, worker)
    if worker.settings.log_prompts:
        request.state.prompt = body.prompt
    prompts = await worker.read(text_prompts, body, model)
    ids = [prompt for prompt, _ in prompts]
    prefix = await worker.read(answer_prefix, body, ids, model)
    seed = secrets.randbits(31) if body.seed is None else body.seed
    rows = _rows(
        body,
        worker,
        ids,
        prefix,
        seed,
        body.logprobs,
        DEFAULT_TEXT_TOKENS,
        score=bool(body.echo),
    )
    answers = body.n or 1
    reply = TextReply(
        model.name,
        model.tokenizer,
        seed,
        answers=answers,
        with_logprobs=body.logprobs is not None,
        with_metrics=body.metrics is not False,
    )
    choices = [
        Choice(i, prompt=prompts[i // answers][1], prefix=prefix.text, window=body.window or 0)
        for i in range(len(rows))
    ]
    return _answer(body, worker, rows, reply, choices)


@_keyed.get(
    "/v1/models",
    summary="List the served model",
    responses=documentation.errors(401, 503),
    tags=["server"],
)
async def models(worker: WorkerOf) -> schemas.ModelList:
    """List the one model that is served; its id is what `model` in a request may be."""
    name = worker.model().name
    return schemas.ModelList(data=[schemas.Model(id=name, created=worker.loaded_at)])


@_keyed.get(
    "/v1/models/{name:path}",
    summary="Describe the served model",
    responses=documentation.errors(401, 404, 503),
    tags=["server"],
)
async def model(
    name: Annotated[str, Path(description="The name, as /v1/models lists it.")], worker: WorkerOf
) -> schemas.Model:
    """Describe the served model, where it has that name."""
    _check_name(name, worker.model())
    return schemas.Model(id=name, created=worker.loaded_at)


@_keyed.get(
    "/v1/samplers",
    summary="List the samplers",
    responses=documentation.errors(401),
    tags=["server"],
)
async def samplers(worker: WorkerOf) -> schemas.Samplers:
    """Every preset's values, the plain sampler's, their JSON Schemas, and the server's default.

    With them what a person has to know to read answers: quadrants, metrics, the system prompt.
    """
    return schemas.Samplers(**describe_samplers(worker.settings))


@router.get("/health", summary="How the server is", tags=["server"])
async def health(worker: WorkerOf) -> schemas.Health:
    """Its state, its model once that is loaded, and how many rows are live and waiting."""
    name = worker.info.name if worker.info else None
    return schemas.Health(status=worker.status, model=name, rows=worker.rows, queue=worker.queue)


@_keyed.get(
    "/metrics",
    summary="Numbers for Prometheus",
    response_class=PlainTextResponse,
    responses={200: {"description": "Prometheus' text format."}, **documentation.errors(401)},
    tags=["server"],
)
async def metrics(request: HttpRequest) -> Response:
    """Requests, tokens, time to first token, tokens a second, rows, queue, quadrants."""
    text = request.app.state.telemetry.text()
    return Response(text, media_type=CONTENT_TYPE_LATEST)


router.include_router(_keyed)


def _model_for(body: GenerationRequest, worker: Worker) -> ModelInfo:
    model = worker.model()
    if body.model is not None:
        _check_name(body.model, model)
    return model


def _check_name(name: str, model: ModelInfo) -> None:
    if name != model.name:
        raise ApiError(
            404,
            f"The model {name!r} is not served here; {model.name!r} is.",
            param="model",
            code="model_not_found",
        )


def _rows(
    body: GenerationRequest,
    worker: Worker,
    prompts: list[Prompt],
    prefix: Prefix,
    seed: int,
    alternatives: int | None,
    default_tokens: int,
    *,
    score: bool = False,
) -> list[Request]:
    """The rows for `n` answers to each prompt. `score` asks for the prompt's own probabilities."""
    config = request_config(body, worker.settings)
    limit = getattr(body, "max_completion_tokens", None) or body.max_tokens
    max_tokens = default_tokens if limit is None else limit
    scored = score and (alternatives is not None or max_tokens == 0)
    common: dict[str, Any] = {
        "config": config,
        "prefix": prefix.ids,
        "max_tokens": max_tokens,
        "stop": body.stops,
        "alternatives": alternatives or 0,
        "prompt_logprobs": (alternatives or 0) if scored else None,
    }
    return [
        Request(prompt=prompt, seed=seed + i, **common)
        for prompt in prompts
        for i in range(body.n or 1)
    ]


def _answer(
    body: GenerationRequest,
    worker: Worker,
    rows: list[Request],
    reply: Reply,
    choices: list[Choice],
) -> Response:
    generation = worker.submit(rows)
    if body.stream:
        return StreamedAnswer(generation, reply, choices, with_usage=body.wants_usage)
    return WholeAnswer(generation, reply, choices)
