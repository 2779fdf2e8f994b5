"""Make a repository for your own pictures: `python -m fashion_mnist.new shoes --from FOLDER`.

FOLDER has a folder of pictures for each class. The new repository has the pipeline, the report, the
CI and the service, for these classes and under its own name; this project's results, documents,
experiments and history stay here. `make new NAME=shoes FROM=FOLDER` does the same.
"""

import argparse
import importlib.util
import keyword
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from fashion_mnist import command, files
from fashion_mnist.dataset.folder import classes
from fashion_mnist.errors import InputError

ROOT = Path(__file__).parent.parent
# What is about this project: folders, files, and tests of both.
LEFT_OUT = re.compile(
    r"(benchmarks|datasets|docs|experiments|metrics|notebooks|plots|r)/.*"
    r"|photographs/(?!head\.npz|params\.yaml).*"
    r"|(README|CONTRIBUTING|CHANGELOG)\.md|dvc\.lock|requirements-(notebook|search)\.txt"
    r"|fashion_mnist/(new|params/r_cnn)\.py"
    r"|tests/test_(benchmarks|client|cluster|contributing|experiments|hostile|labels|monitoring|new"
    r"|notebook|photographs|proxy|r|readme|report|report_trust|search|seed_spread)\.py"
)
# Folders of the pipeline, and words that YAML takes for something else.
TAKEN = {"data", "datasets", "dist", "docs", "dvc_plots", "metrics", "models", "plots", "report"}
NO_TEXT = {"true", "false", "yes", "no", "on", "off", "null"}
MAKE_TARGETS = (
    *("benchmarks", "new", "notebook", "older", "photographs", "r", "r-test", "search"),
)
README = ROOT / "docs" / "readme_of_new_repositories.md"


def main(name: str, source: Path, target: Path | None, item: str) -> None:
    target = target or ROOT.parent / name
    _check(name, source, target)
    title = name.replace("_", " ").capitalize()
    partial = target.with_name(f".partial-{target.name}")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        _make(partial, name, title, source, item)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    print(f"{target}: ready; there, run `make`, look at plots/ and `make serve`, and commit")


def _make(target: Path, name: str, title: str, source: Path, item: str) -> None:
    for path in _tracked_files():
        if not LEFT_OUT.fullmatch(path):
            _copy(ROOT / path, target / path.replace("fashion_mnist", name), name, title)
    readme = README.read_text(encoding="utf-8").format(name=name, title=title)
    files.write_bytes(target / "README.md", readme.encode())
    pictures = Path("data/local") / name
    shutil.copytree(source, target / pictures)
    python = [sys.executable, "-m"]
    for arguments in (
        [f"{name}.describe", str(pictures), "--name", name, "--item", item, "--use"],
        [f"{name}.dvc_yaml"],
        ["ruff", "check", "--quiet", "--select", "I", "--fix", "."],
        ["ruff", "format", "--quiet", "."],
    ):
        done = subprocess.run([*python, *arguments], cwd=target, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            said = done.stderr.strip().splitlines() or [f"{arguments[0]} failed"]
            reason = said[-1].removeprefix("error: ")
            raise InputError(reason.replace(str(pictures), str(source)))
    for arguments in (["init", "--quiet", "--initial-branch=main"], ["add", "--all"]):
        subprocess.run(["git", *arguments], cwd=target, check=True)
    # Git may not know yet who commits; then the user's first commit does it.
    first = ["git", "commit", "--quiet", "--message", f"The workflow for {name}"]
    subprocess.run(first, cwd=target, stderr=subprocess.DEVNULL, check=False)


def _check(name: str, source: Path, target: Path) -> None:
    if keyword.iskeyword(name):
        raise InputError(f"NAME = {name!r}: a word of Python's own; expected one such as my_shoes")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise InputError(
            f"NAME = {name!r}: expected a name such as my_shoes: a letter, then a-z, 0-9 and _"
        )
    is_taken = name in TAKEN or (ROOT / name).exists() or importlib.util.find_spec(name)
    if is_taken or name in NO_TEXT:
        raise InputError(f"{name}: this name is taken; choose another")
    if source.resolve() in (ROOT, *ROOT.parents):
        raise InputError(f"FROM = {str(source)!r}: expected the folder of your pictures")
    classes(source)
    if source.resolve() in target.resolve().parents:
        raise InputError(f"{target}: inside {source}; choose another with --to FOLDER")
    if target.exists():
        raise InputError(f"{target}: exists already; take another NAME, or choose with --to FOLDER")


def _tracked_files() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        raise InputError(f"{ROOT}: not a Git repository; clone the project")
    return [path for path in listed.stdout.split("\0") if path and (ROOT / path).is_file()]


def _copy(source: Path, target: Path, name: str, title: str) -> None:
    content = source.read_bytes()
    if source.suffix not in (".npz", ".png", ".svg"):
        text = content.decode()
        text = _without_what_is_left_out(source.name, text)
        for old, new in (
            ("fashion_mnist", name),
            ("fashion-mnist", name.replace("_", "-")),
            ("Fashion-MNIST", title),
        ):
            text = text.replace(old, new)
        content = text.encode()
    files.write_bytes(target, content)
    shutil.copymode(source, target)


def _without_what_is_left_out(file: str, text: str) -> str:
    """Return the text of a file without what it says about files that are left out."""
    if file == "whole.py":
        return "".join(line for line in text.splitlines(True) if "r_cnn" not in line)
    if file == "params.yaml":
        return _without_paragraphs(text, lambda paragraph: "\nr_cnn:" in paragraph)
    if file == "Makefile":
        for words in (
            *(" tests/test_notebook.py", ".venv/notebook, ", ".venv/search, ", " .venv/search"),
            "notebook search ",
        ):
            text = text.replace(words, "")
        text = _without_paragraphs(
            text,
            lambda paragraph: any(
                re.search(rf"^{re.escape(target)}:", paragraph, re.M) for target in MAKE_TARGETS
            ),
        )
        phony = "|".join(map(re.escape, MAKE_TARGETS))
        return re.sub(rf"(?m)(?<=[ ])({phony})(?= |$)", "", text)
    if file in ("ci.yml", ".gitlab-ci.yml", "run"):
        for words in (
            ", PostgreSQL, nginx, Prometheus and R",
            ", of a shared search, of a cluster, of docs/service/ and of r/",
            ", a shared search, a cluster, docs/service/, r/",
            " psql ip nginx prometheus Rscript",
            " and PostgreSQL",
            " postgresql iproute2 nginx-light prometheus",
        ):
            text = text.replace(words, "")
        text = re.sub(r"      - name: Install R.*?packages\.txt\n", "", text, flags=re.S)
        return re.sub(r"xargs (.*chromium) < r/packages.txt", r"\1", text)
    if file == "pyproject.toml":
        return re.sub(r', "(experiments|benchmarks|docs/service|notebooks|photographs)"', "", text)
    return text


def _without_paragraphs(text: str, is_left_out: Callable[[str], bool]) -> str:
    paragraphs = text.split("\n\n")
    return "\n\n".join(paragraph for paragraph in paragraphs if not is_left_out(paragraph))


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command.parser(__doc__)
    parser.add_argument("name", help="of the repository, of its package and of its dataset")
    parser.add_argument(
        "--from", type=Path, required=True, dest="source", metavar="FOLDER", help="the pictures"
    )
    parser.add_argument(
        "--to", type=Path, dest="target", metavar="FOLDER", help="default: beside this repository"
    )
    parser.add_argument("--item", default="item", help="what a picture shows: shoe")
    return parser


if __name__ == "__main__":
    command.run(main, parser())
