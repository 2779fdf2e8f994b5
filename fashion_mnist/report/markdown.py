"""The report as Markdown, for a reader who has five seconds."""

from typing import Any

from fashion_mnist.report.judgement import (
    BETTER,
    MIXED,
    NO_BASELINE,
    NOT_TRUSTWORTHY,
    REMOVED,
    SAME,
    STALE,
    WORSE,
)

MARKS = {
    NOT_TRUSTWORTHY: "⛔",
    STALE: "🟡",
    BETTER: "🟢",
    WORSE: "🔴",
    MIXED: "🟠",
    REMOVED: "🟣",
    SAME: "⚪",
    NO_BASELINE: "⚫",
}
LABELS = {
    "accuracy": "accuracy",
    "loss": "loss (less is better)",
    "macro_f1": "macro F1",
    "expected_calibration_error": "calibration error (less is better)",
}


def markdown(report: dict[str, Any]) -> str:
    """Write the report: the verdict first, then what it is based on."""
    mark = MARKS[report["verdict"]]
    if "models" not in report:
        return f"## {mark} {_capital(report['verdict'])}: {report['reason']}\n"
    lines = [
        f"## {mark} {_headline(report)}",
        "",
        f"{_subject(report['now'])}, compared with {report['base']}.",
        "",
        *_notes([*report["doubts"][1:], *report["notes"]]),
        *_models(report["models"]),
        *_params(report["params"]),
        *_stages(report["stages"], report["other_outputs"]),
        _footnote(report["seeds"]),
    ]
    return "\n".join(lines) + "\n"


def _notes(notes: list[str]) -> list[str]:
    return [*(f"> {note}" for note in notes), ""] if notes else []


def _models(models: dict[str, dict[str, Any]]) -> list[str]:
    lines = [
        "| model | metric | base | now | change | 95 % interval | verdict |",
        "|---|---|--:|--:|--:|:-:|---|",
    ]
    for name, model in models.items():
        lines += _metric_rows(name, model)
    lines.append("")
    for name, model in models.items():
        if model.get("classes"):
            lines += _flips(name, model)
    return lines


def _params(params: list[dict[str, Any]]) -> list[str]:
    if not params:
        return []
    rows = [f"| {param['key']} | {param['base']} | {param['now']} |" for param in params]
    return ["**Params**", "", "| key | base | now |", "|---|---|---|", *rows, ""]


def _stages(stages: dict[str, list[str]], with_other_outputs: list[str]) -> list[str]:
    lines = ["**Stages**", "", "| stage | |", "|---|---|"]
    for stage, inputs in stages.items():
        ran = f"ran: {', '.join(inputs)} changed" if inputs else "same inputs as the base: cached"
        if stage in with_other_outputs:
            ran = "ran: same inputs as the base, other outputs, as another processor gives them"
        lines.append(f"| {stage} | {ran} |")
    return [*lines, ""]


def _footnote(seeds: int | None) -> str:
    beyond_seeds = f" and more than {seeds} training seeds differ by" if seeds else ""
    return (
        "<sub>The headline rests on accuracy and recalls: a change counts when it is more than "
        "chance on these test images (exact McNemar test, 5 % for the whole report)"
        f"{beyond_seeds}. Loss, macro F1 and calibration error, each tested at 5 %, stand beside "
        "them. The interval is of the change, on the same images; it holds for these trained "
        "models, not for other seeds.</sub>"
    )


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _subject(revision: str) -> str:
    """Return words with a capital, and the hash of a commit as it is."""
    return _capital(revision) if " " in revision else revision


def _headline(report: dict[str, Any]) -> str:
    if report["verdict"] == NOT_TRUSTWORTHY:
        return f"Not trustworthy: {report['doubts'][0]}"
    if report["verdict"] == STALE:
        return "Stale: these results were made before the last change; `dvc repro` brings new ones"
    parts = []
    for name, model in report["models"].items():
        upper, status = name.upper(), model["status"]
        worse = [c for c, scores in model.get("classes", {}).items() if scores["verdict"] == WORSE]
        if status in (BETTER, WORSE, MIXED) and "metrics" in model:
            accuracy = model["metrics"]["accuracy"]
            text = f"{upper} accuracy {_points(accuracy['change'])} points"
            if accuracy["verdict"] == SAME:
                text = f"{upper} accuracy has no measurable change"
            if (worse and status != WORSE) or (worse and accuracy["verdict"] == SAME):
                text += f", but {' and '.join(worse)} worse"
            parts.append(text)
        elif status == WORSE:
            parts.append(f"{upper} has a metric that is not a number")
        elif not status.startswith("unchanged") and status != SAME:
            parts.append(f"{upper} {status}")
    verdict = _capital(report["verdict"])
    return f"{verdict}: {'; '.join(parts)}" if parts else verdict


def _points(share: float) -> str:
    return f"{100 * share:+.2f}"


def _metric_rows(name: str, model: dict[str, Any]) -> list[str]:
    if "metrics" not in model:
        accuracy = [
            f"{model[side]['accuracy']:.2%}" if "accuracy" in model[side] else "-"
            for side in ("base", "now")
        ]
        return [f"| {name.upper()} | accuracy | {' | '.join(accuracy)} | | | {model['status']} |"]
    rows = []
    for metric, row in model["metrics"].items():
        base, now = model["base"][metric], model["now"][metric]
        if metric in ("accuracy", "macro_f1"):
            values = [f"{base:.2%}", f"{now:.2%}", _points(row["change"])]
            interval = f"{_points(row['low'])} to {_points(row['high'])}"
        else:
            values = [f"{base:.4f}", f"{now:.4f}", f"{row['change']:+.4f}"]
            interval = f"{row['low']:+.4f} to {row['high']:+.4f}"
        verdict = row["verdict"]
        if metric == "accuracy" and model["status"] == SAME:
            verdict = SAME
        rows.append(
            f"| {name.upper()} | {LABELS[metric]} | {' | '.join(values)} | {interval} | {verdict} |"
        )
    return rows


def _flips(name: str, model: dict[str, Any]) -> list[str]:
    classes = model["classes"].values()
    right = sum(scores["newly_right"] for scores in classes)
    wrong = sum(scores["newly_wrong"] for scores in classes)
    lines = [
        f"<details><summary>{name.upper()}: {right} images newly right, {wrong} newly wrong"
        "</summary>",
        "",
        "| class | newly right | newly wrong | recall | verdict |",
        "|---|--:|--:|--:|---|",
    ]
    for label, scores in model["classes"].items():
        lines.append(
            f"| {label} | {scores['newly_right']} | {scores['newly_wrong']} | "
            f"{_points(scores['recall_change'])} | {scores['verdict']} |"
        )
    moved = [f"{m['actual']} as {m['predicted']} {m['base']} → {m['now']}" for m in model["moved"]]
    return [*lines, "", f"Confusions that moved most: {'; '.join(moved)}.", "", "</details>", ""]
