"""The tensors of a PyTorch file, read without PyTorch.

Only the format from before PyTorch 1.6 is known: five pickles, then the bytes of the storages.
Source: `_legacy_load` in PyTorch's torch/serialization.py.
"""

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from fashion_mnist.errors import InputError

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
DTYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}


class _View(NamedTuple):
    """A tensor before its storage is read."""

    storage: tuple[str, str, str, str, int, Any]  # "storage", dtype, key, device, size, view
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Unpickler(pickle.Unpickler):
    """A pickle may call anything; this one may build dicts and views of storages."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda *arguments: _View(*arguments[:4])
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed")

    def persistent_load(self, key: Any) -> Any:
        return key


def read(path: Path) -> dict[str, np.ndarray]:
    """Return the tensors of a state dict, by name.

    Raises:
        InputError: the file is missing, damaged or of another format, or calls other code.
    """
    try:
        with path.open("rb") as file:
            header = [_Unpickler(file).load() for _ in range(3)]
            if header[:2] != [MAGIC, PROTOCOL] or not header[2]["little_endian"]:
                raise ValueError("no such header")
            views: dict[str, _View] = _Unpickler(file).load()
            storages = _read_storages(file, _Unpickler(file).load(), views)
        return {name: _tensor(view, storages[view.storage[2]]) for name, view in views.items()}
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except Exception as error:  # a damaged pickle raises anything
        raise InputError(f"{path}: not PyTorch weights of the old format ({error})") from None


def _read_storages(
    file: BinaryIO, keys: list[str], views: dict[str, _View]
) -> dict[str, np.ndarray]:
    dtypes = {view.storage[2]: np.dtype(view.storage[1]) for view in views.values()}
    storages = {}
    for key in keys:
        count = int.from_bytes(file.read(8), "little")
        content = file.read(count * dtypes[key].itemsize)
        storages[key] = np.frombuffer(content, dtypes[key], count)
    return storages


def _tensor(view: _View, storage: np.ndarray) -> np.ndarray:
    # The shape and the strides are the file's word; what they reach must be there.
    reach = sum((size - 1) * stride for size, stride in zip(view.shape, view.strides, strict=True))
    if not 0 <= view.offset + reach < len(storage):
        raise ValueError("a tensor reaches beyond its storage")
    strides = [stride * storage.itemsize for stride in view.strides]
    elements = np.lib.stride_tricks.as_strided(storage[view.offset :], view.shape, strides)
    return np.ascontiguousarray(elements)
