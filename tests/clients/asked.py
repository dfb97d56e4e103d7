"""What every client asks of the bundled model, so small that it answers rightly."""

from typing import Literal

from pydantic import BaseModel

MODEL = "SmolLM2-135M-Instruct"
QUESTION = "What is the capital of France?"
ANSWER = "The capital of France is Paris."
WEATHER_QUESTION = "How is the weather in Paris?"
FACT = "Paris is in France."
CHAT = [{"role": "user", "content": QUESTION}]
SAMPLER = {"sampler": "entropix"}

WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"enum": ["Paris", "Rome"]}},
        "required": ["city"],
    },
}

REFUSED = {"best_of": 3}
REFUSAL = "best_of is not supported here"


class City(BaseModel):
    """Where a city is."""

    city: Literal["Paris", "Rome"]
    country: Literal["France", "Italy"]


IN_FRANCE = City(city="Paris", country="France")
