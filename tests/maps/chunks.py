"""Chunks of made-up series, as they are after reading."""

from datetime import date, timedelta

import numpy as np

from sitspark.grid import Chunk, Window
from sitspark.kernels.feature_space import FeatureSpace, Index, SensorFeatures
from sitspark.maps.clock import Clock
from sitspark.maps.views import ReadChunk, View
from sitspark.scenes.cube import Cube
from sitspark.scenes.reading import Stack
from sitspark.timegrid import TimeGrid, day_number

START = date(2018, 1, 1)
SPACE = FeatureSpace(
    (
        SensorFeatures(
            "sentinel2",
            ("B4", "B8"),
            TimeGrid(START, START + timedelta(days=20), 10),
            (Index("ndvi"),),
            red="B4",
            nir="B8",
            swir=None,
        ),
    )
)


def made_up_chunk(height: int, width: int, *, views: int = 1) -> ReadChunk:
    """One of series that mean nothing, of so many tiles, with clouds."""
    random = np.random.default_rng(0)
    days = np.array([day_number(START) + offset for offset in (0, 9, 20)], np.int32)

    def view(tile: str) -> View:
        reflectance = random.integers(0, 5000, (3, 2, height, width)).astype(np.int16)
        cube = Cube(reflectance, (random.random((3, height, width)) < 0.7).astype(np.uint8), days)
        nothing = np.empty((0, height, width), np.float32)
        return View(tile, Stack((cube,), nothing), nothing)

    tiles = tuple(view(f"31TC{i}") for i in range(views))
    return ReadChunk(Chunk("31TC0", Window(0, 0, height, width)), tiles, np.ones((height, width), np.bool_), Clock())
