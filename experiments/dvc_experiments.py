"""DVC experiments on the last commit, by name: those that are there are not run again."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from ruamel.yaml import YAML

from fashion_mnist import progress
from fashion_mnist.errors import InputError

yaml = YAML(typ="safe", pure=True)


def run(wanted: dict[str, list[str]], jobs: int) -> dict[str, str]:
    """Run the experiments that are missing, and return the commits of all, by name.

    Each is the pipeline up to `evaluate`, in a temporary folder; the working tree stays as it is.

    Args:
        wanted: the changed settings of each experiment, KEY=VALUE.
        jobs: experiments at a time.

    Raises:
        InputError: an experiment fails, or there is one of that name with other settings.
    """
    head = _git("rev-parse", "HEAD")
    known = _known(head)
    for name in wanted.keys() & known.keys():
        _require_settings(name, known[name], wanted[name])
    with ThreadPoolExecutor(jobs) as threads:
        missing = [name for name in wanted if name not in known]
        for _ in threads.map(lambda name: _run(name, wanted[name]), missing):
            pass
    known = _known(head)
    if lost := [name for name in wanted if name not in known]:
        raise InputError(
            f"{lost[0]}: not an experiment on {head[:7]}, where it was begun; was something "
            "committed meanwhile? Run the same command again"
        )
    return {name: known[name] for name in wanted}


def _known(head: str) -> dict[str, str]:
    """Return the commits of the DVC experiments on `head`, by name."""
    listed = _git("for-each-ref", "--format=%(refname) %(objectname)", "refs/exps")
    lines = [line.split() for line in listed.splitlines()]
    return {ref.rpartition("/")[2]: commit for ref, commit in lines if head in ref.replace("/", "")}


def _require_settings(experiment: str, commit: str, settings: list[str]) -> None:
    """Check that an experiment of an earlier run has these settings, KEY=VALUE each.

    Raises:
        InputError: it has others.
    """
    params = yaml.load(_git("show", f"{commit}:./params.yaml"))
    for setting in settings:
        key, _, value = setting.partition("=")
        section, _, field = key.partition(".")
        if params[section][field] != yaml.load(value):
            raise InputError(
                f"{experiment}: an experiment with {key} = {params[section][field]}, expected "
                f"{value}; `dvc exp remove {experiment}` lets it run again"
            )


def _run(experiment: str, settings: list[str]) -> None:
    progress.say(f"{experiment}:")
    options = [word for setting in settings for word in ("-S", setting)]
    done = subprocess.run(
        # In folders of their own, one waits for the other's lock.
        [sys.executable, "-m", "dvc", "--wait-for-lock", "exp", "run", "--quiet", "--temp",
         "--name", experiment, *options, "evaluate"],
        capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason"])[-1]
        raise InputError(f"{experiment}: {reason}")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()
