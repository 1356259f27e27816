"""The scenes table as a worker reads it: by pyarrow, once a process."""

import functools
from collections.abc import Iterable, Mapping
from datetime import UTC
from pathlib import Path

import pyarrow.parquet as pq

from sitspark.scenes.product import Asset, Scene

Scenes = Mapping[str, Mapping[str, Scene]]  # by their sensors and ids


def load_scenes(folder: Path) -> Scenes:
    """All usable scenes of a run's scenes table by their sensors and ids; `folder` holds the Parquet files."""
    version = max((part.stat().st_mtime_ns for part in folder.glob("*.parquet")), default=0)
    return _load_version(folder, version)


def scenes_of(folder: Path, leading: str, *, tiles: Iterable[str], other_tiles: Iterable[str] = ()) -> dict[str, list[Scene]]:
    """The usable scenes by their sensors: of some tiles of the sensor `leading`, and of some of the others."""
    wanted, others = set(tiles), set(other_tiles)
    return {
        sensor: [scene for scene in scenes.values() if scene.tile in (wanted if sensor == leading else others)]
        for sensor, scenes in load_scenes(folder).items()
    }


@functools.lru_cache(maxsize=4)  # a worker serves one run, seldom a second one
def _load_version(folder: Path, _version: int) -> Scenes:
    columns = ["sensor", "scene_id", "tile", "acquired", "crs", "assets", "left_out"]
    rows = pq.read_table(folder, columns=columns).to_pylist()
    found: dict[str, dict[str, Scene]] = {}
    for row in rows:
        if row["left_out"] is None:
            found.setdefault(row["sensor"], {})[row["scene_id"]] = Scene(
                row["scene_id"],
                row["tile"],
                row["acquired"].replace(tzinfo=UTC),
                row["crs"],
                tuple(Asset(**(asset | {"transform": tuple(asset["transform"])})) for asset in row["assets"]),
            )
    return found
