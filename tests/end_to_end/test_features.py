"""Features of all kinds through real runs: the same in samples and map, and made anew only where they must be."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import rasterio.warp
from pyspark.errors import PythonException
from rich.console import Console

from sitspark.errors import SitsparkError
from sitspark.workflow.context import Context
from sitspark.workflow.failures import sentence_of
from tests.conftest import FinishedRun, run_quietly, settings_of
from tests.end_to_end.test_run import assert_samples_have_features_of_map, features_of_map, states

PER_PIXEL = """
def peak(patch, factor=1):
    ndvi = patch.series("ndvi")
    return factor * ndvi.max(axis=0), ["peak"]

def clear(patch):
    assert len(patch.acquired()) == len(patch.valid()) == len(patch.raw("B2"))
    return patch.valid().sum(axis=0), ["clear"]
"""
SEVEN = """
import numpy as np

def seven(patch):
    first, reach = patch.series("B8")[0].astype(np.float64), 3
    rows, cols = patch.shape
    image = np.pad(first, reach)
    total = sum(image[row : row + rows, col : col + cols] for row in range(7) for col in range(7))
    return total, ["seven"]
"""


DARK = """
def f(patch):
    if patch.valid().min() == 0:
        raise ValueError("too dark")
    return patch.series("B8")[0], ["a"]
"""


def whole_map(context: Context) -> np.ndarray:
    """The features of every pixel of the output grid, float32 (rows, columns, features); NaN where there is no chunk."""
    grid = context.coverage.grid
    found = np.full((grid.height, grid.width, len(context.feature_space)), np.nan, np.float32)
    for chunk in context.plan().collect():
        place = slice(chunk.row, chunk.row + chunk.height), slice(chunk.col, chunk.col + chunk.width)
        found[place] = features_of_map(context, chunk)
    return found


@pytest.mark.parametrize(
    ("keys", "count", "names"),
    [
        ({"time_series": {"step": "month", "filler": "median"}}, 12 * 13, ["b2_20180101", "ndvi_20181201"]),
        ({"time_series": {"step": 45, "filler": "nearest"}}, None, []),
        (
            {
                "time_series": {"step": 30, "filler": "whittaker", "smoothness": 5},
                "features": {
                    "series": "indices",
                    "indices": ["ndvi", {"ndre": "(B8-B5)/(B8+B5)"}, {"dry": "swir/(nir+red)"}],
                    "statistics": {"ndre": ["mean", "q90", "harmonic1"], "B11": ["std"]},
                },
            },
            None,
            ["ndre_q90", "ndre_harmonic1_sin1", "b11_std"],
        ),
        (
            {
                "time_series": {"step": 20, "filler": "savitzky_golay"},
                "features": {"series": "none", "statistics": {"ndvi": ["q10"]}},
            },
            1,
            ["ndvi_q10"],
        ),
        ({"features": {"relative": True, "indices": ["brightness"]}}, None, []),
    ],
    ids=lambda value: str(value)[:60],
)
def test_samples_have_the_features_of_the_map_whatever_they_are(
    run_copy: FinishedRun, keys: dict[str, Any], count: int | None, names: list[str]
) -> None:
    context, printed = run_quietly(run_copy.tree | keys, "samples")
    assert states(printed)["observations"] == "unchanged" and states(printed)["samples"] == "worked"
    space = context.feature_space
    assert count is None or len(space) == count
    assert set(names) <= set(space.names)
    assert_samples_have_features_of_map(context)


def test_without_gap_filling_features_are_acquisitions_of_all_tiles_and_whether_they_are_valid(run_copy: FinishedRun) -> None:
    context, _ = run_quietly(run_copy.tree | {"time_series": {"filler": "none"}}, "samples")
    space = context.feature_space
    days = context.coverage.acquired["sentinel2"]
    assert len(space) == len(days) * (10 + 3 + 1)
    assert_samples_have_features_of_map(context)
    names, table = list(space.names), pq.read_table(context.folder.table("samples")).to_pandas()
    observed = pq.read_table(context.folder.table("observations")).to_pandas().set_index("sample_id")
    for sample in table.itertuples():
        raw = observed.loc[sample.sample_id]
        usable = {f"{pd.Timestamp(day):%Y%m%d}" for day, valid in zip(raw.acquired, raw.valid, strict=True) if valid}
        told = {f"{day:%Y%m%d}" for day in days if sample.features[names.index(f"valid_{day:%Y%m%d}")] == 1}
        assert usable == told
    # a model learns from them, and draws a map
    context, _ = run_quietly(run_copy.tree | {"time_series": {"filler": "none"}, "training": {"epochs": 1}}, "mosaic")
    assert context.facts("classify")["pixels"] > 0


def test_functions_of_single_pixels_are_made_of_the_observations_and_imagery_is_not_read_again(
    run_copy: FinishedRun, tmp_path: Path
) -> None:
    module = tmp_path / "mine.py"
    module.write_text(PER_PIXEL)
    tree = run_copy.tree | {"custom_features": {"module": str(module), "functions": ["peak", "clear"]}}
    context, printed = run_quietly(tree, "samples")
    assert states(printed)["observations"] == "unchanged" and "2 custom features" in printed
    assert_samples_have_features_of_map(context)
    samples = pq.read_table(context.folder.table("samples")).to_pandas()
    observed = pq.read_table(context.folder.table("observations")).to_pandas().set_index("sample_id").loc[samples.sample_id]
    clear = [len({day for day, ok in zip(row.acquired, row.valid, strict=True) if ok}) for row in observed.itertuples()]
    assert [features[-1] for features in samples.features] == clear
    # text and parameters count
    module.write_text(PER_PIXEL.replace("factor=1", "factor=2"))
    doubled, printed = run_quietly(tree, "samples")
    assert states(printed)["observations"] == "unchanged" and states(printed)["samples"] == "worked"
    again = pq.read_table(doubled.folder.table("samples")).to_pandas()
    assert all(b[-2] == 2 * a[-2] for a, b in zip(samples.features, again.features, strict=True))


@pytest.mark.parametrize("grid", [{}, {"overlap": "merge", "region": "middle"}], ids=str)
def test_a_filter_sees_neighbouring_chunks_and_tiles_whatever_the_size_of_chunks(
    run_copy: FinishedRun, tmp_path: Path, grid: dict[str, Any]
) -> None:
    """Seven by seven pixels: each is the sum of what the map is made of, across borders of chunks and tiles."""
    module = tmp_path / "seven.py"
    module.write_text(SEVEN)
    if "region" in grid:
        whole = run_copy.context.coverage.grid
        left, bottom, right, top = rasterio.warp.transform_bounds(whole.crs, "EPSG:4326", *whole.bounds)
        across, up = (right - left) / 4, (top - bottom) / 4
        grid = grid | {"region": [left + across, bottom + up, right - across, top - up]}
    tree = run_copy.tree | {"custom_features": {"module": str(module), "functions": ["seven"], "padding": 3}}
    maps = []
    for size in (100, 61):
        context, printed = run_quietly(tree | {"grid": tree["grid"] | grid | {"chunk_size": size}}, "samples")
        # what lies around a pixel is read with it
        assert size != 100 or states(printed)["observations"] == "worked"
        maps.append(whole_map(context))
        assert_samples_have_features_of_map(context)
    # chunks hold as much around a region as their size gives: 0, as where there is no chunk
    assert (np.nan_to_num(maps[0]).view(np.uint32) == np.nan_to_num(maps[1]).view(np.uint32)).all()
    names = list(context.feature_space.names)
    first = next(place for place, name in enumerate(names) if name.startswith("b8_"))
    series, found = maps[0][:, :, first].astype(np.float64), maps[0][:, :, -1]
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(np.nan_to_num(series), 3), (7, 7))
    seen = np.nan_to_num(maps[0]).any(axis=2)
    assert (found == np.where(seen, windows.sum(axis=(2, 3)), 0).astype(np.float32))[~np.isnan(series)].all()
    assert len(context.coverage.tiles) == 4 and seen.mean() > (0.2 if grid.get("region") else 0.9)


def test_a_module_that_changes_while_a_run_is_at_work_counts_in_the_next_one(run_copy: FinishedRun, tmp_path: Path) -> None:
    module = tmp_path / "mine.py"
    module.write_text(PER_PIXEL)
    context = Context.of(
        settings_of(run_copy.tree | {"custom_features": {"module": str(module), "functions": ["peak"]}}), Console()
    )
    before = context.recipe.functions
    module.write_text(PER_PIXEL.replace("factor=1", "factor=2"))
    assert context.recipe.functions == before


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"features": {"indices": [{"x": "B99/B8"}]}}, "features.indices.x: names B99, which is no band that is read"),
        ({"features": {"statistics": {"evi": ["mean"]}}}, "features.statistics: evi is no band and no index"),
        ({"features": {"series": "none"}}, "features: nothing is left to learn from"),
        ({"time_series": {"step": 300, "filler": "whittaker"}}, "time_series.filler: whittaker needs 3 dates"),
        ({"time_series": {"filler": "none"}, "features": {"statistics": {"ndvi": ["mean"]}}}, "of gap-filled series"),
        ({"custom_features": {"module": "/no.py", "functions": ["f"]}}, "custom_features.module: /no.py can't be read"),
    ],
)
def test_features_that_cannot_be_made_are_told(run_copy: FinishedRun, keys: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SitsparkError) as caught:
        run_quietly(run_copy.tree | keys, "samples")
    assert sentence in str(caught.value)


def test_an_exception_in_a_worker_reaches_the_user_with_function_line_and_place(run_copy: FinishedRun, tmp_path: Path) -> None:
    """The trial on made-up numbers can't find what only real ones do."""
    module = tmp_path / "mine.py"
    module.write_text(DARK)
    tree = run_copy.tree | {"custom_features": {"module": str(module), "functions": ["f"], "padding": 1}}
    with pytest.raises(PythonException) as caught:
        run_quietly(tree, "samples")
    sentence = sentence_of(caught.value)
    assert f"custom_features: f of {module} fails (line 4: ValueError: too dark); rows " in str(sentence)
