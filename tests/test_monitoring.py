"""What docs/service/ gives to Prometheus and Grafana; a real Prometheus asks the real service."""

import json
import re
import shutil
import subprocess
import time
from itertools import cycle
from pathlib import Path

import pytest
import requests
import yaml
from conftest import ROOT, Service, free_port
from test_service import INFER, PIXELS, inference, png, post
from test_service_operation import digest

FOLDER = ROOT / "docs" / "service"
DASHBOARD = json.loads((FOLDER / "grafana.json").read_text())
RULES = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"][0]["rules"]
QUERIES = {
    f"{panel['title']}, {target['refId']}": target
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
}

pytestmark = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")),
    reason="no Prometheus; on Debian: apt-get install prometheus",
)


class Prometheus:
    """Prometheus on loopback with the configuration of docs/service/, every half a second."""

    def __init__(self, folder: Path, service: Service):
        config = (FOLDER / "prometheus.yml").read_text()
        for old, new in (
            ("127.0.0.1:8000", service.url.removeprefix("http://")),
            ("scrape_interval: 15s", "scrape_interval: 500ms"),
            ("evaluation_interval: 15s", "evaluation_interval: 500ms"),
        ):
            assert old in config
            config = config.replace(old, new)
        (folder / "prometheus.yml").write_text(config)
        shutil.copy(FOLDER / "alerts.yml", folder)
        address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{address}/api/v1"
        with (folder / "log").open("w") as log:
            self.process = subprocess.Popen(
                [
                    *("prometheus", f"--config.file={folder}/prometheus.yml"),
                    f"--storage.tsdb.path={folder}/data",
                    f"--web.listen-address={address}",
                ],
                stderr=log,
            )
        while not self._is_ready():  # pytest-timeout ends an endless wait
            assert self.process.poll() is None, (folder / "log").read_text()
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        """Return whether it answers; while it starts, nobody listens, or all is 503."""
        try:
            return requests.get(self.url.replace("api/v1", "-/ready"), timeout=60).ok
        except requests.ConnectionError:
            return False

    def query(self, expression: str) -> list[dict]:
        """Return the series of an expression that have a number now."""
        answer = requests.get(f"{self.url}/query", {"query": expression}, timeout=60).json()
        assert answer["status"] == "success", answer
        return [found for found in answer["data"]["result"] if found["value"][1] != "NaN"]

    def rules(self) -> list[dict]:
        (group,) = requests.get(f"{self.url}/rules", timeout=60).json()["data"]["groups"]
        return group["rules"]

    def stop(self) -> None:
        self.process.terminate()
        assert self.process.wait(timeout=30) == 0


@pytest.fixture(scope="module")
def prometheus(service, tmp_path_factory):
    prometheus = Prometheus(tmp_path_factory.mktemp("prometheus"), service)
    yield prometheus
    prometheus.stop()


def as_grafana_asks(expression: str) -> str:
    asked = expression.replace("$__rate_interval", "10s").replace("$instance", ".*")
    assert "$" not in asked
    return asked


def test_every_query_of_the_dashboard_has_data_under_requests(prometheus, service, exported):
    requested = (
        lambda: post(service, "/predict", png(PIXELS[0])),
        lambda: post(service, "/predict", b"no picture"),
        lambda: post(service, INFER, json.dumps(inference()).encode(), "application/json"),
    )
    deadline = time.monotonic() + 60
    for request in cycle(requested):
        request()
        answers = {
            name: prometheus.query(as_grafana_asks(target["expr"]))
            for name, target in QUERIES.items()
        }
        without = [name for name in QUERIES if not answers[name]]
        if not without:
            break
        assert time.monotonic() < deadline, f"no data: {without}"
        time.sleep(0.1)

    def labels(name: str, label: str) -> set[str]:
        return {found["metric"][label] for found in answers[name]}

    for name, target in QUERIES.items():
        for label in re.findall(r"{{(\w+)}}", target.get("legendFormat", "")):
            assert labels(name, label), name
    assert {"200", "422"} <= labels("Requests by status, A", "status")
    assert {"/predict", INFER.replace("cnn", "{name}")} <= labels("Seconds by route, C", "route")
    assert labels("Refusals by reason, A", "reason") == {"content"}
    assert labels("Jobs that wait, by lane, A", "lane") == {"pictures", "tensors", "teaching"}
    shown = {found["metric"]["model"]: found["metric"]["sha256"] for found in answers["Models, A"]}
    assert shown["cnn"] == digest(exported / "cnn.onnx")


def test_no_metric_of_the_service_is_left_out(service):
    text = requests.get(f"{service.url}/metrics", timeout=60).text
    own = {
        name.removesuffix("_total")
        for name in re.findall(r"^# TYPE (service_\w+)", text, re.M)
        if not name.endswith("_created")
    }
    shown = " ".join(target["expr"] for target in QUERIES.values())
    assert {name for name in own if name not in shown} == set()


def test_the_alerts_are_quiet_until_the_service_is_gone(exported, tmp_path):
    service = Service(exported)
    prometheus = Prometheus(tmp_path, service)

    def wait_for(state: str) -> None:
        """Wait until the alert ServiceDown has a state."""
        while True:  # pytest-timeout ends an endless wait
            rules = prometheus.rules()
            if rules and all(rule["health"] == "ok" for rule in rules):
                states = {rule["name"]: rule["state"] for rule in rules}
                if prometheus.query("up") and states.pop("ServiceDown") == state:
                    assert set(states.values()) == {"inactive"}
                    return
            time.sleep(0.1)

    wait_for("inactive")
    service.stop()
    wait_for("pending")
    prometheus.stop()


# Series that fire an alert, as promtool writes them: each minute's value, and labels.
READY = 'service_requests_total{job="service",instance="a",route="/v2/health/ready",status="503"}'
PREDICTED = 'service_requests_total{job="service",instance="a",route="/predict",status="%d"}'
SECONDS = 'service_request_seconds_bucket{job="service",instance="a",route="/predict",le="%s"}'
FIRING = {
    "ServiceDown": {'up{job="service",instance="a"}': "1 0x20"},
    "ServiceNotReady": {READY: "0+2x20"},
    "ServiceRefuses": {PREDICTED % 200: "0+90x20", PREDICTED % 503: "0+10x20"},
    "ServiceSlow": {SECONDS % 2: "0+98x20", SECONDS % 5: "0+100x20", SECONDS % "+Inf": "0+100x20"},
    "ServiceMemory": {'process_resident_memory_bytes{job="service",instance="a"}': "2e9x20"},
}
QUIET = {
    "ServiceDown": {},
    "ServiceNotReady": {READY: "7x20"},
    "ServiceRefuses": {PREDICTED % 200: "0+99x20", PREDICTED % 503: "0+1x20"},
    "ServiceSlow": {SECONDS % 2: "0+100x20", SECONDS % 5: "0+100x20", SECONDS % "+Inf": "0+100x20"},
    "ServiceMemory": {'process_resident_memory_bytes{job="service",instance="a"}': "1e9x20"},
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_fires_for_what_it_is_about_and_for_nothing_else(rule, tmp_path):
    alert = rule["alert"]
    tests = []
    for series, is_firing in ((FIRING[alert], True), (QUIET[alert], False)):
        up = {'up{job="service",instance="a"}': "1x20"}
        test = {
            "interval": "1m",
            "input_series": [
                {"series": name, "values": values} for name, values in {**up, **series}.items()
            ],
            "promql_expr_test": [
                {
                    "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                    "eval_time": "15m",
                    "exp_samples": [{"labels": f'{{alertname="{alert}"}}', "value": 1}][:is_firing],
                }
            ],
        }
        tests.append(test)
    content = {"rule_files": [str(FOLDER / "alerts.yml")], "tests": tests}
    (tmp_path / "test.yml").write_text(yaml.safe_dump(content))
    promtool("test", "rules", str(tmp_path / "test.yml"))


def test_promtool_finds_nothing():
    said = promtool("check", "config", str(FOLDER / "prometheus.yml"))
    assert f"{len(RULES)} rules found" in said


def promtool(*arguments: str) -> str:
    done = subprocess.run(["promtool", *arguments], text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
