"""How the answers to a request may call tools, and whether they have to."""

from typing import Any, NamedTuple

from mlx_entropix.errors import ConstraintError
from mlx_entropix.server.api_errors import ApiError
from mlx_entropix.server.async_engine import ModelInfo
from mlx_entropix.server.requests import GenerationRequest
from mlx_entropix.text import CallSplitter, Constraint
from mlx_entropix.text.tool_formats import ToolFormat


class Calling(NamedTuple):
    """How calls of `tools`, `at_most` so many, are told; by the `constraint` an answer is one."""

    form: ToolFormat
    tools: tuple[dict[str, Any], ...]
    at_most: int | None
    constraint: Constraint | None = None

    @property
    def stops(self) -> tuple[str, ...]:
        """Text that ends an answer: where it may have one call alone, what closes that."""
        ends = self.at_most == 1 and self.constraint is None and not self.form.begins_answers
        return (self.form.end,) if ends else ()

    def splitter(self) -> CallSplitter:
        """What takes the calls out of one answer."""
        return CallSplitter(self.form, self.tools, self.at_most)


def calling_of(request: GenerationRequest, model: ModelInfo) -> Calling | None:
    """How the answers to a request may call tools; None where there are none.

    To compile the form of a call that has to be made may take a second. Raises `ApiError` where it
    cannot be held to.
    """
    tokenizer = model.tokenizer
    if not request.offered:
        return None
    if not request.forced:
        return Calling(tokenizer.tool_format, request.offered, request.most_calls)
    try:
        form, constraint = tokenizer.forced_calls(request.forced, several=request.most_calls != 1)
        tokenizer.matcher(constraint)
    except ConstraintError as error:
        raise ApiError.of(error, "tools") from None
    return Calling(form, request.forced, request.most_calls, constraint)
