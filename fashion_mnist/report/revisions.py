"""Files as they are in a Git revision or in the working tree."""

import subprocess
from pathlib import Path

from fashion_mnist.errors import InputError


class NoBaselineError(InputError):
    """There is nothing to compare with; the text says why and what to do."""


class UnknownRevisionError(NoBaselineError):
    """Git does not know a revision here; it may be a typing error, or not fetched."""


class Revision:
    """A commit, or the working tree where `commit` is None."""

    def __init__(self, commit: str | None = None) -> None:
        self.commit = commit

    def __str__(self) -> str:
        return self.commit[:10] if self.commit else "the working tree"

    def read(self, path: str) -> bytes | None:
        """Return a file's content; None where the file does not exist."""
        if self.commit is None:
            file = Path(path)
            return file.read_bytes() if file.is_file() else None
        blob = f"{self.commit}:./{path}"
        done = subprocess.run(["git", "cat-file", "blob", blob], capture_output=True)
        return done.stdout if done.returncode == 0 else None

    def experiments(self) -> list[str]:
        """Return the names that this commit has as an experiment of DVC."""
        listed = _git(
            "for-each-ref", f"--points-at={self.commit}", "--format=%(refname)", "refs/exps"
        )
        return [line.rpartition("/")[2] for line in (listed or "").splitlines()]


def find_base(base: str, now: str | None) -> Revision:
    """Return the merge base of `base` and `now`, where None means the working tree's HEAD.

    Raises:
        UnknownRevisionError: Git does not know one of the two.
        NoBaselineError: the two have no common history here.
    """
    now = now or "HEAD"
    found = _git("merge-base", _commit(base), _commit(now))
    if found is None:
        why = "the two have no common history"
        if _git("rev-parse", "--is-shallow-repository") == "true":
            why = "this clone is shallow; `git fetch --unshallow` brings the rest"
        raise NoBaselineError(f"no merge base of {base} and {now}: {why}")
    return Revision(found)


def find(name: str) -> Revision:
    """Return the revision of that name.

    Raises:
        UnknownRevisionError: Git does not know it.
    """
    return Revision(_commit(name))


def _commit(name: str) -> str:
    """Return the commit of a name.

    Raises:
        UnknownRevisionError: Git does not know it.
        InputError: this is no repository, or Git refuses to read it.
    """
    done = subprocess.run(["git", "rev-parse", "--git-dir"], capture_output=True, text=True)
    if done.returncode:
        reason = done.stderr.strip().splitlines()[0].removeprefix("fatal: ")
        raise InputError(f"{Path.cwd()}: {reason}")
    found = _git("rev-parse", "--verify", "--quiet", "--end-of-options", name)
    commit = found and _git("rev-parse", "--verify", "--quiet", f"{found}^{{commit}}")
    if not commit:
        raise UnknownRevisionError(f"revision {name} is unknown here{_how_to_fetch(name)}")
    return commit


def _how_to_fetch(name: str) -> str:
    remote, _, branch = name.partition("/")
    if branch and remote in (_git("remote") or "").splitlines():
        # A clone of a single branch would fetch it without its name.
        return f"; `git fetch {remote} {branch}:refs/remotes/{name}` may bring it"
    return ", and names no branch of a remote; `git branch --all` and `git tag` list what there is"


def _git(*arguments: str) -> str | None:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None
