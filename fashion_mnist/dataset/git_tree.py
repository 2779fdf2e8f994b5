"""The name that Git gives the files of a folder: equal names mean equal files."""

import hashlib
import os
from pathlib import Path


def git_tree(folder: Path) -> str:
    """Return the SHA-1 of a folder's tree object, as `git write-tree` does for all its files.

    A blob object holds a file. A tree object has an entry for each file and folder: its mode, name
    and SHA-1. See "Git Internals - Git Objects" in the book "Pro Git" of Git's documentation,
    https://git-scm.com/book/en/v2/Git-Internals-Git-Objects

    Args:
        folder: its `.git` is left out; empty folders do not exist for Git.

    Returns:
        40 hexadecimal digits.

    Raises:
        OSError: a file can't be read.
    """
    return _sha1("tree", _entries(folder, left_out=".git")).hex()


def _entries(folder: Path, left_out: str = "") -> bytes:
    """Return the content of a folder's tree object; it is empty without files."""
    entries = []
    for path in folder.iterdir():
        name = os.fsencode(path.name)
        place = name
        if path.name == left_out:
            continue
        if path.is_symlink():
            mode, sha1 = b"120000", _sha1("blob", os.fsencode(path.readlink()))
        elif path.is_dir():
            content = _entries(path)
            if not content:
                continue
            mode, sha1 = b"40000", _sha1("tree", content)
            place = name + b"/"  # Git sorts a folder as if its name ended so
        else:
            # Of the permissions, Git keeps only whether the owner may execute the file.
            mode = b"100755" if path.stat().st_mode & 0o100 else b"100644"
            sha1 = _sha1("blob", path.read_bytes())
        entries.append((place, mode + b" " + name + b"\0" + sha1))
    return b"".join(entry for _, entry in sorted(entries))


def _sha1(kind: str, content: bytes) -> bytes:
    header = f"{kind} {len(content)}\0".encode()
    return hashlib.sha1(header + content, usedforsecurity=False).digest()
