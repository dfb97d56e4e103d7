import pytest
from openai import OpenAI

from tests.server.running import running


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The server as it comes, shared by all tests that leave it as they found it."""
    with running(tmp_path_factory.mktemp("server") / "log") as server:
        yield server


@pytest.fixture(scope="session")
def guarded(tmp_path_factory):
    """A server with a key, one row, a queue of one, a small budget, no reuse, its own sampler."""
    folder = tmp_path_factory.mktemp("guarded")
    config = folder / "sampler.json"
    config.write_text('{"temperature": 0.5, "adaptive": {"top_k_maximum": 40}}')
    options = ["--max_rows", "1", "--max_queue", "1", "--max_kv_tokens", "300"]
    options += ["--prefix_cache_mb", "0", "--max_connections", "8", "--receive_timeout", "1"]
    options += ["--sampler", "frog", "--sampler_config", str(config)]
    options += ["--cors_origin", "https://page.example", "--allowed_host", "box.example"]
    options += ["--served_model_name", "parrot"]
    with running(folder / "log", *options, MLX_ENTROPIX_API_KEY="sesame") as server:
        yield server


@pytest.fixture(scope="session")
def client(server):
    with OpenAI(base_url=server.api, api_key="unused", max_retries=0, timeout=120) as client:
        yield client
