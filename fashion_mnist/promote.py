"""Make the last commit's models the current ones: `python -m fashion_mnist.promote`.

The report compares the commit with the models that were promoted before. If it says better, or if
--reason says why all the same, the commit gets a tag such as models@v0.0.2, with the report as its
message. Results that are stale or not trustworthy are refused, whatever the reason. GTO
(https://github.com/treeverse/gto) numbers the tags; `gto history models` lists them.
"""

import argparse
import subprocess

from gto import api
from gto.exceptions import GTOException

from fashion_mnist import command
from fashion_mnist.errors import InputError
from fashion_mnist.report import results
from fashion_mnist.report.__main__ import compare
from fashion_mnist.report.judgement import BETTER, NOT_TRUSTWORTHY, STALE
from fashion_mnist.report.markdown import markdown
from fashion_mnist.report.revisions import find

NAME = "models"
RESULTS = ("dvc.lock", "metrics", "params.yaml", "plots")


def main(reason: str | None) -> None:
    now = find("HEAD")
    status = ["git", "status", "--porcelain", "--", *RESULTS]
    if changed := subprocess.run(status, capture_output=True, text=True).stdout:
        name = changed.splitlines()[0][3:]
        raise InputError(f"{name}: not as in the last commit; commit it, or restore it")
    promoted = _promoted()
    if promoted and find(promoted).commit == now.commit:
        raise InputError(f"{now}: its models are the current ones already, as {promoted}")
    report = compare(find(promoted) if promoted else now, now, None)
    text = markdown(report)
    headline = text.splitlines()[0].removeprefix("## ")
    if {NOT_TRUSTWORTHY, STALE} & {*report["findings"]}:
        raise InputError(f"{now}: {headline}")
    if promoted and not reason and report["verdict"] != BETTER:
        raise InputError(
            f'{now}: {headline}, compared with {promoted}; `make promote REASON="..."` promotes '
            "it all the same"
        )
    if not promoted:
        text = "".join(
            f"{name.upper()}: {model['accuracy']:.2%} of the test images\n"
            for name, model in results.read(now).models.items()
        )
    message = f"{reason or (headline if promoted else 'The first models')}\n\n{text}"
    try:
        api.register(".", NAME, str(now.commit), message=message)
    except GTOException as error:
        raise InputError(f"{now}: {error.msg}") from None
    tag = _promoted()
    print(
        f"{tag}: the models of {now} are the current ones\n"
        f"share them   git push origin {tag} && dvc push\n"
        f"serve them   make serve TAG={tag}"
    )


def _promoted() -> str | None:
    """Return the tag of the models that were promoted last; None where there is none."""
    try:
        return f"{NAME}@{api.find_latest_version('.', NAME).version}"
    except GTOException:
        return None


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command.parser(__doc__)
    parser.add_argument(
        "--reason", metavar="TEXT", help="why, where the report does not say better"
    )
    return parser


if __name__ == "__main__":
    command.run(main, parser())
