"""A folder of pictures that is published as a Git repository: its archive, or a local copy."""

import gzip
import hashlib
import shutil
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from fashion_mnist import progress
from fashion_mnist.dataset.folder import digest, pictures_below
from fashion_mnist.dataset.git_tree import git_tree
from fashion_mnist.dataset.sources import SourceError, get, retrying
from fashion_mnist.errors import InputError


@dataclass(frozen=True)
class Version:
    """What a version of the dataset is recognized by: one of these.

    Attributes:
        git_tree: the Git tree of all files, 40 hexadecimal digits, as `git_tree` returns it.
        sha256: of the picture files, 64 hexadecimal digits, as `folder.digest` returns it.
    """

    git_tree: str | None = None
    sha256: str | None = None

    def __post_init__(self) -> None:
        if (self.git_tree is None) == (self.sha256 is None):
            raise ValueError("a version has either a git_tree or a sha256")


class _UnfitError(SourceError):
    """The archive is damaged, or its content is no version."""


def fetch(
    sources: Iterable[str],
    versions: Mapping[str, Version],
    folder: Path,
    *,
    timeout: float,
    retries: int,
) -> tuple[str, str]:
    """Put the verified files of a repository's folders into `folder`, from the first source.

    Of the files outside the repository's folders only the license is kept. A download that breaks
    off stays beside `folder`; the next one, in this run or another, goes on from there.

    Args:
        sources: URLs of .tar.gz archives with one top folder, as GitHub makes them of a commit, or
            paths of local folders that hold the same files, such as a clone.
        versions: what the files may be, by name; the first that matches counts.
        folder: where they go; it is replaced as a whole, or not at all.
        timeout: seconds without a byte after which a download counts as broken.
        retries: of a broken download.

    Returns:
        The source and the name of the version.

    Raises:
        InputError: no source has a version; the message gives the reason for each source. Or the
            files can't be written.
    """
    sources = list(sources)
    local = [source for source in sources if not _is_url(source)]
    failures = []
    for source in sources:
        progress.say(f"download: trying {source}")
        try:
            if _is_url(source):
                version = _fetch_archive(source, versions, folder, timeout, retries)
            else:
                version = _recognize(Path(source), versions)
                _put(Path(source), folder)
        except SourceError as error:
            failures.append(f"{source}: {error}")
        else:
            for url in filter(_is_url, sources):
                _partial_archive(url, folder).unlink(missing_ok=True)
            return source, version
    raise InputError(
        f"no source has the dataset: {'; '.join(failures)}. To use files that you have, put a "
        f"folder with {' or '.join(map(_identity, versions.values()))} at one of the local "
        f"sources ({', '.join(local) or 'none is listed yet'})"
    )


def _is_url(source: str) -> bool:
    return source.startswith(("http://", "https://"))


def _identity(version: Version) -> str:
    if version.git_tree is not None:
        return f"the files of Git tree {version.git_tree}"
    return f"pictures of SHA-256 {version.sha256}"


def _recognize(folder: Path, versions: Mapping[str, Version]) -> str:
    """Return the name of the first version that a folder's files are."""
    if not folder.is_dir():
        raise SourceError("not a folder")
    tree = sha256 = None
    found = []
    try:
        if any(version.git_tree is not None for version in versions.values()):
            tree = git_tree(folder)
            found.append(f"Git tree {tree}")
        if any(version.sha256 is not None for version in versions.values()):
            pictures = pictures_below(folder)
            sha256 = digest(folder, pictures)
            found.append(f"{len(pictures)} pictures of SHA-256 {sha256}")
    except OSError as error:
        raise SourceError(f"not read ({error.strerror or error}: {error.filename})") from None
    for name, version in versions.items():
        if (version.git_tree, version.sha256) in ((tree, None), (None, sha256)):
            return name
    raise _UnfitError(
        f"{' and '.join(found)}, expected {' or '.join(map(_identity, versions.values()))}"
    )


def _put(source: Path, folder: Path) -> None:
    """Copy the license and the files of the folders, so that `folder` appears whole."""
    # Fixed names, so a run after a kill clears them away.
    partial, old = (
        folder.with_name(f".{kind}-{folder.name}") for kind in ("partial", "partial-old")
    )
    with _writing(folder):
        for left in (partial, old):
            shutil.rmtree(left, ignore_errors=True)
        try:
            partial.mkdir(parents=True)
            for path in source.rglob("*"):
                place = path.relative_to(source)
                kept = len(place.parts) > 1 or place.name.startswith("LICENSE")
                if kept and place.parts[0] != ".git" and path.is_file():
                    (partial / place).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, partial / place)
            if folder.exists():
                folder.replace(old)
            partial.replace(folder)
            shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{path}: not written ({reason}); check space and permissions") from None


def _fetch_archive(
    url: str, versions: Mapping[str, Version], folder: Path, timeout: float, retries: int
) -> str:
    archive = _partial_archive(url, folder)
    resumed = _download(url, archive, timeout, retries)
    try:
        return _unpack_and_put(archive, versions, folder)
    except _UnfitError:
        if not resumed:
            raise
    # The first part may have come from another archive: servers compress anew.
    progress.say("download: the resumed archive does not fit, once more from the start")
    _download(url, archive, timeout, retries)
    return _unpack_and_put(archive, versions, folder)


def _partial_archive(url: str, folder: Path) -> Path:
    """Return where an archive is downloaded to; each URL has its own, which no other continues."""
    return folder.with_name(
        f".partial-{folder.name}-{hashlib.sha256(url.encode()).hexdigest()[:12]}.tar.gz"
    )


def _download(url: str, archive: Path, timeout: float, retries: int) -> bool:
    """Download to `archive`, or go on with what is there; return whether the end was resumed."""
    name = url.rpartition("/")[2]

    def attempt() -> bool:
        start = archive.stat().st_size if archive.exists() else 0
        headers = {"Range": f"bytes={start}-"} if start else {}
        with get(url, timeout, **headers) as response:
            if not start or not _is_misplaced(response, start):
                response.raise_for_status()
                resumed = response.status_code == requests.codes.partial_content
                _save_body(response, archive, start if resumed else 0, name)
                return resumed
        archive.unlink()
        return attempt()

    with _writing(archive):
        archive.parent.mkdir(parents=True, exist_ok=True)
    return retrying(attempt, name, retries)


def _is_misplaced(response: requests.Response, start: int) -> bool:
    """Return whether the answer to a request from byte `start` on has no such bytes."""
    if response.status_code == requests.codes.partial_content:
        return not response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
    return response.status_code == requests.codes.requested_range_not_satisfiable


def _save_body(response: requests.Response, archive: Path, start: int, name: str) -> None:
    size = response.headers.get("Content-Length", "")
    total = start + int(size) if size.isdigit() else None
    with (
        _writing(archive),
        archive.open("ab" if start else "wb") as file,
        progress.bar(desc=name, total=total, initial=start, unit="B", unit_scale=True) as bar,
    ):
        for chunk in response.raw.stream(1 << 16, decode_content=False):
            file.write(chunk)
            bar.update(len(chunk))


def _unpack_and_put(archive: Path, versions: Mapping[str, Version], folder: Path) -> str:
    """Put an archive's files into `folder`; delete the archive where it is unfit."""
    scratch = folder.with_name(f".partial-{folder.name}-unpacked")
    shutil.rmtree(scratch, ignore_errors=True)  # of a killed run
    try:
        progress.say("download: unpacking and verifying")
        _unpack(archive, scratch)
        top = list(scratch.iterdir())
        if len(top) != 1 or not top[0].is_dir():
            raise _UnfitError(f"the archive has {len(top)} entries at its top, expected one folder")
        version = _recognize(top[0], versions)
        _put(top[0], folder)
    except _UnfitError:
        archive.unlink()
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return version


def _unpack(archive: Path, scratch: Path) -> None:
    with _writing(scratch):
        scratch.mkdir()
        try:
            # As a stream, so that the checksum at its end is of all that was read.
            with gzip.open(archive) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
                tar.extractall(scratch, filter="data")
                while stream.read(1 << 20):
                    pass
        except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError) as error:
            raise _UnfitError(f"the archive is damaged or unsafe ({error})") from None
