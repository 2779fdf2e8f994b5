"""What the operators of the service see and set."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from conftest import ROOT, Service
from test_service import INFER, PIXELS, inference, png, post, start

POLICIES = {"content-security-policy", "referrer-policy", "x-content-type-options"}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_every_answer_and_the_metrics_say_which_model_it_is(service, exported):
    expected = digest(exported / "cnn.onnx")
    predicted = post(service, "/predict", png(PIXELS[0]))
    assert predicted.json()["predictions"][0]["model_sha256"] == expected
    assert predicted.headers["x-model-sha256"] == expected
    inferred = post(service, INFER, json.dumps(inference()).encode(), "application/json")
    assert inferred.headers["x-model-sha256"] == expected
    described = requests.get(f"{service.url}/v2/models/cnn", timeout=60).json()
    card = json.loads((exported / "cnn.json").read_bytes())
    assert described["sha256"] == expected
    assert described["accuracy"] == card["test"]["accuracy"]
    assert described["made_from"] == card["sha256"]
    assert requests.get(f"{service.url}/v2/models/cnn/card", timeout=60).json() == card
    assert requests.get(f"{service.url}/v2/models/photographs/card", timeout=60).status_code == 200
    assert requests.get(f"{service.url}/v2/models/none/card", timeout=60).status_code == 404
    metrics = requests.get(f"{service.url}/metrics", timeout=60).text
    assert f'service_info{{model="cnn",sha256="{expected}",tag="",version="' in metrics


def test_the_tag_of_promoted_models_is_shown(exported, tmp_path):
    shutil.copytree(exported, tmp_path / "models")
    promotion = {"tag": "models@v0.0.1", "commit": "0" * 40}
    (tmp_path / "models" / "promoted.json").write_text(json.dumps(promotion))
    service = Service(tmp_path / "models")
    described = requests.get(f"{service.url}/v2/models/cnn", timeout=60).json()
    assert {key: described[key] for key in promotion} == promotion
    assert 'tag="models@v0.0.1"' in requests.get(f"{service.url}/metrics", timeout=60).text
    assert service.stop() == (0, "")


@pytest.mark.parametrize(
    ("file", "text"),
    [("promoted.json", "[]"), ("promoted.json", '{"tag": 1}'), ("cnn.json", "[]"),
     ("cnn.json", "not JSON"), ("mlp.json", '{"sha256": 7}')],
)  # fmt: skip
def test_a_damaged_card_or_promotion_is_one_line_of_error(exported, tmp_path, file, text):
    shutil.copytree(exported, tmp_path / "models")
    (tmp_path / "models" / file).write_text(text)
    done = start("--models", str(tmp_path / "models"))
    assert done.returncode == 1
    assert re.fullmatch(
        rf"error: .*{file}: damaged \(.*\); make it again, or delete it\n", done.stderr
    )


def test_predictions_and_refusals_are_counted(service):
    def counts() -> dict[str, float]:
        text = requests.get(f"{service.url}/metrics", timeout=60).text
        lines = [line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("service_")]
        return {name: float(value) for name, value in lines}

    before = counts()
    answer = post(service, "/predict", png(PIXELS[0])).json()["predictions"][0]
    post(service, "/predict", b"no picture")
    after = counts()

    def grown(name: str) -> float:
        return after[name] - before.get(name, 0)

    labels = f'class="{answer["class"]}",model="cnn",sure="{str(answer["sure"]).lower()}"'
    assert grown(f"service_predictions_total{{{labels}}}") == 1
    assert grown('service_refusals_total{reason="content"}') == 1
    assert grown("service_decoding_seconds_count") == 1
    assert grown("service_model_seconds_count") == 1
    assert after['service_jobs_waiting{lane="pictures"}'] == 0


def test_the_log_has_a_line_of_json_for_each_request_and_nothing_of_its_content(exported):
    service = Service(exported, "--log")
    given = {"x-request-id": "abc-1", "content-type": "image/png"}
    answers = [
        requests.post(f"{service.url}/predict?top=2", png(PIXELS[0]), headers=given, timeout=60),
        requests.get(f"{service.url}/nowhere", headers={"x-request-id": "a\tb" * 99}, timeout=60),
        requests.head(f"{service.url}/", timeout=60),
        requests.get(f"{service.url}/", headers={"content-length": 5000 * "0"}, timeout=60),
    ]
    status, said = service.stop()
    assert status == 0
    lines = [json.loads(line) for line in said.splitlines()]
    assert [line["id"] for line in lines] == [a.headers["x-request-id"] for a in answers]
    first, second, third, zeros = lines
    assert (first["id"], first["given_id"], first["method"]) == ("abc-1", "abc-1", "POST")
    assert (first["route"], first["status"]) == ("/predict", 200)
    assert (first["bytes_in"], first["bytes_out"]) == (len(png(PIXELS[0])), len(answers[0].content))
    assert first["model_sha256"] == digest(exported / "cnn.onnx")
    assert 0 < first["milliseconds"] < 60_000
    assert (second["route"], second["status"]) == ("other", 404)
    assert len(second["id"]) == 32
    assert (third["method"], third["route"], third["status"]) == ("HEAD", "/", 200)
    assert (zeros["status"], zeros["bytes_in"]) == (200, 0)
    assert "Bag" not in said


def test_settings_may_come_from_the_environment(exported):
    service = Service(
        exported, SERVICE_LOG="yes", SERVICE_THREADS="1", SERVICE_ROOT_PATH="/garments"
    )
    document = requests.get(f"{service.url}/openapi.json", timeout=60).json()
    assert document["servers"] == [{"url": "/garments"}]
    assert json.loads(service.stop()[1])["method"] == "GET"
    wrong = {"THREADS": "0", "TIMEOUT": "nan", "PORT": "x", "ROOT_PATH": "a", "LOG": "maybe"}
    for name, value in wrong.items():
        done = subprocess.run(
            [sys.executable, "-m", "service"],
            env={f"SERVICE_{name}": value, "PATH": ""},
            cwd=ROOT,
            text=True,
            capture_output=True,
        )
        assert done.returncode == 2
        assert f"argument --{name.lower().replace('_', '-')}: " in done.stderr


@pytest.mark.parametrize("by", ["header", "option"])
def test_addresses_hold_behind_a_path_prefix(exported, by):
    options = ["--root-path", "/garments/"] if by == "option" else []
    service = Service(exported, *options)
    headers = {"x-forwarded-prefix": "/garments"} if by == "header" else {}
    docs = requests.get(f"{service.url}/docs", headers=headers, timeout=60).text
    assert "url: '/garments/openapi.json'" in docs
    assert 'src="/garments/static-offline-docs/swagger-ui-bundle.js"' in docs
    headers["content-type"] = "image/png"
    similar = requests.post(f"{service.url}/similar", png(PIXELS[0]), headers=headers, timeout=60)
    image = similar.json()["similar"][0]["image"]
    assert image.startswith("/garments/training-images/")
    # The proxy cuts the prefix off.
    url = service.url + image.removeprefix("/garments")
    assert requests.get(url, timeout=60).status_code == 200
    assert service.stop()[0] == 0


def test_no_prefix_is_taken_that_is_no_path(service):
    for prefix in ("garments", "/a b", "//evil.example", '/"><script>', "/" + 300 * "a/"):
        headers = {"x-forwarded-prefix": prefix}
        docs = requests.get(f"{service.url}/docs", headers=headers, timeout=60).text
        assert "url: '/openapi.json'" in docs


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/metrics", "/v2/health/live", "/v2/health/ready", "/openapi.json"]
)
def test_head_is_answered_where_get_is_and_every_answer_has_the_headers(service, path):
    found = requests.get(service.url + path, timeout=60)
    head = requests.head(service.url + path, timeout=60)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == found.headers["content-type"]
    for headers in (found.headers, head.headers):
        assert headers.keys() >= POLICIES
        policy = headers["content-security-policy"]
        for rule in ("frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"):
            assert rule in policy
    refused = requests.get(f"{service.url}/v2/models/none", timeout=60)
    assert refused.headers.keys() >= POLICIES


def test_every_address_of_this_machine_is_listened_to_with_two_colons(exported):
    service = Service(exported, "--host", "::")
    port = service.url.rpartition(":")[2]
    for host in ("[::1]", "127.0.0.1"):
        url = f"http://{host}:{port}/v2/health/live"
        assert requests.get(url, timeout=60).status_code == 200
    assert service.stop() == (0, "")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--host", ""), "error: --host: '' found; expected an address"),
        (("--host", "nowhere.invalid"), "error: nowhere.invalid:8000: "),
        (("--timeout", "0"), "argument --timeout: '0': expected seconds above 0"),
        (("--timeout", "-1"), "argument --timeout: '-1': expected seconds above 0"),
        (("--timeout", "nan"), "argument --timeout: 'nan': expected seconds above 0"),
    ],
)
def test_a_wrong_option_is_one_line_of_error(exported, options, reason):
    done = start("--models", str(exported), *options)
    assert done.returncode in (1, 2)
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_a_compressed_body_and_a_name_in_another_form_are_told_apart(service):
    content = png(PIXELS[0])
    headers = {"content-type": "image/png", "content-encoding": "gzip"}
    refused = requests.post(f"{service.url}/predict", content, headers=headers, timeout=60)
    assert (refused.status_code, refused.json()) == (
        415,
        {"error": "content-encoding gzip; expected none"},
    )
    part = b"--b\r\ncontent-disposition: form-data; name=files; filename*=UTF-8''na%C3%AFve.png"
    body = part + b"\r\n\r\n" + content + b"\r\n--b--\r\n"
    answer = post(service, "/predict", body, "multipart/form-data; boundary=b").json()
    assert answer["predictions"][0]["file"] == "na\xefve.png"
