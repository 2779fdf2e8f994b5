"""The rows of a table that have features, some thousands at a time."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fashion_mnist.errors import InputError
from fashion_mnist.inference.similarity import unit_length
from fashion_mnist.tagging import table

IDENTITY = ("path", "bytes", "modified", "model_sha256")


class Rows:
    """The rows of a table with features; their positions count them in the order of the table.

    Attributes:
        file: of the table.
        paths: of the pictures, a string array (n,).
        ids: int64 (n,), of each row: other pictures, versions and models have others.
        units: the number of features of a row.
    """

    def __init__(self, file: Path) -> None:
        """Read all but the features.

        Raises:
            InputError: the file is no table of `tag`, has no features, or has those of two models.
        """
        if not file.exists():
            raise InputError(f"{file}: not found; `python -m fashion_mnist.tag` makes a table")
        if not file.is_file():
            raise InputError(f"{file}: no regular file; expected a table of `tag`")
        units = table.units(table.read_schema(file))
        if units is None:
            raise InputError(
                f"{file}: no features; `tag --features --model FILE --output ANOTHER.parquet` "
                "makes a table with them"
            )
        self.file, self.units = file, units
        paths, ids, models = [], [], set()
        for batch in table.batches(file, IDENTITY):
            batch = batch.filter(batch["model_sha256"].is_valid())
            models |= set(batch["model_sha256"].unique().to_pylist())
            paths.append(batch["path"])
            ids.append(_ids(batch))
        if len(models) > 1:
            raise InputError(
                f"{file}: features of {len(models)} models, which can't be compared; `tag --again` "
                "replaces the older ones"
            )
        self.paths = pa.chunked_array(paths, pa.string())
        self.ids = np.concatenate([*ids, np.empty(0, np.int64)])
        if not len(self.ids):
            raise InputError(f"{file}: no row has features")

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.ids)

    def features(self) -> Iterator[np.ndarray]:
        """Yield the features in order, float32 (some, units), each row scaled to length 1."""
        for batch in table.batches(self.file, ("model_sha256", table.FEATURES)):
            kept = batch.filter(batch["model_sha256"].is_valid())[table.FEATURES]
            flat = kept.flatten().to_numpy(zero_copy_only=False)
            yield unit_length(flat.reshape(-1, self.units).astype(np.float32))


def _ids(batch: pa.RecordBatch) -> np.ndarray:
    columns = [batch["path"], batch["bytes"], pc.cast(batch["modified"], pa.int64())]
    columns.append(batch["model_sha256"])
    lines = zip(*(column.to_pylist() for column in columns), strict=True)
    digests = b"".join(
        hashlib.blake2b("\0".join(map(str, line)).encode(), digest_size=8).digest()
        for line in lines
    )
    return np.frombuffer(digests, np.int64) & np.iinfo(np.int64).max
