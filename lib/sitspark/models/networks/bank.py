"""The networks by their names in settings."""

from collections.abc import Mapping

from sitspark.kernels.feature_space import FeatureSpace
from sitspark.models.networks.base import Network
from sitspark.models.networks.mlp import Mlp

NETWORKS: Mapping[str, type[Network]] = {"mlp": Mlp}


def build(name: str, space: FeatureSpace, classes: int) -> Network:
    """A network of the bank for these features, with weights from torch's generator."""
    return NETWORKS[name](len(space), classes)
