"""Downloads from a real HTTP server on this machine, which misbehaves when told to."""

import gzip
import hashlib
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fashion_mnist.dataset import folder as folders
from fashion_mnist.dataset import sources
from fashion_mnist.errors import InputError

CONTENTS = {"one.gz": b"content of one" * 500, "two.gz": b"content of two" * 500}
SHA256 = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()}
FILES = {name: gzip.compress(content, mtime=123) for name, content in CONTENTS.items()}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.rpartition("/")[2]
        self.server.requests.append(name)
        behaviour = self.server.behaviours.pop(0) if self.server.behaviours else "serve"
        if behaviour == "reset":
            self.connection.close()
            return
        if isinstance(behaviour, int):
            self.send_error(behaviour)
            return
        if behaviour == "redirect":
            self.send_response(302)
            self.send_header("Location", "http://[::1")
            self.end_headers()
            return
        if behaviour == "stall at once":
            self.server.stalled.wait(5)
            return
        body = FILES[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        if behaviour == "stall":
            self.wfile.write(body[:10])
            self.server.stalled.wait(5)
        else:
            self.wfile.write(body[:10] if behaviour == "break off" else body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.behaviours, server.requests, server.stalled = [], [], threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}/data"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.stalled.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(sources.time, "sleep", lambda seconds: None)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "local"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    return folder


def fetch(target, *listed, timeout=0.5, retries=1):
    return sources.fetch(map(str, listed), SHA256, target, timeout=timeout, retries=retries)


def fetch_fails(target, *listed, **kwargs) -> str:
    with pytest.raises(InputError) as caught:
        fetch(target, *listed, **kwargs)
    assert not target.exists() or not list(target.iterdir()), "a failed download left something"
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_web_and_folder_give_the_same_bytes_without_name_and_time(server, folder, tmp_path):
    assert fetch(tmp_path / "web", server.url) == server.url
    # This header has a name, a comment, an extra field and a checksum.
    body = FILES["one.gz"][10:]
    header = b"\x1f\x8b\x08\x1e" + b"timeXO" + b"\x03\x00abc" + b"name\0" + b"comment\0" + b"CR"
    (folder / "one.gz").write_bytes(header + body)
    fetch(tmp_path / "folder", folder)
    for name, content in CONTENTS.items():
        fetched = (tmp_path / "web" / name).read_bytes()
        assert fetched == (tmp_path / "folder" / name).read_bytes()
        assert gzip.decompress(fetched) == content
        assert fetched[4:8] == bytes(4)


def test_a_missing_ca_bundle_ends_a_source_but_not_the_download(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "gone.pem"))
    assert fetch(tmp_path / "target", "https://127.0.0.1:9", folder) == str(folder)
    said = fetch_fails(tmp_path / "nothing", "https://127.0.0.1:9")
    assert "https://127.0.0.1:9: not reachable (Could not find a suitable TLS CA" in said


@pytest.mark.parametrize("behaviour", [503, 429, "reset", "break off", "stall", "stall at once"])
def test_a_passing_fault_is_retried(server, tmp_path, behaviour):
    server.behaviours = [behaviour]
    fetch(tmp_path / "raw", server.url)
    assert server.requests == ["one.gz", "one.gz", "two.gz"]


@pytest.mark.parametrize(
    ("behaviour", "complaint"),
    [
        (503, "one.gz: HTTP status 503"),
        ("break off", "one.gz broke off (Connection broken: IncompleteRead"),
        ("stall", "one.gz broke off (Read timed out"),
    ],
)
def test_a_lasting_fault_ends_the_source(server, tmp_path, behaviour, complaint):
    server.behaviours = [behaviour] * 9
    assert complaint in fetch_fails(tmp_path / "raw", server.url)
    assert server.requests == ["one.gz", "one.gz"]


def test_a_missing_file_is_not_asked_for_twice(server, tmp_path):
    server.behaviours = [404]
    assert "one.gz: HTTP status 404" in fetch_fails(tmp_path / "raw", server.url)
    assert server.requests == ["one.gz"]


def test_sources_are_tried_in_order_until_one_has_all_files(server, folder, tmp_path):
    server.behaviours = ["serve", 404]
    assert fetch(tmp_path / "raw", server.url, folder, "/nowhere") == str(folder)


def test_when_all_fail_each_is_listed_with_its_reason(server, folder, tmp_path):
    (folder / "two.gz").write_bytes(gzip.compress(b"other content"))
    server.behaviours = [500] * 9
    said = fetch_fails(
        tmp_path / "raw", "http://127.0.0.1:9", "http://a..b", server.url, folder, "/nowhere"
    )
    assert "http://a..b: not reachable" in said
    assert "http://127.0.0.1:9: not reachable (Failed to establish a new connection: " in said
    assert "HTTP status 500" in said
    assert f"{folder}: two.gz has SHA-256 {hashlib.sha256(b'other content').hexdigest()}" in said
    assert "/nowhere: one.gz: No such file or directory" in said
    assert "put one.gz, two.gz into a folder that is listed under `sources` in the" in said


def test_a_dead_proxy_is_named_at_once(folder, tmp_path, monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setattr(
        sources.time, "sleep", lambda seconds: pytest.fail("it waits") if seconds else None
    )
    said = fetch_fails(tmp_path / "raw", "http://example.invalid", "https://example.invalid")
    assert said.count("not reachable (through the proxy of HTTP(S)_PROXY: Failed to establish") == 2


def test_a_redirect_to_no_address_ends_the_source(server, folder, tmp_path):
    server.behaviours = ["redirect"] * 9
    assert fetch(tmp_path / "raw", server.url, folder) == str(folder)


def test_unpacked_files_and_the_names_in_their_headers_are_taken(folder, tmp_path):
    renamed = {"a-idx1-ubyte.gz": "a.idx1-ubyte.gz", "b-idx1-ubyte.gz": "b.idx1-ubyte"}
    (folder / "one.gz").rename(folder / renamed["a-idx1-ubyte.gz"])
    (folder / renamed["b-idx1-ubyte.gz"]).write_bytes(CONTENTS["two.gz"])
    (folder / "two.gz").write_bytes(CONTENTS["two.gz"])  # unpacked under its old name
    hashes = dict(zip((*renamed, "two.gz"), (*SHA256.values(), SHA256["two.gz"]), strict=True))
    sources.fetch([str(folder)], hashes, tmp_path / "raw", timeout=1, retries=0)
    fetched = [gzip.decompress((tmp_path / "raw" / name).read_bytes()) for name in hashes]
    assert fetched == [CONTENTS["one.gz"], CONTENTS["two.gz"], CONTENTS["two.gz"]]


def test_all_wrong_files_of_a_folder_are_listed(folder, tmp_path):
    (folder / "one.gz").write_bytes(gzip.compress(b"other content"))
    (folder / "two.gz").write_bytes(b"unpacked, and another")
    said = fetch_fails(tmp_path / "raw", folder)
    assert "one.gz has SHA-256" in said
    assert "two.gz has SHA-256" in said


def test_a_corrupt_file_is_named(folder, tmp_path):
    (folder / "two.gz").write_bytes(FILES["two.gz"][:-4])
    assert "two.gz is a corrupt gzip file" in fetch_fails(tmp_path / "raw", folder)


@pytest.fixture
def apt(tmp_path, monkeypatch):
    """Stand-ins for apt-get and dpkg-deb; the fixture is a function that writes another one."""

    def write(name: str, *lines: str) -> None:
        (tmp_path / "bin" / name).write_text("\n".join(["#!/bin/sh -e", *lines, ""]))
        (tmp_path / "bin" / name).chmod(0o755)

    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    # apt-get update does nothing; apt-get download leaves a package.
    write("apt-get", 'case "$*" in *" download a-package") echo > a-package_1_all.deb;; esac')
    write(
        "dpkg-deb",
        f'mkdir "$3/usr"; [ ! -d "{tmp_path}/local" ] || cp "{tmp_path}"/local/* "$3/usr"',
    )
    return write


def fetch_from_debian(target, contents):
    sha256 = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    return sources.fetch(["debian:a-package"], sha256, target, timeout=1, retries=0)


def test_debian_source_unpacks_the_package(apt, tmp_path):
    contents = {"one-ubyte.gz": b"one", "two-ubyte.gz": b"two"}
    (tmp_path / "local").mkdir()
    for name, content in contents.items():
        (tmp_path / "local" / name).write_bytes(gzip.compress(content))
    assert fetch_from_debian(tmp_path / "raw", contents) == "debian:a-package"
    found = {path.name: gzip.decompress(path.read_bytes()) for path in (tmp_path / "raw").iterdir()}
    assert found == contents


def test_debian_source_says_why_it_failed(apt, tmp_path):
    with pytest.raises(InputError, match=r"the package has no \*-ubyte.gz files"):
        fetch_from_debian(tmp_path / "raw", {"one-ubyte.gz": b"one"})
    apt("apt-get", "echo 'W: slow' >&2", "echo 'E: no mirror answers' >&2", "exit 100")
    with pytest.raises(InputError, match=r"apt-get failed \(E: no mirror answers\)"):
        fetch_from_debian(tmp_path / "raw", {"one-ubyte.gz": b"one"})


def test_debian_source_needs_apt(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    said = fetch_fails(tmp_path / "raw", "debian:dataset-fashion-mnist")
    assert "this machine has no apt-get" in said


@pytest.fixture
def shoes(tmp_path):
    """A folder of pictures."""
    for name in ("boots/1.jpg", "clogs/1.png", "pairs.csv", "clogs/notes.txt"):
        (tmp_path / "shoes" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "shoes" / name).write_text(name)
    return tmp_path / "shoes"


def fetch_pictures(target, sha256, *listed):
    return sources.fetch_pictures(map(str, listed), ["boots", "clogs"], "pairs.csv", sha256, target)


def test_pictures_and_their_groups_come_from_the_first_folder_that_has_them(shoes, tmp_path):
    found = folders.all_files(shoes, ["boots", "clogs"], "pairs.csv")
    sha256 = folders.digest(shoes, found)
    assert fetch_pictures(tmp_path / "raw", sha256, "/nowhere", shoes) == str(shoes)
    copied = {path for path in (tmp_path / "raw").rglob("*") if path.is_file()}
    assert copied == {tmp_path / "raw" / path.relative_to(shoes) for path in found}
    assert (tmp_path / "raw" / "clogs" / "1.png").read_text() == "clogs/1.png"


def test_other_pictures_than_the_described_ones_are_refused(shoes, tmp_path):
    with pytest.raises(InputError) as caught:
        fetch_pictures(tmp_path / "raw", 64 * "0", "/nowhere", shoes)
    assert "\n" not in str(caught.value)
    assert "/nowhere/boots: no pictures found" in str(caught.value)
    assert f"{shoes}: 3 files of SHA-256 " in str(caught.value)
    assert "`python -m fashion_mnist.describe" in str(caught.value)
    assert not (tmp_path / "raw").exists()
