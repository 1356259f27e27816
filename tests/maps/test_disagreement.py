"""Where maps disagree: by hand, whatever the blocks, and the places that are looked at."""

from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from sitspark.accuracy.places import Place, chosen_places, most_disputed
from sitspark.errors import SitsparkError
from sitspark.grid import Grid, Window
from sitspark.kernels.disagreement import count_classes
from sitspark.maps import disagreement
from sitspark.maps.disagreement import disagreement_of
from sitspark.settings import PlaceSettings

GRID = Grid("EPSG:32631", 300_000, 4_900_000, 10, 100, 130)


@settings(deadline=None)
@given(st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_classes_are_counted_without_those_that_are_none(maps: int, seed: int) -> None:
    codes = np.random.default_rng(seed).integers(0, 4, (maps, 7, 5)).astype(np.uint16)
    expected = [[len(set(codes[:, row, col].tolist()) - {0}) for col in range(5)] for row in range(7)]
    assert count_classes(codes).tolist() == expected


def written(folder: Path, *maps: np.ndarray) -> list[Path]:
    paths = []
    for number, codes in enumerate(maps):
        paths.append(folder / f"{number}.tif")
        profile = {"driver": "GTiff", "height": GRID.height, "width": GRID.width, "count": 1, "dtype": "uint8", "nodata": 0}
        with rasterio.open(paths[-1], "w", crs=GRID.crs, transform=GRID.transform, **profile) as target:
            target.write(codes, 1)
    return paths


def three_maps() -> list[np.ndarray]:
    """They agree but for a square of 20 x 20, where two do, a pixel where none does, and a corner without class."""
    first = np.full((GRID.height, GRID.width), 5, np.uint8)
    second, third = first.copy(), first.copy()
    second[40:60, 80:100] = 7
    second[0, 0], third[0, 0] = 6, 9
    for one in (first, second, third):
        one[90:, 120:] = 0
    return [first, second, third]


@pytest.mark.parametrize("side", [20, 33])
def test_what_maps_give_is_counted_in_all_and_by_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: int) -> None:
    monkeypatch.setattr(disagreement, "_SIDE", 70)  # several blocks
    found = disagreement_of(written(tmp_path, *three_maps()), GRID, tmp_path / "out.tif", side=side)
    whole = GRID.window.pixels - 100
    assert found.pixels == (whole - 401, 400, 1) and found.share == pytest.approx(401 / whole)
    with rasterio.open(tmp_path / "out.tif") as source:
        drawn = source.read(1)
    assert (drawn == count_classes(np.stack(three_maps()))).all()
    for row in range(found.disputed.shape[0]):
        for col in range(found.disputed.shape[1]):
            cell = drawn[row * side : (row + 1) * side, col * side : (col + 1) * side]
            assert found.disputed[row, col] == pytest.approx((cell > 1).sum() / side**2)


def test_the_most_disputed_places_are_whole_squares_on_the_map(tmp_path: Path) -> None:
    found = disagreement_of(written(tmp_path, *three_maps()), GRID, tmp_path / "out.tif", side=20)
    places = most_disputed(found.disputed, GRID, side=20, count=3)
    # where nothing is disputed there is no place
    assert [place.window for place in places] == [Window(40, 80, 20, 20), Window(0, 0, 20, 20)]
    # a cell that the edge cuts is moved inside
    (last,) = most_disputed(np.eye(7)[::-1][:5], GRID, side=20, count=1)
    assert GRID.window.contains(last.window) and (last.window.height, last.window.width) == (20, 20)


def test_places_of_the_settings_lie_around_their_coordinates() -> None:
    lon, lat = pyproj.Transformer.from_crs(GRID.crs, 4326, always_xy=True).transform(GRID.left + 655, GRID.top - 305)
    (place,) = chosen_places([PlaceSettings(name="bridge", lon=lon, lat=lat)], GRID, side=20)
    assert place == Place("bridge", Window(20, 55, 20, 20))
    with pytest.raises(SitsparkError, match=r"report\.places: sea \(0, 45\) lies beside the map; correct lon and lat"):
        chosen_places([PlaceSettings(name="sea", lon=0, lat=45)], GRID, side=20)
