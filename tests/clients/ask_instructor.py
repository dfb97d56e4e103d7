# /// script
# requires-python = ">=3.11"
# dependencies = ["instructor==1.17.0"]
# [tool.uv]
# exclude-newer = "2026-11-28T00:00:00Z"
# ///
"""What instructor gets of the server at the base URL in the first argument, as JSON on stdout.

It pins an older `openai` than the tests have, so it runs in an environment of its own:
uv run --script tests/clients/ask_instructor.py http://127.0.0.1:8000/v1
"""

import json
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import instructor
from instructor import Mode
from instructor.core import InstructorRetryException
from openai import OpenAI
from pydantic import BaseModel

SERVER = OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0)
ASK = {
    "model": "SmolLM2-135M-Instruct",
    "messages": [{"role": "user", "content": "Paris is in France."}],
    "temperature": 0,
    "max_tokens": 64,
    "max_retries": 0,
    "extra_body": {"sampler": "normal"},
}


class City(BaseModel):
    """Where a city is."""

    city: Literal["Paris", "Rome"]
    country: Literal["France", "Italy"]


def client(mode: Mode) -> instructor.Instructor:
    return instructor.from_openai(SERVER, mode=mode)


def of_schema() -> dict:
    return client(Mode.JSON_SCHEMA).create(response_model=City, **ASK).model_dump()


def of_call() -> list:
    city, answer = client(Mode.TOOLS).create_with_completion(response_model=City, **ASK)
    return [city.model_dump(), len(answer.metrics), answer.usage.completion_tokens]


def partly() -> list:
    parts = client(Mode.JSON_SCHEMA).create_partial(response_model=City, **ASK)
    return [part.model_dump() for part in parts]


def several() -> list:
    """Of as many calls as are made: one here. This mode leaves it to the model whether it calls."""
    forced = {"tool_choice": "required", "parallel_tool_calls": False}
    asked = ASK | {"extra_body": ASK["extra_body"] | forced}
    found = client(Mode.PARALLEL_TOOLS).create(response_model=Iterable[City], **asked)
    return [city.model_dump() for city in found]


def refusal() -> str:
    try:
        client(Mode.TOOLS).create(response_model=City, **ASK | {"extra_body": {"best_of": 3}})
    except InstructorRetryException as error:
        return str(error)
    return ""


asked = {
    "JSON_SCHEMA": of_schema,
    "TOOLS": of_call,
    "partly": partly,
    "PARALLEL_TOOLS": several,
    "refusal": refusal,
}
if __name__ == "__main__":
    with ThreadPoolExecutor() as pool:
        answers = {name: pool.submit(ask) for name, ask in asked.items()}
    print(json.dumps({name: answer.result() for name, answer in answers.items()}))
