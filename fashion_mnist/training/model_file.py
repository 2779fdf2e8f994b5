"""The files of trained models: .keras, the same bytes for the same model."""

import io
import json
import re
import zipfile
from pathlib import Path

from fashion_mnist.dataset.spec import Spec
from fashion_mnist.errors import InputError
from fashion_mnist.files import atomic
from fashion_mnist.training.batch_normalization import FusedBatchNormalization
from fashion_mnist.training.tf_keras import keras


def plain(model: keras.Model) -> keras.Model:
    """Return the same model in stock Keras layers and float32, weights included, uncompiled."""

    def stock(layer: keras.Layer) -> keras.Layer:
        kind = type(layer)
        if kind is FusedBatchNormalization:
            kind = keras.layers.BatchNormalization
        return kind.from_config({**layer.get_config(), "dtype": "float32"})

    twin = keras.models.clone_model(model, clone_function=stock)
    twin.set_weights(model.get_weights())
    # clone_model compiles the twin like the original; its file would contain the optimizer.
    return keras.Model(twin.input, twin.output, name=model.name)


def save(model: keras.Model, path: Path) -> None:
    """Write `plain(model)` as a .keras file; the same model gives the same bytes."""
    with atomic(path) as partial:
        plain(model).save(partial)
        partial.write_bytes(_without_dates_and_addresses(partial.read_bytes()))


def _without_dates_and_addresses(archive: bytes) -> bytes:
    """Remove what differs between two saves: the date, the zip's times, memory addresses."""
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        members = {name: file.read(name) for name in file.namelist()}
    metadata = json.loads(members["metadata.json"])
    members["metadata.json"] = json.dumps({**metadata, "date_saved": "1980-01-01"}).encode()
    members["config.json"] = _number_addresses(members["config.json"])
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, member in members.items():
            file.writestr(zipfile.ZipInfo(name), member)
    return content.getvalue()


def _number_addresses(config: bytes) -> bytes:
    """Replace each memory address by its order of appearance."""
    numbers: dict[bytes, bytes] = {}
    return re.sub(
        rb'(?<="shared_object_id": )\d+',
        lambda match: numbers.setdefault(match[0], str(len(numbers)).encode()),
        config,
    )


def load(path: Path, spec: Spec) -> keras.Model:
    """Load a model of such images, which `save` wrote.

    Raises:
        InputError: the file is missing, truncated or foreign, or the model has another name, or
            is for other images or classes.
    """
    remake = f"make it again with `dvc repro --force --single-item train_{path.stem}`"
    if not path.exists():
        raise InputError(f"{path}: not found; make it with `dvc repro train_{path.stem}`")
    try:
        model = keras.saving.load_model(path, compile=False)
        shapes = (model.input_shape, model.output_shape)
    except Exception as error:  # Keras passes on whatever zip, JSON and HDF5 raise
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"{path}: not a whole Keras model ({lines[0]}); {remake}") from None
    expected = ((None, *spec.image_shape), (None, len(spec.classes)))
    if shapes != expected:
        raise InputError(f"{path}: input and output shapes {shapes}, expected {expected}; {remake}")
    if model.name != path.stem:
        raise InputError(f"{path}: the model {model.name} found, expected {path.stem}; {remake}")
    return model
