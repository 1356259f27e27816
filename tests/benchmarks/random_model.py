"""A model of random weights in the project's own format: as much work as a trained one, without the training."""

import hashlib
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save

from sitspark import __version__
from sitspark.kernels.features import FeatureSpace, features_of_pixels
from sitspark.models import card as cards
from sitspark.models.networks import NETWORKS
from sitspark.samples.extract import Reading, read_series
from sitspark.scenes.table import load_scenes
from sitspark.settings import TrainingSettings

CLASSES = 23  # as many as the OSO nomenclature has
_PIXELS = 4096  # from which the features' mean and deviation are taken


def write_random_model(folder: Path, scenes_table: Path, reading: Reading, space: FeatureSpace, *, seed: int = 0) -> None:
    """Write a model whose first layer standardises features of the scenes, so that many classes are drawn."""
    torch.manual_seed(seed)
    network = NETWORKS["mlp"](len(space), CLASSES)
    features = _some_features(scenes_table, reading, space, np.random.default_rng(seed))
    network.standardise.mean.copy_(torch.from_numpy(features.mean(axis=0)))
    network.standardise.deviation.copy_(torch.from_numpy(features.std(axis=0).clip(min=1)))
    content = save(network.state_dict())
    card = cards.ModelCard(
        schema_version=cards.SCHEMA_VERSION,
        model_id="random",
        network=cards.NetworkCard(
            name="mlp",
            features=len(space),
            classes=CLASSES,
            parameters=sum(parameter.numel() for parameter in network.parameters()),
        ),
        feature_space=space.to_json(),
        classes=tuple(
            cards.ClassCard(code=code, name=f"class {code}", colour=(code, code, code), train=0, monitored=0)
            for code in range(1, CLASSES + 1)
        ),
        left_out_tile=None,
        seed=seed,
        training=TrainingSettings().model_dump(mode="json"),  # type: ignore[call-arg]
        criterion="loss",
        best_epoch=0,
        metrics=cards.MetricsCard(train_loss=0.0, validation_loss=None, oa=None, kappa=None, fscore=None),
        seconds=0.0,
        versions={"sitspark": __version__, "torch": torch.__version__},
        weights_sha256=hashlib.sha256(content).hexdigest(),
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / cards.WEIGHTS).write_bytes(content)
    (folder / cards.CARD).write_text(card.model_dump_json(indent=2))


def _some_features(
    scenes_table: Path, reading: Reading, space: FeatureSpace, rng: np.random.Generator
) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    """Features of pixels at random places."""
    rows = rng.integers(0, reading.grid.height, _PIXELS)
    cols = rng.integers(0, reading.grid.width, _PIXELS)
    series = read_series(list(load_scenes(scenes_table).values()), rows, cols, reading)
    features = np.empty((_PIXELS, len(space)), np.float32)
    features_of_pixels(series.reflectance, series.valid, series.days, space.grid.days, space.layout(), features)
    return features
