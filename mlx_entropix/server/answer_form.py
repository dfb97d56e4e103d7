"""What form a client wants its answers to have, as OpenAI's API, vLLM and llama.cpp ask for it."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from mlx_entropix.errors import ConstraintError
from mlx_entropix.server.api_errors import ApiError
from mlx_entropix.server.unsupported import Neutral, WholePart
from mlx_entropix.text import (
    Constraint,
    Tokenizer,
    any_grammar,
    choice,
    json_schema,
    regex,
)

if TYPE_CHECKING:
    from mlx_entropix.server.requests import GenerationRequest

_Schema = dict[str, Any]
_ANY_OBJECT: _Schema = {"type": "object"}

# vLLM's older fields, each of which says a form in one way.
_GUIDED: dict[str, Callable[..., Constraint]] = {
    "guided_json": json_schema,
    "guided_regex": regex,
    "guided_choice": choice,
    "guided_grammar": any_grammar,
}


class NamedSchema(WholePart):
    """A JSON Schema, and what it is called."""

    name: str | None = Field(None, description="Its name, which nothing depends on.")
    description: str | None = Field(None, description="What it is for; the model is not told.")
    schema_: _Schema | None = Field(
        None, alias="schema", description="The schema; without one, any JSON."
    )
    strict: bool | None = Field(
        None, description="Answers are valid by the schema whatever this says."
    )


class ResponseFormat(WholePart):
    """The form of an answer."""

    type: Literal["text", "json_object", "json_schema"] = Field(
        description="`text`: any; `json_object`: a JSON object; `json_schema`: JSON by a schema."
    )
    json_schema: NamedSchema | None = Field(
        None, description="The schema, where the type is `json_schema`."
    )
    schema_: _Schema | None = Field(
        None,
        alias="schema",
        description="The schema of a `json_object`, as llama.cpp has it.",
    )

    @model_validator(mode="after")
    def _has_its_schema(self) -> "ResponseFormat":
        if (self.json_schema is not None) != (self.type == "json_schema"):
            raise ValueError(
                "the type json_schema needs a json_schema, with the schema as its `schema`, and no "
                "other type has one."
            )
        if self.schema_ is not None and self.type != "json_object":
            raise ValueError("a schema of its own goes with the type json_object alone.")
        return self

    def constraint(self) -> Constraint:
        """What it asks for, where that is not text."""
        if self.json_schema is not None:
            schema = self.json_schema.schema_
            return json_schema({} if schema is None else schema)
        return json_schema(_ANY_OBJECT if self.schema_ is None else self.schema_)


class StructuredOutputs(WholePart):
    """The form of an answer, said in one of several ways."""

    neutral: ClassVar[Neutral] = {
        "disable_any_whitespace": (False,),
        "disable_additional_properties": (False,),
        "disable_fallback": (True, False),  # there is one library alone
    }

    json_: _Schema | str | None = Field(
        None, alias="json", description="A JSON Schema, as an object or as text."
    )
    json_object: bool | None = Field(None, description="True: a JSON object.")
    regex: str | None = Field(
        None, description="A regular expression that matches all of the answer."
    )
    choice: list[str] | None = Field(None, description="Texts, of which the answer is one.")
    grammar: str | None = Field(None, description="A grammar, as Lark or as GBNF.")

    @model_validator(mode="after")
    def _is_one(self) -> "StructuredOutputs":
        ways = (self.json_, self.json_object or None, self.regex, self.choice, self.grammar)
        if sum(way is not None for way in ways) != 1:
            raise ValueError("give one of json, json_object, regex, choice and grammar.")
        return self

    def constraint(self) -> Constraint:
        """What it asks for."""
        if self.regex is not None:
            return regex(self.regex)
        if self.choice is not None:
            return choice(self.choice)
        if self.grammar is not None:
            return any_grammar(self.grammar)
        return json_schema(_ANY_OBJECT if self.json_ is None else self.json_)


def answer_constraint(request: "GenerationRequest", tokenizer: Tokenizer) -> Constraint | None:
    """The form of a request's answers, compiled; None where they may have any.

    That may take a second. Raises `ApiError`, with the field at fault, for a form that is said
    twice or cannot be held.
    """
    forms = _forms(request)
    if not forms:
        return None
    (name, make), *others = forms
    if others:
        raise ApiError(
            400,
            f"{name} and {others[0][0]} both say what form the answer has; send one of them.",
            param=others[0][0],
        )
    try:
        constraint = make()
        tokenizer.matcher(constraint)
    except ConstraintError as error:
        raise ApiError(400, f"{name}: {error}", param=name) from None
    return constraint


def _forms(request: "GenerationRequest") -> list[tuple[str, Callable[[], Constraint]]]:
    """The fields that ask for a form, each with what makes it."""
    forms: list[tuple[str, Callable[[], Constraint]]] = []
    if request.response_format is not None and request.response_format.type != "text":
        forms.append(("response_format", request.response_format.constraint))
    if request.structured_outputs is not None:
        forms.append(("structured_outputs", request.structured_outputs.constraint))
    if request.json_schema is not None:
        forms.append(("json_schema", partial(json_schema, request.json_schema)))
    if request.grammar:
        forms.append(("grammar", partial(any_grammar, request.grammar)))
    for name, make in _GUIDED.items():
        if (said := getattr(request, name)) is not None:
            forms.append((name, partial(make, said)))
    return forms
