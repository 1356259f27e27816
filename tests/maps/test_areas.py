"""Areas of classes: counted pixels times the area of one, of the whole map, of tiles and of regions."""

from pathlib import Path

import numpy as np
import pytest
import shapely

from sitspark.classes import LandCoverClass, Nomenclature
from sitspark.grid import Grid, Territory, Window
from sitspark.maps.areas import ClassArea, GroundAreas, areas_of, areas_on, counts_of, read_csv, to_csv
from sitspark.maps.mosaic import Piece, write_map
from sitspark.maps.products import classification
from sitspark.maps.record import ChunkRecord
from sitspark.scenes.region import Region

NOMENCLATURE = Nomenclature((LandCoverClass(1, "Forêt, lande", (1, 2, 3)), LandCoverClass(300, "water", (0, 0, 9))))


def record(tile: str, counts: dict[int, int], by_region: dict[str, dict[int, int]]) -> ChunkRecord:
    return ChunkRecord(f"{tile}_r0_c0", tile, 0, 0, 2, 3, {}, counts, by_region, 4, "fp32", "cpu", "host", 0, {}, 1.5, 700)


RECORDS = (
    record("31TCK", {1: 10}, {}),
    record("31TCJ", {1: 20, 300: 30}, {"north": {300: 30}}),
    record("31TCJ", {300: 40}, {"north": {300: 1}}),
    record("31TDK", {}, {}),
)


def test_counts_are_those_of_classified_pixels() -> None:
    assert counts_of(np.array([[0, 1, 300], [300, 0, 300]], np.uint16)) == {1: 1, 300: 3}
    assert counts_of(np.zeros((0,), np.uint16)) == {}


def test_the_whole_map_comes_before_tiles_and_regions() -> None:
    whole, *parts = areas_of(RECORDS, Grid("EPSG:32631", 0, 0, 10, 9, 9))
    assert whole == GroundAreas(
        "map", "all", (ClassArea(1, 30, pytest.approx(0.3), 0.3), ClassArea(300, 70, pytest.approx(0.7), 0.7))
    )
    assert [(ground.kind, ground.name, [(c.code, c.pixels) for c in ground.classes]) for ground in parts] == [
        ("tile", "31TCJ", [(1, 20), (300, 70)]),
        ("tile", "31TCK", [(1, 10)]),
        ("tile", "31TDK", []),
        ("region", "north", [(300, 31)]),
    ]
    assert all(sum(c.share for c in ground.classes) == pytest.approx(1) for ground in (whole, *parts) if ground.classes)


@pytest.mark.parametrize("side", [2048, 7])
def test_a_raster_is_counted_as_the_chunks_that_it_was_made_of(tmp_path: Path, side: int) -> None:
    """A map of part of the grid, of two tiles of which one has two pieces, and a region across both."""
    grid, origin = Grid("EPSG:32631", 300000, 4900020, 10, 60, 80), Window(10, 20, 40, 50)
    codes = np.random.default_rng(0).choice([0, 1, 300], (40, 50)).astype(np.uint16)
    territories = [
        Territory("b", Window(0, 0, 30, 40)),
        Territory("a", Window(0, 40, 60, 40)),
        Territory("b", Window(30, 0, 30, 40)),
        Territory("c", Window(60, 0, 10, 40)),
    ]
    north = Region(shapely.box(300000, 4899720, 310000, 4910000).wkb, "EPSG:32631")  # 30 rows of the grid
    product = classification(NOMENCLATURE.codes)
    write_map([Piece(Window(0, 0, 40, 50), codes[np.newaxis])], grid.cropped(origin), tmp_path / "map.tif", product=product)
    found = areas_on(tmp_path / "map.tif", territories, grid=grid, origin=origin, regions={"north": north}, side=side)
    parts = {("map", "all"): codes, ("tile", "a"): codes[:, 20:], ("tile", "b"): codes[:, :20], ("region", "north"): codes[:20]}
    assert {(ground.kind, ground.name): {c.code: c.pixels for c in ground.classes} for ground in found} == {
        name: counts_of(part) for name, part in parts.items()
    }
    records = [record(name, counts_of(part), {}) for (kind, name), part in parts.items() if kind == "tile"]
    assert found[:3] == areas_of(records, grid)


def test_hectares_follow_the_unit_of_the_grid() -> None:
    feet = areas_of(RECORDS, Grid("EPSG:2263", 0, 0, 100, 9, 9))[0]  # New York, in US survey feet
    assert feet.classes[0].hectares == pytest.approx(30 * (100 * 1200 / 3937) ** 2 / 10_000)


def test_a_table_of_areas_comes_back(tmp_path: Path) -> None:
    areas = areas_of(RECORDS, Grid("EPSG:32631", 0, 0, 10, 9, 9))
    text = to_csv(areas, NOMENCLATURE)
    assert text.splitlines()[:2] == [
        "kind,ground,code,class,pixels,hectares,share",
        'map,all,1,"Forêt, lande",30,0.3000,0.300000',
    ]
    (tmp_path / "areas.csv").write_text(text, encoding="utf-8")
    again = read_csv(tmp_path / "areas.csv")
    assert [ground.name for ground in again] == ["all", "31TCJ", "31TCK", "north"]  # what has no class has no line
    assert again[0] == GroundAreas("map", "all", (ClassArea(1, 30, 0.3, 0.3), ClassArea(300, 70, 0.7, 0.7)))
