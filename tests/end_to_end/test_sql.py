"""SQL over a run: the queries of docs/sql.md, the views beside the tables, the functions on features."""

import json
import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from sitspark.cli import main
from sitspark.errors import SitsparkError
from sitspark.kernels.feature_space import FeatureSpace, Index, SensorFeatures
from sitspark.timegrid import TimeGrid
from sitspark.workflow.query import ask
from sitspark.workflow.tables import write_table
from sitspark.workflow.views import register
from tests.conftest import FinishedRun
from tests.sql_page import PAGE, Example, answered, examples

EXAMPLES = examples(PAGE.read_text(encoding="utf-8"))
GRID = TimeGrid(date(2018, 1, 1), date(2018, 1, 21), 10)
SPACE = FeatureSpace(
    (
        SensorFeatures("sentinel2", ("B4", "B8"), GRID, (Index("ndvi"),), red="B4", nir="B8", swir=None),
        SensorFeatures("o'clock", ("B4", "b5"), TimeGrid(GRID.start, GRID.end, 20), (), red=None, nir=None, swir=None),
    ),
    ("Lon",),
)


@pytest.fixture(scope="module")
def run(finished: FinishedRun) -> Path:
    return finished.context.folder.path


@pytest.fixture(scope="module")
def asked(spark: SparkSession, run: Path) -> SparkSession:
    """A session with the views and functions of the finished run, which other tests don't replace."""
    own = spark.newSession()
    register(own, run)
    return own


@pytest.fixture(scope="module")
def samples(run: Path) -> pd.DataFrame:
    return pq.read_table(run / "tables" / "samples").to_pandas().set_index("sample_id").sort_index()


@pytest.fixture
def two_sensors(spark: SparkSession, tmp_path: Path) -> Path:
    """A run of one sample, whose two features of each sensor and day are told apart by their values."""
    (tmp_path / "run.json").write_text("{}")
    keys = "sample_id bigint, label int, lon double"
    features = F.col("features").alias("features", metadata={"feature_space": SPACE.to_json()})
    sample = spark.createDataFrame([(7, 11, 1.5, [float(at) for at in range(len(SPACE))])], f"{keys}, features array<float>")
    for table in ("samples", "children"):
        write_table(sample.withColumn("features", features), tmp_path / "tables" / table)
    acquired = [datetime(2018, 1, day, tzinfo=UTC) for day in (3, 13, 4)]
    observed = (7, 11, 1.5, [2, 1], acquired, [40, 80, 41, 81, 400, 500], [True, False, True], [0.0])
    arrays = (
        "dates array<int>, acquired array<timestamp>, reflectance array<smallint>, valid array<boolean>, static array<float>"
    )
    write_table(spark.createDataFrame([observed], f"{keys}, {arrays}"), tmp_path / "tables" / "observations")
    return tmp_path


def test_the_page_has_ten_queries_and_more() -> None:
    assert len(EXAMPLES) >= 10


@pytest.mark.parametrize("example", EXAMPLES, ids=range(1, 1 + len(EXAMPLES)))
def test_a_query_of_the_page_gives_rows_of_the_columns_below_it(asked: SparkSession, example: Example) -> None:
    answer = asked.sql(example.query)
    assert tuple(answer.columns) == example.columns
    assert answer.count() > 0


def test_the_page_is_written_with_the_outputs_of_a_run(run: Path) -> None:
    page = "a\n```sql\nselect 'x y' as said, 5 as n\n```\n\n```text\nold\n```\nb\n"
    assert answered(page, run) == "a\n```sql\nselect 'x y' as said, 5 as n\n```\n\n```text\n said  n\n x y   5\n```\nb\n"


def test_a_wide_sample_has_each_feature_under_its_name(
    asked: SparkSession, finished: FinishedRun, samples: pd.DataFrame
) -> None:
    wide = asked.table("samples_wide").toPandas().set_index("sample_id").sort_index()
    names = list(finished.context.feature_space.names)
    assert list(wide) == [*samples.columns.drop("features"), *names]
    assert (wide[names].to_numpy() == np.stack(samples["features"].to_list())).all()


def test_a_long_sample_has_the_values_of_its_series(asked: SparkSession, finished: FinishedRun, samples: pd.DataFrame) -> None:
    first = samples.index[0]
    long = asked.sql(f"select series, date, value from samples_long where sample_id = {first}").collect()
    names = finished.context.feature_space.names
    told = {f"{row.series}_{row.date:%Y%m%d}": row.value for row in long}
    assert len(long) == len(names) and told == dict(zip(names, samples["features"][first], strict=True))


def test_series_and_dates_are_those_of_the_long_samples(asked: SparkSession) -> None:
    queries = (
        "select sample_id, inline(dated) from "
        "(select sample_id, arrays_zip(series_dates('b8'), series(features, 'B8')) as dated from samples)",
        "select sample_id, date, value from samples_long where series = 'b8'",
    )
    one, other = ({tuple(row) for row in asked.sql(query).collect()} for query in queries)
    assert one == other and len(one) > 100


def test_a_value_between_two_dates_is_linear_and_null_outside(asked: SparkSession) -> None:
    (row,) = asked.sql("""
        with all_of_them as (select features, series(features, 'ndvi') as ndvi, series_dates('ndvi') as dates from samples),
        some as (select * from all_of_them where ndvi[1] != ndvi[2] limit 1)
        select ndvi[1] as at, ndvi[2] as next, ndvi[0] as first, ndvi[size(ndvi) - 1] as last,
            ndvi_at(features, dates[1]) as found_at, value_at(features, 'NDVI', date_add(dates[1], 12)) as between,
            datediff(dates[2], dates[1]) as step,
            value_at(features, 'ndvi', dates[0]) as found_first,
            value_at(features, 'ndvi', dates[size(dates) - 1]) as found_last,
            ndvi_at(features, date_sub(dates[0], 1)) as before, ndvi_at(features, date_add(dates[size(dates) - 1], 1)) as after
        from some""").collect()
    assert row.at != row.next and row.found_at == row.at
    assert row.between == pytest.approx(row.at + (row.next - row.at) * 12 / row.step)
    assert (row.found_first, row.found_last) == (row["first"], row["last"])
    assert row.before is None and row.after is None


def test_a_series_without_a_name_is_nothing_and_an_unknown_one_lists_those_there_are(
    asked: SparkSession, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = "select series(features, null) is null and series_dates(null) is null from samples limit 1"
    assert asked.sql(nothing).first()[0]  # type: ignore[index]
    assert main(["sql", "select value_at(features, 'evi', '2018-06-01') from samples", "--run", str(run)]) == 1
    assert capsys.readouterr().err.startswith("error: evi is no series of this run; there are b2, b3, b4, ")


def test_long_observations_are_the_arrays_acquisition_by_acquisition(asked: SparkSession, finished: FinishedRun) -> None:
    observed = pq.read_table(finished.context.folder.table("observations")).to_pandas().set_index("sample_id")
    sample = observed.index[0]
    rows = asked.sql(f"select * from observations_long where sample_id = {sample} order by acquired").toPandas()
    raw, bands = observed.loc[sample], [band.lower() for band in finished.context.feature_space.sensors[0].bands]
    assert list(rows)[-13:] == ["sensor", "acquired", "valid", *bands] and set(rows["sensor"]) == {"sentinel2"}
    assert rows["acquired"].tolist() == [pd.Timestamp(moment).date() for moment in raw["acquired"]]
    assert (rows["valid"] == raw["valid"]).all()
    assert (rows[bands].to_numpy().ravel() == raw["reflectance"]).all()


def test_several_sensors_stand_one_after_the_other(spark: SparkSession, two_sensors: Path) -> None:
    register(spark, two_sensors)
    rows = [tuple(row) for row in spark.sql("select * from observations_long order by acquired").collect()]
    assert rows == [
        (7, 11, 1.5, "sentinel2", date(2018, 1, 3), True, 40, 80, None),
        (7, 11, 1.5, "o'clock", date(2018, 1, 4), True, 400, None, 500),
        (7, 11, 1.5, "sentinel2", date(2018, 1, 13), False, 41, 81, None),
    ]
    found = spark.sql("select series(features, 'ndvi'), series(features, 'B8'), series(features, 'O\\'clock_b4') from samples")
    assert tuple(found.first()) == ([6, 7, 8], [1, 3, 5], [9, 11])  # type: ignore[arg-type]
    with pytest.raises(SitsparkError, match=r"there are sentinel2_b4, sentinel2_b8, sentinel2_ndvi, o'clock_b4, o'clock_b5$"):
        ask("select series(features, 'b4') from samples", two_sensors, rows=1)
    # the layer called like a key
    assert spark.table("samples_wide").columns[:4] == ["sample_id", "label", "lon", "sentinel2_b4_20180101"]
    assert spark.table("samples_wide").columns[-1] == "Lon_2"
    assert spark.table("children_wide").collect() == spark.table("samples_wide").collect()


def test_samples_of_another_version_are_answered_without_their_features(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    old = json.dumps(json.loads(SPACE.to_json()) | {"kernel_version": 0})
    features = F.expr("array(1f)").alias("features", metadata={"feature_space": old})
    write_table(spark.range(3).withColumn("features", features), tmp_path / "tables" / "samples")
    assert ask("select count(*) from samples", tmp_path, rows=1).rows == (("3",),)
    with pytest.raises(
        SitsparkError,
        match=r"^this run has no table samples_wide \(tables: samples; features of kernel version 0",
    ):
        ask("select * from samples_wide", tmp_path, rows=1)


def test_what_the_next_run_lacks_is_not_answered_from_the_one_before(spark: SparkSession, run: Path, tmp_path: Path) -> None:
    shutil.copy(run / "run.json", tmp_path)
    shutil.copytree(run / "tables" / "scenes", tmp_path / "tables" / "scenes")
    assert "samples_wide" in register(spark, run).views
    registered = register(spark, tmp_path)
    assert registered.views == ("scenes",)
    for query in ("select * from samples", "select * from samples_long", "select series_dates('b8')"):
        with pytest.raises(AnalysisException):
            spark.sql(query)
    with pytest.raises(SitsparkError, match=r"\(tables: scenes; .*is no samples table.*run the stage samples first\)"):
        ask("select * from samples_wide", tmp_path, rows=1)


def test_lists_are_told_without_the_names_of_python(run: Path) -> None:
    answer = ask("select array(date'2018-01-01', null) as dates", run, rows=1)
    assert answer.rows == (("[2018-01-01, null]",),)


def test_an_exported_file_is_the_wide_samples(run: Path, samples: pd.DataFrame, tmp_path: Path) -> None:
    for name, read in (("s.parquet", pd.read_parquet), ("s.csv", pd.read_csv)):
        assert main(["export", str(tmp_path / name), "--run", str(run)]) == 0
        found = read(tmp_path / name).set_index("sample_id").sort_index()
        features = [column for column in found if column.startswith("b8_2018")]
        assert len(found) == len(samples) and len(features) > 3
        assert (found["label"] == samples["label"]).all() and (found["split"] == samples["split"]).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["s.xlsx"], "s.xlsx: the name should end in .csv or .parquet"),
        (["none/s.csv"], "there is no folder"),
        (["s.csv", "--table", "sampels"], "has no table sampels, but accuracy_by, acquisitions,"),
        (["s.csv", "--table", "observations"], "a CSV file can't hold dates, acquired, reflectance, valid, static"),
        (["s.csv", "--run", "nowhere"], "nowhere is no run: it holds no run.json"),
    ],
)
def test_what_cannot_be_exported_is_one_sentence(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    out, *more = arguments
    assert main(["export", str(tmp_path / out), "--run", str(run), *more]) == 1
    assert words in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_run_without_samples_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run.json").write_text(json.dumps({}))
    assert main(["export", str(tmp_path / "s.csv"), "--run", str(tmp_path)]) == 1
    assert "has no table samples, but no table yet" in capsys.readouterr().err


def test_other_tables_are_exported_as_they_are(run: Path, tmp_path: Path) -> None:
    assert main(["export", str(tmp_path / "c.csv"), "--run", str(run), "--table", "confusion"]) == 0
    confusion = pq.read_table(run / "tables" / "confusion").to_pandas()
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "c.csv"), confusion, check_dtype=False)
