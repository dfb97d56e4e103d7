"""What can go wrong between here and a model hub, each in a sentence and what to do about it."""

import errno
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx2
from huggingface_hub import constants, get_token
from huggingface_hub.errors import (
    DisabledRepoError,
    FileMetadataError,
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from mlx_entropix.errors import DownloadError, WeightsError

_LOG_IN = "log in with `hf auth login` or set HF_TOKEN"
_RESUME = "what has arrived is kept, and the same command resumes"


@contextmanager
def explained(repo_id: str, revision: str | None) -> Iterator[None]:
    """Turn the errors of the hub client and of the disk, met inside, into `DownloadError`."""
    try:
        yield
    except WeightsError:
        raise
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as error:
        raise _explain(error, repo_id, revision or "main") from error


def is_network_failure(error: Exception) -> bool:
    """Whether the hub could not be reached at all, or was out of order."""
    return any(
        isinstance(link, OfflineModeIsEnabled | httpx2.TransportError)
        or (isinstance(link, HfHubHTTPError) and link.response.status_code >= 500)
        for link in _chain(error)
    )


def _chain(error: BaseException) -> list[BaseException]:
    """The error and all that caused it, outermost first."""
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in links:
        links.append(link)
        link = link.__cause__ or link.__context__
    return links


def _explain(error: Exception, repo_id: str, revision: str) -> DownloadError:
    chain = _chain(error)
    for link in chain:  # an answer of the hub says more than the error that wraps it
        if isinstance(link, HfHubHTTPError):
            return _explain_answer(link, repo_id, revision)
    for link in chain:
        if isinstance(link, OfflineModeIsEnabled):
            return DownloadError(
                "HF_HUB_OFFLINE is set, so nothing can be downloaded. Unset it and run the same "
                "command again.",
                bad_input=False,
            )
        if isinstance(link, httpx2.HTTPError | httpx2.InvalidURL):
            return _explain_network(link, chain)
        if isinstance(link, FileMetadataError):
            return not_a_hub()
    return _explain_disk(error)


def _explain_answer(error: HfHubHTTPError, repo_id: str, revision: str) -> DownloadError:
    status = error.response.status_code
    token_refused = "Invalid credentials" in (error.response.headers.get("X-Error-Message") or "")
    if isinstance(error, GatedRepoError):
        who = "your account has" if get_token() else "you are not logged in, so you have"
        message = (
            f"{repo_id} is gated, and {who} no access to it. Accept the licence on "
            f"{constants.ENDPOINT}/{repo_id}, then {_LOG_IN}."
        )
    elif isinstance(error, RevisionNotFoundError):
        message = (
            f"{repo_id} has no revision {revision!r}. Name a branch, a tag or a whole commit hash "
            "with --revision, or leave it out."
        )
    elif status == 401 and (token_refused or get_token()):
        message = (
            "The hub refuses your access token. Make a new one on "
            f"{constants.ENDPOINT}/settings/tokens, then {_LOG_IN}."
        )
    elif isinstance(error, RepositoryNotFoundError) or status in (401, 404):
        message = (
            f"There is no model {repo_id} on {_host()}, or it is private. Check the spelling; if "
            f"it is private, {_LOG_IN}."
        )
    elif isinstance(error, DisabledRepoError) or status == 403:
        message = (
            f"The hub forbids access to {repo_id}. Check that your access token may read it, or "
            "choose another model."
        )
    else:
        reason = "limits your requests" if status == 429 else f"answers with error {status}"
        return DownloadError(
            f"{_host()} {reason} at the moment. Wait a few minutes: {_RESUME}.", bad_input=False
        )
    return DownloadError(message, bad_input=True)


def _explain_network(error: Exception, chain: list[BaseException]) -> DownloadError:
    host = _host()
    if any(isinstance(link, socket.gaierror) for link in chain):
        problem = f"The name {host} cannot be resolved: this machine seems to be offline"
    elif any(isinstance(link, ssl.SSLError) for link in chain):
        problem = f"The certificate of {host} cannot be verified, perhaps because of a proxy"
    elif any(isinstance(link, ConnectionRefusedError) for link in chain):
        problem = f"{host} refused the connection"
    elif isinstance(error, httpx2.TimeoutException):
        problem = f"{host} did not answer in time"
    elif isinstance(error, httpx2.ProxyError):
        problem = f"The proxy does not let requests through to {host} ({error})"
    else:
        problem = f"The connection to {host} broke ({error or type(error).__name__})"
    return DownloadError(f"{problem}. Check the network: {_RESUME}.", bad_input=False)


def _explain_disk(error: Exception) -> DownloadError:
    if isinstance(error, UnicodeError):
        return DownloadError(
            f"The access token has characters that no token has. Copy it again, then {_LOG_IN}.",
            bad_input=True,
        )
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ENOSPC, errno.EDQUOT):
        return DownloadError(
            f"The disk is full. Make room: {_RESUME}.",
            bad_input=False,
        )
    if number == errno.EFBIG:
        return DownloadError(
            "The file system does not take files of this size. Choose a folder on another disk.",
            bad_input=False,
        )
    if "Consistency check" in str(error):  # the hub client's word for a body of the wrong length
        return DownloadError(
            f"{_host()} sent less than it announced. Check the network: {_RESUME}.", bad_input=False
        )
    return DownloadError(
        f"The download cannot be written ({error}). Choose another folder, with --out_dir or, for "
        "the cache, with HF_HOME.",
        bad_input=True,
    )


def not_a_hub() -> DownloadError:
    """Something answered, but with what no hub would say."""
    return DownloadError(
        f"{_host()} does not answer like a model hub. A network's login page may be in between: "
        "open it in a browser, and check HF_ENDPOINT if it is set.",
        bad_input=False,
    )


def _host() -> str:
    return urlsplit(constants.ENDPOINT).netloc or constants.ENDPOINT
