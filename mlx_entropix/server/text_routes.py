"""The endpoints that show what the model is given, and what is served."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, Security
from pydantic import Discriminator, Tag
from pydantic_core import to_json
from starlette.responses import Response

from mlx_entropix.installed import versions
from mlx_entropix.server import openapi, text_schemas
from mlx_entropix.server.async_engine import AsyncEngine, ModelInfo
from mlx_entropix.server.routes import KEY, EngineOf, model_for, names_of
from mlx_entropix.server.text_schemas import (
    DetokenizeRequest,
    TemplateRequest,
    TokenizeChat,
    TokenizeText,
)
from mlx_entropix.server.tokenizing import detokenized, templated, tokenized
from mlx_entropix.weights.facts import weights_facts

text_router = APIRouter(dependencies=[Security(KEY)])

_Asked = TypeVar("_Asked", TokenizeText | TokenizeChat, DetokenizeRequest, TemplateRequest)

_errors = openapi.errors(400, 401, 404, 413, 500, 503)


def _kind(body: Any) -> str:
    return "of-a-chat" if isinstance(body, dict) and "messages" in body else "of-a-text"


_ToTokenize = Annotated[
    Annotated[TokenizeText, Tag("of-a-text")] | Annotated[TokenizeChat, Tag("of-a-chat")],
    Discriminator(_kind),
    Body(),
]


@text_router.post("/v1/tokenize", include_in_schema=False)
@text_router.post(
    "/tokenize",
    summary="Make tokens of a text or a chat",
    response_model=text_schemas.Tokenized,
    responses=_errors,
    tags=["text"],
)
async def tokenize(body: _ToTokenize, engine: EngineOf) -> Response:
    """The tokens that the model is given for a text, or for the messages of a chat."""
    return await _answered(tokenized, body, engine)


@text_router.post("/v1/detokenize", include_in_schema=False)
@text_router.post(
    "/detokenize",
    summary="Write tokens as text",
    response_model=text_schemas.Detokenized,
    responses=_errors,
    tags=["text"],
)
async def detokenize(body: DetokenizeRequest, engine: EngineOf) -> Response:
    """The text of tokens, with the names of control tokens."""
    return await _answered(detokenized, body, engine)


@text_router.post("/v1/apply-template", include_in_schema=False)
@text_router.post(
    "/apply-template",
    summary="Write a chat through the chat template",
    response_model=text_schemas.Templated,
    responses=_errors,
    tags=["text"],
)
async def apply_template(body: TemplateRequest, engine: EngineOf) -> Response:
    """The text that the model is given for the messages of a chat. Nothing is generated."""
    return await _answered(templated, body, engine)


@text_router.get("/v1/props", include_in_schema=False)
@text_router.get(
    "/props",
    summary="What is served, and how",
    responses=openapi.errors(401, 500, 503),
    tags=["server"],
)
async def props(engine: EngineOf) -> text_schemas.Props:
    """The model, how it is kept, its chat template, and what holds for requests by default."""
    model, settings = engine.model(), engine.settings
    facts = await engine.read(weights_facts, model.path)
    tokenizer = model.tokenizer
    defaults = {"n_ctx": model.limit, "params": settings.config.model_dump()}
    adapter, draft = settings.loading.get("adapter_path"), settings.draft_model
    return text_schemas.Props(
        model_alias=names_of(engine)[0],
        architecture=facts.architecture,
        parameters=facts.parameters,
        quantization=facts.quantization,
        kv_bits=settings.loading.get("kv_bits"),
        adapter=_last_part(adapter),
        draft_model=_last_part(draft),
        vocabulary_size=model.vocabulary_size,
        chat_template=tokenizer.chat_template,
        bos_token=tokenizer.special_tokens.get("bos_token"),
        eos_token=tokenizer.special_tokens.get("eos_token"),
        modalities={"vision": False, "audio": False},
        total_slots=settings.max_rows,
        sampler=settings.sampler,
        default_generation_settings=defaults,
        build_info=", ".join(f"{name} {number}" for name, number in versions().items()),
    )


async def _answered(
    answer: Callable[[_Asked, ModelInfo], dict[str, Any]], body: _Asked, engine: AsyncEngine
) -> Response:
    reply = await engine.read(answer, body, model_for(body.model, engine))
    return Response(to_json(reply), media_type="application/json")


def _last_part(path: Any) -> str | None:
    """The name of a file or a folder, as where it lies is nobody's business."""
    return str(path).rstrip("/").rpartition("/")[2] if path else None
