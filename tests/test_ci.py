"""The CI files as data, and the script that comments, run against a stand-in for GitHub."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text())
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))
}
# YAML 1.1 reads the key `on` as true.
ON = True
GITLAB = yaml.safe_load((ROOT / ".gitlab-ci.yml").read_text())
MARKER = "<!-- fashion-mnist-report -->"
SHA = "0123456789abcdef0123456789abcdef01234567"

# Answers from the files that the test wrote, notes what it was asked. --jq is real jq.
GH = """
import json, pathlib, subprocess, sys
folder = pathlib.Path(__file__).parent
arguments = sys.argv[1:]
assert arguments.pop(0) == "api"
values = {}
for option in ("--jq", "--method", "-F"):
    if option in arguments:
        at = arguments.index(option)
        values[option] = arguments[at + 1]
        del arguments[at : at + 2]
endpoint = next(a for a in arguments if not a.startswith("--")).split("?")[0]
if "--method" in values:
    assert values["-F"].startswith("body=@")
    body = pathlib.Path(values["-F"].removeprefix("body=@")).read_text()
    written = {"method": values["--method"], "endpoint": endpoint, "body": body}
    with (folder / "written.jsonl").open("a") as file:
        file.write(json.dumps(written) + "\\n")
else:
    answer = json.dumps(json.loads((folder / "answers.json").read_text())[endpoint])
    subprocess.run(["jq", "-r", values["--jq"]], input=answer.encode(), check=True)
"""


def steps(name: str) -> list[dict]:
    return [step for job in WORKFLOWS[name]["jobs"].values() for step in job["steps"]]


def scripts(name: str) -> list[str]:
    return [step["run"] for step in steps(name) if "run" in step]


def test_what_ci_makes_exists():
    lines = [
        line
        for script in [*scripts("ci"), *scripts("gate"), *scripts("experiment")]
        for line in script.splitlines()
    ]
    lines += [line for job in GITLAB.values() for line in job.get("script", [])]
    made = [line.split()[1:] for line in lines if line.split()[0] == "make"]
    called = {word for words in made for word in (words or ["all"]) if "=" not in word}
    assert called == {"ci-code", "ci-results", "report", "gate", ".venv/installed"}
    targets = re.findall(r"^([a-z./-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert called <= set(targets)


def test_an_experiment_from_the_web_is_run_compared_and_pushed(finished, tmp_path):
    def runs(name: str) -> str:
        return next(step["run"] for step in steps("experiment") if step.get("name") == name)

    finished.run("git", "init", "--quiet", "--bare", str(tmp_path / "origin"))
    finished.run("git", "remote", "add", "origin", str(tmp_path / "origin"))
    finished.run("git", "push", "--quiet", "origin", "HEAD")
    (finished.folder / ".venv").symlink_to(sys.prefix)
    hostile = "; touch hacked #"
    named = {"NAME": "from-the-web", "SETTINGS": f"-S evaluate.mistakes_shown=3 -S '{hostile}'"}
    refused = finished.run("bash", "-ec", runs("Run the experiment"), check=False, env=named)
    assert refused.returncode != 0
    named["SETTINGS"] = "-S evaluate.mistakes_shown=3"
    finished.run("bash", "-ec", runs("Run the experiment"), env=named)
    assert not (finished.folder / "hacked").exists()
    report = (sys.executable, "-m", "fashion_mnist.report", "--base", "HEAD")
    assert "| evaluate.mistakes_shown | 4 | 3 |" in finished.run(*report).stdout
    finished.run("bash", "-ec", runs("Push the experiment"), env=named)
    assert "from-the-web" in finished.dvc("exp", "list", "origin")


def test_the_caches_key_covers_all_code_of_the_stages():
    """Without it, GitHub would keep the cache of the first run forever."""
    (cache,) = [
        step for step in steps("ci") if step.get("uses", "").startswith("actions/cache/restore@")
    ]
    patterns = re.findall(r"'([^']+)'", cache["with"]["key"])
    covered = {path for pattern in patterns for path in ROOT.glob(pattern)}
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].values()
    code = {ROOT / dep for stage in stages for dep in stage["deps"] if dep.endswith(".py")}
    assert code <= covered


def test_ci_of_every_host_is_make_ci():
    """GitHub and GitLab split it in two, to report in between."""
    makefile = (ROOT / "Makefile").read_text()
    assert "ci:\n\t$(MAKE) ci-code\n\t$(MAKE) ci-results\n" in makefile
    assert (ROOT / ".ci/run").read_text().endswith("\nmake ci\n")


def test_gitlab_makes_what_github_makes():
    def commands(lines: list[str]) -> set[str]:
        return {line for line in lines if line.split()[0] == "make"}

    gitlab = commands([line for job in GITLAB.values() for line in job.get("script", [])])
    github = [*scripts("ci"), *scripts("gate")]  # GitLab runs any pipeline from its page
    assert gitlab == commands([line for script in github for line in script.splitlines()])


def test_triggers_and_permissions():
    ci, comment = WORKFLOWS["ci"], WORKFLOWS["comment"]
    assert ci[ON] == {"push": {"branches": ["main"]}, "pull_request": None}
    assert ci["permissions"] == {"contents": "read"}
    assert comment[ON] == {"workflow_run": {"workflows": [ci["name"]], "types": ["completed"]}}
    assert comment["permissions"] == {"actions": "read", "pull-requests": "write"}
    assert WORKFLOWS["gate"]["permissions"] == {"contents": "read"}
    assert {"labeled", "unlabeled", "synchronize"} < {
        *WORKFLOWS["gate"][ON]["pull_request"]["types"]
    }
    jobs = [job for workflow in WORKFLOWS.values() for job in workflow["jobs"].values()]
    assert not any("permissions" in job for job in jobs)
    assert all("timeout-minutes" in job for job in jobs)
    # A run on main belongs to its commit; of a pull request, only the newest counts.
    is_pull_request = "${{ github.event_name == 'pull_request' }}"
    assert ci["concurrency"]["cancel-in-progress"] == is_pull_request


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actions_are_pinned_and_scripts_get_values_by_environment_only(name):
    for action in (step["uses"] for step in steps(name) if "uses" in step):
        assert re.fullmatch(r"actions/[a-z/-]+@[0-9a-f]{40}", action)
    assert not any("${{" in script for script in scripts(name))


def test_no_action_runs_on_node_20():
    """GitHub's runners have none any more; of each action, the first major on Node 24."""
    on_node_24 = {
        **{"checkout": 5, "setup-python": 6, "cache": 5},
        **{"upload-artifact": 6, "download-artifact": 7},
    }
    text = "".join(path.read_text() for path in (ROOT / ".github/workflows").glob("*.yml"))
    used = re.findall(r"uses: actions/([a-z-]+)[a-z/]*@\w+ # v(\d+)", text)
    assert {name for name, _ in used} == on_node_24.keys()
    assert all(int(major) >= on_node_24[name] for name, major in used)


def test_checkouts_leave_no_token_and_the_workflow_that_may_write_has_none():
    code = [*steps("ci"), *steps("gate")]
    checkouts = [step for step in code if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) == len(WORKFLOWS["ci"]["jobs"]) + len(WORKFLOWS["gate"]["jobs"])
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)
    used = [step["uses"].split("@")[0] for step in steps("comment") if "uses" in step]
    assert used == ["actions/download-artifact"]
    assert WORKFLOWS["comment"]["jobs"].keys() == {"comment"}
    assert "event == 'pull_request'" in WORKFLOWS["comment"]["jobs"]["comment"]["if"]


def test_actionlint_finds_nothing():
    """Without shellcheck, which is not on every machine and would make the answer differ."""
    command = [Path(sys.executable).with_name("actionlint"), "-no-color", "-shellcheck="]
    files = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    done = subprocess.run([*command, *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def comment(
    folder: Path, number: str = "7\n", report: str = "## Better\n", **github
) -> tuple[subprocess.CompletedProcess, list[dict]]:
    """Run the script of comment.yml on an artifact of these two files."""
    artifact = folder / "report"
    artifact.mkdir()
    (artifact / "pull_request.txt").write_text(number)
    (artifact / "report.md").write_text(report)
    return run_comment(folder, **github)


def run_comment(
    folder: Path, sha: str = SHA, others: tuple | list = ()
) -> tuple[subprocess.CompletedProcess, list[dict]]:
    """Run the script where pull request 7 is at `sha` with the comments `others`.

    Returns what the script did, and what it wrote to GitHub.
    """
    binaries = folder / "bin"
    binaries.mkdir()
    (binaries / "gh.py").write_text(GH)
    # A shebang that names the interpreter would break where its path has a space.
    (binaries / "gh").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{binaries}/gh.py" "$@"\n')
    (binaries / "gh").chmod(0o755)
    answers = {"pulls/7": {"head": {"sha": sha}}, "issues/7/comments": list(others)}
    answers = {f"repos/owner/name/{path}": answer for path, answer in answers.items()}
    (binaries / "answers.json").write_text(json.dumps(answers))
    (script,) = scripts("comment")
    environment = {
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "LC_ALL": "C.UTF-8",
        "GITHUB_REPOSITORY": "owner/name",
        "HEAD_SHA": SHA,
        "RUN_URL": "https://example.com/run",
    }
    done = subprocess.run(
        ["bash", "-e", "-c", script], cwd=folder, env=environment, capture_output=True, text=True
    )
    written = binaries / "written.jsonl"
    lines = written.read_text().splitlines() if written.exists() else []
    return done, [json.loads(line) for line in lines]


needs_jq = pytest.mark.skipif(not shutil.which("jq"), reason="the stand-in for gh needs jq")


@needs_jq
def test_the_first_report_is_a_new_comment(tmp_path):
    """`gh` is a stand-in for GitHub's API here and below: no runner, no token, no network."""
    foreign = {"id": 1, "user": {"login": "somebody"}, "body": f"{MARKER} not the bot's"}
    unmarked = {"id": 2, "user": {"login": "github-actions[bot]"}, "body": "something else"}
    done, written = comment(tmp_path, others=[foreign, unmarked])
    assert done.returncode == 0, done.stderr
    (post,) = written
    assert (post["method"], post["endpoint"]) == ("POST", "repos/owner/name/issues/7/comments")
    assert post["body"].startswith(f"{MARKER}\n## Better\n")
    assert SHA in post["body"]
    assert "https://example.com/run" in post["body"]


@needs_jq
def test_later_reports_update_it(tmp_path):
    own = [
        {"id": number, "user": {"login": "github-actions[bot]"}, "body": f"{MARKER}\nold"}
        for number in (31, 32)
    ]
    done, written = comment(tmp_path, others=own)
    assert done.returncode == 0, done.stderr
    (patch,) = written
    assert (patch["method"], patch["endpoint"]) == ("PATCH", "repos/owner/name/issues/comments/31")


@needs_jq
def test_a_report_is_text_never_run_and_is_cut_between_characters(tmp_path):
    report = "$(touch run) `touch run` %s \\n '\"\n" + 70_000 * "🟢"
    done, written = comment(tmp_path, report=report)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "run").exists()
    body = written[0]["body"]
    assert report[:60_000] in body
    assert report[:60_001] not in body
    assert len(body) < 65_536  # GitHub's limit


@needs_jq
def test_a_report_mentions_nobody_and_loads_no_picture(tmp_path):
    report = "@everyone ![x](http://example.com/x.png) <IMG src='http://example.com/y.png'>\n"
    done, written = comment(tmp_path, report=report)
    assert done.returncode == 0, done.stderr
    body = written[0]["body"]
    assert not re.search(r"@\w|!\[|<img", body, re.IGNORECASE)
    assert "everyone" in body


@needs_jq
def test_a_forged_number_reaches_no_other_pull_request(tmp_path):
    done, written = comment(tmp_path, sha="f" * 40)
    assert done.returncode != 0
    assert "the report is of" in done.stdout
    assert written == []


@pytest.mark.parametrize("number", ["", "x", "7/../8", "7 8", "7\n8", "-7", "07", "7;touch run"])
def test_what_is_not_a_number_is_refused(tmp_path, number):
    done, written = comment(tmp_path, number=number)
    assert done.returncode != 0
    assert "pull_request.txt is not a number" in done.stdout
    assert written == []
    assert not (tmp_path / "run").exists()


def test_a_link_is_refused(tmp_path):
    """It could lead to a file of the machine that holds the token."""
    artifact = tmp_path / "report"
    artifact.mkdir()
    (artifact / "pull_request.txt").write_text("7\n")
    (artifact / "report.md").symlink_to("/etc/passwd")
    done, written = run_comment(tmp_path)
    assert done.returncode != 0
    assert written == []
