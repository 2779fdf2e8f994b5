"""The sources in params.yaml -> data/raw: the four gzipped IDX files, verified."""

from pathlib import Path

from fashion_mnist import command
from fashion_mnist.dataset import sources, spec
from fashion_mnist.params.download import Download


def main() -> None:
    download = Download.load()
    source = sources.fetch(
        download.sources,
        spec.SHA256,
        Path("data/raw"),
        timeout=download.timeout,
        retries=download.retries,
    )
    print(f"data/raw: four files from {source}, verified")


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
