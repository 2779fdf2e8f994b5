"""Valid and invalid requests that Schemathesis makes from the service's OpenAPI document."""

import subprocess
import sys
from pathlib import Path

from conftest import ROOT

TOOL = Path(sys.executable).with_name("schemathesis")


def test_schemathesis_finds_no_fault(service, tmp_path):
    done = subprocess.run(
        [
            *(TOOL, "--config-file", ROOT / "tests" / "schemathesis.toml", "run"),
            *(f"{service.url}/openapi.json", "--max-examples", "20"),
            *("--no-color", "--generation-database", ":memory:"),
        ],
        cwd=ROOT,
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Tested: 13" in done.stdout
    assert "WARNINGS" not in done.stdout
