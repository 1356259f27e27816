"""Trying a network of the user's own on made-up numbers, so that its faults show before anything is read."""

import numpy as np
import torch
from torch.nn import functional as F

from sitspark.errors import SitsparkError, counted
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.models.batches import least_share
from sitspark.models.inference import Classifier
from sitspark.models.model import serialise
from sitspark.models.networks.layout import Layout
from sitspark.models.networks.own import OwnNetwork
from sitspark.models.networks.own_code import OwnCode
from sitspark.settings import TrainingSettings
from sitspark.user_module import told

_ROWS = 8
# scores of a pixel beside others and alone: products of matrices of another height may round otherwise
_ROUNDING = 1e-3


def try_own(code: OwnCode, space: FeatureSpace, classes: int, *, training: TrainingSettings) -> None:
    """Build the network, take a step of training, classify, and write its weights.

    Raises SitsparkError as `OwnNetwork` does, for scores that aren't finite, for weights without a gradient or that can't be
    written, where it can't train on as few samples as a process may be given of a batch, and where the scores of a pixel hang
    on those that are classified with it.
    """
    name = f"training.network: {code.class_name} of {code.path}"
    layout = Layout.of(space)
    network = OwnNetwork(code, layout, classes)
    features = _made_up(layout)
    scores = network.train()(features)
    if not torch.isfinite(scores).all():
        raise SitsparkError(f"{name} gives scores that aren't finite for standardised features within -4 to 4; correct it")
    try:
        F.cross_entropy(scores, torch.zeros(_ROWS, dtype=torch.int64)).backward()
        serialise(network.state_dict())
    except Exception as error:
        raise SitsparkError(f"{name} can't be trained and written ({told(error, code.path)}); correct it") from error
    idle = [
        weight for weight, parameter in network.own.named_parameters() if parameter.requires_grad and parameter.grad is None
    ]
    if idle:
        raise SitsparkError(f"{name} has weights that no score hangs on ({', '.join(idle)}); use them, or leave them out")
    for few in range(least_share(training.batch_size, ranks=training.ranks), 2):
        _refuse_more(network, features[:few], name, training)
    with torch.inference_mode():
        together, alone = network.eval()(features), torch.cat([network(row) for row in features.split(1)])
    if not torch.allclose(together, alone, rtol=_ROUNDING, atol=_ROUNDING):
        raise SitsparkError(
            f"{name} gives a sample other scores alone than beside others, when it is in eval mode; sums and normalisations "
            "over the first dimension are for training alone"
        )
    _refuse_others_in_maps(network, features, classes, name)


def _refuse_others_in_maps(network: OwnNetwork, features: torch.Tensor, classes: int, name: str) -> None:
    """Raise SitsparkError for a network that can't be copied for maps, or whose copy gives other probabilities."""
    try:
        given = Classifier.of(network.eval(), tuple(range(1, classes + 1))).probabilities(features.numpy())
    except Exception as error:
        raise SitsparkError(f"{name} can't be copied for classifying ({told(error, network.code.path)}); correct it") from error
    with torch.inference_mode():
        expected = network(features).softmax(1).numpy()
    if not np.allclose(given, expected, atol=_ROUNDING):
        raise SitsparkError(
            f"{name} gives other probabilities when its linear layers are computed as maps compute them; it reads or changes "
            "them by ways that a copy doesn't have"
        )


def _refuse_more(network: OwnNetwork, few: torch.Tensor, name: str, training: TrainingSettings) -> None:
    """Raise SitsparkError for a network that needs more samples than these few to train, as torch's BatchNorm1d does."""
    try:
        network.train()(few)
    except SitsparkError as error:
        raise SitsparkError(
            f"{name} can't be trained on {counted(len(few), 'sample')} ({error.__cause__ or error}), and batches of "
            f"{training.batch_size} in {counted(training.ranks, 'process')} may leave one no more; raise "
            "training.batch_size, or take BatchNorm of sitspark.models.networks.batch_norm for torch's"
        ) from error


def _made_up(layout: Layout) -> torch.Tensor:
    """Numbers as standardised ones are, every second acquisition valid where there are invalid ones."""
    features = np.random.default_rng(0).normal(size=(_ROWS, len(layout.names))).clip(-4, 4).astype(np.float32)
    for series in layout.sensors:
        if series.valid is not None:
            features[:, series.valid] = np.arange(len(series.valid)) % 2
    return torch.from_numpy(features)
