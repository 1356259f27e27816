"""Plausible results of any size."""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd
import shapely

from sitspark.accuracy.matrix import ConfusionMatrix
from sitspark.accuracy.series_figure import ClassSeries, SeriesView
from sitspark.accuracy.split_figure import Amount, Place, SplitView
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


def split_view(
    k: int, *, sets: Sequence[str] = ("train", "monitored", "validation"), folds: Sequence[str | None] = ("31TCJ", "31TCK")
) -> SplitView:
    """Four polygons of each class in each set, on two tiles of different size; half of the polygons are drawn."""
    random = np.random.default_rng(0)
    tiles = {"31TCJ": [(0.0, 0.0, 9000.0, 9000.0)], "31TCK": [(9000.0, 2000.0, 16_000.0, 9000.0)]}
    places, amounts = [], []
    for code in classes(k).codes:
        for name in sets:
            for x, y in random.uniform(2000, 8000, (4, 2)):
                places.append(Place(shapely.box(x, y, x + 300, y + 100), name, folds[len(places) % len(folds)]))
            amounts.append(Amount(code, name, 4, 12.0))
    return SplitView(places, 2 * len(places), amounts, tiles, True)


def series_view(k: int, *, dates: int = 37) -> SeriesView:
    """Curves of k classes, each of another height."""
    days = [date(2018, 1, 1) + timedelta(days=10 * step) for step in range(dates)]
    year = np.sin(np.linspace(0, np.pi, dates))
    curves = [(code, 0.2 + 0.5 * year * position / k) for position, code in enumerate(classes(k).codes)]
    return SeriesView("NDVI", days, [ClassSeries(code, 1500, *map(tuple, (c, c - 0.1, c + 0.1))) for code, c in curves])


def history(epochs: int) -> pd.DataFrame:
    epoch = np.arange(1, epochs + 1)
    falling, rising = 2 / epoch, 1 - 1 / (epoch + 1)
    columns = {"train_loss": falling, "validation_loss": falling, "oa": rising, "kappa": rising, "fscore": rising}
    return pd.DataFrame({"epoch": epoch, **columns})
