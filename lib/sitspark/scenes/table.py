"""The scenes table as a worker reads it: by pyarrow, tile by tile, each once a process."""

import functools
from collections.abc import Iterable
from datetime import UTC
from pathlib import Path

import pyarrow.dataset as ds

from sitspark.scenes.product import Asset, Scene

_TILES = 64  # of which a worker keeps the scenes: it goes from tile to neighbour; a year of one takes about 2 MB


def scenes_of(folder: Path, leading: str, *, tiles: Iterable[str], other_tiles: Iterable[str] = ()) -> dict[str, list[Scene]]:
    """The usable scenes by their sensors: of some tiles of the sensor `leading`, and of some of the others.

    `folder` holds the Parquet files of a run's scenes table.
    """
    version = _version(folder)
    found: dict[str, list[Scene]] = {sensor: [] for sensor in _sensors(folder, version)}
    for sensor, scenes in found.items():
        for tile in sorted(set(tiles if sensor == leading else other_tiles)):
            scenes += _of_tile(folder, sensor, tile, version)
    return found


def scenes_of_tile(folder: Path, sensor: str, tile: str) -> tuple[Scene, ...]:
    """The usable scenes of one tile of a sensor."""
    return _of_tile(folder, sensor, tile, _version(folder))


def _version(folder: Path) -> int:
    """A number that changes when the table is written again."""
    return max((part.stat().st_mtime_ns for part in folder.glob("*.parquet")), default=0)


@functools.lru_cache(maxsize=4)  # a worker serves one run, seldom a second one
def _sensors(folder: Path, _version: int) -> tuple[str, ...]:
    usable = ds.dataset(folder, format="parquet").to_table(columns=["sensor"], filter=ds.field("left_out").is_null())
    return tuple(sorted(usable["sensor"].unique().to_pylist()))


@functools.lru_cache(maxsize=_TILES)
def _of_tile(folder: Path, sensor: str, tile: str, _version: int) -> tuple[Scene, ...]:
    of_tile = (ds.field("sensor") == sensor) & (ds.field("tile") == tile) & ds.field("left_out").is_null()
    columns = ["scene_id", "tile", "acquired", "crs", "assets"]
    rows = ds.dataset(folder, format="parquet").to_table(columns=columns, filter=of_tile).to_pylist()
    return tuple(
        Scene(
            row["scene_id"],
            row["tile"],
            row["acquired"].replace(tzinfo=UTC),
            row["crs"],
            tuple(Asset(**(asset | {"transform": tuple(asset["transform"])})) for asset in row["assets"]),
        )
        for row in rows
    )
