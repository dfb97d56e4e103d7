"""How the answers to a request may call tools, and whether they have to."""

from typing import Any, NamedTuple

from mlx_entropix.errors import ConstraintError
from mlx_entropix.server.api_errors import ApiError
from mlx_entropix.server.requests import GenerationRequest
from mlx_entropix.text import CallSplitter, Constraint, Tokenizer, either, json_schema
from mlx_entropix.text.tool_formats import ToolFormat


class Calling(NamedTuple):
    """How calls of `tools`, `at_most` so many, are told; answers have the form `constraint`."""

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


def calling_of(
    request: GenerationRequest, tokenizer: Tokenizer, form: Constraint | None
) -> Calling | None:
    """How the answers to a request may call tools; None where there are none.

    Text may have to be of a `form`: then an answer is that, or calls. To compile the form of calls
    may take a second. Raises `ApiError` where it cannot be held to.
    """
    if not request.offered:
        return None
    if not request.forced and form is None:
        return Calling(tokenizer.tool_format, request.offered, request.most_calls)
    tools = request.forced or request.offered
    try:
        own, calls = tokenizer.forced_calls(tools, several=request.most_calls != 1)
        if form is not None and not request.forced:
            calls = either(calls, form)
        tokenizer.matcher(calls)
    except ConstraintError as error:
        for tool in tools:
            _check(tool["function"], tokenizer)
        raise ApiError.of(error, "tools") from None
    return Calling(own, tools, request.most_calls, calls)


def _check(function: dict[str, Any], tokenizer: Tokenizer) -> None:
    """Raise what is wrong with the parameters of one function, if anything is."""
    try:
        tokenizer.matcher(json_schema(function["parameters"]))
    except ConstraintError as error:
        message = f"A call of {function['name']} cannot be made certain. {error}"
        raise ApiError(400, message, param="tools") from None
