"""The whole of params.yaml, and the list of models."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from fashion_mnist.errors import InputError
from fashion_mnist.params import section
from fashion_mnist.params.cnn import CNN
from fashion_mnist.params.dataset import Dataset, DatasetName
from fashion_mnist.params.download import Download
from fashion_mnist.params.evaluate import Evaluate
from fashion_mnist.params.export import Export
from fashion_mnist.params.feature_maps import FeatureMaps
from fashion_mnist.params.linear import Linear
from fashion_mnist.params.mlp import MLP
from fashion_mnist.params.normalize import Normalize
from fashion_mnist.params.r_cnn import RCNN
from fashion_mnist.params.recipe import Recipe
from fashion_mnist.params.resnet import ResNet
from fashion_mnist.params.similar_items import SimilarItems
from fashion_mnist.params.train import Train


class Params(BaseModel):
    model_config = ConfigDict(extra="forbid")

    dataset: DatasetName
    download: Download
    normalize: Normalize
    train: Train
    mlp: MLP
    cnn: CNN
    # These models are trained where params.yaml has their sections.
    linear: Linear | None = None
    resnet: ResNet | None = None
    evaluate: Evaluate
    feature_maps: FeatureMaps
    export: Export
    similar_items: SimilarItems
    r_cnn: RCNN


def load() -> Params:
    """Return all sections of params.yaml, checked against each other and the dataset.

    Raises:
        InputError: a file or one of its sections breaks a rule.
    """
    content = section.read()
    for name, values in content.items():
        if values is None:
            raise InputError(
                f"{section.PATH}: {name} is empty; expected its keys: if they have a # before "
                "them, remove it"
            )
    params = section.check(Params, content)
    dataset = Dataset.load()
    for name, values in params:
        if values is None:
            continue
        try:
            values.check_against(dataset)
        except ValueError as error:
            raise InputError(f"{section.PATH}: {name}: {error}") from None
    return params


def check_pipeline() -> list[str]:
    """Return the names of the models, once dvc.yaml and params.yaml agree on them.

    Raises:
        InputError: dvc.yaml trains others, or either file breaks a rule.
    """
    path = Path("dvc.yaml")
    stages = section.read(path).get("stages", {})
    names = list(models())
    expected = {f"train_{name}" for name in names}
    found = {name for name in stages if name.startswith("train_")}
    if different := sorted(expected ^ found):
        state = "not there" if different[0] in expected else "there"
        raise InputError(
            f"{path}: stage {different[0]} is {state}, but {section.PATH} has the models "
            f"{', '.join(names)}; `make deps` writes the stages of these"
        )
    return names


def models() -> dict[str, Recipe]:
    """Return the recipe of each model, by name, in the order of `Params`.

    Raises:
        InputError: as `load`.
    """
    return {name: recipe for name, recipe in load() if isinstance(recipe, Recipe)}
