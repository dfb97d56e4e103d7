"""Fetching a checkpoint from a model hub: only the files that are needed, and resumable.

The hub client fetches and checks every file, but it throws a half-fetched one away when it is
interrupted. A weight file is gigabytes, so into a folder of ours it is first fetched by the
client's `http_get` into `<name>.<hash>.incomplete`, which a later run continues; the client then
compares its SHA-256 with the hub's and takes it as its own.

`config.json` is read before anything large is fetched, and written last: a folder that has it is
complete.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import (
    HfApi,
    constants,
    get_cached_repo_tree,
    hf_hub_download,
    hf_hub_url,
    snapshot_download,
)
from huggingface_hub.errors import (
    CachedRepoTreeNotFoundError,
    HFValidationError,
    LocalEntryNotFoundError,
)
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import WeakFileLock, build_hf_headers, tqdm, validate_repo_id

from mlx_entropix.errors import DownloadError, WeightsError
from mlx_entropix.weights.hub_errors import explained, is_network_failure, not_a_hub
from mlx_entropix.weights.model_config import check_config
from mlx_entropix.weights.repo_files import CONFIG, choose_files


class _NoBar(tqdm):
    """The progress bar that shows nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "disable": True})


@dataclass(frozen=True)
class _File:
    name: str
    size: int  # bytes
    sha256: str | None  # of files in large-file storage; small ones have none


@dataclass(frozen=True)
class _Repo:
    id: str
    commit: str
    files: dict[str, _File]
    gguf_architecture: str | None


def download_weights(
    model_id: str,
    out_dir: Path,
    revision: str | None = None,
    gguf: str | None = None,
    progress: type[tqdm] = _NoBar,
) -> Path:
    """Fetch a model into a folder, continuing what an earlier run left behind.

    `gguf` names one `.gguf` file of the repo instead of its safetensors. `progress` is a class of
    progress bars, made once for each file. Returns the folder, or the path of the `.gguf` file.
    Raises `DownloadError`, or `WeightsError` for a model that cannot be run.
    """
    _check_model_id(model_id)
    _check_folder(out_dir)
    with explained(model_id, revision):
        repo = _look_up(model_id, revision)
        names = choose_files(list(repo.files), gguf)
        _check_architecture(repo, names)
        _check_strangers(out_dir, names)
        out_dir.mkdir(parents=True, exist_ok=True)
        with _alone_in(out_dir):
            absent = _absent(repo, names, out_dir)
            _check_space(out_dir, sum(file.size - _arrived(out_dir, file) for file in absent))
            for file in absent:
                if file.sha256:
                    _fetch_resumably(repo, file, out_dir, progress)
            # Takes over the large files, if their hashes are right, and fetches the small ones.
            for name in sorted(names, key=lambda name: name == CONFIG):
                hf_hub_download(
                    model_id, name, revision=repo.commit, local_dir=out_dir, tqdm_class=progress
                )
    return _loadable(out_dir, names)


def fetch_to_cache(
    repo_id: str, revision: str | None = None, progress: type[tqdm] = _NoBar
) -> Path:
    """Fetch a model into the hub client's own cache, which other programs share.

    Without a network, a model that is complete in the cache is used as it is. Returns the folder of
    the snapshot, or the path of its `.gguf` file. Files that are finished are not fetched again.
    Raises `DownloadError`, or `WeightsError` for a model that cannot be run.
    """
    _check_model_id(repo_id)
    with explained(repo_id, revision):
        try:
            repo = _look_up(repo_id, revision)
        except Exception as error:
            if is_network_failure(error) and (cached := _from_cache(repo_id, revision)):
                return cached
            raise
        names = choose_files(list(repo.files))
        _check_architecture(repo, names)
        _check_space(Path(constants.HF_HUB_CACHE), sum(file.size for file in _absent(repo, names)))
        folder = Path(
            snapshot_download(repo_id, revision=revision, allow_patterns=names, tqdm_class=progress)
        )
        return _loadable(folder, names)


def _look_up(repo_id: str, revision: str | None) -> _Repo:
    """Ask the hub for the commit and the files of a repo, with their sizes: one request."""
    try:
        info = HfApi().model_info(
            repo_id,
            revision=revision or constants.DEFAULT_REVISION,
            files_metadata=True,
            timeout=constants.HF_HUB_ETAG_TIMEOUT,
        )
    except (json.JSONDecodeError, TypeError, KeyError):  # something else answered, with status 200
        raise not_a_hub() from None
    if info.sha is None or info.siblings is None:
        raise not_a_hub()
    files = {
        file.rfilename: _File(file.rfilename, file.size or 0, file.lfs.sha256 if file.lfs else None)
        for file in info.siblings
    }
    return _Repo(repo_id, info.sha, files, (info.gguf or {}).get("architecture"))


def _from_cache(repo_id: str, revision: str | None) -> Path | None:
    """A snapshot in the cache that has every file it needs, found without the network."""
    try:
        tree = get_cached_repo_tree(repo_id, revision=revision)
        names = choose_files([file.path for file in tree])
        folder = snapshot_download(
            repo_id, revision=revision, allow_patterns=names, local_files_only=True
        )
    except (CachedRepoTreeNotFoundError, LocalEntryNotFoundError, DownloadError):
        return None
    return _loadable(Path(folder), names)


def _loadable(folder: Path, names: list[str]) -> Path:
    """What a loader takes: the folder, or the `.gguf` file in it. Raises if a file is not there."""
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise DownloadError(
            f"{', '.join(missing)} did not arrive. Check the network and run the same command "
            "again: it resumes.",
            bad_input=False,
        )
    return folder / names[0] if names[0].endswith(".gguf") else folder


def _check_model_id(model_id: str) -> None:
    try:
        validate_repo_id(model_id)
    except HFValidationError:
        raise DownloadError(
            f"{model_id!r} is not the id of a model. Write it as its page shows it, such as "
            "meta-llama/Llama-3.2-1B-Instruct.",
            bad_input=True,
        ) from None


def _check_architecture(repo: _Repo, names: list[str]) -> None:
    """Raise `WeightsError` for a model that cannot be run, before anything large is fetched."""
    if names[0].endswith(".gguf"):
        if repo.gguf_architecture not in (None, "llama"):
            raise WeightsError(
                f"{repo.id}: the architecture {repo.gguf_architecture!r} is not supported. "
                "Choose a .gguf file of the llama architecture."
            )
        return
    if CONFIG not in names:
        raise WeightsError(
            f"{repo.id} has no config.json, so it is not a whole model. Choose another repo."
        )
    with tempfile.TemporaryDirectory() as folder:
        path = hf_hub_download(
            repo.id, CONFIG, revision=repo.commit, local_dir=folder, tqdm_class=_NoBar
        )
        try:
            config = json.loads(Path(path).read_text(encoding="utf-8"))
        except ValueError:
            config = None
    if not isinstance(config, dict):
        raise WeightsError(
            f"The config.json of {repo.id} is not a JSON object. Choose another repo."
        )
    check_config(config, repo.id)


def _check_folder(out_dir: Path) -> None:
    place = _existing(out_dir)
    if not place.is_dir():
        raise DownloadError(
            f"{place} is a file, so no folder can be made there. Choose another --out_dir.",
            bad_input=True,
        )


def _check_strangers(out_dir: Path, names: list[str]) -> None:
    """Weights of another model in the same folder would be loaded along with the new ones."""
    strangers = sorted({path.name for path in out_dir.glob("model*.safetensors")} - set(names))
    if strangers:
        raise DownloadError(
            f"{out_dir} holds weights that do not belong to this model ({strangers[0]}). Choose "
            "another --out_dir, or move them away.",
            bad_input=True,
        )


def _check_space(place: Path, needed: int) -> None:
    free = shutil.disk_usage(_existing(place)).free
    if needed > free:
        raise DownloadError(
            f"The download needs {needed / 1e9:.1f} GB, and {place} has {free / 1e9:.1f} GB free. "
            "Make room, or choose a folder on another disk.",
            bad_input=False,
        )


def _existing(path: Path) -> Path:
    """The path itself, or the nearest of its parents that is there."""
    path = path.absolute()
    return next((place for place in (path, *path.parents) if place.exists()), path)


@contextmanager
def _alone_in(out_dir: Path) -> Iterator[None]:
    """Two runs that add to the same half-fetched file would spoil it."""
    lock = out_dir / ".cache" / "download.lock"
    lock.parent.mkdir(exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(WeakFileLock(lock, timeout=0.1))
        except TimeoutError:
            raise DownloadError(
                f"Another download into {out_dir} is running. Wait for it to end.", bad_input=False
            ) from None
        yield


def _absent(repo: _Repo, names: list[str], out_dir: Path | None = None) -> list[_File]:
    """Those files that have to come over the network: neither in the folder nor in the cache.

    The client compares the SHA-256 of a large file that it did not put into the folder itself.
    """
    found = (
        hf_hub_download(repo.id, name, revision=repo.commit, local_dir=out_dir, dry_run=True)
        for name in names
    )
    return [repo.files[file.filename] for file in found if file.will_download]


def _partial(out_dir: Path, file: _File) -> Path:
    return out_dir / f"{file.name}.{(file.sha256 or '')[:12]}.incomplete"


def _arrived(out_dir: Path, file: _File) -> int:
    """Bytes of the file that an earlier run left behind."""
    partial = _partial(out_dir, file)
    return min(file.size, partial.stat().st_size) if partial.exists() else 0


def _fetch_resumably(repo: _Repo, file: _File, out_dir: Path, progress: type[tqdm]) -> None:
    partial = _partial(out_dir, file)
    if partial.exists() and partial.stat().st_size > file.size:
        partial.unlink()
    with partial.open("ab") as stream:
        http_get(
            hf_hub_url(repo.id, file.name, revision=repo.commit),
            stream,
            resume_size=stream.tell(),
            headers=build_hf_headers(),
            expected_size=file.size,
            displayed_filename=file.name,
            tqdm_class=progress,
        )
    partial.replace(out_dir / file.name)
    for stale in out_dir.glob(f"{file.name}.*.incomplete"):  # of another revision
        stale.unlink()
