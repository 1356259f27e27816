"""Tables of series without Spark: what a row becomes, and the sentence for each way in which a table can be wrong."""

from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sitspark.classes import LandCoverClass, Nomenclature
from sitspark.errors import SitsparkError
from sitspark.samples.long_table import Labels, columns_of, inspect, named, parts_of, read_part
from sitspark.settings import ObservationsSettings

NAMES = Nomenclature((LandCoverClass(1, "wheat", (0, 0, 0)), LandCoverClass(7, "maize", (1, 1, 1))))
TABLE = pd.DataFrame(
    {
        "plot": ["a", "b"],
        "year": [2023, 2024],
        "when": [datetime(2023, 5, 1, 11, 30), datetime(2024, 6, 2)],
        "crop": ["wheat", "7"],
        "red": np.array([500, 65535], np.uint16),
        "nir": np.array([3000, 40_000], np.uint16),
    }
)


def settings_of(file: Path, **changed: object) -> ObservationsSettings:
    fields = {
        "file": file,
        "sample": "plot",
        "date": "when",
        "label": "crop",
        "bands": {"B4": "red", "B8": "nir"},
        "nodata": 65535,
    }
    return ObservationsSettings.model_validate(fields | changed)


def written(folder: Path, table: pd.DataFrame = TABLE, name: str = "table.parquet") -> Path:
    file = folder / name
    if file.suffix == ".csv":
        table.to_csv(file, index=False)
    else:
        table.to_parquet(file)
    return file


def rows_of(settings: ObservationsSettings) -> list[dict]:
    labels = Labels.of(settings, NAMES)
    batches = [batch for part in range(parts_of(settings)) for batch in read_part(settings, labels, part)]
    return pa.Table.from_batches(batches).to_pylist()


@pytest.mark.parametrize("name", ["table.parquet", "table.geoparquet", "table.csv"])
def test_a_row_has_its_sample_its_day_its_class_and_reflectance_times_10_000(tmp_path: Path, name: str) -> None:
    first, second = rows_of(settings_of(written(tmp_path, name=name), sample=["plot", "year"], scale=0.0002, offset=-0.01))
    assert first == {
        "sample": "a/2023",
        "polygon": None,
        "fold": None,
        "said": "wheat",
        "label": 1,
        "acquired": date(2023, 5, 1),
        "lon": None,
        "lat": None,
        "weight": None,
        "series": [{"valid": True, "reflectance": [900, 5900]}],  # 10 000 x (0.0002 x 500 - 0.01)
        "static": [],
    }
    # one band without data makes the row one without data; what is beyond 16 bits is cut
    assert (second["label"], second["series"]) == (7, [{"valid": False, "reflectance": [-10_000, 32_767]}])


def test_a_row_is_of_the_sensors_of_which_it_has_values(tmp_path: Path) -> None:
    table = TABLE.iloc[[0, 0, 0, 0]].assign(
        red=[500, None, 500, None], nir=[600, None, None, None], vv=[None, 9, 8, None], vh=[None, 0, 4, None]
    )
    radar = {"sensor": "radar", "bands": {"VV": "vv", "VH": "vh"}, "scale": 0.001, "nodata": 0}
    rows = rows_of(settings_of(written(tmp_path, table), nodata=None, other_sensors=[radar]))
    assert [row["series"] for row in rows] == [
        [{"valid": True, "reflectance": [500, 600]}, None],
        [None, {"valid": False, "reflectance": [90, -10_000]}],
        [{"valid": False, "reflectance": [500, -10_000]}, {"valid": True, "reflectance": [80, 40]}],
        # without any value it is an acquisition without data of both
        [{"valid": False, "reflectance": [-10_000, -10_000]}, {"valid": False, "reflectance": [-10_000, -10_000]}],
    ]


def test_an_empty_cell_is_no_data_and_a_text_that_is_no_date_is_none(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("plot;when;crop;red;nir\n a ;2023-05-01T10:00;7.0;1;2\n;soon;;;3\n", encoding="utf-8")
    first, second = rows_of(settings_of(file))
    assert (first["sample"], first["acquired"], first["label"]) == ("a", date(2023, 5, 1), 7)
    assert [second[name] for name in ("sample", "acquired", "said", "label")] == [None] * 4
    assert [row["series"][0]["valid"] for row in (first, second)] == [True, False]


def test_labels_are_translated_and_nothing_else_is_a_class_then(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "any.csv", labels={"1101060000": "maize", "2.0": 1})
    codes = Labels.of(settings, NAMES).codes_of(pa.array(["1101060000", "2", "7", "maize", None]))
    assert codes.to_pylist() == [7, 1, None, None, None]


def test_only_the_named_columns_are_read_each_once(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "any.csv", sample=["plot", "year"], polygon="plot", fold="year")
    assert columns_of(settings) == ("plot", "year", "when", "crop", "red", "nir")


WRONG = [
    ({"date": "day"}, r"observations.date: .*table.parquet has no column 'day'; it has plot, year, when, crop, red, nir;"),
    ({"bands": {"B4": "blue"}}, r"observations.bands.B4: .* has no column 'blue'"),
    ({"bands": {"B4": "crop"}}, r"observations.bands.B4: column 'crop' of .* is string, not numbers"),
    ({"weight": "crop"}, r"observations.weight: column 'crop' of .* is string, not numbers"),
    ({"lon": "red", "lat": "crop"}, r"observations.lat: column 'crop' of .* is string, not numbers"),
    ({"date": "year"}, r"observations.date: column 'year' of .* is int64, not dates; .* YYYY-MM-DD"),
    ({"label": "shape"}, r"observations.label: column 'shape' of .* is list<.*; name a column of texts or numbers"),
]


@pytest.mark.parametrize(("changed", "sentence"), WRONG)
def test_a_column_that_is_absent_or_of_a_wrong_type_is_named(tmp_path: Path, changed: dict, sentence: str) -> None:
    table = TABLE.assign(shape=[[1], [2]]) if changed == {"label": "shape"} else TABLE
    with pytest.raises(SitsparkError, match=sentence):
        inspect(settings_of(written(tmp_path, table), **changed))


def test_a_file_that_is_absent_empty_broken_or_of_another_kind_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"no table")
    (tmp_path / "table.xlsx").write_bytes(b"")
    (tmp_path / "empty.csv").write_bytes(b"")
    for name, sentence in {
        "absent.parquet": "absent.parquet is no file; correct the path",
        "broken.parquet": "broken.parquet can't be read as parquet",
        "table.xlsx": "table.xlsx should end in .parquet, .geoparquet or .csv",
        "empty.csv": "empty.csv can't be read as csv",
        "bare.parquet": "bare.parquet has no rows",
    }.items():
        written(tmp_path, TABLE.iloc[:0].astype({"plot": "string", "crop": "string"}), "bare.parquet")
        with pytest.raises(SitsparkError, match=sentence):
            inspect(settings_of(tmp_path / name))


def test_a_text_among_the_numbers_of_a_csv_file_is_told_with_its_place(tmp_path: Path) -> None:
    file = written(tmp_path, TABLE.assign(red=["1", "much"]), "table.csv")
    with pytest.raises(SitsparkError, match=r"table.csv can't be read: .*'much'"):
        rows_of(settings_of(file))


@pytest.mark.parametrize("name", ["table.parquet", "table.csv"])
@pytest.mark.parametrize(("value", "said"), [(-1.0, "-1.0"), (np.inf, "inf"), (np.nan, "empty|nan")])
def test_what_is_no_weight_is_told_with_its_row(tmp_path: Path, name: str, value: float, said: str) -> None:
    good = settings_of(written(tmp_path, TABLE.assign(trust=[2, 0.5]), name), weight="trust")
    assert [row["weight"] for row in rows_of(good)] == [2.0, 0.5]
    bad = settings_of(written(tmp_path, TABLE.assign(trust=[1, value]), name), weight="trust")
    with pytest.raises(SitsparkError, match=rf"weight: .*{name}, row 2: 'trust' is ({said}), and a weight is a number from 0"):
        rows_of(bad)


def test_a_label_that_means_no_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SitsparkError, match=r"observations.labels: rye is no class of classes.nomenclature"):
        Labels.of(settings_of(tmp_path / "any.csv", labels={"3": "rye"}), NAMES)


def test_parts_are_the_row_groups_and_hold_each_row_once(tmp_path: Path) -> None:
    file = tmp_path / "table.parquet"
    pq.write_table(pa.Table.from_pandas(pd.concat([TABLE] * 5)), file, row_group_size=3)
    settings = settings_of(file)
    assert parts_of(settings) == 4
    assert [row["sample"] for row in rows_of(settings)] == ["a", "b"] * 5


def test_all_static_columns_are_the_numbers_that_no_other_key_names(tmp_path: Path) -> None:
    for name in ("table.parquet", "table.csv"):
        file = written(tmp_path, TABLE.assign(slope=[1.5, 2], note=["x", "y"]), name)
        assert named(settings_of(file, static="all", lon="year", lat="nir")).static == ("slope",)
        with pytest.raises(SitsparkError, match=r"observations.static: .* has no numbers in columns that no other key names"):
            named(settings_of(file, static="all", lon="year", lat="slope"))


def test_static_values_are_all_there_or_none_and_a_row_has_its_number_without_a_column(tmp_path: Path) -> None:
    table = TABLE.assign(slope=[1.5, 2], height=[65535.0, 310])
    file = tmp_path / "table.parquet"
    pq.write_table(pa.Table.from_pandas(pd.concat([table] * 3)), file, row_group_size=4)
    rows = rows_of(settings_of(file, sample=[], date=None, bands={}, static=["height", "slope"]))
    assert [row["sample"] for row in rows] == ["0", "1", "2", "3", "4", "5"]
    assert [row["static"] for row in rows] == [None, [310, 2]] * 3
    assert {row["acquired"] for row in rows} == {None} and {tuple(row["series"]) for row in rows} == {()}
