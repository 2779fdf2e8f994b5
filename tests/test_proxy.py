"""docs/service/nginx.conf in a real nginx before the real service."""

import http.server
import io
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import requests
from conftest import ROOT, Service, free_port
from PIL import Image
from requests.adapters import HTTPAdapter
from test_service import PIXELS, png

from service.limits import MAX_BODY

CONF = ROOT / "docs" / "service" / "nginx.conf"
# /usr/sbin is not in the PATH of Debian's users.
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
TOKEN = {"authorization": "Bearer 0123456789abcdef0123456789abcdef"}
PASSWORD = ("somebody", "something")
IMAGE = {"content-type": "image/png"}

needs_nginx = pytest.mark.skipif(
    not (NGINX and shutil.which("openssl")),
    reason="nginx and openssl are needed; on Debian: apt-get install nginx-light openssl",
)
pytestmark = needs_nginx


class Proxy:
    """nginx on loopback before services; its folder has what the file looks for in /etc/nginx."""

    def __init__(self, folder: Path, *services: str):
        plain, secure = free_port(), free_port()
        servers = [f"server {url.removeprefix('http://')} max_fails=0;" for url in services]
        text = CONF.read_text()
        for old, new in (
            ("listen 80;", f"listen 127.0.0.1:{plain};"),
            ("listen 443 ssl;", f"listen 127.0.0.1:{secure} ssl;"),
            ("server 127.0.0.1:8000 max_fails=0;", " ".join(servers)),
            ("/etc/nginx/", f"{folder}/"),
            ("/var/log/nginx/", f"{folder}/"),
        ):
            assert old in text
            text = text.replace(old, new)
        (folder / "garments.conf").write_text(text)
        # Debian's nginx would keep bodies and answers in /var/lib/nginx, where only root may write.
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "".join(f"{kind}_temp_path {folder}/{kind}; " for kind in kinds)
        (folder / "nginx.conf").write_text(
            # Without it, root's nginx would run as a user who can't look into the test's folder.
            ("user root;" if os.getuid() == 0 else "")
            + f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; events {{}} "
            f"http {{ {temporary} include {folder}/garments.conf; }}"
        )
        (folder / "garments.tokens").write_text(f'"{TOKEN["authorization"]}" off;\n')
        name, password = PASSWORD
        hashed = openssl("passwd", "-apr1", password)
        (folder / "garments.users").write_text(f"{name}:{hashed}")
        self.certificate = folder / "garments.crt"
        openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-nodes", "-days", "1", "-subj", "/CN=garments.example"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(folder / "garments.key"), "-out", str(self.certificate)),
        )
        self.process = subprocess.Popen(
            [NGINX, "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"]
        )
        self.plain_url = f"http://127.0.0.1:{plain}"
        self.url = f"https://127.0.0.1:{secure}"
        while True:  # pytest-timeout ends an endless wait
            assert self.process.poll() is None, (folder / "error.log").read_text()
            try:
                socket.create_connection(("127.0.0.1", secure)).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.02)

    def client(self, address: str = "127.0.0.1", **settings) -> requests.Session:
        """Return a session from an address of loopback that believes the certificate."""
        session = requests.Session()
        session.trust_env = False  # variables of the environment would win over `verify`
        session.mount("https://", _From(address))
        session.verify = str(self.certificate)
        session.headers.update(settings.get("headers", TOKEN))
        return session

    def stop(self) -> None:
        self.process.terminate()
        assert self.process.wait(timeout=30) == 0


class _From(HTTPAdapter):
    def __init__(self, address: str):
        self.address = address
        super().__init__(pool_maxsize=30)

    def init_poolmanager(self, *arguments, **keywords) -> None:
        super().init_poolmanager(*arguments, source_address=(self.address, 0), **keywords)


def openssl(*arguments: str) -> str:
    done = subprocess.run(["openssl", *arguments], check=True, text=True, capture_output=True)
    return done.stdout


@pytest.fixture(scope="module")
def proxy(service, tmp_path_factory):
    proxy = Proxy(tmp_path_factory.mktemp("proxy"), service.url)
    yield proxy
    proxy.stop()


def test_everything_has_its_address_below_the_prefix(proxy):
    client = proxy.client()
    page = client.get(f"{proxy.url}/garments", timeout=60)
    assert page.url == f"{proxy.url}/garments/"
    assert "<h1>" in page.text
    script = re.search(r'src="([\w/]+\.js)"', page.text)[1]
    assert client.get(page.url + script, timeout=60).status_code == 200
    docs = client.get(f"{proxy.url}/garments/docs", timeout=60).text
    for path in (
        re.search(r"url: '(.+?)'", docs)[1],
        re.search(r'<script src="(.+?)"', docs)[1],
    ):
        assert path.startswith("/garments/")
        assert client.get(proxy.url + path, timeout=60).status_code == 200
    found = client.post(
        f"{proxy.url}/garments/similar", png(PIXELS[0]), headers=IMAGE, timeout=60
    ).json()
    image = client.get(proxy.url + found["similar"][0]["image"], timeout=60)
    assert image.headers["content-type"] == "image/png"


def test_a_picture_as_large_as_a_phone_s_is_answered(proxy):
    pixels = np.random.default_rng(0).integers(0, 256, (2000, 2000, 3), np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG", compress_level=0)
    assert 12e6 < content.tell() < MAX_BODY
    url = f"{proxy.url}/garments/predict"
    answer = proxy.client().post(url, content.getvalue(), headers=IMAGE, timeout=60)
    assert answer.json()["predictions"][0]["class"]


def test_bodies_have_the_service_s_limit(proxy):
    largest = f"client_max_body_size {MAX_BODY};"
    assert largest in CONF.read_text()
    url = f"{proxy.url}/garments/predict"
    taken = proxy.client().post(url, bytes(MAX_BODY), headers=IMAGE, timeout=60)
    assert taken.status_code == 422, "the service has read it"
    refused = proxy.client().post(url, bytes(MAX_BODY + 1), headers=IMAGE, timeout=60)
    assert refused.status_code == 413


@pytest.mark.parametrize("path", ["", "docs", "v2/models/cnn", "training-images/0.png"])
def test_without_a_token_or_a_password_nothing_is_answered(proxy, path):
    url = f"{proxy.url}/garments/{path}"
    for headers in (
        {},
        {"authorization": "Bearer 0"},
        {"authorization": TOKEN["authorization"] + "0"},
        {"authorization": TOKEN["authorization"].removeprefix("Bearer ")},
    ):
        refused = proxy.client(headers=headers).get(url, timeout=60)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == 'Basic realm="garments"'
    stranger = proxy.client(headers={})
    assert stranger.get(url, auth=PASSWORD, timeout=60).status_code == 200
    assert stranger.get(url, auth=(PASSWORD[0], "else"), timeout=60).status_code == 401


def test_a_browser_with_a_password_shows_the_page_and_its_pictures(proxy, browser):
    name, password = PASSWORD
    credentials = {"username": name, "password": password}
    with browser.new_context(http_credentials=credentials, ignore_https_errors=True) as context:
        page = context.new_page()
        page.set_default_timeout(10_000)
        statuses: list[tuple[int, str]] = []
        page.on("response", lambda response: statuses.append((response.status, response.url)))
        page.goto(f"{proxy.url}/garments/")
        page.get_by_role("button", name="Bag", exact=True).click()
        page.wait_for_selector("[data-state=done]")
        page.wait_for_selector("#similar img")
        page.wait_for_load_state("networkidle")
    # The browser tries without the password first.
    assert [found for found in statuses if found[0] not in (200, 304, 401)] == []
    assert sum("/garments/training-images/" in url for _, url in statuses) > 1


@pytest.mark.parametrize("path", ["metrics", "/metrics", "./metrics", "x/../metrics", "%6detrics"])
def test_the_metrics_are_not_public(proxy, path):
    # curl sends a path as it is.
    command = ["curl", "--silent", "--path-as-is", "--cacert", str(proxy.certificate)]
    command += ["--header", f"authorization: {TOKEN['authorization']}"]
    command += ["--write-out", "%{http_code}", f"{proxy.url}/garments/{path}"]
    done = subprocess.run(command, text=True, capture_output=True, check=True)
    assert done.stdout.endswith("404")
    assert "service_requests" not in done.stdout


def test_an_address_that_asks_for_too_much_is_told_to_wait(proxy):
    client = proxy.client("127.0.0.3")
    url = f"{proxy.url}/garments/v2/health/live"
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: client.get(url, timeout=60), range(200)))
    statuses = {answer.status_code for answer in answers}
    assert statuses == {200, 503}
    waits = {a.headers.get("retry-after") for a in answers if a.status_code == 503}
    assert waits == {"1"}
    assert proxy.client("127.0.0.4").get(url, timeout=60).status_code == 200


def test_without_tls_there_is_only_the_address_with_it(proxy):
    moved = requests.get(f"{proxy.plain_url}/garments/docs", allow_redirects=False, timeout=60)
    assert moved.status_code == 301
    assert moved.headers["location"] == "https://127.0.0.1/garments/docs"


def test_the_logs_have_the_client_s_address_and_the_answer_s_id(exported, tmp_path):
    service = Service(exported, "--log")
    proxy = Proxy(tmp_path, service.url)
    client, url = proxy.client("127.0.0.2"), f"{proxy.url}/garments/v2/health/live"
    # What a client claims of its address is not believed, and neither is an odd id.
    claimed = {"x-forwarded-for": "9.9.9.9", "x-forwarded-prefix": "/else"}
    answers = [
        client.get(url, headers={"x-request-id": "abc-1"}, timeout=60),
        client.get(url, headers=claimed, timeout=60),
        client.get(url, headers={"x-request-id": "an odd one"}, timeout=60),
    ]
    proxy.stop()
    lines = [json.loads(line) for line in service.stop()[1].splitlines()]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert ids[0] == "abc-1"
    assert len(set(ids)) == 3
    assert [line["id"] for line in lines] == ids
    assert {line["client"] for line in lines} == {"127.0.0.2"}
    logged = (tmp_path / "garments.log").read_text().splitlines()
    assert [line.split()[-1] for line in logged] == ids
    assert {line.split()[1] for line in logged} == {"127.0.0.2"}


class Busy(http.server.BaseHTTPRequestHandler):
    """A process that is always busy; the real one is so only under much load."""

    asked: list[str]

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        self.rfile.read(length)
        self.asked.append(self.command)
        self.send_response(503)
        self.send_header("retry-after", "1")
        self.send_header("content-length", "0")
        self.end_headers()

    do_POST = do_GET

    def log_message(self, *_) -> None:
        pass


def test_what_one_process_refuses_another_is_asked_unless_it_is_a_post(service, tmp_path):
    asked: list[str] = []
    handler = type("Handler", (Busy,), {"asked": asked})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as busy:
        threading.Thread(target=busy.serve_forever).start()
        proxy = Proxy(tmp_path, f"http://127.0.0.1:{busy.server_port}", service.url)
        client = proxy.client()
        live = f"{proxy.url}/garments/v2/health/live"
        gets = [client.get(live, timeout=60).status_code for _ in range(4)]
        url = f"{proxy.url}/garments/predict"
        posts = [client.post(url, png(PIXELS[0]), headers=IMAGE, timeout=60) for _ in range(4)]
        proxy.stop()
        busy.shutdown()
    assert "GET" in asked
    assert gets == 4 * [200]
    refused = [post for post in posts if post.status_code == 503]
    assert len(refused) == asked.count("POST") == 2
    assert {post.headers["retry-after"] for post in refused} == {"1"}
