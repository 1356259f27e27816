"""A plain perceptron."""

from sitspark.models.networks.perceptron import Perceptron
from sitspark.settings.networks import AnnParameters


class Ann(Perceptron):
    """Dense layers of chosen widths, each with ReLU and dropout."""

    def __init__(self, features: int, classes: int, parameters: AnnParameters) -> None:
        super().__init__((features, *parameters.hidden, classes), dropout=parameters.dropout)
