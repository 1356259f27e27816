"""Runs that start from a table of series: a real one with its row counts, by hand, in any order, wrong ones, to the end."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from rich.console import Console

from sitspark.classes import Nomenclature
from sitspark.cli import main
from sitspark.errors import SitsparkError
from sitspark.samples.frames import _OBSERVATIONS
from sitspark.samples.from_table import Division, observations, rows_of
from sitspark.samples.long_table import Labels
from sitspark.settings import Settings
from sitspark.settings_file import parse_settings, read_settings
from sitspark.workflow.check import check
from sitspark.workflow.context import Context
from sitspark.workflow.export import export
from sitspark.workflow.plan import plan
from sitspark.workflow.run import run
from tests.conftest import ROOT, run_quietly

EXAMPLE = ROOT / "conf" / "lpis_france.yaml"
LPIS = ROOT / "tests" / "data" / "worldcereal_lpis" / "2023_FRA_LPIS_POLY_110.geoparquet"
BANDS = [f"S2-L2A-B{band}" for band in ("02", "03", "04", "05", "06", "07", "08", "11", "12")]
DAYS = pd.date_range("2023-01-05", periods=12, freq="30D")


def plots(count: int = 24) -> pd.DataFrame:
    """Two classes whose series anyone can tell apart, in two tiles, a row a plot and date."""
    random = np.random.default_rng(0)
    rows = []
    for plot in range(count):
        green = plot % 2
        for number, day in enumerate(DAYS):
            nir = 2000 + 1500 * green * (number % 12 > 4) + random.integers(0, 100)
            rows.append((f"p{plot}", day, ("bare", "green")[green], f"tile-{plot // 2 % 2}", 1000, nir))
    return pd.DataFrame(rows, columns=["plot", "day", "cover", "tile", "red", "nir"])


def tree_of(folder: Path, table: pd.DataFrame, **changed: object) -> dict:
    """Settings of a run from a table in a folder."""
    folder.mkdir(exist_ok=True)
    table.to_parquet(folder / "plots.parquet")
    (folder / "classes.csv").write_text("1,bare,#aa8855\n2,green,#55aa55\n")
    observed = {
        "file": str(folder / "plots.parquet"),
        "sensor": "camera",
        "sample": "plot",
        "date": "day",
        "label": "cover",
        "fold": "tile",
        "bands": {"R": "red", "N": "nir"},
        "red": "R",
        "nir": "N",
    }
    return {
        "output": str(folder / "out"),
        "observations": observed | changed,
        "time_series": {"step": 30},
        "features": {"indices": ["ndvi"]},
        "classes": {"nomenclature": str(folder / "classes.csv")},
        "training": {"epochs": 60, "batch_size": 8, "learning_rate": 3e-3, "criterion": "loss", "threads": 1},
        "spark": {"driver_memory": "2g"},
    }


def frame_of(spark: SparkSession, settings: Settings) -> pd.DataFrame:
    """The observations of settings, by their ids."""
    table = settings.observations
    assert table is not None
    labels = Labels.of(table, Nomenclature.read(settings.classes.nomenclature, None))
    rows = rows_of(spark, table, labels).where("left_out is null")
    frame = observations(rows, Division(table, settings.training.monitor_share, settings.seed))
    return frame.toPandas().sort_values("sample_id", ignore_index=True)


def test_every_row_of_the_real_file_is_accounted_for(spark: SparkSession, tmp_path: Path) -> None:
    context, said = run_quietly_from(EXAMPLE, tmp_path, "samples")
    raw = pd.read_parquet(LPIS)
    table = context.settings.observations
    assert table is not None
    kept = raw[raw.ewoc_code.isin([int(code) for code in table.labels])]
    empty = (kept[BANDS] == 65535).any(axis=1)
    facts = context.facts("observations")
    assert facts["rows"] == len(raw) == 24_684
    assert facts["left_out"] == {"of a label without class": len(raw) - len(kept)}
    assert (facts["acquisitions"], facts["without_data"]) == (len(kept), int(empty.sum()))
    assert sum(facts["pixels"].values()) == kept.sample_id.nunique() == 345
    assert facts["folds"] == kept.drop_duplicates("sample_id").tile.value_counts().to_dict()
    assert facts["acquired"]["sentinel2"] == [f"{day:%Y-%m-%d}" for day in sorted(kept.timestamp.unique())]
    assert facts["blind"] == 0
    assert "24684 rows: 345 samples of 7 classes" in said and "7596 rows left out" in said
    assert "1106000031, 1106000020" in said  # the labels of most of these rows
    # three quarters of each class train
    codes = {one.name: one.code for one in context.nomenclature}
    for name, count in kept.drop_duplicates("sample_id").ewoc_code.astype(str).map(table.labels).value_counts().items():
        assert facts["classes"][str(codes[name])]["train"] == int(np.floor(count * 0.75 + 0.5))


def test_the_series_of_a_real_parcel_is_that_of_the_file(spark: SparkSession) -> None:
    settings = read_settings(EXAMPLE)
    sample = "2023_FRA_LPIS_POLY_110_595430"
    own = pd.read_parquet(LPIS).query("sample_id == @sample").sort_values("timestamp")
    found = frame_of(spark, settings)
    (number,) = (row.id for row in spark.sql(f"select xxhash64('{sample}') as id").collect())
    row = found.set_index("sample_id").loc[number]
    assert (row.label, row.fold, row.polygon_id) == (2, "30TYP", number)
    assert list(row.dates) == [len(own)]
    assert [pd.Timestamp(day) for day in row.acquired] == list(own.timestamp)
    stored = own[BANDS].to_numpy().astype(int)
    assert list(row.valid) == list((stored != 65535).all(axis=1))
    assert np.array(row.reflectance).reshape(stored.shape).tolist() == np.where(stored == 65535, -10_000, stored).tolist()
    assert (row.lon, row.lat) == (own.lon.iloc[0], own.lat.iloc[0])


def test_each_of_two_sensors_in_one_table_has_the_series_that_it_has_alone(spark: SparkSession, tmp_path: Path) -> None:
    """Radar on days of its own, in rows in which the camera's columns are empty; on one day both."""
    camera = plots()
    radar = camera[camera["day"].dt.month % 2 == 0].assign(vv=lambda t: t["red"] * 2 + t.index % 7, red=None, nir=None)
    radar["day"] += pd.Timedelta(days=3)
    both = camera["day"] == DAYS[4]
    table = pd.concat([camera.assign(vv=np.where(both, 77, np.nan)), radar], ignore_index=True)
    own = {"sensor": "radar", "bands": {"VV": "vv"}, "indices": [], "series": "none", "statistics": {"VV": ["mean", "max"]}}
    context, said = run_quietly(tree_of(tmp_path / "two", table, other_sensors=[own]), "samples")
    alone = frame_of(spark, parse_settings(tree_of(tmp_path / "one", camera), source=tmp_path / "run.yaml"))
    found = context.table("observations").toPandas().sort_values("sample_id", ignore_index=True)
    months = sum(day.month % 2 == 0 for day in DAYS)
    assert {tuple(dates) for dates in found["dates"]} == {(12, months + 1)}
    for one, other in zip(found.itertuples(), alone.itertuples(), strict=True):
        assert list(one.reflectance[:24]) == list(other.reflectance) and list(one.acquired[:12]) == list(other.acquired)
        assert 77 in one.reflectance[24:] and one.acquired[12:].tolist() == sorted(one.acquired[12:])
        assert all(one.valid)
    # the camera's features are those that it has alone, and of radar there are statistics
    names = context.feature_space.names
    assert names[0].startswith("camera_r_") and names[-2:] == ("radar_vv_mean", "radar_vv_max")
    cut = context.facts("observations")["acquired"]
    assert len(cut["camera"]) == 12 and len(cut["radar"]) == months + 1
    assert "24 samples" in said


def test_sentinel_1_stands_beside_sentinel_2_in_the_real_file(spark: SparkSession) -> None:
    radar = {"sensor": "sentinel1", "bands": {"VV": "S1-SIGMA0-VV", "VH": "S1-SIGMA0-VH"}, "nodata": 65535, "indices": []}
    settings = read_settings(EXAMPLE, overrides=[f"observations.other_sensors={json.dumps([radar])}"])
    raw = pd.read_parquet(LPIS)
    table = settings.observations
    assert table is not None
    kept = raw[raw.ewoc_code.isin([int(code) for code in table.labels])]
    optical, sar = ((kept[columns] != 65535).any(axis=1) for columns in (BANDS, ["S1-SIGMA0-VV", "S1-SIGMA0-VH"]))
    assert not (~optical & ~sar).any()  # each row is of one at least
    found = frame_of(spark, settings)
    assert sum(dates[0] for dates in found["dates"]) == optical.sum()
    assert sum(dates[1] for dates in found["dates"]) == sar.sum()


def test_observations_of_a_table_have_the_columns_of_those_of_imagery(spark: SparkSession, tmp_path: Path) -> None:
    settings = parse_settings(tree_of(tmp_path, plots()), source=tmp_path / "run.yaml")
    table = settings.observations
    assert table is not None
    rows = rows_of(spark, table, Labels.of(table, Nomenclature.read(settings.classes.nomenclature, None)))
    found = observations(rows, Division(table, 0.2, 0)).schema
    wanted = spark.createDataFrame([], _OBSERVATIONS).schema
    assert [(field.name, field.dataType.simpleString()) for field in found] == [
        (field.name, field.dataType.simpleString()) for field in wanted
    ]


def test_neither_the_order_of_rows_nor_parts_nor_the_kind_of_file_change_anything(spark: SparkSession, tmp_path: Path) -> None:
    # two rows of one plot and date are two acquisitions, in an order that doesn't hang on that of the rows
    table = pd.concat([plots(), plots().iloc[[3]].assign(nir=5)], ignore_index=True)
    tree = tree_of(tmp_path, table)
    expected = frame_of(spark, parse_settings(tree, source=tmp_path / "run.yaml"))
    shuffled = table.sample(frac=1, random_state=1)
    pq.write_table(pa.Table.from_pandas(shuffled), tmp_path / "shuffled.parquet", row_group_size=50)
    shuffled.to_csv(tmp_path / "shuffled.csv", index=False)
    assert [len(series) for series in expected.acquired].count(13) == 1
    for name in ("shuffled.parquet", "shuffled.csv"):
        other = tree | {"observations": tree["observations"] | {"file": str(tmp_path / name)}}
        found = frame_of(spark, parse_settings(other, source=tmp_path / "run.yaml"))
        assert found.to_json() == expected.to_json()


def test_polygons_go_to_one_side_and_random_folds_are_as_many_as_asked_for(spark: SparkSession, tmp_path: Path) -> None:
    table = plots(40).assign(field=lambda t: t["cover"] + (t["plot"].str[1:].astype(int) // 8).astype(str))
    changed = {"polygon": "field", "fold": None, "fold_count": 3}
    found = frame_of(spark, parse_settings(tree_of(tmp_path, table, **changed), source=tmp_path / "run.yaml"))
    by_polygon = found.groupby("polygon_id")
    assert len(by_polygon) == 10 and set(by_polygon.size()) == {4}
    assert by_polygon[["split", "fold", "monitored"]].nunique().max().max() == 1
    assert set(found.fold) == {"fold-1", "fold-2", "fold-3"}


def test_samples_of_a_csv_file_with_ready_made_features_are_learnt_from(spark: SparkSession, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "type": ["bare", "green"] * 20,
            "Mean NDVI": [0.1, 0.7] * 20 + random.normal(0, 0.05, 40),
            "height": random.normal(300, 20, 40),
            "trust": np.arange(40) % 3 / 2,
        }
    )
    table.loc[5, "height"] = np.nan
    tree = tree_of(tmp_path, plots())
    table.to_csv(tmp_path / "features.csv", index=False)
    observed = {"file": str(tmp_path / "features.csv"), "label": "type", "static": "all", "weight": "trust"}
    tree = {key: value for key, value in tree.items() if key not in ("time_series", "features")} | {"observations": observed}
    context, said = run_quietly(tree, "train", "report")
    assert "40 rows: 39 samples of 2 classes" in said and "1 row left out: 1 without a static value" in said
    found = context.table("samples").toPandas().set_index("sample_id")
    ids = spark.range(40).selectExpr("id", "xxhash64(cast(id as string)) as sample_id").toPandas().set_index("sample_id")
    numbers = table[["Mean NDVI", "height"]].to_numpy(np.float32)
    assert np.array_equal(np.stack(list(found.features)), numbers[ids.loc[found.index].id])
    assert found.weight.tolist() == table["trust"][ids.loc[found.index].id].tolist()
    target = tmp_path / "out.csv"
    assert export(target, context.folder.path, table="samples").rows == 39
    assert list(pd.read_csv(target).columns[-2:]) == ["Mean NDVI", "height"]
    assert "2: Mean NDVI, height" in context.folder.report.read_text()
    assert context.folder.model(context.facts("train")["model_id"]).is_dir()


def test_static_columns_of_series_follow_them_in_the_feature_vector(spark: SparkSession, tmp_path: Path) -> None:
    table = plots().assign(slope=lambda t: t["plot"].str[1:].astype(float))
    context, _ = run_quietly(tree_of(tmp_path, table, static=["slope"]), "samples")
    assert context.feature_space.names[-1] == "slope"
    found = context.table("samples").toPandas()
    (seventh,) = (row.id for row in spark.sql("select xxhash64('p7') as id").collect())
    assert found.set_index("sample_id").loc[seventh].features[-1] == 7
    assert sorted(features[-1] for features in found.features) == list(range(24))


def test_what_is_left_out_is_counted_with_its_reason(spark: SparkSession, tmp_path: Path) -> None:
    table = plots()
    table["day"] = table["day"].dt.strftime("%Y-%m-%d")
    table["red"] = table["red"].astype(float)
    table.loc[0, "day"] = "yesterday"
    table.loc[[1, 2], "plot"] = None
    table.loc[[3], "cover"] = " "
    table.loc[[4, 5, 6, 7], "cover"] = ["rock", "rock", "ice", "rock"]
    table.loc[table["plot"] == "p3", "red"] = np.nan
    context, said = run_quietly(tree_of(tmp_path, table), "samples")
    facts = context.facts("observations")
    assert facts["left_out"] == {
        "without a sample": 2,
        "without a date": 1,
        "without a label": 1,
        "of a label without class": 4,
    }
    assert (facts["acquisitions"], facts["without_data"], facts["blind"]) == (24 * 12 - 8, 12, 1)
    assert "8 rows left out: 2 without a sample, 1 without a date" in said and "(rock, ice)" in said
    assert "1 labelled pixels have no clear date and are left out" in said
    assert context.table("samples").count() == 23


WRONG = [
    pytest.param(
        {"label": "red"}, "no row of .*plots.parquet can be used: 288 of a label without class .labels: 1000.", id="label"
    ),
    pytest.param({"date": "tile"}, "no row of .* can be used: 288 without a date; .* YYYY-MM-DD", id="no date"),
    pytest.param({"sample": "tile"}, "sample 'tile-0' of .* has two values of label, 1 and 2; name the columns", id="sample"),
    pytest.param({"bands": {"R": "rot", "N": "nir"}}, "observations.bands.R: .* has no column 'rot'; it has plot", id="column"),
    pytest.param({"bands": {"R": "tile", "N": "nir"}}, "column 'tile' of .* is string, not numbers", id="type"),
    pytest.param({"static": ["nir"]}, r"sample 'p\d+' of .* has two values of static", id="static"),
    pytest.param(
        {"other_sensors": [{"sensor": "radar", "bands": {"VV": "red"}, "nodata": 1000, "indices": []}]},
        r"observations.other_sensors.0.bands: no row of .*plots.parquet has a value; check columns and nodata",
        id="sensor",
    ),
    pytest.param({"nir": None}, "ndvi needs bands that aren't known; say which bands are red, nir and swir", id="index"),
]


@pytest.mark.parametrize(("changed", "sentence"), WRONG)
def test_a_wrong_table_stops_the_run_with_a_sentence(spark: SparkSession, tmp_path: Path, changed: dict, sentence: str) -> None:
    with pytest.raises(SitsparkError, match=sentence):
        run_quietly(tree_of(tmp_path, plots(), **changed), "observations")


def test_check_looks_at_the_table_and_what_needs_imagery_is_refused(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, plots())
    settings = parse_settings(tree, source=tmp_path / "run.yaml")
    context = Context.of(settings, Console(file=io.StringIO()))
    findings = {finding.subject: finding for finding in check(context)}
    assert not any(finding.wrong for finding in findings.values())
    assert (
        findings["observations"].sentence.startswith("288 rows in ")
        and "2 bands of camera, ndvi" in findings["observations"].sentence
    )
    with pytest.raises(SitsparkError, match=r"plan: .* the run starts from a table"):
        plan(context)
    for target in ("scenes", "calendar", "ground_truth", "mosaic", "validate"):
        with pytest.raises(SitsparkError, match="there is no imagery to map"):
            run(settings, [target], console=Console(file=io.StringIO()))
    assert not (tmp_path / "out").exists()


def test_a_run_goes_from_the_table_to_cross_validation_by_tile_and_a_report(spark: SparkSession, tmp_path: Path) -> None:
    tree = tree_of(tmp_path, plots(40))
    context, _ = run_quietly(tree, "trust", "cross_validate", "report")
    scores = json.loads((context.folder.accuracy / "cross_validation.json").read_text())
    assert [fold["left_out_fold"] for fold in scores["folds"]] == ["tile-0", "tile-1"]
    assert scores["spread"]["left_out"]["overall_accuracy"]["mean"] > 0.9  # they can be told apart by eye
    page = context.folder.report.read_text()
    assert "40 samples of 2 classes" in page and "Cross-validation" in page
    assert "Which dates and bands matter?" in page and context.table("importance").where("name = 'N'").count() == 1
    _, again = run_quietly(tree, "trust", "cross_validate", "report")
    assert again.count("unchanged") == 6
    # another table is another run
    _, other = run_quietly(tree_of(tmp_path, plots(26)), "observations")
    assert "26 samples of 2 classes" in other and "unchanged" not in other


def test_a_baseline_takes_the_place_of_the_network_and_other_folds_are_an_option_away(
    spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = tree_of(tmp_path, plots(48)) | {"training": {"baseline": {"kind": "random_forest", "trees": 7}}}
    context, _ = run_quietly(tree, "train", "cross_validate", "report")
    done = context.folder.records()
    assert done["train"].facts["model_id"].startswith("random_forest-")
    assert done["train"].summary.startswith("random_forest of ")
    assert all(fold["left_out"] for fold in done["cross_validate"].facts["folds"])
    assert "random_forest, " in context.folder.report.read_text(encoding="utf-8")
    settings = tmp_path / "run.yaml"
    settings.write_text(json.dumps(tree))  # JSON is YAML
    assert main(["cross-validate", str(settings), "--by", "random", "--fold-count", "2"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "is divided otherwise" in said and "2 folds left out in turn" in said and "pooled" in said
    scores = json.loads((context.folder.accuracy / "cross_validation.json").read_text())
    assert [fold["left_out_fold"] for fold in scores["folds"]] == ["fold-1", "fold-2"]
    assert scores["pooled"]["pixels"] == sum(fold["left_out"]["pixels"] for fold in scores["folds"]) == 48
    assert main(["cross-validate", str(settings), "--by", "zone"]) == 1
    assert "observations.fold: " in (refused := capsys.readouterr().err) and "has no column 'zone'; it has plot" in refused


def test_fewer_clear_dates_than_asked_for_and_other_bands_make_the_samples_anew(spark: SparkSession, tmp_path: Path) -> None:
    table = plots()
    table.loc[(table["plot"] == "p3") & (table.index % 2 == 0), ["red", "nir"]] = None
    tree = tree_of(tmp_path / "one", table)
    context, _ = run_quietly(tree, "samples")
    assert context.table("samples").count() == 24
    context, printed = run_quietly(tree | {"samples": {"min_clear_dates": 8}}, "samples")
    assert context.table("samples").count() == 23 and "= observations" in printed
    # the order of bands is that of the numbers
    turned = {"N": "nir", "R": "red"}
    context, printed = run_quietly(tree | {"observations": tree["observations"] | {"bands": turned}}, "samples")
    assert "✓ observations" in printed
    first = context.table("samples").orderBy("sample_id").select("features").first().features
    assert first[0] >= 2000 and first[1] == 1000


def test_without_folds_cross_validation_says_how_to_get_some(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(SitsparkError, match=r"name a column under observations.fold, or say --by random"):
        run_quietly(tree_of(tmp_path, plots(), fold=None), "cross_validate")


def run_quietly_from(file: Path, folder: Path, *targets: str) -> tuple[Context, str]:
    console = Console(file=io.StringIO(), width=300)
    settings = read_settings(file, overrides=[f"output={folder / 'out'}"])
    return run(settings, targets, console=console), console.file.getvalue()  # type: ignore[attr-defined]
