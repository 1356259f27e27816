"""Plausible results of a run, without any run."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from sitspark.accuracy.accuracy_by import accuracy_by
from sitspark.accuracy.assessment import Assessment
from sitspark.accuracy.places import Place
from sitspark.accuracy.report import (
    ClassSamples,
    DoubtfulPolygon,
    MapView,
    ProductLeftOut,
    ProductsLeftOut,
    Rejection,
    Report,
    SampleCount,
    StageTime,
    Training,
)
from sitspark.accuracy.split_figure import split_figure
from sitspark.classes import Nomenclature
from sitspark.grid import Window
from sitspark.maps.areas import AREAS, ClassArea, GroundAreas, to_csv
from sitspark.scenes.calendar import Acquisition, Calendar

from .plausible import (
    classes,
    confidence,
    evidence,
    fold_maps,
    fold_scores,
    grouped_counts,
    history,
    matrix,
    needs,
    series_view,
    split_view,
)


@pytest.fixture
def written_map(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, values: np.ndarray, *, nodata: float | None = None, crs: str = "EPSG:32631", size: float = 10) -> Path:
        path = tmp_path / name
        height, width = values.shape
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            height=height,
            width=width,
            count=1,
            dtype=values.dtype,
            crs=crs,
            transform=from_origin(500_000 if size >= 1 else 1.5, 4_900_000 if size >= 1 else 44.0, size, size),
            nodata=nodata,
        ) as dataset:
            dataset.write(values, 1)
        return path

    return write


def map_view(written_map: Callable[..., Path], names: Nomenclature, values: np.ndarray) -> MapView:
    written_map("classification.tif", values, nodata=0)
    written_map("confidence.tif", np.full(values.shape, 80, "uint8"))
    path = written_map("validity.tif", np.full(values.shape, 12, "uint8"))
    shares = tuple(ClassArea(code, 100 * code, code, 1 / len(names)) for code in names.codes)
    grounds = [
        ("map", "all", shares),
        ("tile", "31TCJ", shares[:2]),
        ("tile", "31TCK", shares[2:]),
        ("region", "north", shares),
    ]
    (path.parent / AREAS).write_text(to_csv([GroundAreas(*ground) for ground in grounds], names))
    places = [Place("Auch", Window(5, 5, 20, 30))]
    return MapView.read(path.parent, file="classification.tif", areas=AREAS, places=places)


@pytest.fixture
def full_report(written_map: Callable[..., Path]) -> Report:
    k = 5
    names = classes(k)
    values = np.random.default_rng(1).choice(names.codes, (40, 60)).astype("uint8")
    values[:10, :10] = 0
    count = SampleCount(3, 1200)
    confusion = matrix(k)
    tiles = ("31TCJ", "31TCK", "31TDJ")
    return Report(
        title="run <1>",
        created=datetime(2025, 3, 4, 15, 7, tzinfo=UTC),
        run={"Imagery": "Sentinel-2 & Co", "Seed": "0"},
        nomenclature=names,
        settings={"seed": 0, "spark": {"config": {"spark.hadoop.fs.s3a.secret.key": "hunter2"}}},
        versions={"sitspark": "0.1.0"},
        assessment=Assessment(confusion, dict.fromkeys(names.codes[:-1], 7), evidence(confusion)),
        test=Assessment(matrix(k, seed=7), dict.fromkeys(names.codes[:-1], 3), evidence(matrix(k, seed=7), blocks=False)),
        groups=accuracy_by(grouped_counts(), seed=0),
        map=map_view(written_map, names, values),
        fold_maps=fold_maps(names),
        trainings=(Training("mlp_0", history(20), 12, "fscore"),),
        confidence=confidence(),
        needs=needs(),
        split=split_figure(split_view(k), names),
        series=series_view(k),
        doubtful=(DoubtfulPolygon(4711, names.codes[0], "train", 30, 1.875, 2.5, names.codes[1], 1.2345678, -43.5),),
        samples=tuple(ClassSamples(code, count, count, SampleCount(0, 0)) for code in names.codes),
        folds=tuple(fold_scores(i, tile, k) for i, tile in enumerate(tiles)),
        calendar=Calendar(
            tuple(
                Acquisition(tile, date(2018, 1, 3) + timedelta(days=10 * i), None if i % 3 else 0.1 * (i % 10))
                for tile in tiles
                for i in range(36)
            ),
            tiles=3,
            products=3 * 36,
            clear_share=0.45,
        ),
        products_left_out=ProductsLeftOut((ProductLeftOut("SENTINEL2A_20180214", "31TCJ", "the mask CLM_R1 is missing"),), 1),
        rejected=(Rejection("outside the imagery", 48),),
        stages=(StageTime("scenes", 12.34), StageTime("polygons", None), StageTime("classify", 20455.0, 3456)),
    )


@pytest.fixture
def bare_report() -> Report:
    return Report(
        title="bare",
        created=datetime(2025, 3, 4, 15, 7),
        run={},
        nomenclature=classes(2),
        settings={},
        versions={},
    )
