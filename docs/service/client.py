"""A client of the service, to copy from: `python client.py predict shirt.jpg photographs/`.

It needs the package requests. SERVICE_URL says where the service is, SERVICE_TOKEN is for a proxy.
"""

import argparse
import base64
import json
import math
import os
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

CONNECTIONS = 4
TIMEOUT = 5, 90  # seconds to connect, and to wait for an answer
# A request changes nothing on the service, so any may be sent again: at once, then after 1, 2 and
# 4 seconds, or after as many as the service says.
RETRY = Retry(
    4,
    status_forcelist=(429, 502, 503, 504),
    allowed_methods=None,
    backoff_factor=0.5,
    raise_on_status=False,
)
IMAGE = {"content-type": "image/*"}  # the service looks at the bytes
LENGTH = "inference-header-content-length"


class Refused(Exception):
    """What the service, or a proxy before it, did not answer, and why."""


class Client:
    """The routes of a service. Threads may share it."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url.rstrip("/")
        self.session = requests.Session()
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS, max_retries=RETRY))
        if token:
            self.session.headers["authorization"] = f"Bearer {token}"

    def predict(self, picture: bytes, top: int = 1) -> dict[str, Any]:
        """Return the class of a picture, its probability, whether it is sure, and more."""
        answer = self._post("/predict", picture, IMAGE, params={"top": top})
        return answer.json()["predictions"][0]

    def similar(self, picture: bytes, count: int = 10) -> list[dict[str, Any]]:
        """Return the training images that are most like a picture."""
        return self._post("/similar", picture, IMAGE, params={"count": count}).json()["similar"]

    def explain(self, picture: bytes) -> bytes:
        """Return a PNG that marks the parts of a picture that mattered."""
        url = self._post("/explain", picture, IMAGE).json()["saliency"]
        return base64.b64decode(url.partition(",")[2])

    def teach(self, classes: dict[str, list[Path]]) -> tuple[dict[str, Any], bytes]:
        """Return what was learned from pictures of each class, and the head, a file head.npz."""
        files = [
            (name, (path.name, path.read_bytes(), "image/*"))
            for name, paths in classes.items()
            for path in paths
        ]
        learned = self._asked("POST", "/teach", files=files).json()
        return learned, base64.b64decode(learned.pop("head"))

    def model(self, name: str) -> dict[str, Any]:
        """Return which model it is: its SHA-256, its accuracy, and its inputs and outputs."""
        return self._asked("GET", f"/v2/models/{quote(name, safe='')}").json()

    def infer(self, name: str, images: bytes) -> list[list[float]]:
        """Return calibrated probabilities of raw images, as `array.tobytes()` of uint8 gives them.

        At most 1,024 images at once. np.frombuffer(numbers, "<f4") spares NumPy's users the lists.
        """
        _, *one = self.model(name)["inputs"][0]["shape"]
        if not images or len(images) % math.prod(one):
            raise Refused(f"{len(images)} bytes; expected images of {one}, one after the other")
        shape = [len(images) // math.prod(one), *one]
        binary_input = {"parameters": {"binary_data_size": len(images)}}
        binary_output = {"parameters": {"binary_data": True}}
        request = {
            "inputs": [{"name": "images", "datatype": "UINT8", "shape": shape, **binary_input}],
            "outputs": [{"name": "calibrated_probabilities", **binary_output}],
        }
        head = json.dumps(request).encode()
        path, length = f"/v2/models/{quote(name, safe='')}/infer", {LENGTH: str(len(head))}
        answer = self._post(path, head + images, length)
        end = int(answer.headers[LENGTH])
        (output,) = json.loads(answer.content[:end])["outputs"]
        rows: Any = memoryview(answer.content[end:]).cast("f", output["shape"]).tolist()
        return rows

    def _post(
        self, path: str, body: bytes, headers: dict[str, str], **settings: Any
    ) -> requests.Response:
        return self._asked("POST", path, data=body, headers=headers, **settings)

    def _asked(self, method: str, path: str, **settings: Any) -> requests.Response:
        try:
            answer = self.session.request(method, self.url + path, timeout=TIMEOUT, **settings)
        except requests.RequestException as error:
            # Its subclasses are other troubles, such as a certificate.
            is_absent = type(error) is requests.ConnectionError
            reason = f"no answer from {self.url}; SERVICE_URL says where the service is"
            raise Refused(reason if is_absent else str(error)) from None
        if answer.ok:
            return answer
        try:
            reason = answer.json()["error"]
        except (ValueError, TypeError, KeyError):  # the words of a proxy
            reason = answer.reason
        raise Refused(f"{answer.status_code}: {reason}")


def pictures(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files among paths, and those that are not hidden below the folders among them."""
    for path in paths:
        if path.is_dir():
            yield from sorted(filter(Path.is_file, path.rglob("[!.]*")))
        else:
            yield path


def predict(client: Client, options: argparse.Namespace) -> None:
    """Print a line for each picture; one that is refused does not stop the others."""

    def line(path: Path) -> tuple[str, bool]:
        try:
            found = client.predict(path.read_bytes())
        except (Refused, OSError) as error:
            return f"{path}: {error}", False
        words = "sure" if found["sure"] else found["reason"]
        return f"{path}\t{found['class']}\t{found['probability']:.3f}\t{words}", True

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        answered = []
        for text, is_answered in threads.map(line, pictures(options.paths)):
            print(text, file=sys.stdout if is_answered else sys.stderr)
            answered.append(is_answered)
    if not all(answered) or not answered:
        raise Refused(f"{sum(answered)} of {len(answered)} pictures have an answer")


def similar(client: Client, options: argparse.Namespace) -> None:
    for found in client.similar(options.picture.read_bytes()):
        print(f"{found['similarity']:.3f}\t{found['class']}\t{found['image']}")


def explain(client: Client, options: argparse.Namespace) -> None:
    options.output.write_bytes(client.explain(options.picture.read_bytes()))


def teach(client: Client, options: argparse.Namespace) -> None:
    if not options.folder.is_dir():
        raise Refused(f"{options.folder}: not a folder; expected one with a folder for each class")
    folders = sorted(filter(Path.is_dir, options.folder.iterdir()))
    if not folders:
        raise Refused(f"{options.folder}: no folders; expected one for each class")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    learned, head = client.teach({folder.name: list(pictures([folder])) for folder in folders})
    options.output.write_bytes(head)
    print(json.dumps(learned))


def model(client: Client, options: argparse.Namespace) -> None:
    print(json.dumps(client.model(options.name)))


def infer(client: Client, options: argparse.Namespace) -> None:
    for row in client.infer(options.model, options.images.read_bytes()):
        print(json.dumps(row))


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(run: Any, words: str, **arguments: dict[str, Any]) -> None:
        of_one = commands.add_parser(run.__name__, help=words)
        of_one.set_defaults(run=run)
        for name, settings in arguments.items():
            of_one.add_argument(name, **settings)

    path: dict[str, Any] = {"type": Path}
    command(predict, "the classes of pictures", paths={**path, "nargs": "+"})
    command(similar, "training images like a picture", picture=path)
    command(explain, "a PNG of what mattered in a picture", picture=path, output=path)
    command(teach, "a head.npz from a folder with one of each class", folder=path, output=path)
    command(model, "which model it is", name={"nargs": "?", "default": "cnn"})
    command(infer, "probabilities of raw images in a file", model={}, images=path)
    return parser


def main() -> None:
    options = parser().parse_args()
    url = os.environ.get("SERVICE_URL", "http://127.0.0.1:8000")
    try:
        options.run(Client(url, os.environ.get("SERVICE_TOKEN", "")), options)
    except (Refused, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
