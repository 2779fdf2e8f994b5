"""Run the guided tour and keep its outputs: `python -m notebooks.execute`.

The same commit gives the same bytes on the same kind of processor: no times, no paths.
"""

import os
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from fashion_mnist import command, files
from fashion_mnist.errors import InputError

NOTEBOOK = Path("notebooks/tour.ipynb")
TIMEOUT = 600  # seconds for a cell


def main() -> None:
    files.write_bytes(NOTEBOOK, execute(NOTEBOOK).encode())


def execute(path: Path) -> str:
    """Run a notebook in the current folder; return it with its outputs, as text.

    Raises:
        InputError: a cell fails.
    """
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    os.environ["QUIET"] = "1"  # progress has times
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,  # a busy core may send one line in two parts
        resources={"metadata": {"path": "."}},
    )
    try:
        client.execute()
    except CellExecutionError as error:
        raise InputError(f"{path}: {str(error).strip().splitlines()[-1]}") from None
    # The kernel's own version would differ between machines.
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    text: str = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
    return text + "\n"


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
