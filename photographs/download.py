"""Fetch the photographs into photographs/data/pictures, a folder for each class, verified."""

from pathlib import Path

from fashion_mnist import command, files
from fashion_mnist.dataset import archive
from fashion_mnist.params.photographs import Photographs


def main() -> None:
    download = Photographs.load().download
    versions = {
        name: archive.Version(git_tree=version.git_tree, sha256=version.sha256)
        for name, version in download.versions.items()
    }
    source, version = archive.fetch(
        download.sources,
        versions,
        Path("photographs/data/pictures"),
        timeout=download.timeout,
        retries=download.retries,
    )
    # Which version it was is among the metrics, because the numbers depend on it.
    files.write_json(Path("photographs/metrics/download.json"), {"version": version})
    print(f"photographs/data/pictures: the {version} photographs from {source}, verified")


if __name__ == "__main__":
    command.run(main, command.parser(__doc__))
