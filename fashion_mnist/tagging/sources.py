"""Where pictures are: in a folder, in a list, behind a pattern, in a bucket."""

import functools
import glob
import itertools
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import fs

from fashion_mnist.dataset import picture_file
from fashion_mnist.dataset.folder import SUFFIXES, say_left_out
from fashion_mnist.errors import InputError

S3, GOOGLE = "s3://", "gs://"
LIST = ".txt"
# What is known of a picture before it is read. bytes is null where there is no such file.
LISTED = pa.schema(
    [("path", pa.string()), ("bytes", pa.int64()), ("modified", pa.timestamp("us", "UTC"))]
)
MAX_BYTES = 200_000_000  # the largest picture that is decoded has 160 MB, as a BMP
READERS = 16  # a list's remote pictures that are asked about at once
BATCH = 65_536  # rows that are Python objects at once
CONNECT_SECONDS, ANSWER_SECONDS = 10, 60
CHECK = {
    S3: "check the bucket, the network and the credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID, "
    "AWS_REGION, AWS_ENDPOINT_URL)",
    GOOGLE: "check the bucket, the network and the credentials (GOOGLE_APPLICATION_CREDENTIALS)",
}

Listed = tuple[str, int | None, int | None]  # path, bytes, microseconds since 1970


def pictures(source: str) -> pa.Table:
    """Return the pictures of a source, of the schema LISTED: sorted by path, each path once.

    Args:
        source: a folder, the files below which with a picture's suffix are taken; a list, a text
            file with a path a line; a pattern of files, such as "photos/*/*.jpg"; or a prefix in a
            bucket, s3:// or gs://.

    Raises:
        InputError: the source is missing, can't be listed, or has no pictures.
    """
    if not source:
        raise InputError("SOURCE: '' found, expected a folder, a list, a pattern or a bucket")
    if is_remote(source):
        found = _in_bucket(source)
    elif Path(source).is_dir():
        found = _below(source)
    elif Path(source).suffix.lower() == LIST:
        found = _in_list(Path(source))
    else:
        found = _matching(source)
    table = _table(found)
    if not table.num_rows:
        raise InputError(f"{source}: no pictures found, expected {', '.join(SUFFIXES)}")
    table = table.sort_by("path").combine_chunks()
    paths = table["path"]
    is_new = pc.not_equal(paths.slice(1), paths.slice(0, len(paths) - 1)).combine_chunks()
    return table.filter(pa.concat_arrays([pa.array([True]), is_new])).combine_chunks()


def is_remote(path: str) -> bool:
    """Return whether a path or source is in a bucket."""
    return path.startswith((S3, GOOGLE))


def is_there(path: str, source: str) -> bool:
    """Return whether a picture that a source does not list may be there all the same.

    Of a remote one it is only known if the source would have listed it.
    """
    if is_remote(path):
        return not (is_remote(source) and path.startswith(f"{source.rstrip('/')}/"))
    return os.path.lexists(_as_bytes(path))


def read(path: str, size: int | None) -> bytes:
    """Return the content of a picture's file.

    Args:
        path: as in the table of `pictures`.
        size: in bytes, as far as it is known.

    Raises:
        OSError: it can't be read, and another run may be luckier.
        InputError: it is too large to be a picture.
    """
    if is_remote(path):
        _refuse_too_large(size or 0)
        with _file_system(*_bucket(path)).open_input_file(path.partition("://")[2]) as remote:
            return remote.read()
    name = _as_bytes(path)
    found = os.stat(name)  # noqa: PTH116 - names may be no text
    if stat.S_ISDIR(found.st_mode):
        os.scandir(name).close()  # of a folder that can't be read this says why
    if not stat.S_ISREG(found.st_mode):  # a pipe would wait for its writer
        raise OSError("not a regular file")
    _refuse_too_large(found.st_size)
    with open(name, "rb") as file:  # noqa: PTH123 - names may be no text
        return file.read()


def _refuse_too_large(size: int) -> None:
    if size > MAX_BYTES:
        raise InputError(f"{size:,} bytes, expected at most {MAX_BYTES:,}; make it smaller")


def _table(found: Iterable[Listed]) -> pa.Table:
    rows, batches = iter(found), []
    while batch := list(itertools.islice(rows, BATCH)):
        columns = [
            pa.array(values, field.type)
            for values, field in zip(zip(*batch, strict=True), LISTED, strict=True)
        ]
        batches.append(pa.record_batch(columns, LISTED))
    return pa.Table.from_batches(batches, LISTED)


def _below(folder: str) -> Iterator[Listed]:
    """Yield the regular files with a picture's suffix; a folder that can't be read is a row."""
    denied: list[bytes] = []
    suffixes: Counter[str] = Counter()
    walked = os.walk(os.fsencode(folder), onerror=lambda error: denied.append(error.filename))
    for parent, _, names in walked:
        for name in names:
            if name.lower().endswith(tuple(suffix.encode() for suffix in SUFFIXES)):
                yield from _local(os.path.join(parent, name), is_named=False)  # noqa: PTH118
            else:
                suffixes[Path(_as_text(name)).suffix.lower()] += 1
    say_left_out(folder, suffixes)
    yield from ((_as_text(name), None, None) for name in denied)


def _matching(pattern: str) -> Iterator[Listed]:
    if Path(pattern).exists():  # a file may have a name like a pattern
        _check_no_list(Path(pattern))
        return _local(os.fsencode(pattern), is_named=True)
    if not glob.has_magic(pattern):
        raise InputError(f"{pattern}: not found; expected a folder, a list, a pattern or a bucket")
    found = glob.iglob(os.fsencode(pattern), recursive=True)  # noqa: PTH207 - names may be no text
    # `**` follows links, also those to a folder above.
    return (row for name in found if not _loops(name) for row in _local(name, is_named=False))


def _check_no_list(file: Path) -> None:
    """Check that a file is no list without a list's suffix, which would be a broken picture."""
    if file.suffix.lower() in SUFFIXES or not file.is_file():
        return
    try:
        picture_file.size(file, str(file))
    except InputError as error:
        raise InputError(f"{error}; the name of a list of pictures ends in {LIST}") from None


def _loops(name: bytes) -> bool:
    """Return whether a path passes through a folder twice."""
    folder = os.path.dirname(name)  # noqa: PTH120 - names may be no text
    seen = set()
    while folder:
        found = os.stat(folder)  # noqa: PTH116
        if (found.st_dev, found.st_ino) in seen:
            return True
        seen.add((found.st_dev, found.st_ino))
        folder = os.path.dirname(folder) if folder != os.path.dirname(folder) else b""  # noqa: PTH120
    return False


def _local(name: bytes, is_named: bool) -> Iterator[Listed]:
    """Yield what is known of a regular file; of what is none or is gone, only if it is named."""
    try:
        found = os.stat(name)  # noqa: PTH116 - names may be no text
        if stat.S_ISREG(found.st_mode):
            yield _as_text(name), found.st_size, found.st_mtime_ns // 1000
            return
    except (OSError, ValueError):
        pass  # whoever reads it says what is wrong
    if is_named:
        yield _as_text(name), None, None


def _in_list(file: Path) -> Iterator[Listed]:
    try:
        if file.exists() and not file.is_file():  # a pipe would wait for its writer
            raise InputError(f"{file}: no regular file; expected a text file with a path a line")
        lines = file.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    except FileNotFoundError:
        raise InputError(f"{file}: not found; expected a text file with a path a line") from None
    names = [line.removesuffix(b"\r") for line in lines if line.strip()]
    for scheme, bucket in {_bucket(_as_text(name)) for name in names if is_remote(_as_text(name))}:
        _info(scheme + bucket, [bucket])  # a bucket out of reach is said once, not for each picture
    with ThreadPoolExecutor(READERS) as readers:
        for start in range(0, len(names), BATCH):
            batch = names[start : start + BATCH]
            yield from readers.map(_named, batch)


def _named(name: bytes) -> Listed:
    text = _as_text(name)
    if not is_remote(text):
        return next(_local(name, is_named=True))
    try:
        (found,) = _file_system(*_bucket(text)).get_file_info([text.partition("://")[2]])
    except OSError:
        return text, None, None  # whoever reads it says what is wrong
    return text, found.size, _microseconds(found)


def _in_bucket(source: str) -> Iterator[Listed]:
    scheme, bucket = _bucket(source)
    if not bucket:
        raise InputError(f"{source}: no bucket; expected {scheme}BUCKET/PREFIX")
    if "*" in source:
        raise InputError(f"{source}: patterns are for local files; expected a prefix, or a list")
    prefix = source.removeprefix(scheme).rstrip("/")
    suffixes: Counter[str] = Counter()
    for info in _info(source, fs.FileSelector(prefix, recursive=True)):
        if info.type != fs.FileType.File:
            continue
        if info.path.lower().endswith(SUFFIXES):
            yield scheme + info.path, info.size, _microseconds(info)
        else:
            suffixes[Path(info.path).suffix.lower()] += 1
    say_left_out(source, suffixes)


def _info(source: str, asked: fs.FileSelector | list[str]) -> list[fs.FileInfo]:
    """Return what the file system of a remote source knows.

    Raises:
        InputError: the source is missing or out of reach.
    """
    scheme, bucket = _bucket(source)
    try:
        return _file_system(scheme, bucket).get_file_info(asked)
    except FileNotFoundError:
        raise InputError(f"{source}: not found; check the bucket and the prefix") from None
    except OSError as error:
        raise InputError(f"{source}: {reason(error)}; {CHECK[scheme]}") from None


def _microseconds(info: fs.FileInfo) -> int | None:
    return None if info.mtime_ns is None else info.mtime_ns // 1000


def reason(error: OSError) -> str:
    """Return why something can't be read, in one line without its name; cloud errors are long."""
    words = error.strerror or str(error)
    return " ".join(re.sub(r" \(Request ID:.*|; Details:.*", "", words, flags=re.S).split())[:200]


def _bucket(path: str) -> tuple[str, str]:
    scheme, _, rest = path.partition("://")
    return f"{scheme}://", rest.partition("/")[0]


@functools.cache
def _file_system(scheme: str, bucket: str) -> fs.FileSystem:
    """Return the file system of a bucket; the S3 library has no notion of AWS_ENDPOINT_URL.

    Raises:
        OSError: the bucket's region can't be found.
    """
    if scheme == GOOGLE:
        return fs.GcsFileSystem(retry_time_limit=timedelta(seconds=CONNECT_SECONDS))
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return fs.S3FileSystem(
        region=region or ("us-east-1" if endpoint else fs.resolve_s3_region(bucket)),
        endpoint_override=endpoint,
        connect_timeout=CONNECT_SECONDS,
        request_timeout=ANSWER_SECONDS,
    )


def _as_text(name: bytes) -> str:
    r"""Return a file's name as text; bytes that are not UTF-8 become \xff."""
    return name.decode("utf-8", "backslashreplace")


def _as_bytes(path: str) -> bytes:
    r"""Return the name of a file that exists, from what `_as_text` made of it."""
    name = path.encode()
    if b"\\x" in name and not os.path.lexists(name):
        return re.sub(rb"\\x([0-9a-f]{2})", lambda found: bytes.fromhex(found[1].decode()), name)
    return name
