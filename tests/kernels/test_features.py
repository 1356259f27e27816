"""Gap-filling and indices: against a slow version in plain Python, by hand, and bit for bit wherever a pixel stands."""

import json
import math
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sitspark.errors import SitsparkError
from sitspark.kernels.feature_space import FeatureSpace, Index, SensorFeatures
from sitspark.kernels.features import FeatureKernel, SensorKernel, _normalised_difference
from sitspark.kernels.series import PixelSeries, pixel_major
from sitspark.timegrid import TimeGrid, day_number

SENTINEL_2 = ("B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B11", "B12")
ALL = ("ndvi", "ndwi", "brightness")
START = date(2018, 1, 1)
FLOAT32 = float(np.finfo(np.float32).eps)


def space_of(
    bands: tuple[str, ...] = ("B4", "B8", "B11"), indices: tuple[str, ...] = ALL, end: date = date(2018, 2, 10), step: int = 10
) -> SensorFeatures:
    named = tuple(map(Index, indices))
    return SensorFeatures("sentinel2", bands, TimeGrid(START, end, step), named, red="B4", nir="B8", swir="B11")


def features(pixels: np.ndarray, valid: np.ndarray, days: np.ndarray, space: SensorFeatures) -> np.ndarray:
    out = np.full((len(pixels), len(space)), np.nan, np.float32)
    SensorKernel.of(space).features(PixelSeries(pixels, valid, np.atleast_2d(days)), out)
    return out


def day(offset: int) -> int:
    return day_number(START) + offset


def slow_value(values: list[int], usable: list[bool], days: list[int], at: int) -> float:
    """One band of one pixel at one date, as the design's sentence says it, in double precision."""
    before = [i for i, ok in enumerate(usable) if ok and days[i] < at]
    since = [i for i, ok in enumerate(usable) if ok and days[i] >= at]
    if not before and not since:
        return 0.0
    if not before:
        return float(values[since[0]])
    if not since:
        return float(values[before[-1]])
    low, high = before[-1], since[0]
    if days[high] == at:
        return float(values[high])
    return values[low] + (values[high] - values[low]) * (at - days[low]) / (days[high] - days[low])


def slow_ratio(a: float, b: float) -> float:
    return 0.0 if abs(a + b) < 1e-5 else min(max(1000 * (a - b) / (a + b), -1000.0), 1000.0)


@dataclass(frozen=True)
class Series:
    pixels: np.ndarray
    valid: np.ndarray
    days: np.ndarray
    space: SensorFeatures


@st.composite
def series(draw: st.DrawFn) -> Series:
    """Irregular, often duplicated dates, partly outside the grid; reflectances of all kinds."""
    dates = draw(st.integers(1, 12))
    days = sorted(draw(st.lists(st.integers(-15, 60), min_size=dates, max_size=dates)))
    bands = draw(st.permutations(SENTINEL_2))[: draw(st.integers(1, 10))]
    possible = [
        index
        for index, needed in (("ndvi", {"B4", "B8"}), ("ndwi", {"B8", "B11"}), ("brightness", set()))
        if needed <= set(bands)
    ]
    indices = draw(st.permutations(possible))[: draw(st.integers(0, len(possible)))]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    low, high = draw(st.sampled_from([(-300, 12000), (-32768, 32767), (-2, 2), (32766, 32767), (-32768, -32767)]))
    pixels = rng.integers(low, high, (5, dates, len(bands)), endpoint=True).astype(np.int16)
    valid = (rng.random((5, dates)) < draw(st.sampled_from([0.0, 0.2, 0.7, 1.0]))).astype(np.uint8)
    space = space_of(tuple(bands), tuple(indices), step=draw(st.sampled_from([1, 7, 10, 40])))
    return Series(pixels, valid, np.array(days, np.int32) + day(0), space)


@given(series())
@settings(max_examples=150, deadline=None)
def test_bands_equal_the_slow_version(s: Series) -> None:
    found = features(s.pixels, s.valid, s.days, s.space)
    scale = np.abs(s.pixels.astype(float)).max() * 2
    for p, (pixel, usable) in enumerate(zip(s.pixels.tolist(), s.valid.astype(bool).tolist(), strict=True)):
        for k, at in enumerate(s.space.grid.days.tolist()):
            for b in range(len(s.space.bands)):
                wanted = slow_value([values[b] for values in pixel], usable, s.days.tolist(), at)
                assert found[p, k * len(s.space.bands) + b] == pytest.approx(wanted, rel=0, abs=3 * FLOAT32 * scale)


@given(series())
@settings(max_examples=150, deadline=None)
def test_indices_follow_from_the_gap_filled_bands(s: Series) -> None:
    found = features(s.pixels, s.valid, s.days, s.space)
    steps, count = len(s.space.grid), len(s.space.bands)
    bands = found[:, : steps * count].reshape(-1, steps, count).astype(float)
    of = {name: bands[:, :, i] for i, name in enumerate(s.space.bands)}
    for i, index in enumerate(index.name for index in s.space.indices):
        produced = found[:, steps * (count + i) : steps * (count + i + 1)]
        if index == "brightness":
            wanted = np.sqrt((bands**2).sum(axis=2))
        else:
            a, b = (of["B8"], of["B4"]) if index == "ndvi" else (of["B11"], of["B8"])
            wanted = np.vectorize(slow_ratio)(a, b)
        # the result of each of a few operations is rounded once
        np.testing.assert_allclose(produced, wanted, rtol=8 * FLOAT32, atol=0)


@given(series())
@settings(max_examples=80, deadline=None)
def test_equals_numpy_interp_where_dates_are_distinct(s: Series) -> None:
    _, first = np.unique(s.days, return_index=True)
    pixels, valid, days = s.pixels[:, first].copy(), s.valid[:, first].copy(), s.days[first]
    found = features(pixels, valid, days, s.space)
    scale = np.abs(pixels.astype(float)).max() * 2
    for p in range(len(pixels)):
        usable = valid[p] == 1
        if not usable.any():
            continue
        for b in range(len(s.space.bands)):
            wanted = np.interp(s.space.grid.days, days[usable], pixels[p, usable, b].astype(float))
            produced = found[p, b : len(s.space.grid) * len(s.space.bands) : len(s.space.bands)]
            np.testing.assert_allclose(produced, wanted, rtol=0, atol=3 * FLOAT32 * scale)


def test_one_pixel_by_hand() -> None:
    """Red 1000 then 400, near infrared 3000 then 4500, short-wave infrared 2000 then 500; a cloud between them."""
    pixels = np.array([[[1000, 3000, 2000], [9999, 9999, 9999], [400, 4500, 500]]], np.int16)
    valid = np.array([[1, 0, 1]], np.uint8)
    days = np.array([day(0), day(10), day(30)], np.int32)
    by_date = [[1000, 3000, 2000], [800, 3500, 1500], [600, 4000, 1000], [400, 4500, 500], [400, 4500, 500]]
    ndvi = [500, 627.90698, 739.13043, 836.73469, 836.73469]  # 1000 x 2000/4000, 2700/4300, 3400/4600, 4100/4900
    ndwi = [-200, -400, -600, -800, -800]  # 1000 x -1000/5000, -2000/5000, -3000/5000, -4000/5000
    brightness = [3741.6574, 3891.0153, 4166.5333, 4545.3273, 4545.3273]  # roots of 14.00, 15.14, 17.36, 20.66 million
    wanted = np.array([*np.ravel(by_date), *ndvi, *ndwi, *brightness])
    np.testing.assert_allclose(features(pixels, valid, days, space_of())[0], wanted, rtol=2e-7)


def test_without_a_valid_date_everything_is_zero() -> None:
    pixels = np.full((2, 3, 3), 1234, np.int16)
    valid = np.array([[0, 0, 0], [0, 1, 0]], np.uint8)
    days = np.array([day(0), day(5), day(9)], np.int32)
    found = features(pixels, valid, days, space_of())
    assert (found[0] == 0).all()
    assert (found[1, : 3 * 5] == 1234).all()


def test_without_any_date_everything_is_zero() -> None:
    found = features(np.empty((3, 0, 3), np.int16), np.empty((3, 0), np.uint8), np.empty(0, np.int32), space_of())
    assert (found == 0).all()


def test_one_valid_date_holds_for_the_whole_period() -> None:
    pixels = np.array([[[100, 200, 300], [-7, 5, 11], [400, 500, 600]]], np.int16)
    for offset in (-20, 0, 17, 40, 99):
        days = np.array([day(offset) - 1, day(offset), day(offset) + 1], np.int32)
        found = features(pixels, np.array([[0, 1, 0]], np.uint8), days, space_of())
        assert found[0, :15].tolist() == [-7, 5, 11] * 5


def test_a_grid_date_with_an_acquisition_keeps_its_value_exactly() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(-32768, 32767, (50, 5, 3)).astype(np.int16)
    days = np.array([day(10 * k) for k in range(5)], np.int32)
    found = features(pixels, np.ones((50, 5), np.uint8), days, space_of())
    assert (found[:, :15].reshape(50, 5, 3) == pixels).all()


def test_of_two_acquisitions_on_a_grid_date_the_first_valid_one_counts() -> None:
    pixels = np.array([[[1, 1, 1], [2, 2, 2], [3, 3, 3], [4, 4, 4]]] * 2, np.int16)
    valid = np.array([[1, 1, 1, 1], [1, 0, 1, 1]], np.uint8)
    days = np.array([day(0), day(10), day(10), day(20)], np.int32)
    found = features(pixels, valid, days, space_of())
    assert found[0, :15:3].tolist() == [1, 2, 4, 4, 4]
    assert found[1, :15:3].tolist() == [1, 3, 4, 4, 4]


def test_duplicated_dates_give_way_at_their_nearer_side() -> None:
    """A series steps at a day with two acquisitions: towards it the first one leads, away from it the last one."""
    pixels = np.array([[[0], [1000], [2000], [3000]]], np.int16)
    days = np.array([day(0), day(15), day(15), day(30)], np.int32)
    space = space_of(("B4",), ())
    found = features(pixels, np.ones((1, 4), np.uint8), days, space)[0]
    np.testing.assert_allclose(found, [0, 2000 / 3, 2000 + 1000 / 3, 3000, 3000], rtol=2e-7)


@pytest.mark.parametrize(
    ("red", "nir", "ndvi"),
    [
        (0, 0, 0.0),
        (5, -5, 0.0),
        (-32767, 32767, 0.0),
        (-1, 2, 1000.0),  # 1000 x 3 / 1 without bounds: a negative reflectance
        (1, -2, 1000.0),
        (-32768, 32767, -1000.0),  # 1000 x 65535 / -1
        (0, 1, 1000.0),
        (32767, 32767, 0.0),
        (-100, -300, 500.0),
    ],
)
def test_denominators_at_and_near_zero(red: int, nir: int, ndvi: float) -> None:
    pixels = np.array([[[red, nir]]], np.int16)
    space = space_of(("B4", "B8"), ("ndvi",))
    found = features(pixels, np.ones((1, 1), np.uint8), np.array([day(0)], np.int32), space)
    assert found[0, 10:] == pytest.approx([ndvi] * 5)


def test_denominators_below_the_threshold_give_zero_and_above_it_a_number() -> None:
    """Over 400 000 days the sum goes from -1 to 1: a day before the middle it is -0.000005, five days after 0.000025."""
    days = (199_999, 200_000, 200_005)
    grid = TimeGrid(date(1970, 1, 1) + timedelta(days=days[0]), date(1970, 1, 1) + timedelta(days=days[2]), 1)
    space = replace(space_of(("B4", "B8"), ("ndvi",)), grid=grid)
    pixels = np.array([[[0, -1], [0, 1]]], np.int16)
    out = features(pixels, np.ones((1, 2), np.uint8), np.array([0, 400_000], np.int32), space)
    assert 0 < abs(out[0, 1]) < 1e-5 < out[0, 13]
    assert out[0, [14, 15, 20]].tolist() == [0, 0, 1000]


def test_an_index_of_what_is_no_number_is_none_either() -> None:
    assert np.isnan(_normalised_difference(np.float32(np.nan), np.float32(1)))


def test_brightness_of_int16_extremes_does_not_overflow() -> None:
    pixels = np.full((1, 1, 10), -32768, np.int16)
    space = space_of(SENTINEL_2, ("brightness",))
    found = features(pixels, np.ones((1, 1), np.uint8), np.array([day(0)], np.int32), space)
    np.testing.assert_allclose(found[0, 50:], math.sqrt(10) * 32768, rtol=2e-7)


def test_order_and_names_of_the_reference_job() -> None:
    space = space_of(SENTINEL_2, end=date(2018, 12, 31))
    names = space.names
    assert len(space) == len(names) == len(set(names)) == 10 * 37 + 3 * 37 == 481
    assert names[:11] == (*(f"{band.lower()}_20180101" for band in SENTINEL_2), "b2_20180111")
    assert names[369] == "b12_20181227"
    assert (names[370], names[406], names[407]) == ("ndvi_20180101", "ndvi_20181227", "ndwi_20180101")
    assert (names[443], names[444], names[480]) == ("ndwi_20181227", "brightness_20180101", "brightness_20181227")


@pytest.mark.parametrize("bands", [SENTINEL_2, ("B11", "B8", "B4"), ("B8", "B2", "B4", "B11")])
@pytest.mark.parametrize("indices", [ALL, (), ("brightness",), ("ndwi", "ndvi"), ("ndvi",)])
def test_every_feature_stands_where_its_name_says(bands: tuple[str, ...], indices: tuple[str, ...]) -> None:
    """Each band and date has a value of its own, so that any exchange of two features shows."""
    space = space_of(bands, indices)
    steps = len(space.grid)
    values = {band: 100 * (SENTINEL_2.index(band) + 1) for band in bands}
    pixels = np.array([[[values[band] + k for band in bands] for k in range(steps)]], np.int16)
    found = features(pixels, np.ones((1, steps), np.uint8), space.grid.days, space)[0]
    assert len(space.names) == len(found)
    for name, feature in zip(space.names, found.tolist(), strict=True):
        kind, stamp = name.split("_")
        k = space.grid.dates.index(date.fromisoformat(stamp))
        of = {band: values[band] + k for band in bands}
        wanted = {
            "ndvi": lambda of=of: 1000 * (of["B8"] - of["B4"]) / (of["B8"] + of["B4"]),
            "ndwi": lambda of=of: 1000 * (of["B11"] - of["B8"]) / (of["B11"] + of["B8"]),
            "brightness": lambda of=of: math.sqrt(sum(value**2 for value in of.values())),
        }.get(kind, lambda of=of, kind=kind: of[kind.upper()])()
        assert feature == pytest.approx(wanted, rel=1e-6), name


@pytest.mark.parametrize(
    ("bands", "index", "absent"),
    [
        (("B8", "B11"), "ndvi", "B4"),
        (("B4",), "ndvi", "B8"),
        (("B4", "B8"), "ndwi", "B11"),
        (("B2",), "ndwi", "B8, B11"),
    ],
)
def test_an_index_without_its_band_is_refused_with_a_sentence(bands: tuple[str, ...], index: str, absent: str) -> None:
    sentence = f"features.indices: {index} needs band {absent}, which scenes.bands leaves out; add the band or drop the index"
    with pytest.raises(SitsparkError, match=f"^{sentence}$"):
        space_of(bands, (index,))


@given(series())
@settings(deadline=None)
def test_json_round_trip(s: Series) -> None:
    space = FeatureSpace((s.space, replace(s.space, sensor="landsat8")), ("elevation",))
    again = FeatureSpace.from_json(space.to_json())
    assert again == space and again.names == space.names
    assert json.loads(space.to_json())["kernel_version"] >= 1


@given(series(), series())
@settings(max_examples=80, deadline=None)
def test_sensors_and_layers_follow_each_other_and_do_not_touch(one: Series, other: Series) -> None:
    space = FeatureSpace((one.space, replace(other.space, sensor="landsat8")), ("elevation", "slope"))
    static = np.array([[100.0 * p, -p] for p in range(5)], np.float32)
    found = np.full((5, len(space)), np.nan, np.float32)
    series = [PixelSeries(s.pixels, s.valid, s.days[None]) for s in (one, other)]
    FeatureKernel.of(space).features(series, static, np.empty((5, 0), np.float32), found)
    alone = [features(s.pixels, s.valid, s.days, s.space) for s in (one, other)]
    assert (found == np.concatenate((*alone, static), axis=1)).all()
    assert len(space.names) == len(set(space.names)) == len(space)
    assert space.names[0].startswith("sentinel2_") and space.names[-2:] == ("elevation", "slope")


@given(series(), st.integers(0, 2**32 - 1))
@settings(max_examples=80, deadline=None)
def test_pixels_with_days_of_their_own_are_as_those_of_an_image_of_these_days(s: Series, seed: int) -> None:
    """Composites: each pixel alone, as if all of the image were of its days, gives the same bits."""
    count, dates = s.valid.shape
    days = np.sort(np.random.default_rng(seed).integers(day(-15), day(60), (count, dates)), axis=1).astype(np.int32)
    together = features(s.pixels, s.valid, days, s.space)
    for p in range(count):
        alone = features(s.pixels[p : p + 1], s.valid[p : p + 1], days[p], s.space)
        assert (alone.view(np.uint32) == together[p].view(np.uint32)).all()


@pytest.mark.parametrize(("bands", "indices"), [(SENTINEL_2, ALL), (("B4", "B8", "B11"), ALL), (("B8", "B4"), ("ndvi",))])
def test_a_pixel_has_the_same_bits_wherever_it_stands(bands: tuple[str, ...], indices: tuple[str, ...]) -> None:
    """Map and samples differ in the number of pixels at a time and in the place of a pixel: neither may show."""
    rng = np.random.default_rng(5)
    count, dates = 230, 23
    space = space_of(bands, indices, end=date(2018, 12, 31))
    cube = rng.integers(-3000, 16000, (dates, len(bands), count)).astype(np.int16)
    valid = (rng.random((dates, count)) < 0.4).astype(np.uint8)
    days = np.sort(rng.integers(-10, 380, dates)).astype(np.int32) + np.int32(day(0))
    whole = features(np.ascontiguousarray(cube.transpose(2, 0, 1)), np.ascontiguousarray(valid.T), days, space)
    for size in (1, 3, 64, 100, 229):
        pixels, pixels_valid = np.empty((size, dates, len(bands)), np.int16), np.empty((size, dates), np.uint8)
        block = np.zeros((size, len(space)), np.float32)
        for first in range(0, count, size):
            n = min(size, count - first)
            pixel_major(cube, valid, first, pixels[:n], pixels_valid[:n])
            SensorKernel.of(space).features(PixelSeries(pixels[:n], pixels_valid[:n], days[None]), block[:n])
            assert (block[:n].view(np.uint32) == whole[first : first + n].view(np.uint32)).all(), (size, first)


@given(
    dates=st.integers(0, 4),
    bands=st.integers(1, 4),
    total=st.integers(1, 300),
    part=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
@example(dates=2, bands=2, total=129, part=(0.0, 1.0))  # two strips and a rest
@settings(deadline=None)
def test_pixel_major_is_a_pure_transposition(dates: int, bands: int, total: int, part: tuple[float, float]) -> None:
    rng = np.random.default_rng(total)
    cube = rng.integers(-32768, 32767, (dates, bands, total)).astype(np.int16)
    valid = rng.integers(0, 2, (dates, total)).astype(np.uint8)
    first, stop = sorted(round(share * total) for share in part)
    pixels = np.full((stop - first, dates, bands), 77, np.int16)
    pixels_valid = np.full((stop - first, dates), 77, np.uint8)
    pixel_major(cube, valid, first, pixels, pixels_valid)
    assert (pixels == cube[:, :, first:stop].transpose(2, 0, 1)).all()
    assert (pixels_valid == valid[:, first:stop].T).all()
