"""The dataset's sources -> data/raw: its four gzipped IDX files, or its pictures, verified."""

from pathlib import Path

from fashion_mnist import command
from fashion_mnist.dataset import sources
from fashion_mnist.params.dataset import Dataset
from fashion_mnist.params.download import Download


def main() -> None:
    download, dataset = Download.load(), Dataset.load()
    raw = Path("data/raw")
    if dataset.idx:
        source = sources.fetch(
            dataset.sources,
            dataset.idx.sha256,
            raw,
            timeout=download.timeout,
            retries=download.retries,
        )
    if dataset.pictures:
        source = sources.fetch_pictures(
            dataset.sources, dataset.classes, dataset.pictures.groups, dataset.pictures.sha256, raw
        )
    print(f"data/raw: {dataset.title} from {source}, verified")


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
