"""The report's pictures: new mistakes, and DVC's page of plots."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fashion_mnist.dataset import splits
from fashion_mnist.errors import InputError
from fashion_mnist.evaluation import metrics, plots
from fashion_mnist.report.comparison import are_paired
from fashion_mnist.report.results import Results
from fashion_mnist.report.revisions import Revision

MISTAKES_SHOWN = 20
VEGA_LITE = "5.20"  # of the charts in .dvc/plots; the Makefile names it, too


def draw_new_mistakes(folder: Path, report: dict[str, Any], base: Results, now: Results) -> None:
    """Draw the most confident new mistakes of each judged model, if the test images are here."""
    try:
        test = splits.load(Path("data/test"))
    except InputError:  # not made here, or not yet again
        return
    for name, model in report["models"].items():
        before, after = base.predictions.get(name), now.predictions.get(name)
        if not model.get("classes") or before is None or after is None:
            continue
        if not are_paired(before, after) or len(after) != len(test.labels):
            continue
        new = after[metrics.is_right(before) & ~metrics.is_right(after)]
        shown = new.sort_values("probability", ascending=False, kind="stable").head(MISTAKES_SHOWN)
        plots.predictions(
            folder / f"new_mistakes_{name}.png",
            test.take(shown.index.to_numpy()),
            shown,
            f"{name.upper()}: new mistakes, the most confident first; below each the true class",
        )


def draw_plots_page(folder: Path, base: Revision, now: Revision) -> None:
    """Write DVC's page of plots into `folder`, where DVC is installed; it needs no web."""
    if find_spec("dvc") is None or find_spec("vl_convert") is None:
        return
    import vl_convert

    revisions = [revision.commit for revision in (base, now) if revision.commit]
    dvc = (sys.executable, "-m", "dvc", "--wait-for-lock")
    subprocess.run(
        [*dvc, "plots", "diff", *revisions, "--out", folder],
        stdout=subprocess.DEVNULL,
        check=False,
    )
    page = folder / "index.html"
    if page.exists():
        page.write_text(_without_equal_pictures(page.read_text("utf-8"), folder), "utf-8")
        charts = vl_convert.javascript_bundle(vl_version=VEGA_LITE)  # type: ignore[call-arg]
        (folder / "vega.js").write_text(charts, "utf-8")


def _without_equal_pictures(page: str, folder: Path) -> str:
    """Return DVC's page with the second of two equal pictures replaced by a word.

    Both are in DVC's cells: a name, then the revisions one after another.
    """
    shown: set[tuple[str, bytes]] = set()

    def cell(picture: re.Match[str]) -> str:
        file = folder / picture["file"]
        # DVC puts the revision before the path of the plot: two plots may be equal, too.
        key = (file.name.partition("_")[2], file.read_bytes())
        if key in shown:
            file.unlink()
            return "<p>the same picture</p>"
        shown.add(key)
        return picture[0]

    return re.sub(r'<img src="(?P<file>static/[^"]+)">', cell, page)
