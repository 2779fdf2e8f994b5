"""Write docs/tagging.md: `python -m benchmarks.tagging_document`.

The numbers are those of benchmarks.tagging and benchmarks.near_duplicates.
"""

from pathlib import Path
from typing import Any

from benchmarks import by_processor
from benchmarks.near_duplicates import THRESHOLDS
from fashion_mnist import command, files

TEXT, DOCUMENT = Path("benchmarks/tagging.md"), Path("docs/tagging.md")


def main() -> None:
    files.write_bytes(DOCUMENT, document().encode())


def document() -> str:
    """Return docs/tagging.md: tagging.md with the measurements by kind of processor."""
    text, of_tagging, of_near = TEXT.read_text().split("<!-- for each kind of processor -->\n")
    tagged, near = by_processor.read("tagging"), by_processor.read("near_duplicates")
    measured = tagged | near
    machines = (
        by_processor.machines(measured) if measured else "**No machine has measured it yet.**"
    )
    parts = [text.format(machines=machines)]
    parts += [of_tagging.format(kind=kind, **_of_tagging(found)) for kind, found in tagged.items()]
    parts += [of_near.format(kind=kind, **_of_near(found)) for kind, found in near.items()]
    return "".join(parts)


def _of_tagging(found: dict[str, Any]) -> dict[str, str]:
    tag, bucket, killed = found["tag"], found["bucket"], found["tag"]["killed"]
    limit = 1 / (1 / tag["decode_alone"] + 1 / tag["answer_alone"])
    rates = {
        f"{tag['pictures']:,} pictures, from end to end": tag["pictures_per_second"],
        "reading and decoding alone": tag["decode_alone"],
        "answering alone": tag["answer_alone"],
        "both, one after the other": limit,
        f"{bucket['pictures']:,} pictures in a bucket on loopback": bucket["pictures_per_second"],
        "fetching these alone": bucket["network_alone"],
    }
    return {
        "rates": _table(
            ["", "pictures/s"], [[name, f"{rate:,.0f}"] for name, rate in rates.items()]
        ),
        "jobs": f"{tag['jobs']}",
        "share": f"{100 * tag['pictures_per_second'] / limit:.0f}",
        "of_network": f"{100 * bucket['pictures_per_second'] / bucket['network_alone']:.0f}",
        "first": f"{tag['megabytes_first_third']:,.0f}",
        "last": f"{tag['megabytes_last_third']:,.0f}",
        "peak": f"{tag['megabytes_peak']:,.0f}",
        "kept": " and ".join(f"{count:,}" for count in killed["kept"]),
        "rest": f"{killed['done_by_the_last_run']:,}",
        "rows": f"{killed['rows']:,}",
        "paths": f"{killed['different_paths']:,}",
        "alike": f"{killed['rows_like_those_of_the_whole_run']:,}",
        "pictures": f"{tag['pictures']:,}",
    }


def _of_near(found: dict[str, Any]) -> dict[str, str]:
    return {
        "cosines": _table(
            ["copy", *(f"{at} or more, %" for at in THRESHOLDS)],
            [
                [name, *(f"{100 * share:.1f}" for share in shares)]
                for name, shares in found["cosines"].items()
            ],
        ),
        "near": _table(
            [
                *("rows", "units", "pairs", "index, minutes", "index kept, minutes", "MB"),
                *("recall, %", "of copies, %", "exact, minutes", "MB"),
            ],
            [_near_row(of, found["near"]) for of in found["near"]],
        ),
        "exact_rows": f"{max(of['rows'] for of in found['near'] if 'exact_seconds' in of):,}",
    }


def _near_row(found: dict[str, Any], all_found: list[dict[str, Any]]) -> list[str]:
    """Return a row of the table; exact times that were not measured grow with rows squared."""
    largest = max((of for of in all_found if "exact_seconds" in of), key=lambda of: of["rows"])
    times = (found["rows"] / largest["rows"]) ** 2
    is_measured = "exact_seconds" in found
    exact = found["exact_seconds"] if is_measured else times * largest["exact_seconds"]
    return [
        *(f"{found[name]:,}" for name in ("rows", "units", "pairs")),
        f"{found['seconds'] / 60:,.1f}",
        f"{again / 60:,.1f}" if (again := found.get("seconds_with_the_index")) else "",
        f"{found['megabytes']:,.0f}",
        *(f"{100 * found[name]:.1f}" for name in ("recall", "recall_of_copies")),
        f"{exact / 60:,.1f}" if is_measured else f"({exact / 60:,.0f})",
        f"{found['exact_megabytes']:,.0f}" if is_measured else "",
    ]


def _table(names: list[str], lines: list[list[str]]) -> str:
    rows = [names, ["---"] * len(names), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
