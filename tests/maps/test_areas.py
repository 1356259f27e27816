"""Areas of classes: counted pixels times the area of one, of the whole map, of tiles and of regions."""

from pathlib import Path

import numpy as np
import pytest

from sitspark.classes import LandCoverClass, Nomenclature
from sitspark.grid import Grid
from sitspark.maps.areas import ClassArea, GroundAreas, areas_of, counts_of, read_csv, to_csv
from sitspark.maps.record import ChunkRecord

NOMENCLATURE = Nomenclature((LandCoverClass(1, "Forêt, lande", (1, 2, 3)), LandCoverClass(300, "water", (0, 0, 9))))


def record(tile: str, counts: dict[int, int], by_region: dict[str, dict[int, int]]) -> ChunkRecord:
    return ChunkRecord(f"{tile}_r0_c0", tile, 0, 0, 2, 3, {}, counts, by_region, 4, "fp32", "host", 0, {}, 1.5, 700)


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
