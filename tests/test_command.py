"""How commands start, fail and end: each is a process of its own, as its user starts it."""

import ast
import importlib.util
import os
import signal
import subprocess
import sys

import pytest
from conftest import ROOT

MODULES = {
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__main__")
    for folder in ("stages", "fashion_mnist", "service")
    for path in (ROOT / folder).rglob("*.py")
    if 'if __name__ == "__main__":' in path.read_text()
}
# The imports of the others take a second or more: TensorFlow, SciPy.
QUICK = {
    *("stages.check_params", "stages.download", "service", "fashion_mnist.predict"),
    *("fashion_mnist.summary", "fashion_mnist.dvc_yaml"),
}
# Packages that `make` leaves out, by the command that needs them.
EXTRAS = {
    "fashion_mnist.tag": "pyarrow",
    "fashion_mnist.near_duplicates": "faiss",
}
# What installs the first package that they miss; it installs all others, too.
MAKE = {"fashion_mnist.tag": "`make .venv/tag`"}


def marks(name: str) -> list[pytest.MarkDecorator]:
    extra = EXTRAS.get(name)
    is_missing = extra is not None and importlib.util.find_spec(extra) is None
    skipped = [pytest.mark.skipif(is_missing, reason=f"no package {extra}")]
    return skipped + ([] if name in QUICK else [pytest.mark.slow])


COMMANDS = [pytest.param(name, marks=marks(name)) for name in sorted(MODULES)]
MISSING = "run `make` once, then `. .venv/bin/activate`, and start again\n"


@pytest.fixture
def start(tmp_path):
    """A function that starts `python -m` in an empty folder and waits for its end."""

    def start(*arguments: str, options=(), **environment: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, *options, "-m", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            text=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )

    return start


@pytest.fixture
def write(tmp_path):
    """A function that writes the command `made`, given the body of its main and more imports."""

    def write(body: str, imports: str = "") -> None:
        lines = [
            '"""What the made command does."""',
            "import os, signal, sys, time",
            "from fashion_mnist import command, errors",
            imports,
            "def main(**options):",
            f"    {body}",
            "parser = command.parser(__doc__)",
            'parser.add_argument("--number", type=int, default=0)',
            "command.run(main, parser)",
        ]
        (tmp_path / "made").mkdir(exist_ok=True)
        (tmp_path / "made" / "__init__.py").write_text("import fashion_mnist\n")
        (tmp_path / "made" / "__main__.py").write_text("\n".join(lines))

    return write


def test_every_stage_and_no_other_module_than_these_is_a_command():
    scripts = {f"stages.{path.stem}" for path in (ROOT / "stages").glob("[a-z]*.py")}
    names = ("predict", "report", "summary", "classification_report", "measure", "seed_spread")
    names += ("dvc_yaml", "describe", "promote", "promoted", "teach", "tag", "near_duplicates")
    library = {f"fashion_mnist.{name}" for name in names}
    # The repositories that `new` makes do not have it.
    assert scripts | library | {"service"} == MODULES - {"fashion_mnist.new"}


def docstring(name: str) -> str:
    path = ROOT.joinpath(*name.split("."))
    path = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.get_docstring(ast.parse(path.read_text()), clean=False)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_the_usage_and_starts_no_work(start, tmp_path, name):
    done = start(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: python -m {name} ")
    assert docstring(name) in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", sorted(MODULES - {"fashion_mnist.summary", "fashion_mnist.new"}))
def test_without_packages_a_command_says_what_to_do(start, name):
    """-S hides the environment's packages; fashion_mnist.summary and new need none."""
    done = start(name, options=["-S"])
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {sys.executable} has no package ")
    assert done.stderr.endswith(MISSING.replace("`make`", MAKE.get(name, "`make`")))
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["stages.check_params"], "error: dvc.yaml: not found; run from the repository's root"),
        (["stages.download"], "error: params.yaml: not found; run from the repository's root"),
        (["fashion_mnist.summary"], "error: metrics/evaluate.json: not found; make it with"),
        (["fashion_mnist.predict", "a.png"], "error: models/cnn.onnx: not found; `make` exports"),
        (["fashion_mnist.dvc_yaml"], "error: dvc.yaml: not found; run from the"),
        (["service"], "error: models/cnn.onnx: not found; `make` exports"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_without_files_a_command_says_which_one_it_needs(start, tmp_path, arguments, complaint):
    done = start(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(complaint)
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_options_are_keyword_arguments_and_the_result_is_the_exit_status(start, write):
    write("return options['number']")
    assert [start("made", *more).returncode for more in ([], ["--number", "3"])] == [0, 3]
    assert start("made", "--help").stdout.startswith("usage: python -m made [-h]")
    done = start("made", "--number", "x")
    assert done.returncode == 2
    assert done.stderr == (
        "error: argument --number: invalid int value: 'x'; `python -m made --help` lists the "
        "options\n"
    )


@pytest.mark.parametrize(
    ("raised", "line"),
    [
        ("errors.InputError('what is wrong; what to do')", "what is wrong; what to do"),
        ("OSError(28, 'No space left on device', 'a/file')", "a/file: No space left on device"),
        ("OSError(28, 'No space left on device')", "No space left on device"),
        ("OSError('cannot write')", "cannot write"),
    ],
)
def test_an_error_that_the_user_can_mend_is_one_line(start, write, raised, line):
    write(f"raise {raised}")
    done = start("made")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"error: {line}\n")


def test_an_error_of_the_program_keeps_its_traceback(start, write):
    write("raise ValueError('a bug')")
    done = start("made")
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert done.stderr.endswith("ValueError: a bug\n")


def test_a_package_that_is_missing_is_named(start, write):
    write("pass", imports="import no_such_package")
    expected = f"error: {sys.executable} has no package no_such_package: {MISSING}"
    done = start("made")
    assert (done.returncode, done.stderr) == (1, expected)
    write("import no_such_package")
    done = start("made")
    assert (done.returncode, done.stderr) == (1, expected)


@pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")
def test_ctrl_c_ends_a_command_in_one_line(start, write):
    write("os.kill(os.getpid(), signal.SIGINT); time.sleep(10)")
    done = start("made")
    assert (done.returncode, done.stderr) == (130, "interrupted; no file is half-written\n")


@pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")
def test_ctrl_c_during_the_imports_ends_a_command_silently(start, write):
    write("pass", imports="os.kill(os.getpid(), signal.SIGINT); time.sleep(10)")
    done = start("made")
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


@pytest.mark.parametrize("lines", [1, 100_000])
def test_a_reader_that_closes_the_pipe_ends_a_command_quietly(tmp_path, write, lines):
    write(f"print('a line\\n' * {lines})")
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "made"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=writing,
        stderr=subprocess.PIPE,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("body", "streams", "status", "stdout", "stderr"),
    [
        ("print('to nobody'); return 3", ">&-", 3, "", ""),
        ("print('answer'); raise errors.InputError('wrong')", "2>&-", 1, "answer\n", ""),
        ("print('answer')", "> /dev/full", 1, "", "error: No space left on device\n"),
    ],
    ids=["without stdout", "without stderr", "a full disk"],
)
def test_streams_that_take_nothing_do_no_harm(
    tmp_path, write, body, streams, status, stdout, stderr
):
    write(body)
    done = subprocess.run(
        ["sh", "-c", f'exec "{sys.executable}" -m made {streams}'],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (status, stdout, stderr)


def test_characters_that_the_terminal_lacks_are_escaped(start, write):
    write("print('a green circle: \\U0001f7e2')")
    done = start("made", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "a green circle: \\U0001f7e2\n"


def test_a_program_that_imports_the_library_keeps_its_own_handling(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import signal, sys; before = signal.getsignal(signal.SIGINT); "
        "import fashion_mnist.predict; "
        "print(sys.excepthook is sys.__excepthook__, signal.getsignal(signal.SIGINT) == before)"
    )
    done = subprocess.run(
        [sys.executable, script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
        capture_output=True,
    )
    assert done.stdout == "True True\n"
