"""The scenes table as a worker reads it."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sitspark.scenes.product import Asset, Scene
from sitspark.scenes.table import scenes_of, scenes_of_tile

ASSET = {
    "name": "B4",
    "path": "/archive/B4.tif",
    "height": 40,
    "width": 50,
    "transform": [10.0, 0.0, 3e5, 0.0, -10.0, 4.9e6],
    "dtype": "int16",
    "nodata": -10000,
    "scale": 1.0,
    "offset": 0.0,
    "block_height": 16,
    "block_width": 32,
}
ACQUIRED = datetime(2018, 1, 3, 10, 54, 29, tzinfo=UTC)


def write(
    folder: Path, *scene_ids: str, left_out: str | None = None, name: str = "part-0.parquet", sensor: str = "sentinel2"
) -> None:
    folder.mkdir(exist_ok=True)
    rows = [
        {
            "sensor": sensor,
            "scene_id": i,
            "tile": "31TCJ",
            "acquired": ACQUIRED,
            "crs": "EPSG:32631",
            "assets": [ASSET],
            "left_out": left_out,
        }
        for i in scene_ids
    ]
    schema = pa.Table.from_pylist(rows).schema
    schema = schema.set(schema.get_field_index("left_out"), pa.field("left_out", pa.string()))
    pq.write_table(pa.Table.from_pylist(rows, schema), folder / name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "scenes", "A", "B")
    (tmp_path / "scenes" / "_SUCCESS").touch()
    return tmp_path / "scenes"


def names(folder: Path) -> set[str]:
    return {scene.scene_id for scene in scenes_of_tile(folder, "sentinel2", "31TCJ")}


def test_a_scene_is_what_was_written(folder: Path) -> None:
    asset = Asset("B4", "/archive/B4.tif", 40, 50, (10.0, 0.0, 3e5, 0.0, -10.0, 4.9e6), "int16", -10000, 1.0, 0.0, 16, 32)
    first, second = scenes_of_tile(folder, "sentinel2", "31TCJ")
    assert first == Scene("A", "31TCJ", ACQUIRED, "EPSG:32631", (asset,))
    assert first.asset("B4") is first.assets[0]
    assert second.scene_id == "B"


def test_products_that_are_left_out_are_no_scenes(folder: Path) -> None:
    write(folder, "C", left_out="damaged", name="part-1.parquet")
    assert names(folder) == {"A", "B"}


def test_a_table_that_was_written_again_is_read_again(folder: Path) -> None:
    """A worker process outlives a run."""
    assert names(folder) == {"A", "B"}
    write(folder, "D")
    later = (folder / "part-0.parquet").stat().st_mtime_ns + 10**9
    os.utime(folder / "part-0.parquet", ns=(later, later))
    assert names(folder) == {"D"}


def test_tiles_of_one_name_are_those_of_their_sensor(tmp_path: Path) -> None:
    write(tmp_path / "scenes", "A")
    write(tmp_path / "scenes", "B", name="part-1.parquet", sensor="landsat8")
    for other_tiles, others in ([], []), (["31TCJ"], ["B"]), (["31TCK"], []):
        found = scenes_of(tmp_path / "scenes", "sentinel2", tiles=["31TCJ"], other_tiles=other_tiles)
        assert {sensor: [s.scene_id for s in scenes] for sensor, scenes in found.items()} == {
            "sentinel2": ["A"],
            "landsat8": others,
        }


@pytest.mark.parametrize(
    ("transform", "square"),
    [
        ((10.0, 0.0, 0.0, 0.0, -10.0, 0.0), True),
        ((10.0, 0.0, 0.0, 0.0, -10.000000001, 0.0), True),
        ((3024.0789, 0.0, 0.0, 0.0, -3031.5584, 0.0), False),  # oblong
        ((10.0, 0.0, 0.0, 0.0, 10.0, 0.0), False),  # south up
        ((10.0, 0.1, 0.0, 0.0, -10.0, 0.0), False),  # turned
    ],
)
def test_only_north_up_images_of_square_pixels_have_a_grid(transform: tuple, square: bool) -> None:
    assert (Asset("B4", "p", 4, 5, transform, "int16", -10000, 1.0, 0.0, 4, 5).grid("EPSG:32631") is not None) == square
