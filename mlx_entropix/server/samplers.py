"""Which sampler a request gets, and what the samplers are."""

from typing import Any

from mlx_entropix.prompts import SYSTEM_PROMPT
from mlx_entropix.sampling import PRESETS, ConfigError, PlainConfig, SamplerConfig
from mlx_entropix.sampling.auto import AUTO
from mlx_entropix.sampling.metrics import ABOUT
from mlx_entropix.sampling.quadrants import FROM_SUREST
from mlx_entropix.server.errors import ApiError
from mlx_entropix.server.requests import GenerationRequest
from mlx_entropix.server.settings import PLAIN, Settings

_BASE_VALUES = ("temperature", "top_p", "top_k", "min_p")


def named_samplers(settings: Settings) -> dict[str, SamplerConfig | PlainConfig]:
    """Every sampler by its name, without what this server was told to change."""
    return {AUTO: settings.auto.config, **PRESETS, PLAIN: PlainConfig()}


def request_config(request: GenerationRequest, settings: Settings) -> SamplerConfig | PlainConfig:
    """The sampler that a request asks for. Raises a 400 that names the field and its range."""
    name = request.sampler or settings.sampler
    named = named_samplers(settings)
    if name == settings.sampler:
        config = settings.config
    elif name in named:
        config = named[name]
    else:
        known = ", ".join(named)
        raise ApiError(400, f"There is no sampler {name!r}. There are: {known}.", param="sampler")
    config = _override(config, request.sampler_config or {}, "sampler_config")
    for field in _BASE_VALUES:
        value = getattr(request, field)
        if value is not None:
            config = _override(config, {field: value}, field)
    return config


def describe_samplers(settings: Settings) -> dict[str, Any]:
    """What `GET /v1/samplers` answers."""
    named = {name: config.model_dump() for name, config in named_samplers(settings).items()}
    fitted = settings.auto.fitted
    return {
        "default": settings.sampler,
        "config": settings.config.model_dump(),
        "normal": named.pop(PLAIN),
        "presets": named,
        "fitted": fitted and fitted.model_dump(),
        "schema": SamplerConfig.model_json_schema(),
        "plain_schema": PlainConfig.model_json_schema(),
        "quadrants": [
            {"name": q.name, "code": q.code, "phrase": q.phrase, "glyph": q.glyph}
            for q in FROM_SUREST
        ],
        "metrics": [{"name": n, **about._asdict()} for n, about in ABOUT._asdict().items()],
        "system_prompt": SYSTEM_PROMPT,
    }


def _override(
    config: SamplerConfig | PlainConfig, partial: dict[str, Any], param: str
) -> SamplerConfig | PlainConfig:
    try:
        return config.override(partial)
    except ConfigError as error:
        raise ApiError(400, f"{error}.", param=param) from None
    except RecursionError:
        raise ApiError(400, "sampler_config is nested too deeply.", param=param) from None
