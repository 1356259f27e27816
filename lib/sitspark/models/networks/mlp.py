"""The multilayer perceptron of iota2."""

from sitspark.models.networks.perceptron import Perceptron
from sitspark.settings.networks import MlpParameters


class Mlp(Perceptron):
    """iota2's MLPClassifier: n -> n // 2 -> 3k -> 3k -> k, with ReLU between (481-240-69-69-23 in its experiment)."""

    def __init__(self, features: int, classes: int, parameters: MlpParameters | None = None) -> None:
        own = parameters.hidden if parameters else None
        hidden = (max(features // 2, 1), 3 * classes, 3 * classes) if own is None else own
        super().__init__((features, *hidden, classes))
