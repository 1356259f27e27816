"""The user's own functions: what they are given, what they may give, and the sentence for what they may not."""

import sys
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from sitspark.errors import SitsparkError
from sitspark.features.custom import custom_features, tried
from sitspark.features.functions import CustomFunctions
from sitspark.features.patch import Patch, Piece
from sitspark.features.recipe import Recipe
from sitspark.grid import Grid, Window
from sitspark.kernels.feature_space import FeatureSpace, Index, SensorFeatures
from sitspark.kernels.features import SensorKernel
from sitspark.kernels.series import PixelSeries
from sitspark.scenes.cube import Cube
from sitspark.scenes.reading import Part, Stack
from sitspark.settings import CustomSettings
from sitspark.timegrid import AcquisitionDates, TimeGrid

START = date(2018, 1, 1)
DAYS = (0, 3, 17, 24, 31)
ACQUIRED = AcquisitionDates(tuple(START + timedelta(days=day) for day in DAYS))
DATES = TimeGrid(START, START + timedelta(days=31), 10)
SENSOR = SensorFeatures("sentinel2", ("B4", "B8"), DATES, (Index("ndvi"),), red="B4", nir="B8", swir=None)
LAYERS = ("elevation",)
GRID = Grid("EPSG:32631", 300_000, 4_900_000, 10, 40, 50)


def functions(folder: Path, text: str, *names: object, padding: int = 0, contract: str = "sitspark") -> CustomFunctions:
    path = folder / "mine.py"
    path.write_text(text)
    keys = {"module": path, "functions": names, "padding": padding, "contract": contract}
    return CustomFunctions.read(CustomSettings.model_validate(keys))


def stack(height: int, width: int, seed: int = 0) -> Stack:
    """Random series with clouds; the upper left pixel is never seen."""
    rng = np.random.default_rng(seed)
    reflectance = rng.integers(1, 6000, (5, 2, height, width)).astype(np.int16)
    valid = (rng.random((5, height, width)) < 0.7).astype(np.uint8)
    valid[:, 0, 0] = 0
    return Stack((Cube(reflectance, valid, ACQUIRED.days),), rng.random((1, height, width)).astype(np.float32))


def patch_of(whole: Stack, padding: int = 0) -> Patch:
    height, width = whole.shape
    piece = Piece(
        (slice(0, height), slice(0, width)),
        (whole.cubes[0].pixels(Window(0, 0, height, width)),),
        np.ascontiguousarray(whole.static.reshape(1, -1).T),
    )
    kernels = (SensorKernel.of(SENSOR),)
    ground = GRID if padding else None
    return Patch(kernels, {"sentinel2": ACQUIRED}, LAYERS, (height, width), padding, [piece], ground)


def made(found: CustomFunctions) -> Recipe:
    acquisitions = (("sentinel2", ACQUIRED),)
    custom = tried(found, (SENSOR,), LAYERS, acquisitions)
    return Recipe(FeatureSpace((SENSOR,), LAYERS, custom), found, acquisitions)


def test_a_patch_has_the_numbers_of_cube_and_features() -> None:
    whole = stack(4, 6)
    patch, cube = patch_of(whole), whole.cubes[0]
    assert patch.dates() == DATES.dates and patch.acquired() == ACQUIRED.dates
    assert (patch.valid() == cube.valid).all()
    assert (patch.raw("B8") == np.where(cube.valid == 1, cube.reflectance[:, 1], 0)).all()
    assert (patch.static("elevation") == whole.static[0]).all()
    assert (patch.seen == cube.valid.any(axis=0)).all() and not patch.seen[0, 0]
    out = np.empty((24, len(SENSOR)), np.float32)
    SensorKernel.of(SENSOR).features(cube.pixels(Window(0, 0, 4, 6)), out)
    names = list(SENSOR.names)
    for name, series in (("b8", patch.series("B8")), ("ndvi", patch.series("ndvi"))):
        places = [names.index(f"{name}_{day:%Y%m%d}") for day in DATES.dates]
        assert series.shape == (4, 4, 6) and series.dtype == np.float32
        assert (out[:, places] == series.reshape(4, 24).T).all()


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (lambda patch: patch.series("B5"), "B5 is no band and no index of sentinel2 (B4, B8, ndvi)"),
        (lambda patch: patch.raw("ndvi"), "ndvi is no band of sentinel2 (B4, B8)"),
        (lambda patch: patch.static("slope"), "slope is no static layer (elevation)"),
        (lambda patch: patch.series("B4", "landsat8"), "landsat8 is no sensor of the run (sentinel2)"),
        (lambda patch: patch.grid, "the grid of a patch is known with custom_features.padding of 1 or more; raise it"),
    ],
)
def test_what_a_patch_does_not_have_is_told(asked, sentence: str) -> None:
    with pytest.raises(SitsparkError) as caught:
        asked(patch_of(stack(2, 2)))
    assert str(caught.value) == sentence


GOOD = """
import numpy as np
def first(patch, factor=1):
    return factor * patch.series("B8")[:2], [f"first_{day:%m%d}" for day in patch.dates()[:2]]
def single(patch):
    return patch.static("elevation"), ["height"]
"""


def test_functions_give_features_one_after_the_other_with_their_parameters(tmp_path: Path) -> None:
    found = functions(tmp_path, GOOD, {"name": "first", "parameters": {"factor": 3}}, "single")
    recipe, whole = made(found), stack(4, 6)
    assert recipe.space.names[-3:] == ("first_0101", "first_0111", "height")
    values = recipe.custom_of([Part(Window(8, 9, 4, 6), whole)], Window(8, 9, 4, 6), GRID)
    assert values.shape == (3, 4, 6) and values.dtype == np.float32
    wanted = 3 * patch_of(whole).series("B8")[:2]
    assert (values[:2] == wanted).all() and (values[2].ravel()[1:] == whole.static[0].ravel()[1:]).all()
    # never seen: 0, whatever the layer says
    assert values[2, 0, 0] == 0 != whole.static[0, 0, 0]


def test_pixels_by_themselves_have_the_features_that_they_have_in_an_image(tmp_path: Path) -> None:
    recipe, whole = made(functions(tmp_path, GOOD, "first", "single")), stack(4, 6)
    image = recipe.custom_of([Part(Window(0, 0, 4, 6), whole)], Window(0, 0, 4, 6), GRID).reshape(3, 24)
    order = np.random.default_rng(1).permutation(24)[:11]
    series = whole.cubes[0].pixels(Window(0, 0, 4, 6))
    some = PixelSeries(series.reflectance[order], series.valid[order], np.repeat(series.days, 11, axis=0))
    alone = recipe.custom_of_pixels([some], whole.static.reshape(1, 24).T[order])
    assert (alone == image[:, order].T).all()


FILTER = """
import numpy as np
def seven(patch):
    image = patch.series("ndvi").astype(np.float64)
    rows, cols = patch.shape
    total = np.zeros_like(image)
    for row in range(-3, 4):
        for col in range(-3, 4):
            a, b = max(row, 0), max(col, 0)
            c, d = rows + min(row, 0), cols + min(col, 0)
            total[:, a - row : c - row, b - col : d - col] += image[:, a:c, b:d]
    return total, [f"seven_{k}" for k in range(len(total))]
"""


@pytest.mark.parametrize("cuts", [(), (20,), (7, 8, 29), (3, 33)])
def test_a_filter_of_seven_pixels_does_not_see_where_parts_and_patches_end(
    tmp_path: Path, cuts: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The padding comes from parts that are other tiles'; patches are of a few rows."""
    recipe = made(functions(tmp_path, FILTER, "seven", padding=3))
    whole = stack(40, 50)
    monkeypatch.setattr("sitspark.features.recipe.PATCH", 400)
    edges = [0, *cuts, 50]
    parts = [Part(Window(0, a, 40, b - a), whole.cropped(Window(0, a, 40, b - a))) for a, b in pairwise(edges)]
    ndvi = patch_of(whole).series("ndvi").astype(np.float64)
    padded = np.pad(ndvi, ((0, 0), (3, 3), (3, 3)))
    wanted = np.lib.stride_tricks.sliding_window_view(padded, (7, 7), axis=(1, 2)).sum(axis=(3, 4))
    wanted[:, ~patch_of(whole).seen] = 0
    for window in (Window(0, 0, 40, 50), Window(11, 13, 9, 21), Window(0, 44, 6, 6)):
        found = recipe.custom_of(parts, window, GRID)
        np.testing.assert_allclose(found, wanted[:, *window.slices], rtol=1e-6, atol=1e-2)


def test_with_a_padding_a_patch_knows_where_it_lies(tmp_path: Path) -> None:
    text = """
import numpy as np
def place(patch):
    grid = patch.grid
    x = grid.left + (np.arange(grid.width) + 0.5) * grid.resolution
    return np.broadcast_to(x, patch.shape), ["x"]
"""
    recipe = made(functions(tmp_path, text, "place", padding=1))
    found = recipe.custom_of([Part(Window(0, 0, 40, 50), stack(40, 50))], Window(5, 7, 2, 3), GRID)
    assert found[0].tolist() == [[300_075, 300_085, 300_095]] * 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("def f(patch): return patch.series('B8')[:, 1:], ['a'] * 4", "gives float32 of shape (4, 7, 8) and 4 names"),
        ("def f(patch): return patch.series('B8'), ['a']", "gives float32 of shape (4, 8, 8) and 1 names"),
        (
            "def f(patch): return patch.series('B8')[0], [3]",
            "gives names that aren't of letters, digits and _ (3)",
        ),
        ("def f(patch): return patch.series('B8')[0] * float('nan'), ['a']", "gives nan as a in row 0, column 0 of its patch"),
        ("def f(patch): return patch.series('B8')[0], 'a'", "gives no pair of an array and a list of names, but 'a';"),
        ("def f(patch): return patch.series('B8')[0] > 2, ['a']", None),
        ("def f(patch): return patch.series('B8')[0].astype(str), ['a']", "gives <U32 of shape (1, 8, 8)"),
        ("def f(patch):\n    x = 1\n    return x / 0, ['a']", "fails (line 3: ZeroDivisionError: division by zero)"),
        ("def f(patch): return 3", "gives no pair of an array and a list of names, but int"),
        ("def f(patch): return patch.series('B9'), ['a']", "(line 1: B9 is no band"),
        ("def g(patch): pass", "has no function f; correct the name, or add it"),
        ("def ff(patch): pass", "has no function f; did you mean ff?"),
        ("def f(patch): return patch.series('B8')[0], ['my feature']", "gives names that aren't of letters"),
        ("from iota2.learning.utils import I2Label", "set custom_features.contract to iota2"),
        ("import nothing_like_it", "can't be loaded (line 1: No module named 'nothing_like_it')"),
        ("def f(patch:", "can't be loaded (line 1: '(' was never closed); correct it"),
        (
            "def f(patch, radius): return patch.series('B8')[0], ['a']",
            "asks for radius; give it under custom_features.functions, or a default",
        ),
    ],
)
def test_what_a_function_may_not_give_is_told_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, sentence: str | None
) -> None:
    # a function of iota2's contract that was read in this process before has made its module importable
    for name in [name for name in sys.modules if name.partition(".")[0] == "iota2"]:
        monkeypatch.delitem(sys.modules, name)
    found = functions(tmp_path, text, "f")
    if sentence is None:
        assert made(found).space.names[-1] == "a"
        return
    with pytest.raises(SitsparkError) as caught:
        made(found)
    assert str(caught.value).startswith("custom_features") and str(tmp_path / "mine.py") in str(caught.value)
    assert sentence in str(caught.value)


def test_layers_alone_are_a_patch_too(tmp_path: Path) -> None:
    """A table of features without series has no sensors."""
    text = "def f(patch): return patch.static('elevation') * 2, ['twice']"
    found = functions(tmp_path, text, "f")
    recipe = Recipe(FeatureSpace((), LAYERS, tried(found, (), LAYERS, ())), found)
    static = np.array([[3.0], [4.0]], np.float32)
    assert recipe.custom_of_pixels([], static).tolist() == [[6], [8]]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("def f(patch): return [[1, 2], [3]], ['a']", "fails (ValueError: "),
        ("def f(patch):\n    raise ValueError('first\\nsecond')", "fails (line 2: ValueError: first second); so it did when"),
    ],
)
def test_an_exception_is_one_line_with_function_and_place(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(SitsparkError) as caught:
        made(functions(tmp_path, text, "f"))
    assert sentence in str(caught.value) and str(caught.value).endswith("before anything was read")


def test_a_parameter_that_is_no_plain_value_is_told(tmp_path: Path) -> None:
    with pytest.raises(SitsparkError, match=r"custom_features.functions: a parameter of f is no number, text, list or mapping"):
        functions(tmp_path, "def f(patch, since): pass", {"name": "f", "parameters": {"since": date(2018, 3, 1)}})


def test_names_that_hang_on_pixels_are_refused_with_the_place(tmp_path: Path) -> None:
    text = "def f(patch): return patch.series('B8')[0], [f'n{int(patch.seen.sum())}']"
    recipe = made(functions(tmp_path, text, "f"))
    with pytest.raises(SitsparkError, match=r"names its features n23 here and n64 elsewhere.*rows 2 to 5, columns 3 to 8"):
        recipe.custom_of([Part(Window(2, 3, 4, 6), stack(4, 6))], Window(2, 3, 4, 6), GRID)


def test_a_number_that_is_not_finite_is_refused_only_where_there_is_imagery(tmp_path: Path) -> None:
    text = "import numpy as np\ndef f(patch):\n    b = patch.series('B8')[0]\n    return np.where(b == 0, np.nan, b), ['a']"
    recipe = made(functions(tmp_path, text, "f"))
    found = recipe.custom_of([Part(Window(0, 0, 4, 6), stack(4, 6))], Window(0, 0, 4, 6), GRID)
    assert found[0, 0, 0] == 0 and np.isfinite(found).all()
    text = text.replace("b == 0", "b < 3000")
    recipe_with_holes = functions(tmp_path, text, "f")
    with pytest.raises(SitsparkError, match="gives nan as a in row"):
        custom_features(recipe_with_holes, patch_of(stack(4, 6)), where="here")


def test_a_change_of_text_parameters_or_padding_is_a_change_of_the_functions(tmp_path: Path) -> None:
    same = functions(tmp_path, GOOD, "first").sha256
    assert functions(tmp_path, GOOD, {"name": "first"}).sha256 == same
    others = {
        functions(tmp_path, GOOD + "#", "first").sha256,
        functions(tmp_path, GOOD, {"name": "first", "parameters": {"factor": 2}}).sha256,
        functions(tmp_path, GOOD, "first", padding=1).sha256,
        functions(tmp_path, GOOD, "first", contract="iota2").sha256,
        functions(tmp_path, GOOD, "single").sha256,
    }
    assert len(others | {same}) == 6


IOTA2 = """
import numpy as np
from iota2.learning.utils import I2Label, I2TemporalLabel

def soil(self):
    red, nir = self.get_interpolated_Sentinel2_B4(), self.get_interpolated_Sentinel2_B8()
    labels = [I2TemporalLabel(sensor_name="sentinel2", feat_name="soil", date=d) for d in self.interpolated_dates["Sentinel2"]]
    return red / (nir + 1), labels

def clear(self, weight):
    return weight * (1 - self.get_raw_Sentinel2_masks()).sum(axis=2), [I2Label("Sentinel2", "clear")]

def without_labels(self):
    raw = self.get_raw_Sentinel2_B8()
    assert raw.shape[2] == len(self.raw_dates["Sentinel2"])
    return np.stack([raw.max(axis=2), self.exogeneous_data_array[:, :, 0]], axis=2), []

def old(self):
    return self.get_Sentinel2_NDVI()[:, :, 0], ["old_ndvi"]
"""


def test_a_file_written_for_iota2_runs_as_it_is(tmp_path: Path) -> None:
    names = ("soil", {"name": "clear", "parameters": {"weight": 2}}, "without_labels", "old")
    recipe, whole = made(functions(tmp_path, IOTA2, *names, contract="iota2")), stack(4, 6)
    stamps = [f"{day:%Y%m%d}" for day in DATES.dates]
    own = (*(f"sentinel2_soil_{stamp}" for stamp in stamps), "sentinel2_clear", "custFeat_3_b1", "custFeat_3_b2", "old_ndvi")
    assert recipe.space.custom is not None and recipe.space.custom.names == own
    found = recipe.custom_of([Part(Window(0, 0, 4, 6), whole)], Window(0, 0, 4, 6), GRID)
    patch, seen = patch_of(whole), patch_of(whole).seen
    wanted = np.concatenate(
        [
            patch.series("B4") / (patch.series("B8") + 1),
            2.0 * patch.valid().sum(axis=0)[None],
            patch.raw("B8").max(axis=0)[None],
            patch.static("elevation")[None],
            patch.series("ndvi")[:1],
        ]
    )
    np.testing.assert_allclose(found, np.where(seen, wanted, 0), rtol=1e-6)


def test_an_accessor_that_there_is_not_is_told(tmp_path: Path) -> None:
    for call, sentence in (
        ("get_interpolated_Sentinel1_VV", "docs/custom_features.md lists those that there are"),
        ("get_interpolated_Landsat8_B5", "the run reads no Landsat8"),
    ):
        text = f"def f(self):\n    return self.{call}(), []"
        with pytest.raises(SitsparkError, match=f"line 2: .*{sentence}"):
            made(functions(tmp_path, text, "f", contract="iota2"))
