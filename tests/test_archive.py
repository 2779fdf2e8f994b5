"""Downloads from a real HTTP server on this machine, which breaks off when told to."""

import io
import random
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fashion_mnist.dataset import archive, sources
from fashion_mnist.dataset.archive import Version
from fashion_mnist.dataset.folder import digest, pictures_below
from fashion_mnist.dataset.git_tree import git_tree
from fashion_mnist.errors import InputError

# Random, so that the archive is larger than what breaks off.
FILES = {
    "LICENSE.md": b"free",
    "README.md": b"shoes",
    "boots/1.jpg": random.Random(1).randbytes(50_000),
    "clogs/old/1.png": random.Random(2).randbytes(50_000),
    "clogs/notes.txt": b"made of wood",
}
KEPT = {name: content for name, content in FILES.items() if name != "README.md"}


def packed(files=FILES, top="shoes-abc") -> bytes:
    """Return a .tar.gz of files below one folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


ARCHIVE = packed()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        behaviour = self.server.behaviours.pop(0) if self.server.behaviours else "serve"
        if isinstance(behaviour, int):
            self.send_error(behaviour)
            return
        body, start = self.server.body, 0
        if asked and self.server.has_ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        end = start + 30_000 if behaviour == "break off" else len(body)
        self.wfile.write(body[start:end])

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.body, server.has_ranges, server.behaviours, server.ranges = ARCHIVE, True, [], []
    server.url = f"http://127.0.0.1:{server.server_port}/abc.tar.gz"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(sources.time, "sleep", lambda seconds: None)


@pytest.fixture
def local(tmp_path):
    """A local folder with the files."""
    for name, content in FILES.items():
        (tmp_path / "local" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "local" / name).write_bytes(content)
    return tmp_path / "local"


@pytest.fixture
def versions(local):
    return {"later": Version(git_tree=40 * "0"), "first": Version(git_tree=git_tree(local))}


@pytest.fixture
def target(tmp_path):
    return tmp_path / "data" / "raw"


def fetch(target, versions, *listed, retries=1):
    return archive.fetch(map(str, listed), versions, target, timeout=0.5, retries=retries)


def fetch_fails(target, versions, *listed, **kwargs) -> str:
    before = content(target)
    with pytest.raises(InputError) as caught:
        fetch(target, versions, *listed, **kwargs)
    assert content(target) == before, "a failed download changed something"
    assert "\n" not in str(caught.value)
    return str(caught.value)


def content(folder) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def names_beside(target) -> list[str]:
    return [path.name for path in target.parent.iterdir()]


def partial_archive(target, server):
    """Return the path of the partial download, with its folder."""
    target.parent.mkdir(exist_ok=True)
    return archive._partial_archive(server.url, target)


def test_an_archive_leaves_the_files_of_its_folders_and_the_license(server, target, versions):
    assert fetch(target, versions, server.url) == (server.url, "first")
    assert content(target) == KEPT
    assert names_beside(target) == ["raw"]
    assert server.ranges == [None]


def test_a_download_that_breaks_off_goes_on_from_there(server, target, versions):
    server.behaviours = ["break off", 503, "break off"]
    fetch(target, versions, server.url, retries=3)
    assert server.ranges == [None, "bytes=30000-", "bytes=30000-", "bytes=60000-"]
    assert content(target) == KEPT
    assert names_beside(target) == ["raw"]


def test_the_next_run_goes_on_from_there(server, target, versions):
    server.behaviours = ["break off"]
    said = fetch_fails(target, versions, server.url, retries=0)
    assert "abc.tar.gz broke off (Connection broken: IncompleteRead" in said
    fetch(target, versions, server.url)
    assert server.ranges == [None, "bytes=30000-"]
    assert content(target) == KEPT


def test_a_server_without_ranges_starts_anew(server, target, versions):
    server.has_ranges, server.behaviours = False, ["break off"]
    fetch(target, versions, server.url)
    assert server.ranges == [None, "bytes=30000-"]
    assert content(target) == KEPT


@pytest.mark.parametrize("size", [1, 40_000, len(ARCHIVE), len(ARCHIVE) + 1])
def test_a_partial_file_of_other_content_is_dropped(server, target, versions, size):
    partial_archive(target, server).write_bytes(bytes(size))
    fetch(target, versions, server.url)
    assert server.ranges == [f"bytes={size}-", None]
    assert content(target) == KEPT
    assert names_beside(target) == ["raw"]


def test_what_a_killed_run_left_is_in_nobodys_way(server, target, versions):
    for name in (".partial-raw", ".partial-old-raw", ".partial-raw-unpacked"):
        (target.parent / name / "folder").mkdir(parents=True)
        (target.parent / name / "folder" / "rest").write_text("of a killed run")
    fetch(target, versions, server.url)
    assert content(target) == KEPT
    assert names_beside(target) == ["raw"]


def test_other_content_is_refused_and_not_kept(server, target, versions):
    server.body = packed(FILES | {"boots/1.jpg": b"another boot"})
    said = fetch_fails(target, versions, server.url)
    assert f"{server.url}: Git tree " in said
    assert f"expected the files of Git tree {40 * '0'} or the files of Git tree " in said
    assert "put a folder with the files of Git tree" in said
    assert "at one of the local sources (none is listed yet)" in said
    assert server.ranges == [None], "it is not resumed, so the next try would give the same"
    assert names_beside(target) == []


def test_other_content_that_was_resumed_is_tried_once_from_the_start(server, target, versions):
    server.body = packed(FILES | {"boots/1.jpg": FILES["boots/1.jpg"][::-1]})
    server.behaviours = ["break off"]
    fetch_fails(target, versions, server.url)
    assert server.ranges == [None, "bytes=30000-", None]
    assert names_beside(target) == []


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"<html>no archive</html>", "the archive is damaged or unsafe (Not a gzipped file"),
        (ARCHIVE[:60_000], "the archive is damaged or unsafe (Compressed file ended before"),
        (ARCHIVE[:50_000] + bytes(99) + ARCHIVE[50_099:], "the archive is damaged or unsafe ("),
        (
            packed({"../../x/1.png": b"boo"}),
            "the archive is damaged or unsafe ('shoes-abc/../../x/1.png' would be extracted to",
        ),
        (packed({"boots/1.jpg": b"", "../b": b""}), "the archive has 2 entries at its top"),
    ],
    ids=["none", "cut", "holes", "escapes", "two tops"],
)
def test_a_damaged_archive_is_refused(server, target, versions, body, complaint):
    server.body = body
    assert f"{server.url}: {complaint}" in fetch_fails(target, versions, server.url)
    assert names_beside(target) == []
    assert sorted(names_beside(target.parent)) == ["data", "local"]


def test_a_link_out_of_the_archive_is_refused(server, target, versions):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        entry = tarfile.TarInfo("shoes/boots/1.jpg")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(entry)
    server.body = buffer.getvalue()
    assert "the archive is damaged or unsafe ('shoes/boots/1.jpg' is a link to" in fetch_fails(
        target, versions, server.url
    )


def test_a_folder_is_recognized_by_its_git_tree(local, target, versions):
    (local / ".git" / "refs").mkdir(parents=True)
    (local / ".git" / "refs" / "head").write_text("of a clone")
    assert fetch(target, versions, "/nowhere", local) == (str(local), "first")
    assert content(target) == KEPT
    assert content(local).keys() > KEPT.keys()


def test_a_folder_is_recognized_by_its_pictures(local, target):
    sha256 = digest(local, pictures_below(local))
    (local / "README.md").write_text("other words")
    versions = {
        "none": Version(sha256=64 * "0"),
        "full": Version(git_tree=40 * "0"),
        "pictures": Version(sha256=sha256),
        "again": Version(sha256=sha256),
    }
    assert fetch(target, versions, local) == (str(local), "pictures")
    assert content(target) == KEPT
    (local / "boots" / "2.jpg").write_bytes(b"one more")
    said = fetch_fails(target, {"pictures": Version(sha256=sha256)}, local)
    assert f"{local}: 3 pictures of SHA-256 " in said
    assert f"put a folder with pictures of SHA-256 {sha256} at one of the local sources" in said


def test_sources_are_tried_in_order_and_each_has_its_reason(server, local, target, versions):
    server.behaviours = [404, 500, 500]
    said = fetch_fails(target, {"x": Version(git_tree=40 * "0")}, server.url, local, "/nowhere")
    assert f"{server.url}: abc.tar.gz: HTTP status 404 Not Found; {local}: Git tree" in said
    assert "; /nowhere: not a folder. To use files that you have" in said
    assert f"at one of the local sources ({local}, /nowhere)" in said
    assert server.ranges == [None]
    assert fetch(target, versions, server.url, local) == (str(local), "first")
    assert server.ranges == [None, None, None]


def test_an_old_folder_stays_until_a_new_one_is_whole(server, target, versions):
    (target / "sandals").mkdir(parents=True)
    (target / "sandals" / "1.jpg").write_bytes(b"old")
    server.behaviours = [404]
    fetch_fails(target, versions, server.url, "/nowhere")
    fetch(target, versions, server.url)
    assert content(target) == KEPT
    assert names_beside(target) == ["raw"]


def test_a_folder_that_cannot_be_written_is_named(local, tmp_path, versions):
    (tmp_path / "file").write_text("in the way")
    said = fetch_fails(tmp_path / "file" / "raw", versions, local)
    assert said.startswith(f"{tmp_path}/file/raw: not written (")


@pytest.mark.parametrize("fields", [{}, {"git_tree": 40 * "0", "sha256": 64 * "0"}])
def test_a_version_has_one_identity(fields):
    with pytest.raises(ValueError, match="either"):
        Version(**fields)
