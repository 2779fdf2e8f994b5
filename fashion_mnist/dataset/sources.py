"""Where a dataset's files come from: web mirrors, a Debian package, local folders."""

import gzip
import hashlib
import subprocess
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import requests
import urllib3

from fashion_mnist import progress
from fashion_mnist.dataset.folder import all_files, digest
from fashion_mnist.errors import InputError
from fashion_mnist.files import write_bytes

WEB = ("http://", "https://")
CONNECT_TIMEOUT = 10  # seconds; short, because a firewall may drop packets silently

Result = TypeVar("Result")


class SourceError(Exception):
    """One source has no usable file; the text says why. `fetch` goes on to the next source."""


def fetch(
    sources: Iterable[str],
    sha256: Mapping[str, str],
    folder: Path,
    *,
    timeout: float,
    retries: int,
) -> str:
    """Put verified files into `folder`, all from the first source that has all of them.

    The mirrors' compressed data agree, but gzip headers name a file and a time. Both are dropped,
    so every mirror gives the same bytes.

    Args:
        sources: URLs of folders, `debian:PACKAGE`, or paths of local folders.
        sha256: the gzip files to get, each with its SHA-256 or that of its decompressed content.
        folder: where they go; nothing is written before all are verified.
        timeout: seconds without a byte after which a download counts as broken.
        retries: of a broken download.

    Returns:
        The source of the files.

    Raises:
        InputError: no source has all the files; the message gives the reason for each source.
    """
    failures = []
    for source in sources:
        progress.say(f"download: trying {source}")
        try:
            contents = _read_all(source, sha256, timeout, retries)
        except SourceError as error:
            failures.append(f"{source}: {error}")
        else:
            for name, content in contents.items():
                write_bytes(folder / name, _without_name_and_time(content))
            return source
    raise InputError(
        "no source has the dataset: "
        + "; ".join(failures)
        + f". To use files that you have, put {', '.join(sha256)} into a folder that is listed "
        "under `sources` in the dataset's file in datasets/"
    )


def fetch_pictures(
    sources: Iterable[str],
    class_names: Sequence[str],
    groups: str | None,
    sha256: str,
    folder: Path,
) -> str:
    """Copy verified pictures into `folder`, from the first source that has them.

    Args:
        sources: local folders with a folder of pictures for each class.
        class_names: of the folders.
        groups: the name of a CSV file beside them, as `pictures.read_groups` takes it, or None.
        sha256: of all these files, as `folder.digest` returns it.
        folder: where they go; nothing is written before all are verified.

    Returns:
        The source of the pictures.

    Raises:
        InputError: no source has the pictures; the message gives the reason for each source.
    """
    failures = []
    for source in map(Path, sources):
        progress.say(f"download: trying {source}")
        try:
            found = all_files(source, class_names, groups)
            actual = digest(source, found)
        except InputError as error:
            failures.append(str(error))
            continue
        if actual == sha256:
            for path in found:
                write_bytes(folder / path.relative_to(source), path.read_bytes())
            return str(source)
        failures.append(f"{source}: {len(found)} files of SHA-256 {actual}, expected {sha256}")
    raise InputError(
        f"no source has the dataset: {'; '.join(failures)}. Where pictures were changed on "
        "purpose, `python -m fashion_mnist.describe FOLDER` writes what they are now"
    )


def fetch_file(
    sources: Iterable[str], sha256: str, path: Path, *, timeout: float, retries: int
) -> None:
    """Write a verified file to `path`, from the first source that has it under the same name.

    Args:
        sources: URLs of folders, or paths of local folders.
        sha256: of the file.
        path: where it goes; nothing is written before it is verified.
        timeout: seconds without a byte after which a download counts as broken.
        retries: of a broken download.

    Raises:
        InputError: no source has the file; the message gives the reason for each source.
    """
    failures = []
    for source in sources:
        progress.say(f"{path.name}: trying {source}")
        try:
            if source.startswith(WEB):
                content = _download(source.rstrip("/"), timeout, retries, path.name)
            else:
                content = _read_file(Path(source), path.name)
        except SourceError as error:
            failures.append(f"{source}: {error}")
            continue
        actual = hashlib.sha256(content).hexdigest()
        if actual == sha256:
            write_bytes(path, content)
            return
        failures.append(f"{source}: {path.name} has SHA-256 {actual}, expected {sha256}")
    raise InputError(f"no source has {path.name}: {'; '.join(failures)}")


def _read_all(
    source: str, sha256: Mapping[str, str], timeout: float, retries: int
) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as scratch:
        if source.startswith(WEB):
            read = partial(_download, source.rstrip("/"), timeout, retries)
        elif source.startswith("debian:"):
            package = source.removeprefix("debian:")
            read = partial(
                _read_gzip, _folder_of_idx(unpack_debian_package(package, Path(scratch)))
            )
        else:
            read = partial(_read_gzip, Path(source))
        contents, failures = {}, []
        for name, expected in sha256.items():
            try:
                contents[name] = read(name)
                _verify(name, contents[name], expected)
            except SourceError as error:
                failures.append(str(error))
                if source.startswith(WEB):
                    break  # before more is downloaded in vain
        if failures:
            raise SourceError(", ".join(failures))
        return contents


def _verify(name: str, content: bytes, expected: str) -> None:
    try:
        actual = hashlib.sha256(gzip.decompress(content)).hexdigest()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise SourceError(f"{name} is a corrupt gzip file ({error})") from None
    if expected not in (actual, hashlib.sha256(content).hexdigest()):
        raise SourceError(f"{name} has SHA-256 {actual} decompressed, expected {expected}")


def _without_name_and_time(content: bytes) -> bytes:
    """Return a gzip file with an empty header (RFC 1952, section 2.3)."""
    flags, start = content[3], 10
    if flags & 4:  # FEXTRA
        start += 2 + int.from_bytes(content[10:12], "little")
    for flag in (8, 16):  # FNAME, FCOMMENT
        if flags & flag:
            start = content.index(0, start) + 1
    if flags & 2:  # FHCRC
        start += 2
    return b"\x1f\x8b\x08" + bytes(6) + b"\xff" + content[start:]


def _download(url: str, timeout: float, retries: int, name: str) -> bytes:
    def attempt() -> bytes:
        with get(f"{url}/{name}", timeout) as response:
            response.raise_for_status()
            return _read_body(response, name)

    return retrying(attempt, name, retries)


def get(url: str, timeout: float, **headers: str) -> requests.Response:
    """Send a request; the caller reads the body, with `timeout` seconds for each part of it."""
    return requests.get(
        url,
        # Without it some servers declare the file's own compression as the transfer's.
        headers={"Accept-Encoding": "identity", **headers},
        stream=True,
        timeout=(CONNECT_TIMEOUT, timeout),
    )


def retrying(attempt: Callable[[], Result], name: str, retries: int) -> Result:
    """Return what `attempt` returns, a download that is tried again when it breaks off.

    Args:
        attempt: raises the exceptions of requests and urllib3, HTTPError of a bad status included.
        name: of the file, for the reason.
        retries: how often to try again, each time after a longer wait.

    Raises:
        SourceError: every attempt failed, or the first in a way that another one would not mend.
    """
    failure = ""
    for number in range(retries + 1):
        time.sleep(2**number - 1)
        try:
            return attempt()
        except requests.HTTPError as error:
            response = error.response
            failure = f"{name}: HTTP status {response.status_code} {response.reason}"
            if response.status_code < 500 and response.status_code != 429:
                break
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            # requests wraps the errors of urllib3, which hold the reason.
            cause = getattr(error.args[0], "reason", error.args[0]) if error.args else error
            through = ""
            if isinstance(cause, urllib3.exceptions.ProxyError):
                cause, through = cause.original_error, "through the proxy of HTTP(S)_PROXY: "
            text = through + str(cause).rpartition("): ")[2]
            nobody_there = through or isinstance(
                cause,
                urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError,
            )
            if nobody_there or isinstance(error, ValueError):  # ValueError: no URL at all
                # The next source is more likely to work than another try.
                raise SourceError(f"not reachable ({text})") from None
            failure = f"{name} broke off ({text})"
        # Such as a missing CA bundle, before any connection, or a redirect to what is no address.
        except (OSError, ValueError) as error:
            raise SourceError(
                f"not reachable ({getattr(error, 'strerror', '') or error})"
            ) from None
    raise SourceError(failure)


def _read_body(response: requests.Response, name: str) -> bytes:
    size = response.headers.get("Content-Length", "")
    body = bytearray()
    total = int(size) if size.isdigit() else None
    with progress.bar(desc=name, total=total, unit="B", unit_scale=True) as bar:
        # The raw bytes, whatever Content-Encoding says.
        for chunk in response.raw.stream(1 << 16, decode_content=False):
            body += chunk
            bar.update(len(chunk))
    return bytes(body)


def unpack_debian_package(package: str, scratch: Path) -> Path:
    """Download and unpack a Debian package, without root, into a folder below `scratch`.

    Raises:
        SourceError: this machine is no Debian, or the package can't be had.
    """
    # apt does not make these folders itself.
    for folder in ("state/lists/partial", "cache/archives/partial", "package"):
        (scratch / folder).mkdir(parents=True)
    apt_get = [
        "apt-get",
        "--quiet=2",
        f"-oDir::State={scratch}/state",
        f"-oDir::Cache={scratch}/cache",
        "-oDir::State::status=/dev/null",
        "-oAcquire::Languages=none",
        "-oAPT::Sandbox::User=",
        "-oAPT::Get::List-Cleanup=0",
    ]
    _run([*apt_get, "update"], scratch)
    _run([*apt_get, "download", package], scratch)
    (archive,) = scratch.glob("*.deb")
    _run(["dpkg-deb", "-x", str(archive), "package"], scratch)
    return scratch / "package"


def _folder_of_idx(folder: Path) -> Path:
    found = next(folder.rglob("*-ubyte.gz"), None)
    if found is None:
        raise SourceError("the package has no *-ubyte.gz files")
    return found.parent


def _run(command: list[str], folder: Path) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=300)
    except FileNotFoundError:
        raise SourceError(f"this machine has no {command[0]}") from None
    except subprocess.TimeoutExpired:
        raise SourceError(f"{command[0]} took over 5 minutes") from None
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or [f"exit status {error.returncode}"]
        raise SourceError(f"{command[0]} failed ({lines[-1]})") from None


def _read_gzip(folder: Path, name: str) -> bytes:
    """Return a gzip file; browsers unpack it, and 7-Zip calls it by the dotted name in its header.

    Raises:
        SourceError: the folder has it under none of its names.
    """
    dotted = name.replace("-idx", ".idx")
    names = (name, dotted, name.removesuffix(".gz"), dotted.removesuffix(".gz"))
    found = next((other for other in names if (folder / other).exists()), name)
    content = _read_file(folder, found)
    is_gzip = content.startswith(b"\x1f\x8b")
    return content if is_gzip else gzip.compress(content, mtime=0)


def _read_file(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise SourceError(f"{name}: {error.strerror}") from None
