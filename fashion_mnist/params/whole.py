"""The whole of params.yaml."""

from pydantic import BaseModel, ConfigDict

from fashion_mnist.params import section
from fashion_mnist.params.cnn import CNN
from fashion_mnist.params.download import Download
from fashion_mnist.params.evaluate import Evaluate
from fashion_mnist.params.export import Export
from fashion_mnist.params.feature_maps import FeatureMaps
from fashion_mnist.params.mlp import MLP
from fashion_mnist.params.normalize import Normalize
from fashion_mnist.params.r_cnn import RCNN
from fashion_mnist.params.similar_items import SimilarItems
from fashion_mnist.params.train import Train


class Params(BaseModel):
    model_config = ConfigDict(extra="forbid")

    download: Download
    normalize: Normalize
    train: Train
    mlp: MLP
    cnn: CNN
    evaluate: Evaluate
    feature_maps: FeatureMaps
    export: Export
    similar_items: SimilarItems
    r_cnn: RCNN


def load() -> Params:
    """Return all sections of params.yaml.

    Raises:
        InputError: the file or one of its sections breaks a rule.
    """
    return section.check(Params, section.read())
