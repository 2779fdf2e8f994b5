"""The study of a search, in Optuna's words: its trials in a database, and how it goes on."""

import hashlib
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning, OptunaError
from optuna.samplers import TPESampler
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import TrialState
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import SQLAlchemyError

from experiments import trainings
from experiments.space import Space
from fashion_mnist import concurrency
from fashion_mnist.errors import InputError

FOLDER = Path("data/searches")
RESULTS = Path("experiments/searches")  # a folder for each search
TRIALS = "trials.csv"  # in it
MADE_OF = "made_of"  # an attribute of the study: the hashes of code, data and space
HEARTBEAT, SILENCE = 10, 30  # seconds between a trial's signs of life; until it counts as dead
RETRIES = 3  # of a trial that died

optuna.logging.set_verbosity(optuna.logging.CRITICAL)  # what fails is said in one line
warnings.filterwarnings("ignore", category=ExperimentalWarning)


@contextmanager
def opened(space: Space, server: str | None) -> Iterator[optuna.Study]:
    """Yield the study of a space, a new one or that which was begun.

    Trials that a kill or Ctrl-C ended are queued again.

    Args:
        space: what is searched.
        server: the URL of a PostgreSQL database; None means a file in data/searches/.

    Raises:
        InputError: the database fails, another search of that name runs here, code, data or space
            have changed since the study was begun, or a new one would replace results.
    """
    path = FOLDER / f"{space.name}.db"
    url = _postgresql(server) if server else make_url(f"sqlite:///{path}")
    busy = f"the search {space.name} is running here already"
    with concurrency.lock(path.with_suffix(".lock"), busy):
        try:
            study = _load(space, url)
            results = RESULTS / space.name
            if results.exists() and not results.is_dir():
                raise InputError(f"{results}: a file, expected a folder for the results; remove it")
            _check(study, space, "a new --storage" if server else f"`rm -rf {path} {results}`")
            if (results / TRIALS).exists() and not study.get_trials(deepcopy=False):
                raise InputError(
                    f"{results}: it has the results of a search whose database is elsewhere; "
                    f"choose another name of {space.path.name}, or `rm -r {results}` to start anew"
                )
            _queue_again(study, is_alone=server is None)
            yield study
        except (OptunaError, SQLAlchemyError) as error:
            reason = " ".join(str(getattr(error, "orig", None) or error).split())
            raise InputError(f"{url.render_as_string()}: {reason}") from None


def _postgresql(server: str) -> URL:
    try:
        url = make_url(server)
    except (SQLAlchemyError, ValueError):  # ValueError: of the port
        url = None
    if url is None or url.get_backend_name() != "postgresql":
        raise InputError(f"--storage {server}: expected postgresql://USER:PASSWORD@HOST/DATABASE")
    return url.set(drivername="postgresql+psycopg")


def _load(space: Space, url: URL) -> optuna.Study:
    is_file = url.get_backend_name() == "sqlite"
    storage = RDBStorage(
        url.render_as_string(hide_password=False),
        engine_kwargs={"connect_args": {"timeout": 60}} if is_file else {},
        heartbeat_interval=HEARTBEAT,
        grace_period=SILENCE,
        heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(RETRIES),
    )
    if is_file:
        _one_at_a_time(storage.engine)
    study = optuna.create_study(
        study_name=space.name,
        storage=storage,
        directions=["maximize", "minimize"] if space.goal.cost else ["maximize"],
        load_if_exists=True,
    )
    # A search that goes on must not draw its first trials again, nor those of another machine.
    seed = space.goal.seed + len(study.get_trials(deepcopy=False)) if is_file else None
    study.sampler = TPESampler(seed=seed, multivariate=True)
    return study


def _one_at_a_time(engine: Engine) -> None:
    """Let SQLite lock the file when a transaction begins, not when it first writes.

    Otherwise two threads may read that a trial waits, and both take it. Source: SQLAlchemy's
    documentation of SQLite, "Serializable isolation / Savepoints / Transactional DDL".
    """

    def no_begin_by_python(connection: Any, _: Any) -> None:
        connection.isolation_level = None

    engine.dispose()  # connections that are there would not be prepared
    event.listen(engine, "connect", no_begin_by_python)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))


def _check(study: optuna.Study, space: Space, how_to_start_anew: str) -> None:
    settings = [part.model_dump() for part in space.base[:2]]
    now = {
        **trainings.inputs("validation"),
        space.path.name: hashlib.sha256(space.path.read_bytes()).hexdigest(),
        "params.yaml": hashlib.sha256(json.dumps(settings).encode()).hexdigest(),
    }
    then = study.user_attrs.get(MADE_OF)
    if then is None or not study.get_trials(deepcopy=False):
        study.set_user_attr(MADE_OF, now)
    elif changed := sorted(
        name for name in now.keys() | then.keys() if now.get(name) != then.get(name)
    ):
        raise InputError(
            f"the search {space.name} was begun with another {', '.join(changed)}: bring it back "
            f"to go on, or start anew with another name of {space.path.name} or after "
            f"{how_to_start_anew}"
        )


def _queue_again(study: optuna.Study, is_alone: bool) -> None:
    """Queue the trials that ended without a result; what other machines run is left alone."""
    if is_alone:
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            study.tell(trial.number, state=TrialState.FAIL)
    again = RetryHeartbeatStaleTrialCallback(RETRIES)
    trials = study.get_trials()
    retried = {number for trial in trials for number in trial.system_attrs.get("retry_history", [])}
    for trial in trials:
        if trial.state == TrialState.FAIL and trial.number not in retried:
            again(study, trial)
