"""Chats to token ids, through the model's own template, with what people wrote kept as text.

A template writes control tokens and messages into one string, after which nobody can tell a
template's `<|im_end|>` from a user's. So, before rendering, each name of a control token inside a
message is put between two marks: characters that occur neither in the messages nor in the
template, so that nobody can have typed them. They survive trimming and joining. In the rendered
string, a name between marks is text, and a name without them is the template's.
"""

import difflib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import tokenizers

from mlx_entropix.errors import PromptError
from mlx_entropix.text.messages import checked_messages, strings_of, with_text_arguments
from mlx_entropix.text.plain import PlainEncoder, check_text
from mlx_entropix.text.tool_prompt import as_text

# What templates call the thoughts of an assistant's message.
_REASONING_NAMES = ("reasoning_content", "reasoning", "thinking")

_GIVEN = ("messages", "chat_template", "add_generation_prompt", "continue_final_message")
_WORD = re.compile(r"\b[A-Za-z_]\w*\b")


class _Marks(NamedTuple):
    open: str
    close: str
    end: str  # where a message that stays open ends


class ChatTemplate:
    """A checkpoint's Jinja template with the encoders for what it writes."""

    def __init__(
        self,
        source: str,
        backend: tokenizers.Tokenizer,
        control_ids: frozenset[int],
        plain: PlainEncoder,
        special_tokens: Mapping[str, str],
    ):
        self._source = source
        self._backend = backend
        self._control_ids = control_ids
        self._plain = plain
        self._variables = dict(special_tokens)
        self._words = frozenset(_WORD.findall(source))
        added = backend.get_added_tokens_decoder()
        # Longest first, as the tokenizer matches them.
        ids = sorted(control_ids, key=lambda id: -len(added[id].content))
        self._names = re.compile("|".join(re.escape(added[id].content) for id in ids) or "(?!)")
        # A group named after the id tells which one was found.
        self._control = "|".join(f"(?P<id{id}>{re.escape(added[id].content)})" for id in ids)
        self._swallow_before = {id for id in ids if added[id].lstrip}
        self._swallow_after = {id for id in ids if added[id].rstrip}

    def encode(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        add_generation_prompt: bool,
        continue_final_message: bool,
        variables: Mapping[str, Any],
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> list[int]:
        """Encode a chat; raises PromptError if the messages or the template do not allow it."""
        self.check(variables)
        chat = [self._with_reasoning(message) for message in checked_messages(messages)]
        if self.has_tools:
            # Most templates write arguments of calls as JSON, and some, as DeepSeek's, a text.
            ways = [chat, with_text_arguments(chat)]
            variables = {**variables, "tools": list(tools)} if tools else variables
        else:
            ways = as_text(chat, tools)
        marks = self._unused_characters([*ways, variables])
        variables = self._mark(variables, marks)
        if continue_final_message and chat[-1]["role"] != "assistant":
            raise PromptError(
                f"The last message is the {chat[-1]['role']}'s, and only an assistant's can be "
                "continued."
            )

        def write(messages: list[dict[str, Any]]) -> str:
            marked = self._mark(messages, marks)
            if continue_final_message:
                marked[-1]["content"] += marks.end
            return self._render(
                marked, add_generation_prompt and not continue_final_message, variables
            )

        rendered = _first_accepted(write, ways)
        if continue_final_message:
            rendered, mark, _ = rendered.rpartition(marks.end)
            if not mark:
                raise PromptError(
                    "The model's chat template leaves the last message out, so it cannot be "
                    "continued; send a user's message instead."
                )
            rendered = rendered.replace(marks.end, "")  # where a template repeats a message
        return self._encode_rendered(rendered, marks)

    @property
    def has_tools(self) -> bool:
        """Whether the template writes tools, and calls of them."""
        return "tools" in self._words

    def check(self, variables: Mapping[str, Any]) -> None:
        """Raise PromptError for variables that cannot be given to the template.

        One that it does not have may be false or null: then nothing is asked of it.
        """
        if not isinstance(variables, Mapping):
            raise PromptError("chat_template_kwargs must be an object of names and values.")
        for string in strings_of(variables):
            check_text(string, "chat_template_kwargs")
        for name, value in variables.items():
            if name in _GIVEN or name in self._variables:
                raise PromptError(
                    f"chat_template_kwargs cannot set {name!r}, which is given already; leave it "
                    "out."
                )
            if name not in self._words and value not in (False, None):
                close = difflib.get_close_matches(name, self._words, n=1)
                advice = f"did you mean {close[0]!r}?" if close else "leave it out."
                raise PromptError(f"The model's chat template has no variable {name!r}; {advice}")

    def _with_reasoning(self, message: dict[str, Any]) -> dict[str, Any]:
        """A message whose thoughts have the name that the template has for them, if any."""
        message = dict(message)
        reasoning = message.pop("reasoning_content", None)
        if message["role"] != "assistant" or not reasoning:
            return message
        names = [name for name in _REASONING_NAMES if name in self._words]
        return {**dict.fromkeys(names, reasoning), **message}

    def _unused_characters(self, messages: list[Any]) -> _Marks:
        """Pick marks that nothing else can contain, from the private use planes downwards."""
        used = set(self._source).union(*self._variables.values(), *strings_of(messages))
        unused = (c for c in map(chr, range(0x10FFFD, 0xE000, -1)) if c not in used)
        return _Marks(next(unused), next(unused), next(unused))

    def _mark(self, value: Any, marks: _Marks) -> Any:
        """Copy `value`, with marks around the names of control tokens in all its strings."""
        if isinstance(value, str):
            return self._names.sub(lambda name: f"{marks.open}{name[0]}{marks.close}", value)
        if isinstance(value, Mapping):
            return {self._mark(k, marks): self._mark(item, marks) for k, item in value.items()}
        if isinstance(value, list):
            return [self._mark(item, marks) for item in value]
        return value

    def _render(
        self,
        messages: list[dict[str, Any]],
        add_generation_prompt: bool,
        more: Mapping[str, Any] = MappingProxyType({}),
    ) -> str:
        os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
        from transformers.utils.chat_template_utils import render_jinja_template

        variables: dict[str, Any] = {
            "chat_template": self._source,
            "add_generation_prompt": add_generation_prompt,
            **self._variables,
            **more,
        }
        try:
            rendered: Any = render_jinja_template([messages], **variables)
        except Exception as error:  # a template is a program: it may raise anything
            reason = " ".join(str(error).split()).rstrip(".")
            raise PromptError(
                f"The model's chat template does not accept these messages: {reason}."
            ) from error
        return rendered[0][0]

    def _encode_rendered(self, rendered: str, marks: _Marks) -> list[int]:
        if marks.open not in rendered and marks.close not in rendered:
            ids = self._backend.encode(rendered, add_special_tokens=False).ids
            written = sum(id in self._control_ids for id in ids)
            # A normalizer could make a control token of other characters, or a template of pieces
            # of two messages: then there are more than were written, and the long way is taken.
            if written == len(self._names.findall(rendered)):
                return ids
        return self._encode_segments(rendered, marks)

    def _encode_segments(self, rendered: str, marks: _Marks) -> list[int]:
        """Encode the text between the template's own control tokens as plain text."""
        names = f"(?:{self._names.pattern})"
        # One mark is enough: a template may have cut the other off.
        by_people = f"{marks.open}{names}|{names}{marks.close}"
        ids: list[int] = []
        start = 0
        for match in re.finditer(f"{by_people}|{self._control or '(?!)'}", rendered):
            if match.lastgroup is None:
                continue
            control_id = int(match.lastgroup.removeprefix("id"))
            before = rendered[start : match.start()]
            if control_id in self._swallow_before:
                before = before.rstrip()
            ids += [*self._segment(before, marks, first=start == 0), control_id]
            start = match.end()
            if control_id in self._swallow_after:
                start = len(rendered) - len(rendered[start:].lstrip())
        return ids + self._segment(rendered[start:], marks, first=start == 0)

    def _segment(self, text: str, marks: _Marks, *, first: bool) -> list[int]:
        text = text.replace(marks.open, "").replace(marks.close, "")
        if first:
            return self._plain.encode(text, add_special_tokens=False)
        return self._plain.encode_continuation(text)


def _first_accepted(
    write: Callable[[list[dict[str, Any]]], str], ways: Sequence[list[dict[str, Any]]]
) -> str:
    """What becomes of the first way to put a chat that can be written, or why the first cannot."""
    errors = []
    for way in ways:
        try:
            return write(way)
        except PromptError as error:
            errors.append(error)
    raise errors[0]
