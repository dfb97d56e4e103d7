import pytest

from tests.server.running import running


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The server as it comes, for all clients: they are told its base URL, and no more."""
    with running(tmp_path_factory.mktemp("clients") / "log") as server:
        yield server
