"""Several sensors and static layers in one run: each gives the features that it gives alone."""

import io
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import rasterio
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from rasterio.transform import from_bounds
from rich.console import Console

from sitspark.errors import SitsparkError
from sitspark.grid import Window
from sitspark.kernels.features import SensorKernel
from sitspark.kernels.series import PixelSeries
from sitspark.settings_file import read_settings
from sitspark.simulate import Landscape, simulate
from sitspark.timegrid import day_number
from sitspark.workflow.check import check
from sitspark.workflow.context import Context
from sitspark.workflow.plan import plan
from sitspark.workflow.run import run
from tests.conftest import ROOT, FinishedRun, run_quietly, settings_of
from tests.end_to_end.test_run import assert_samples_have_features_of_map
from tests.scenes.rearranged import DESCRIPTION, by_pattern

TILE = "31TCK"
FILL = -7.0
UNSEEN = 90  # pixels; side of the corner of the tile that the second sensor never sees


@pytest.fixture(scope="module")
def composites(finished: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The same imagery by a pattern, as of another sensor of two bands, each pixel with a day of its own."""
    folder = tmp_path_factory.mktemp("composites")
    (folder / "theia").mkdir()
    (folder / "theia" / TILE).symlink_to(finished.simulated / "scenes" / TILE)
    scenes = by_pattern(folder / "theia", folder / "composites")
    for mask in (folder / "composites").glob("*/*/*_EDG.tif"):
        with rasterio.open(mask) as raster:
            profile, day = raster.profile, date.fromisoformat(mask.parent.name).timetuple().tm_yday
        days = (day + np.arange(profile["width"]) % 5).astype(np.int16)[None].repeat(profile["height"], axis=0)
        with rasterio.open(mask.with_name(mask.name.replace("EDG", "doy")), "w", **profile | {"dtype": "int16"}) as raster:
            days = np.where(days > 365, days - 365, days).astype(np.int16)
            days[:UNSEEN, :UNSEEN] = 0
            raster.write(days, 1)
    bands = {"bands": {"red": "B4", "nir": "B8"}, "red": "red", "nir": "nir", "swir": None}
    description = DESCRIPTION | bands | {"sensor": "composite", "day": "doy"}
    return scenes | {"step": 45, "filler": "nearest", "indices": ["ndvi"], "description": description}


@pytest.fixture(scope="module")
def elevation(finished: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A raster in degrees that covers the western part of the tile, with a hole."""
    grid, tile = finished.context.coverage.grid, finished.context.coverage.tiles[TILE].reach
    left, bottom, right, top = grid.cropped(Window(tile.row, tile.col, tile.height, tile.width // 2)).bounds
    bounds = rasterio.warp.transform_bounds(grid.crs, "EPSG:4326", left - 500, bottom - 500, right, top + 500)
    path = tmp_path_factory.mktemp("layers") / "elevation.tif"
    values = np.arange(60 * 50, dtype=np.float32).reshape(60, 50)
    values[20:24, 20:24] = -9999
    profile = {"driver": "GTiff", "height": 60, "width": 50, "count": 2, "dtype": "float32", "nodata": -9999}
    with rasterio.open(path, "w", **profile, crs="EPSG:4326", transform=from_bounds(*bounds, 50, 60)) as raster:
        raster.write(np.zeros_like(values), 1)
        raster.write(values, 2)
    return path


@pytest.fixture(scope="module")
def tree(finished: FinishedRun) -> dict[str, Any]:
    period = {"start": "2018-01-10", "end": "2018-12-10", "step": 30}
    return finished.tree | {
        "scenes": finished.tree["scenes"] | {"tiles": [TILE]},
        "time_series": period,
        "samples": {"per_class": 40},
        "training": finished.tree["training"] | {"epochs": 2},
    }


@pytest.fixture(scope="module")
def together(
    tree: dict[str, Any], composites: dict[str, Any], elevation: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Context]:
    layer = {"file": str(elevation), "band": 2, "interpolator": "nearest", "fill": FILL}
    own = {
        "output": str(tmp_path_factory.mktemp("together") / "out"),
        "other_sensors": [composites],
        "features": {"static": {"elevation": layer}},
    }
    context, _ = run_quietly(tree | own, "validate", "report")
    yield context


def samples_of(context: Context) -> pd.DataFrame:
    return pq.read_table(context.folder.table("samples")).to_pandas().set_index("sample_id").sort_index()


def test_each_sensor_gives_the_features_that_it_gives_alone(
    together: Context, tree: dict[str, Any], composites: dict[str, Any], tmp_path: Path
) -> None:
    theia, _ = run_quietly(tree | {"output": str(tmp_path / "theia")}, "samples")
    alone, _ = run_quietly(tree | {"output": str(tmp_path / "composites"), "scenes": composites}, "samples")
    found, first, second = samples_of(together), samples_of(theia), samples_of(alone)
    assert len(found) > 200 and (found.index == second.index).all()
    # what one sensor never sees trains nothing
    lost = first.index.difference(found.index)
    rows, cols = np.divmod(np.array(lost), together.coverage.grid.width)
    tile = together.coverage.tiles[TILE].reach
    assert len(lost) > 5 and (rows < tile.row + UNSEEN).all() and (cols < tile.col + UNSEEN).all()
    first = first.loc[found.index]
    features = np.stack(found["features"].to_list())
    assert (features[:, :-1] == np.hstack([np.stack(one["features"].to_list()) for one in (first, second)])).all()
    names = together.feature_space.names
    assert [names[0], names[-2], names[-1]] == ["sentinel2_b2_20180110", "composite_ndvi_20181121", "elevation"]
    # 12 dates of ten bands and three indices, 8 dates of two bands and one index, one layer
    assert len(names) == 12 * 13 + 8 * 3 + 1 == features.shape[1]


def test_a_layer_has_the_value_below_each_pixel_or_its_fill(together: Context, elevation: Path) -> None:
    found = samples_of(together)
    with rasterio.open(elevation) as raster:
        places = np.column_stack([found["lon"], found["lat"]])
        values = np.array([value[1] for value in raster.sample(places)])
        left, bottom, right, top = raster.bounds
        # GDAL interpolates positions by a little less than a pixel: those at an edge of two cells may be of either
        columns, rows = (places[:, 0] - left) / raster.res[0], (top - places[:, 1]) / raster.res[1]
        inside = (places[:, 0] < right) & (places[:, 1] > bottom) & (places[:, 1] < top) & (places[:, 0] > left)
    clear = np.all([np.abs(axis - np.round(axis)) > 0.02 for axis in (columns, rows)], axis=0)
    wanted = np.where(inside & (values != -9999), values, FILL)
    seen = np.array([features[-1] for features in found["features"]])
    assert (seen[clear] == wanted[clear]).all()
    assert clear.mean() > 0.8 and 0.1 < (wanted == FILL).mean() < 0.9


def test_samples_have_the_features_of_the_map_and_the_days_of_each_pixel(together: Context) -> None:
    assert_samples_have_features_of_map(together)
    samples, space = samples_of(together), together.feature_space
    observed = pq.read_table(together.folder.table("observations")).to_pandas().set_index("sample_id").loc[samples.index]
    # of the second sensor days differ from pixel to pixel
    second = [row.acquired[row.dates[0] :] for row in observed.itertuples()]
    assert len({tuple(days) for days in second}) > 4
    some = observed.iloc[0]
    series = some["reflectance"][some["dates"][0] * 10 :].astype(np.int16).reshape(1, -1, 2)
    days = np.array([[day_number(pd.Timestamp(day).date()) for day in second[0]]], np.int32)
    out = np.empty((1, len(space.sensors[1])), np.float32)
    valid = some["valid"][some["dates"][0] :].astype(np.uint8)[None]
    SensorKernel.of(space.sensors[1]).features(PixelSeries(series, valid, days), out)
    assert (out[0] == samples.loc[some.name, "features"][-out.shape[1] - 1 : -1]).all()


def test_the_map_counts_the_clear_dates_of_all_sensors(together: Context, finished: FinishedRun) -> None:
    drawn = together.folder.path / together.facts("mosaic")["map"]
    with rasterio.open(drawn / "validity.tif") as both, rasterio.open(finished.map / "validity.tif") as one:
        window = rasterio.windows.from_bounds(*both.bounds, transform=one.transform)
        own = finished.context.coverage.tiles[TILE].core
        rows, cols = Window(0, 0, own.height // 2, own.width // 2).slices
        dates, alone = both.read(1)[rows, cols], one.read(1, window=window)[rows, cols]
    unseen = np.zeros(dates.shape, bool)
    unseen[:UNSEEN, :UNSEEN] = True
    assert (dates == np.where(unseen, 1, 2) * alone).all()
    with rasterio.open(drawn / "classification.tif") as classes:
        assert ((classes.read(1)[rows, cols] == 0) == (unseen | (alone == 0))).all()


def test_check_plan_and_report_know_all_sensors(together: Context) -> None:
    found = {finding.subject: finding for finding in check(together)}
    assert not [finding.sentence for finding in found.values() if finding.wrong]
    assert {"products of sentinel2", "products of composite", "layers"} <= set(found)
    assert "10 products of composite of 1 tile (" in found["scenes"].sentence
    foreseen = plan(together)
    assert (foreseen.products, foreseen.dates, foreseen.tiles) == (20, 20, 1)
    assert foreseen.features == len(together.feature_space)
    page = together.folder.report.read_text(encoding="utf-8")
    assert "of composite at 8 dates; elevation" in page


def test_a_second_run_changes_nothing_and_another_step_only_the_features(
    together: Context, tree: dict[str, Any], composites: dict[str, Any], tmp_path: Path
) -> None:
    settings = together.settings.model_dump(mode="json")
    shutil.copytree(together.folder.path, tmp_path / "out")
    own = {
        "output": str(tmp_path / "out"),
        "other_sensors": [composites | {"step": 90}],
        "features": {"static": settings["features"]["static"]},
    }
    _, printed = run_quietly(tree | own, "samples")
    states = {line.split()[1]: line[0] for line in printed.splitlines() if line[:1] in "✓="}
    assert states.pop("samples") == "✓"
    assert set(states.values()) == {"="}


def test_what_contradicts_itself_is_told(
    finished: FinishedRun, tree: dict[str, Any], composites: dict[str, Any], elevation: Path, tmp_path: Path
) -> None:
    def refused(**changed: Any) -> str:
        with pytest.raises(SitsparkError) as caught:
            run_quietly(tree | {"output": str(tmp_path / "out")} | changed, "samples")
        return str(caught.value)

    again = tree["scenes"]
    assert refused(other_sensors=[again]).startswith("other_sensors.0: is of the sensor sentinel2, as scenes is; ")
    without = composites | {"indices": ["ndwi"]}
    assert refused(other_sensors=[without]).startswith("other_sensors.0 (composite): features.indices: ndwi needs bands that")
    unknown = {"folder": str(tmp_path), "layout": "landsat_c2_l2", "bands": ["B99"]}
    assert refused(other_sensors=[unknown]).startswith("other_sensors.0: scenes.bands: landsat_c2_l2 has no band B99; ")
    nowhere = composites | {"folder": str(tmp_path)}
    assert refused(other_sensors=[nowhere]).startswith("other_sensors.0 (composite): scenes.pattern: no file below")
    missing = {"static": {"slope": str(tmp_path / "slope.tif")}}
    assert refused(features=missing).startswith(f"features.static.slope: {tmp_path / 'slope.tif'} can't be opened (")
    third = {"static": {"slope": {"file": str(elevation), "band": 3}}}
    assert refused(features=third).startswith(f"features.static.slope: {elevation} has 2 bands, there is no band 3")


def test_the_example_of_two_sensors_runs_on_any_grid_with_chunks_of_any_size(spark: SparkSession, tmp_path: Path) -> None:
    """Landsat of 30 m beside Sentinel-2, both warped to a national grid."""
    ground: dict[str, Any] = {"tiles": 2, "size": 128, "dates": 5, "classes": 5, "polygons": 6}
    for folder, layout in (("sentinel2", "theia_l2a"), ("landsat", "landsat_c2_l2")):
        simulate(tmp_path / folder, Landscape(**ground, layout=layout), workers=1)
    overrides = [
        f"scenes.folder={tmp_path}/sentinel2/scenes",
        f"other_sensors.0.folder={tmp_path}/landsat/scenes",
        f"classes.nomenclature={tmp_path}/sentinel2/nomenclature.txt",
        f"classes.colours={tmp_path}/sentinel2/colours.txt",
        f"ground_truth.file={tmp_path}/sentinel2/ground_truth/polygons.gpkg",
        "grid.crs=EPSG:2154",
        "grid.resolution=10",
        "samples.per_class=100",
        "time_series.step=60",
    ]
    found = []
    for size in (50, 200):
        own = [f"output={tmp_path}/{size}", f"grid.chunk_size={size}"]
        settings = read_settings(ROOT / "conf" / "two_sensors.yaml", overrides=[*overrides, *own])
        found.append(samples_of(run(settings, ("samples",), console=Console(file=io.StringIO()))))
    one, other = found
    assert len(one) > 200 and (one.index == other.index).all()
    assert all((a == b).all() for a, b in zip(one["features"], other["features"], strict=True))


def test_another_band_of_one_of_two_sensors_on_the_same_files_is_read(
    spark: SparkSession, tree: dict[str, Any], composites: dict[str, Any], tmp_path: Path
) -> None:
    """Products have one address and two rows, each with its own fingerprint."""
    description = composites["description"]
    own = {"nir": None, "sensor": "narrow"}
    narrow = composites | {"indices": [], "description": description | own | {"bands": {"red": "B4"}}}
    settings = tree | {"output": str(tmp_path / "out"), "other_sensors": [composites, narrow]}
    run_quietly(settings, "scenes")
    wide = narrow | {"description": description | own | {"bands": {"red": "B4", "green": "B3"}}}
    context, _ = run_quietly(settings | {"other_sensors": [composites, wide]}, "scenes")
    files = F.max(F.size("assets")).alias("files")
    rows = context.table("scenes").groupBy("sensor").agg(F.count("*").alias("n"), files).collect()
    # three masks, the days, and the bands
    assert {row.sensor: (row.n, row.files) for row in rows} == {"sentinel2": (10, 13), "composite": (10, 6), "narrow": (10, 6)}


def test_a_sensor_that_reaches_no_tile_is_found_before_the_run(
    finished: FinishedRun, tree: dict[str, Any], composites: dict[str, Any], tmp_path: Path
) -> None:
    far = tmp_path / "far"
    shutil.copytree(composites["folder"], far)
    for path in far.rglob("*.tif"):
        with rasterio.open(path, "r+") as raster:
            raster.transform = raster.transform @ rasterio.Affine.translation(100_000, 0)
    settings = tree | {"output": str(tmp_path / "out"), "other_sensors": [composites | {"folder": str(far)}]}
    context = Context.of(settings_of(settings), Console(file=io.StringIO()))
    wrong = [finding.sentence for finding in check(context) if finding.wrong]
    assert wrong == ["other_sensors.0 (composite): no product reaches the tiles of sentinel2; correct the folder"]
    with pytest.raises(SitsparkError, match="no product reaches the tiles of sentinel2; correct the folder"):
        run_quietly(settings, "scenes")
