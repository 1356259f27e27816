"""Plausible results of any size."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import shapely

from sitspark.accuracy.area_estimates import Design
from sitspark.accuracy.bootstrap import intervals_of
from sitspark.accuracy.evidence import Evidence, MappedGround, evidence_of
from sitspark.accuracy.fold_animation import animation
from sitspark.accuracy.fold_maps import FoldMapsView, ShownPlace
from sitspark.accuracy.fold_scores import FoldScores
from sitspark.accuracy.importance import FeatureGroup, Importance
from sitspark.accuracy.matrix import ConfusionMatrix
from sitspark.accuracy.reliability import Reliability
from sitspark.accuracy.series_figure import ClassSeries, SeriesView
from sitspark.accuracy.split_figure import Amount, Place, SplitView
from sitspark.accuracy.trust import Confidence, Needs
from sitspark.accuracy.unit_counts import UnitCounts
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


def unit_counts(of: ConfusionMatrix, *, units: int = 60, seed: int = 0) -> UnitCounts:
    """The pixels of a matrix, dealt to so many polygons, each of one class as long as there are enough."""
    random = np.random.default_rng(seed)
    rows, columns = of.counts.nonzero()
    per_class = max(units // len(of.codes), 1)
    unit, pixels = [], []
    for row, column in zip(rows, columns, strict=True):
        dealt = random.multinomial(of.counts[row, column], random.dirichlet(np.ones(per_class)))
        unit += (row * per_class + np.arange(per_class)).tolist()
        pixels += dealt.tolist()
    codes = np.array(of.codes)
    cells = (np.repeat(codes[of_cell], per_class) for of_cell in (rows, columns))
    return UnitCounts(np.array(unit), *cells, np.array(pixels))


def evidence(of: ConfusionMatrix, *, design: Design = "polygons", blocks: bool = True) -> Evidence:
    """What the polygons of a matrix say, of a map with ten times its pixels, and of twelve blocks of land."""
    counts = unit_counts(of)
    of_blocks = UnitCounts(counts.unit % 12, counts.reference, counts.produced, counts.pixels)
    ground = MappedGround(dict(zip(of.codes, (10 * n for n in of.produced_pixels), strict=True)), 0.01)
    return evidence_of(counts, of.codes, blocks=of_blocks if blocks else None, ground=ground, design=design, seed=0)


def fold_maps(names: Nomenclature) -> FoldMapsView:
    """Two maps of a place that differ in places."""
    maps = {f"without {name}": np.full((30, 40), names.codes[position], np.uint8) for position, name in enumerate(("a", "b"))}
    shown = animation(maps, names)
    return FoldMapsView(
        ("31TCJ", "31TCK"),
        shown,
        (700, 300),
        (ShownPlace("the mill", "maps/f/place-1.gif", shown, 0.625),),
        "maps/f/disagreement.tif",
    )


def fold_scores(number: int, name: str, k: int) -> FoldScores:
    """A fold with the intervals that some polygons give."""
    same_area, left_out = matrix(k, seed=number), matrix(k, seed=number + 9)
    intervals = (intervals_of(unit_counts(of), of.codes, seed=0) for of in (same_area, left_out))
    return FoldScores(number, name, same_area, left_out, *intervals)


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
    return pd.DataFrame({"epoch": epoch, **columns, "learning_rate": 1e-3})


def confidence(samples: int = 4000) -> Confidence:
    """A model that is too sure of itself, and whose temperature mends that; polygons are of ten samples."""
    random = np.random.default_rng(0)
    sure = random.beta(6, 1, samples)
    right = random.random(samples) < sure
    bins = Reliability.between(sure, right).bins
    calibrated = tuple(replace(of, polygons=-(-of.samples // 10), deviation=0.03 if of.samples > 10 else None) for of in bins)
    return Confidence(1.7, samples // 10, Reliability.between(sure**0.4, right), Reliability(calibrated))


def needs() -> Needs:
    """A model that leans on May and on B8, with two layers and a feature of the user's own."""
    days = [date(2018, 1, 1) + timedelta(days=10 * step) for step in range(37)]
    dates = [FeatureGroup("date", day.isoformat(), (step,), "sentinel2", day) for step, day in enumerate(days)]
    found = [Importance(group, 0.1 * np.exp(-(((step - 13) / 5) ** 2)), 0.005) for step, group in enumerate(dates)]
    bands = (
        ("band", "B4", 0.05),
        ("band", "B8", 0.2),
        ("layer", "elevation", 0.0),
        ("layer", "slope", -0.01),
        ("custom", "$x$", 0.02),
    )
    found += [Importance(FeatureGroup(kind, name, (40,)), loss, 0.004) for kind, name, loss in bands]  # type: ignore[arg-type]
    return Needs(1900, 3, tuple(found))


def as_numbers(score: float | tuple[float | None, ...] | None) -> np.ndarray:
    """A score or scores as float64, with NaN for None."""
    return np.array(score, dtype=np.float64)


def grouped_counts(n: int = 400) -> pd.DataFrame:
    """What `accuracy_by` takes: pixels with few clear dates are wrong more often."""
    random = np.random.default_rng(2)
    clear = random.integers(3, 40, n)
    return pd.DataFrame(
        {
            "polygon_id": random.integers(0, n // 4, n),
            "right": random.random(n) < 0.5 + clear / 90,
            "pixels": random.integers(1, 30, n),
            "clear_dates": clear,
            "distance_km": random.gamma(1.2, 2.5, n),
            "tile": random.choice(["31TCJ", "31TDK"], n),
        }
    )
