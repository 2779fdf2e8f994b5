import subprocess

import pytest

from fashion_mnist.dataset.git_tree import git_tree


def git(folder, *arguments) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def tree_of_git(folder) -> str:
    git(folder, "init", "--quiet")
    git(folder, "add", "--all", "--force")
    return git(folder, "write-tree")


@pytest.mark.parametrize(
    "names",
    [
        # Git sorts the folder `a` as `a/`, after `a-b` and `a.txt` and before `a0`.
        ("a/one", "a-b", "a.txt", "a0", "B", "über/ö.png"),
        ("deep/er/and/er", "deep/er.txt", ".gitignore", ".github/ci.yml"),
        (),
    ],
)
def test_a_folder_has_the_tree_that_git_gives_it(tmp_path, names):
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"content of {name}")
    (tmp_path / "empty" / "folder").mkdir(parents=True)
    before = git_tree(tmp_path)
    assert before == tree_of_git(tmp_path)
    assert git_tree(tmp_path) == before, "its .git counts"


def test_what_the_owner_may_execute_and_links_count(tmp_path):
    (tmp_path / "run").write_text("#!/bin/sh\n")
    plain = git_tree(tmp_path)
    (tmp_path / "run").chmod(0o744)
    (tmp_path / "link").symlink_to("run")
    (tmp_path / "link_to_folder").symlink_to(".")
    assert plain != git_tree(tmp_path) == tree_of_git(tmp_path)
