"""What a change did to the models: `python -m fashion_mnist.report --base origin/main`.

Compares the working tree, or the revision --now, with the merge base of --base. It reads only what
is in Git: metrics/evaluate.json, plots/predictions_*.csv, dvc.lock. It prints Markdown, or JSON.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from fashion_mnist import command, files
from fashion_mnist.errors import InputError
from fashion_mnist.report import content, drawing, dvc_lock, results, trust
from fashion_mnist.report.judgement import (
    MIXED,
    NO_BASELINE,
    NOT_TRUSTWORTHY,
    REMOVED,
    STALE,
    WORSE,
)
from fashion_mnist.report.markdown import markdown
from fashion_mnist.report.revisions import (
    NoBaselineError,
    Revision,
    UnknownRevisionError,
    find,
    find_base,
)

GATE_EXIT_STATUS = 3
REPORT, TEXT = "report.json", "report.md"
GATES = [
    found.replace(" ", "-")
    for found in (NOT_TRUSTWORTHY, STALE, WORSE, MIXED, REMOVED, NO_BASELINE)
]


def main(
    base: str,
    exact: bool,
    now: str | None,
    as_json: bool,
    output: Path | None,
    fail_on: list[str],
    threshold: float,
) -> int:
    if output:
        _check_output(output)
    revision = find(now) if now else Revision()
    try:
        base_revision = find(base) if exact else find_base(base, now)
        report = compare(base_revision, revision, output)
    except NoBaselineError as error:
        if fail_on and isinstance(error, UnknownRevisionError):
            raise  # a gate must not pass what it could not compare
        report = content.without_baseline(str(error))
        if output:
            write(output, report)
    print(json.dumps(report, indent=2) if as_json else markdown(report), end="")
    reasons = {found for found in report["findings"] if found.replace(" ", "-") in fail_on}
    if reasons <= {WORSE, MIXED} and content.is_tolerated(report, threshold):
        return 0
    return GATE_EXIT_STATUS if reasons else 0


def compare(base: Revision, now: Revision, output: Path | None) -> dict[str, Any]:
    """Return the report on two revisions; write it and its pictures to the folder `output`.

    Raises:
        NoBaselineError: the base has no results.
    """
    before = results.read(base)
    try:
        after = results.read(now)
    except NoBaselineError as error:
        report = content.without_results(str(error))
        if output:
            write(output, report)
        return report
    stale_files = dvc_lock.stale_files(now, after.lock, results.EVALUATION)
    stale_elsewhere = {
        path: dvc_lock.stale_files(now, after.lock, path) for path in results.OTHER_EVALUATIONS
    }
    doubts = trust.doubts(after, now, before)
    report = content.build(before, after, stale_files, doubts, stale_elsewhere)
    if output:
        write(output, report)
        drawing.draw_new_mistakes(output, report, before, after)
        drawing.draw_plots_page(output / "plots", base, now)
    return report


def _check_output(folder: Path) -> None:
    """Check that what a report would replace in a folder is an earlier report."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: a file; expected --output FOLDER")
    paths = [folder / name for name in (REPORT, TEXT) if (folder / name).exists()]
    try:
        is_own = not paths or "findings" in json.loads((folder / REPORT).read_text())
    except (OSError, ValueError, TypeError):
        is_own = False
    if not is_own:
        raise InputError(f"{paths[-1]}: exists already and is no report; choose another --output")


def write(folder: Path, report: dict[str, Any]) -> None:
    """Write report.md and report.json; remove the pictures of an earlier report."""
    for picture in folder.glob("new_mistakes_*.png"):
        picture.unlink()
    # Only the page, because with `--output .` its folder holds the results.
    (folder / "plots" / "index.html").unlink(missing_ok=True)
    files.write_bytes(folder / REPORT, (json.dumps(report, indent=2) + "\n").encode())
    files.write_bytes(folder / TEXT, markdown(report).encode())


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command.parser(__doc__)
    parser.add_argument("--base", default="origin/main", help="compare with the merge base of this")
    parser.add_argument("--exact", action="store_true", help="compare with --base itself")
    parser.add_argument("--now", help="a revision; default: the working tree")
    parser.add_argument("--json", action="store_true", dest="as_json", help="print JSON")
    parser.add_argument("--output", type=Path, help="also write report, pictures and page there")
    parser.add_argument(
        "--fail-on",
        action="append",
        default=[],
        choices=GATES,
        help=f"end with exit status {GATE_EXIT_STATUS} on this; may be given several times",
    )
    parser.add_argument(
        "--threshold",
        type=float,
        default=0.0,
        metavar="POINTS",
        help="let a loss of accuracy below so many percentage points pass, unless a class lost "
        "measurably",
    )
    return parser


def run() -> None:
    """Run the command; the entry point of fashion-mnist-report."""
    command.run(main, parser())


if __name__ == "__main__":
    run()
