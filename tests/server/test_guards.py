"""Who may call, from where, and how much at once."""

import asyncio

import httpx2
import pytest

from mlx_entropix.prompts import SYSTEM_PROMPT
from mlx_entropix.sampling import Metrics, Quadrant
from mlx_entropix.server.app import create_app
from mlx_entropix.server.async_engine import AsyncEngine
from mlx_entropix.server.run import is_loopback
from mlx_entropix.server.settings import Settings

CHAT = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
KEY = {"authorization": "Bearer sesame"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": "sesame"},
        {"authorization": "Basic sesame"},
        {"authorization": "Bearer sesame\xff"},
    ],
)
def test_the_api_needs_the_key(guarded, headers):
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    for method, path in (
        ("GET", "/v1/models"),
        ("GET", "/metrics"),
        ("POST", "/v1/chat/completions"),
    ):
        response = httpx2.request(method, guarded.url + path, headers=encoded)
        assert response.status_code == 401
        assert response.json()["error"]["code"] == "invalid_api_key"
    assert httpx2.get(guarded.url + "/health", headers=encoded).status_code == 200


def test_the_key_opens(guarded):
    models = httpx2.get(guarded.api + "/models", headers=KEY).json()
    assert models["data"][-1]["id"] == "SmolLM2-135M-Instruct"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example", 400),
        ("127.0.0.1.evil.example", 400),
        ("localhost.evil.example:8000", 400),
        ("192.168.0.7", 400),
        ("", 400),
        ("localhost", 200),
        ("LOCALHOST:1234", 200),
        ("[::1]:8000", 200),
        ("box.example", 200),
    ],
)
def test_only_known_hosts_are_answered(guarded, host, status):
    response = httpx2.get(guarded.url + "/health", headers={"host": host})
    assert response.status_code == status, response.text


@pytest.mark.parametrize("listening", ["0.0.0.0", "::"])
def test_a_server_for_the_network_is_reached_by_any_address_and_by_no_other_name(listening):
    """Its application is asked as it stands, so that nothing here listens beyond this machine."""
    hosts = ("10.0.0.3:8000", "[fe80::1]", "localhost", "evil.example", "10.0.0.3.evil.example")

    async def statuses():
        settings = Settings(host=listening)
        transport = httpx2.ASGITransport(app=create_app(settings, AsyncEngine(settings)))
        async with httpx2.AsyncClient(transport=transport, base_url="http://x") as client:
            answers = [await client.get("/health", headers={"host": host}) for host in hosts]
        return [answer.status_code for answer in answers]

    assert asyncio.run(statuses()) == [200, 200, 200, 400, 400]


@pytest.mark.parametrize(
    ("host", "alone"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("::", False)],
)
def test_whom_the_warning_about_a_missing_key_is_for(host, alone):
    assert is_loopback(host) is alone


def test_pages_of_other_origins_may_not_read(guarded, server):
    def allowed(running, origin):
        headers = {"origin": origin, "access-control-request-method": "POST"}
        response = httpx2.options(running.api + "/chat/completions", headers=headers)
        return response.headers.get("access-control-allow-origin")

    assert allowed(guarded, "https://page.example") == "https://page.example"
    assert allowed(guarded, "http://localhost:5173") is None
    assert allowed(server, "http://localhost:5173") == "http://localhost:5173"
    assert allowed(server, "http://localhost.evil.example") is None
    assert allowed(server, "https://page.example") is None


def test_a_page_cannot_post_without_being_asked_first(server):
    """A form or a `no-cors` fetch sends text/plain, which needs no permission from the server."""
    response = httpx2.post(
        server.api + "/chat/completions",
        content='{"messages": [{"role": "user", "content": "Hi"}]}',
        headers={"content-type": "text/plain", "origin": "https://evil.example"},
    )
    assert response.status_code == 400


def test_full_queue_is_refused_and_recovers(guarded):
    def post(body):
        return guarded.post("/chat/completions", body, headers=KEY)

    long = CHAT | {"max_tokens": 200, "stream": True, "seed": 0}
    url = guarded.api + "/chat/completions"
    with (
        httpx2.stream("POST", url, json=long, headers=KEY, timeout=60),
        httpx2.stream("POST", url, json=long, headers=KEY, timeout=60),
    ):
        guarded.wait(lambda health: (health["rows"], health["queue"]) == (1, 1))
        refused = post(CHAT)
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["error"]["type"] == "rate_limit_error"
        assert "2 of 2 places are taken" in refused.json()["error"]["message"]
    guarded.wait_idle()
    assert post(CHAT).status_code == 200
    many = post(CHAT | {"n": 3})
    assert many.status_code == 400
    assert many.json()["error"]["param"] == "n"
    listed = guarded.post("/completions", {"prompt": ["a", "b", "c"]}, headers=KEY)
    assert listed.status_code == 400
    assert listed.json()["error"]["param"] == "prompt"
    assert listed.json()["error"]["message"].startswith("prompt: the request asks for 3 answers")


def test_the_budget_of_the_caches_bounds_a_prompt(guarded):
    body = {"prompt": "sheep " * 400, "max_tokens": 1}
    response = guarded.post("/completions", body, headers=KEY)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "context_length_exceeded"
    assert "299" in response.json()["error"]["message"]


def test_samplers_tell_what_the_server_was_started_with(guarded, server):
    ours = httpx2.get(guarded.api + "/samplers", headers=KEY).json()
    assert ours["default"] == "frog"
    assert ours["config"]["temperature"] == 0.5
    assert ours["config"]["adaptive"]["top_k_maximum"] == 40
    assert ours["presets"]["frog"]["temperature"] == 0.666
    plain = httpx2.get(server.api + "/samplers").json()
    assert plain["default"] == "auto"
    assert plain["config"] == plain["presets"]["auto"]
    assert plain["config"] != plain["presets"]["entropix"]
    assert plain["fitted"]["model"] == "SmolLM2-135M-Instruct"
    assert ours["fitted"] == plain["fitted"]  # of the model, whatever the server's own sampler is
    properties = plain["schema"]["properties"]
    assert properties["temperature"]["maximum"] == 5
    assert properties["temperature"]["description"]
    assert set(plain["normal"]) == set(plain["plain_schema"]["properties"])


def test_samplers_tell_what_is_needed_to_read_an_answer(server):
    """So that no client has to know it by heart."""
    told = httpx2.get(server.api + "/samplers").json()
    glyphs = {quadrant["name"]: quadrant["glyph"] for quadrant in told["quadrants"]}
    assert glyphs == {quadrant.name: quadrant.glyph for quadrant in Quadrant}
    assert next(iter(glyphs)) == "FLOWING"
    assert all(quadrant["code"] and quadrant["phrase"] for quadrant in told["quadrants"])
    assert [metric["name"] for metric in told["metrics"]] == list(Metrics._fields)
    assert all(metric["description"].endswith(".") for metric in told["metrics"])
    assert told["metrics"][0]["unit"] == "bits"
    assert told["system_prompt"] == SYSTEM_PROMPT


def test_no_prompt_in_the_log_unless_asked_for(guarded):
    secret = "xylophone-7431"
    body = CHAT | {"messages": [{"role": "user", "content": secret}]}
    assert guarded.post("/chat/completions", body, headers=KEY).status_code == 200
    assert guarded.post("/completions", {"prompt": [secret, 5]}, headers=KEY).status_code == 400
    assert secret not in guarded.log.read_text()
