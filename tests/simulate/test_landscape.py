"""The landscape as a function of position: validation, tiles, ground, seasons, skies."""

from dataclasses import replace

import numpy as np
import pytest

from sitspark.errors import SitsparkError
from sitspark.grid import Window
from sitspark.simulate import Landscape
from sitspark.simulate.acquisitions import acquisitions
from sitspark.simulate.catalogue import CATALOGUE, Cover, nomenclature, stand_ins
from sitspark.simulate.ground import ground
from sitspark.simulate.phenology import BANDS
from sitspark.simulate.scene import BANDS_10M, SATURATED, scene

LANDSCAPE = Landscape(size=256, dates=24)
WHOLE = Window(0, 0, 256, 256)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"tiles": 10}, "a landscape has 1-9 tiles, not 10"),
        ({"size": 65}, "the size of a tile is an even number of pixels, 64 or more, not 65"),
        ({"size": 62}, "the size of a tile is an even number of pixels, 64 or more, not 62"),
        ({"dates": 0}, "a tile has 1-120 dates a year, not 0"),
        ({"classes": 18}, "a landscape has 2-17 classes, not 18"),
        ({"seed": -1}, "the seed is 0 or more, not -1"),
        ({"cloud_cover": 1.5}, "the cloud cover is a share of 0-1, not 1.5"),
        (
            {"size": 100, "overlap": 7},
            r"the overlap of tiles is an even number of pixels up to half a tile \(50\), not 7",
        ),
        ({"gradient": -1.0}, "the gradient is a strength of 0-3, not -1"),
        ({"polygons": 0}, "each class needs 1 polygon a tile or more, not 0"),
    ],
)
def test_validation_is_a_sentence(change, sentence):
    with pytest.raises(SitsparkError, match=f"^{sentence}$"):
        Landscape(**change)


def test_tiles_overlap_like_sentinel_2():
    real = Landscape(size=10980, overlap=980)
    assert list(real.extents) == ["31TCK", "31TDK", "31TCJ", "31TDJ"]
    assert real.extents["31TDJ"] == Window(10000, 10000, 10980, 10980)
    assert Landscape(size=512).overlap_pixels == 46
    assert list(Landscape(tiles=1).extents) == ["31TCJ"]
    assert len(Landscape(tiles=9).extents) == 9


def test_any_window_is_part_of_the_whole():
    whole = ground(LANDSCAPE, WHOLE)
    part = ground(LANDSCAPE, Window(50, 71, 33, 20))
    for name in ("codes", "parcels", "vigour"):
        assert (getattr(part, name) == getattr(whole, name)[50:83, 71:91]).all()


@pytest.mark.parametrize("count", [2, 5, 17])
def test_only_the_first_classes_occur(count):
    landscape = Landscape(size=512, classes=count)
    found = set(np.unique(ground(landscape, landscape.area.window).codes))
    assert found == {int(entry.code) for entry in CATALOGUE[:count]} == set(nomenclature(count).codes)
    assert set(np.unique(stand_ins(count))) - {0} == found


def test_every_class_lives_in_every_tile():
    landscape = Landscape(size=512)
    codes = ground(landscape, landscape.area.window).codes
    for extent in landscape.extents.values():
        assert set(np.unique(codes[extent.slices])) == set(landscape.codes)


def clear(landscape: Landscape, tile: str, month: int):
    """A clear acquisition of a month, without edge."""
    acquisition = next(a for a in acquisitions(landscape, tile) if a.acquired.month == month)
    return replace(acquisition, cover=0.0, edge=None)


def test_winter_crops_are_green_in_april_and_summer_crops_in_august():
    codes = ground(LANDSCAPE, LANDSCAPE.extents["31TCK"]).codes
    ndvi = {}
    for month in (4, 8):
        fine = scene(LANDSCAPE, clear(LANDSCAPE, "31TCK", month), WHOLE).fine.astype(float)
        red, nir = fine[BANDS_10M.index("B4")], fine[BANDS_10M.index("B8")]
        for cover in (Cover.WINTER_CROP, Cover.SUMMER_CROP):
            ndvi[month, cover] = ((nir - red) / (nir + red))[codes == cover].mean()
    assert ndvi[4, Cover.WINTER_CROP] > ndvi[4, Cover.SUMMER_CROP] + 0.2
    assert ndvi[8, Cover.SUMMER_CROP] > ndvi[8, Cover.WINTER_CROP] + 0.2


def test_overlapping_tiles_show_the_same_ground():
    west = clear(LANDSCAPE, "31TCK", 6)
    east = replace(clear(LANDSCAPE, "31TDK", 6), acquired=west.acquired)
    shared = LANDSCAPE.overlap_pixels
    left = scene(LANDSCAPE, west, Window(0, 256 - shared, 256, shared)).fine.astype(float)
    right = scene(LANDSCAPE, east, Window(0, 0, 256, shared)).fine.astype(float)
    # noise, gain and haze are the product's own
    assert np.median(np.abs(left - right)) < 100
    assert np.corrcoef(left[3].ravel(), right[3].ravel())[0, 1] > 0.98


def test_coarse_bands_are_means_of_the_scene():
    cloudy = replace(clear(LANDSCAPE, "31TCK", 6), cover=0.5)
    taken = scene(LANDSCAPE, cloudy, WHOLE)
    red_edge = taken.coarse[2].astype(float)  # B7 is near B8
    nir = taken.fine[BANDS_10M.index("B8")].reshape(128, 2, 128, 2).mean(axis=(1, 3))
    assert np.corrcoef(red_edge.ravel(), nir.ravel())[0, 1] > 0.98
    assert set(BANDS_10M) < set(BANDS)


def test_clouds_have_the_wanted_cover_shadows_and_bits():
    overcast = replace(clear(LANDSCAPE, "31TCK", 6), cover=0.4)
    hidden = scene(LANDSCAPE, overcast, WHOLE)
    bare = scene(LANDSCAPE, replace(overcast, cover=0.0), WHOLE)
    cloud = hidden.clouds[0] & 2 > 0
    shadow = (hidden.clouds[0] & (32 | 64) > 0) & ~cloud
    assert abs(cloud.mean() - 0.4) < 0.06
    assert shadow.any() and not bare.clouds[0].any()
    blue, clear_blue = hidden.fine[0].astype(float), bare.fine[0].astype(float)
    assert np.median(blue[cloud] - clear_blue[cloud]) > 1500
    assert np.median(blue[shadow] - clear_blue[shadow]) < -50
    assert (blue == clear_blue)[hidden.clouds[0] == 0].mean() > 0.9


def test_bright_snow_and_roofs_saturate():
    taken = scene(LANDSCAPE, clear(LANDSCAPE, "31TCK", 2), WHOLE)
    saturated = taken.saturation[0]
    assert 0 < (saturated > 0).mean() < 0.02
    for bit, band in enumerate(taken.fine):
        assert ((saturated & (1 << bit) > 0) == (band == SATURATED)).all()
    codes = ground(LANDSCAPE, LANDSCAPE.extents["31TCK"]).codes
    assert set(np.unique(codes[saturated > 0])) <= {Cover.GLACIER, Cover.INDUSTRIAL}


def test_covers_of_a_year_run_from_clear_to_overcast_about_the_mean():
    covers = [a.cover for tile in LANDSCAPE.extents for a in acquisitions(LANDSCAPE, tile)]
    assert min(covers) < 0.02 and max(covers) > 0.9
    assert np.mean(covers) == pytest.approx(0.3, abs=0.02)


def test_dates_are_each_tiles_own():
    years = {tile: acquisitions(LANDSCAPE, tile) for tile in LANDSCAPE.extents}
    for tile, year in years.items():
        assert len({a.product for a in year}) == len(year) == 24
        assert [a.acquired for a in year] == sorted(a.acquired for a in year)
        assert {a.platform for a in year} == {"SENTINEL2A", "SENTINEL2B"}
        assert all(a.tile == tile and a.acquired.year == 2018 for a in year)
        # one pass comes in two products
        assert len({a.acquired.date() for a in year}) == 23
    assert len({tuple(a.day for a in year) for year in years.values()}) == 4
