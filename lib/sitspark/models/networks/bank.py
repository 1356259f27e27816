"""The networks by their names in settings."""

from collections.abc import Callable, Mapping
from typing import Any

from sitspark.kernels.feature_space import FeatureSpace
from sitspark.models.networks.ann import Ann
from sitspark.models.networks.base import Network
from sitspark.models.networks.layout import Layout
from sitspark.models.networks.ltae import ltae
from sitspark.models.networks.mlp import Mlp
from sitspark.models.networks.own import OwnNetwork
from sitspark.models.networks.own_code import OwnCode
from sitspark.models.networks.simple_self_attention import simple_self_attention
from sitspark.models.networks.tempcnn import tempcnn
from sitspark.models.networks.transformer import transformer
from sitspark.settings import TrainingSettings
from sitspark.settings.networks import OF_SERIES, parameters_of
from sitspark.settings.training import OwnNetworkSettings

Builder = Callable[..., Network]  # of features (or a layout), classes, and the network's own section of parameters

NETWORKS: Mapping[str, Builder] = {
    "mlp": Mlp,
    "ann": Ann,
    "simple_self_attention": simple_self_attention,
    "ltae": ltae,
    "tempcnn": tempcnn,
    "transformer": transformer,
}


def build(name: str, space: FeatureSpace, classes: int, parameters: Mapping[str, Any] | None = None) -> Network:
    """A network of the bank for these features, with weights from torch's generator.

    Raises SitsparkError where it needs series and the features have none, ValueError for parameters that don't suit it.
    """
    own = parameters_of(name, parameters or {})
    if name not in OF_SERIES:
        return NETWORKS[name](len(space), classes, own)
    layout = Layout.of(space)
    layout.require_series(name)
    return NETWORKS[name](layout, classes, own)


def chosen(settings: TrainingSettings, space: FeatureSpace, classes: int, *, own: OwnCode | None) -> Network:
    """The network that settings name, of the bank or `own`; raises SitsparkError as `build` and `OwnNetwork` do."""
    if isinstance(settings.network, OwnNetworkSettings):
        assert own is not None  # it was read with the settings
        return OwnNetwork(own, Layout.of(space), classes)
    return build(settings.network, space, classes, settings.parameters)
