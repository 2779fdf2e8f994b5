"""The sources that params.yaml lists -> data/raw: the four gzipped IDX files, verified."""

from pathlib import Path

from fashion_mnist import dataset, params, sources
from stages import run


def main() -> None:
    download = params.load("download").download
    source = sources.fetch(
        download.sources,
        dataset.SHA256,
        Path("data/raw"),
        timeout=download.timeout,
        retries=download.retries,
    )
    print(f"data/raw: four files from {source}, verified")


if __name__ == "__main__":
    run(main)
