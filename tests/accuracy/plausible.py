"""Plausible results of any size."""

import numpy as np
import pandas as pd

from sitspark.accuracy.matrix import ConfusionMatrix
from sitspark.classes import LandCoverClass, Nomenclature


def classes(k: int) -> Nomenclature:
    """k classes, the first with a name that HTML, rich and matplotlib would all misread."""
    awkward = LandCoverClass(11, "Äcker <Mais> & [bold]Öl$_x$", (255, 85, 0))
    return Nomenclature((awkward, *(LandCoverClass(11 + i, f"class {i}", (9 * i, 90, 20)) for i in range(1, k))))


def matrix(k: int, *, seed: int = 0) -> ConfusionMatrix:
    """Random counts with a strong diagonal; from three classes on the last is neither in reference nor map."""
    counts = np.random.default_rng(seed).integers(0, 400, (k, k)) + 5000 * np.eye(k, dtype=np.int64)
    if k >= 3:
        counts[-1, :] = counts[:, -1] = 0
    return ConfusionMatrix(classes(k).codes, counts)


def history(epochs: int) -> pd.DataFrame:
    epoch = np.arange(1, epochs + 1)
    falling, rising = 2 / epoch, 1 - 1 / (epoch + 1)
    columns = {"train_loss": falling, "validation_loss": falling, "oa": rising, "kappa": rising, "fscore": rising}
    return pd.DataFrame({"epoch": epoch, **columns})
