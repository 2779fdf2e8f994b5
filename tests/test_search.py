"""A search goes on after kills, keeps away from test images, and refuses what has changed."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT

pytest.importorskip("optuna", reason="install it with `make .venv/search`")

import optuna
from optuna.trial import TrialState
from sqlalchemy.engine import make_url

from experiments import dvc_experiments, rows, study, trial
from experiments.space import Space
from fashion_mnist.errors import InputError
from fashion_mnist.params import whole

STATES = ["whole", "stopped", "impossible", "interrupted", "queued"]
SPACE = """
search: {cost: multiply_adds, at_most: 4.0e+9, seed: 7}
train.epochs: {low: 20, high: 30}
cnn.learning_rate: {low: 0.005, high: 0.1, log: true}
cnn.flip: {choices: [true, false]}
cnn:
  choices:
  - {filters: [4, 8], pool_after: [1, 2]}
  - {filters: [4, 6, 8], pool_after: [1, 3]}
  - {filters: [4, 6], pool_after: [1, 3]}
"""


def space(tmp_path, monkeypatch, text):
    monkeypatch.chdir(ROOT)
    path = tmp_path / "space.yaml"
    path.write_text(text)
    return Space(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cnn.rate: {low: 1, high: 2}", "cnn.rate is not a known key"),
        ("gnn.rate: {low: 1, high: 2}", "gnn: expected a key of one of search, train, mlp, cnn"),
        ("cnn.flip: {choices: []}", "cnn.flip.choices = []: expected at least one item"),
        ("cnn.flip: {choices: [1]}", "cnn.flip = 1: expected a valid boolean"),
        ("cnn.learning_rate: {low: -1.0, high: 1}", "cnn.learning_rate = -1.0: expected greater"),
        ("cnn.learning_rate: {low: 2, high: 1}", "low = 2: expected less than high = 1"),
        ("cnn.learning_rate: 3", "cnn.learning_rate = 3: expected {low: ..., high: ...} or"),
        ("cnn: {choices: [3]}", "cnn: 3 found, expected keys of cnn with values"),
        ("cnn: {choices: [{filterz: [3]}]}", "cnn.filterz is not a known key"),
        ("train.epochs: {low: 1, high: 2}", "keys of 0 models found"),
        (
            "cnn.flip: {choices: [true]}\nmlp.flip: {choices: [true]}",
            "keys of 2 models found (cnn, mlp), expected those of one",
        ),
        ("cnn.flip: {choices: [true]}\ntrain.seed: {low: 1, high: 2}", "train.seed: expected in"),
        ("cnn.flip: {choices: [true]}\ntrain: {choices: [{seed: 1}]}", "train.seed: expected in"),
        (
            "cnn.filters: {choices: [[8]]}\ncnn: {choices: [{filters: [4], pool_after: [1]}]}",
            "cnn.filters: found in both cnn.filters and cnn, expected one",
        ),
        ("cnn.learning_rate: {low: '1', high: 2}", "cnn.learning_rate.low.int = '1': expected"),
        ("cnn.learning_rate: {low: true, high: 2}", "cnn.learning_rate.low.int = True: expected"),
        ("cnn.learning_rate: {low: 0.01, high: 0.02, step: 5}", "step = 5: expected at most 0.01"),
        ("1: {choices: [1]}", "1 found, expected a key such as cnn.filters"),
        ("cnn.flip: {choices: [true]}\nsearch: {cost: euros}", "search.cost = 'euros': expected"),
        ("cnn.flip: {choices: [true]}\nsearch: {at_most: 3.0}", "at_most: expected together with"),
        ("cnn.flip: {choices: [true]}\nsearch: {rows: [92]}", "search.rows.0 = 92: expected"),
        ("cnn.flip: {choices: [true]}\nsearch: {rows: ['1']}", "search.rows: '1' found, expected"),
    ],
)
def test_a_space_that_cannot_be_searched_fails_first(tmp_path, monkeypatch, text, said):
    with pytest.raises(InputError, match=re.escape(said)) as failure:
        space(tmp_path, monkeypatch, text)
    assert str(failure.value).startswith(str(tmp_path / "space.yaml"))


@pytest.mark.parametrize("name", ["a b", "it's", "per%41cent?x=1", "ä"])
def test_a_search_has_a_name_that_experiments_can_have(tmp_path, name):
    with pytest.raises(InputError, match="a search has the name of its file, and"):
        Space(tmp_path / f"{name}.yaml")


def test_the_spaces_in_the_repository_are_possible(monkeypatch):
    monkeypatch.chdir(ROOT)
    for path in Path("experiments/spaces").glob("*.yaml"):
        assert Space(path).keys


def test_a_trial_takes_the_keys_of_its_space_and_the_others_from_params(tmp_path, monkeypatch):
    from optuna.trial import FixedTrial

    searched = space(tmp_path, monkeypatch, SPACE)
    drawn = {
        "train.epochs": 21, "cnn.learning_rate": 0.02, "cnn.flip": "false",
        "cnn": '{"filters": [4, 8], "pool_after": [1, 2]}',
    }  # fmt: skip
    training = searched.suggest(FixedTrial(drawn))
    shipped = whole.load()
    assert training.train == shipped.train.model_copy(update={"epochs": 21, "seed": 7})
    assert training.recipe == shipped.cnn.model_copy(
        update={"filters": [4, 8], "pool_after": [1, 2], "flip": False, "learning_rate": 0.02}
    )
    assert training.measured_on == "validation"
    with pytest.raises(ValueError, match="pool_after"):
        searched.suggest(FixedTrial({**drawn, "cnn": '{"filters": [4, 6], "pool_after": [1, 3]}'}))


@pytest.mark.parametrize("name", rows.names())
def test_a_row_is_written_as_it_is_read(monkeypatch, name):
    monkeypatch.chdir(ROOT)
    train, recipe = rows.read(name, seed=3)
    written = rows.lines(train, recipe) + f"{rows.MIRROR}\n" * rows.is_mirror_averaged(name)
    content = (rows.FOLDER / f"{name}.args").read_text()
    assert sorted(written.splitlines()) == sorted(content.splitlines())


def test_a_trial_is_stopped_below_the_median_of_the_others_at_that_point():
    peers = [[0.5, 0.6, 0.7, 0.8], [0.3, 0.4, 0.5, 0.6], [0.1, 0.9], [0.4, 0.4, 0.4, 0.4]]
    assert not trial.trails(0.1, 0.5, peers), "there are too few"
    peers.append([0.0, 0.3])
    # After one half: 0.6, 0.4, 0.1, 0.4 and 0.0, so the median is 0.4.
    assert trial.trails(0.39, 0.5, peers)
    assert not trial.trails(0.41, 0.5, peers)
    assert not trial.trails(0.0, 0.25, peers), "the beginning tells little"
    assert not trial.trails(0.0, 1, peers), "what is whole is kept"


@pytest.fixture
def searched(bench):
    """A repository with a space, in which a search can run; its test images are gone."""
    (bench.folder / "space.yaml").write_text(SPACE)
    shutil.rmtree(bench.folder / "data" / "test")
    return bench


def search(repository, *options):
    """Start a search."""
    return subprocess.Popen(
        [sys.executable, "-m", "experiments.search", "space.yaml", *options],
        cwd=repository.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    return out


def wait_for(process, repository, pattern, count=1):
    """Wait until so many files of data/trainings/ match, while a search runs."""
    folder = repository.folder / "data" / "trainings"
    while len(list(folder.glob(pattern))) < count:
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)  # pytest-timeout ends an endless wait


def children(process):
    listed = subprocess.run(
        ["pgrep", "--parent", str(process.pid), "--full", "spawn_main"],
        text=True, capture_output=True,
    )  # fmt: skip
    return [int(line) for line in listed.stdout.split()]


def trials(repository):
    return pd.read_csv(repository.folder / "experiments" / "searches" / "space" / "trials.csv")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_search_goes_on_after_kills_and_ctrl_c(searched):
    options = ("--trials", "5", "--jobs", "2")
    first = search(searched, *options)
    wait_for(first, searched, "*.partial")
    os.kill(children(first)[0], signal.SIGKILL)
    wait_for(first, searched, "*.json", 2)
    second_in_line = search(searched, *options)
    _, said = second_in_line.communicate()
    assert said == "error: the search space is running here already\n"
    first.kill()
    first.communicate()
    second = search(searched, *options)
    while not children(second):  # before, it would end without a word
        time.sleep(0.1)
    second.send_signal(signal.SIGINT)
    _, said = second.communicate()
    assert (second.returncode, said) == (130, "interrupted; no file is half-written\n")
    finish(search(searched, *options))
    assert not list((searched.folder / "data" / "trainings").glob("*.partial"))
    table = trials(searched)
    assert table["state"].isin(["whole", "stopped"]).sum() == 5
    assert table["state"].isin(STATES).all()
    # A trial that is interrupted before it has settings leaves none to try again.
    retried = table.query("state == 'interrupted'")["cnn.learning_rate"].dropna()
    done = table.query("state != 'interrupted'")["cnn.learning_rate"]
    assert len(retried) >= 1
    assert retried.isin(done).all()
    accuracies = table.query("rank > 0").sort_values("rank")["accuracy"].to_numpy()
    assert len(accuracies) >= 1
    assert (np.diff(accuracies) <= 0).all()
    folder = searched.folder / "experiments" / "searches" / "space"
    assert {path.name for path in folder.glob("*.png")} == {
        "front.png", "history.png", "importances.png", "slices.png",
    }  # fmt: skip

    # Enough are done, so only the results are written again; with other code, they are not.
    before = (folder / "trials.csv").read_bytes()
    finish(search(searched, *options))
    assert (folder / "trials.csv").read_bytes() == before
    with (searched.folder / "fashion_mnist" / "training" / "muon.py").open("a") as file:
        file.write("# Changed.\n")
    _, said = search(searched, *options).communicate()
    assert said.startswith(
        "error: the search space was begun with another fashion_mnist/training/muon.py: bring it "
        "back"
    )

    # In a clone, the results are there without the database.
    (searched.folder / "data" / "searches" / "space.db").unlink()
    _, said = search(searched, *options).communicate()
    assert said.startswith("error: experiments/searches/space: it has the results of a search")
    assert (folder / "trials.csv").read_bytes() == before


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_without_a_cost_the_most_accurate_is_best(searched):
    text = SPACE.replace("cost: multiply_adds, at_most: 4.0e+9, ", "").replace("20", "2")
    (searched.folder / "space.yaml").write_text(text.replace("30}", "3}"))
    finish(search(searched, "--trials", "4"))
    table = trials(searched).query("state == 'whole'").sort_values("rank")
    assert table["accuracy"].is_monotonic_decreasing
    assert table["rank"].tolist() == list(range(1, len(table) + 1))
    assert not (searched.folder / "experiments/searches/space/front.png").exists()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_space_without_possible_settings_ends(searched):
    (searched.folder / "space.yaml").write_text(SPACE.replace("4.0e+9", "3.0"))
    process = search(searched, "--trials", "1")
    _, said = process.communicate()
    assert process.returncode == 1
    assert said.startswith("error: the last 100 trials were impossible (")


def postgres(program):
    """Return a program of PostgreSQL, which Debian keeps away from PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    return shutil.which(program) or (str(found[-1]) if found else None)


@pytest.fixture
def database(tmp_path_factory):
    """The URL of an empty PostgreSQL database on loopback."""
    if not postgres("initdb"):
        pytest.skip("PostgreSQL is not installed; on Debian: apt-get install postgresql")
    folder = tmp_path_factory.mktemp("postgresql", numbered=True)
    # PostgreSQL does not run as root.
    user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    if user:
        for parent in (folder, *folder.parents[:3]):
            parent.chmod(parent.stat().st_mode | 0o011)
        shutil.chown(folder, "postgres")
    subprocess.run(
        [*user, postgres("initdb"), "--username=tester", "--auth=trust", folder / "data"],
        check=True, capture_output=True,
    )  # fmt: skip
    port = 20_000 + os.getpid() % 10_000
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder}"
    control = [*user, postgres("pg_ctl"), "--pgdata", folder / "data"]
    started = [*control, "--options", options, "--wait", "--log", folder / "log", "start"]
    subprocess.run(started, check=True, stdout=subprocess.DEVNULL)
    yield f"postgresql://tester@127.0.0.1:{port}/postgres"
    subprocess.run([*control, "--mode=immediate", "stop"], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_machines_share_a_search_in_postgresql(searched, database, tmp_path):
    """Two folders stand for two machines; one is killed, and the other does its trial again."""
    other = tmp_path / "another machine"
    shutil.copytree(searched.folder, other)
    options = ("--trials", "4", "--storage", database)
    one = search(searched, *options)
    wait_for(one, searched, "*.partial")
    two = search(type(searched)(other), *options)
    wait_for(two, type(searched)(other), "*.json")
    one.kill()
    finish(two)
    table = trials(type(searched)(other))
    assert table["state"].isin(["whole", "stopped"]).sum() == 4
    assert table["trial"].is_unique


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://tester:secret@127.0.0.1:1/postgres", "127.0.0.1:1/postgres: connection "),
        ("mysql://somewhere/x", "--storage mysql://somewhere/x: expected postgresql://"),
        ("nonsense", "--storage nonsense: expected postgresql://"),
        ("postgresql://a@b:c/d", "--storage postgresql://a@b:c/d: expected postgresql://"),
    ],
)
def test_a_database_that_cannot_be_opened_is_one_line(tmp_path, monkeypatch, url, said):
    searched = space(tmp_path, monkeypatch, SPACE)
    monkeypatch.setattr(study, "FOLDER", tmp_path)
    with pytest.raises(InputError, match=re.escape(said)) as failure, study.opened(searched, url):
        pass
    assert "secret" not in str(failure.value)
    assert "\n" not in str(failure.value)


def test_an_impossible_trial_that_was_killed_is_impossible_again_without_a_word(
    tmp_path, monkeypatch, recwarn
):
    text = "cnn: {choices: [{filters: [4], pool_after: [2]}, {filters: [4], pool_after: [3]}]}"
    searched = space(tmp_path, monkeypatch, text)
    studied = optuna.create_study()
    objective = trial.Objective(searched, studied, workers=None)
    killed = studied.ask()
    with pytest.raises(optuna.TrialPruned, match="pool_after"):
        objective(killed)
    study._queue_again(studied, is_alone=True)
    recwarn.clear()
    studied.optimize(objective, n_trials=1)
    states = [one.state for one in studied.get_trials()]
    assert states == [TrialState.FAIL, TrialState.PRUNED]
    assert not recwarn.list


def test_two_threads_never_take_the_same_trial(tmp_path, monkeypatch):
    searched = space(tmp_path, monkeypatch, SPACE)
    for name in "abcde":
        studied = study._load(searched, make_url(f"sqlite:///{tmp_path}/{name}.db"))
        for rate in (0.01, 0.02, 0.03, 0.04):
            studied.enqueue_trial({"cnn.learning_rate": rate})
        together, taken = threading.Barrier(4), []

        def take(study=studied, together=together, taken=taken):
            together.wait()
            taken.append(study.ask().number)

        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(taken) == [0, 1, 2, 3]


def test_a_file_that_is_no_database_is_one_line(tmp_path, monkeypatch):
    searched = space(tmp_path, monkeypatch, SPACE)
    monkeypatch.setattr(study, "FOLDER", tmp_path)
    (tmp_path / "space.db").write_bytes(b"not a database" * 100)
    with pytest.raises(InputError, match="file is not a database"), study.opened(searched, None):
        pass


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_best_are_run_again_as_experiments_that_no_seed_spread_takes(searched, monkeypatch):
    """With the settings of their row and their seed, and compared with params.yaml's."""
    (searched.folder / "space.yaml").write_text(SPACE.replace("20", "2").replace("30}", "3}"))
    searched.dvc("checkout", "--quiet", "data/test")
    # What each of the experiments would run after what is compared.
    searched.dvc("remove", "feature_maps", "probe_layers", "similar_items", "export", "photographs")
    finish(search(searched, "--trials", "2"))
    searched.commit("A search")
    rerun = (sys.executable, "-m", "experiments.rerun", "space", "1")
    searched.run(*rerun, "--seeds", "31", "32")
    table = trials(searched).query("rank == 1").iloc[0]
    listed = searched.run("git", "for-each-ref", "--format=%(refname)", "refs/exps").stdout.split()
    names = {ref.rpartition("/")[2] for ref in listed if "/search-" in ref}
    wanted = {f"search-space-{which}-{seed}" for which in (1, "params.yaml") for seed in (31, 32)}
    assert names == wanted
    ref = next(ref for ref in listed if ref.endswith("search-space-1-32"))
    params = yaml.safe_load(searched.run("git", "show", f"{ref}:params.yaml").stdout)
    assert params["train"]["seed"] == 32
    assert params["train"]["epochs"] == table["train.epochs"]
    assert params["cnn"]["learning_rate"] == pytest.approx(table["cnn.learning_rate"])
    verdict = (searched.folder / "experiments/searches/space/verdict.md").read_text()
    evaluations = [
        json.loads(searched.run("git", "show", f"{ref}:metrics/evaluate.json").stdout)["cnn"]
        for ref in sorted(listed) if "/search-space-1-" in ref
    ]  # fmt: skip
    mean = 100 * np.mean([evaluation["accuracy"] for evaluation in evaluations])
    assert f"| {mean:.2f} ± " in next(line for line in verdict.splitlines() if "best-1" in line)

    # An experiment of that name but with other settings is not what is asked for.
    monkeypatch.chdir(searched.folder)
    with pytest.raises(InputError, match=r"an experiment with train.epochs = \d+, expected 99"):
        dvc_experiments._require_settings(
            "search-space-1-32", ref, ["train.seed=32", "train.epochs=99"]
        )
    done = searched.run(*rerun, "--seeds", "31", "31", check=False)
    assert done.stderr == "error: --seeds: 31 31 found, expected each once\n"

    # What is there is not run again.
    commits = searched.run("git", "for-each-ref", "refs/exps").stdout
    searched.run(*rerun, "--seeds", "31", "32")
    assert searched.run("git", "for-each-ref", "refs/exps").stdout == commits

    spread = searched.run(
        sys.executable, "-m", "fashion_mnist.seed_spread", "HEAD", *sorted(listed)[:2], check=False
    )
    assert spread.returncode == 1
    assert "a run of a search, whose best were chosen; leave it out" in spread.stderr
