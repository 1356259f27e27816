"""A model of random weights in the project's own format: as much work as a trained one, without the training."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from sitspark import __version__
from sitspark.features.recipe import Recipe
from sitspark.grid import Window
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.kernels.features import FeatureKernel
from sitspark.models.card import ClassCard, ModelCard, NetworkCard, StatisticsCard
from sitspark.models.history import Epoch
from sitspark.models.model import serialise, write_model
from sitspark.models.networks.bank import build
from sitspark.models.statistics import Statistics
from sitspark.samples.extract import read_pixels
from sitspark.scenes.product import Scene
from sitspark.scenes.reading import Reading
from sitspark.scenes.table import scenes_of
from sitspark.settings import TrainingSettings

CLASSES = 23  # as many as the OSO nomenclature has
_SIDE = 64  # pixels; of the windows whose features give mean and deviation


def write_random_model(
    folder: Path, scenes_table: Path, reading: Reading, space: FeatureSpace, *, tile: str, seed: int = 0
) -> None:
    """Write a model whose first layer standardises features as these scenes have them, so that many classes are drawn."""
    torch.manual_seed(seed)
    network = build("mlp", space, CLASSES)
    scenes = scenes_of(scenes_table, reading.leading, tiles=[tile])
    corners = np.random.default_rng(seed).integers(0, (reading.grid.height - _SIDE, reading.grid.width - _SIDE), (8, 2))
    windows = [Window(row, col, _SIDE, _SIDE) for row, col in corners.tolist()]
    statistics = Statistics.of_features(np.concatenate([_features(own, scenes, tile, reading, space) for own in windows]))
    network.standardise.take(statistics)
    weights = serialise(network.state_dict())
    nothing = Epoch(0, 0.0, None, None, None, None, 0.0, 0.0, 0.0)
    card = ModelCard(
        model_id="random",
        network=NetworkCard(name="mlp", features=len(space), classes=CLASSES, parameters=network.weights),
        feature_space=json.loads(space.to_json()),
        classes=tuple(
            ClassCard(code=code, name=f"class {code}", colour=(code, code, code), train=0, monitored=0)
            for code in range(1, CLASSES + 1)
        ),
        training=TrainingSettings(),  # type: ignore[call-arg]
        seed=seed,
        left_out_fold=None,
        statistics=StatisticsCard(mean=tuple(statistics.mean.tolist()), deviation=tuple(statistics.deviation.tolist())),
        criterion="train_loss",
        best_epoch=0,
        metrics=nothing,
        seconds=0.0,
        device="cpu",
        versions={"sitspark": __version__, "torch": torch.__version__},
        weights_sha256=hashlib.sha256(weights).hexdigest(),
    )
    write_model(folder, card, weights, [nothing])


def _features(
    window: Window, scenes: Mapping[str, Sequence[Scene]], tile: str, reading: Reading, space: FeatureSpace
) -> npt.NDArray[np.float32]:
    rows, cols = np.mgrid[window.slices]
    found = read_pixels(scenes, rows.ravel(), cols.ravel(), reading, Recipe(space), window=window, tile=tile)
    features = np.empty((window.pixels, len(space)), np.float32)
    FeatureKernel.of(space).features(found.series, found.static, found.custom, features)
    return features
