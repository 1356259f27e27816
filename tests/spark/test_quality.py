"""The table of quality and the series of classes: the same whatever the partitions; what is set aside is never dropped."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from pyspark.sql import DataFrame, SparkSession

from sitspark.kernels.feature_series import FeatureSeries
from sitspark.marks import Marks
from sitspark.samples import quality as frames
from sitspark.samples import series
from sitspark.samples.judge import fit_references, save_references
from sitspark.samples.quality import kept_of, quality, reference_samples, worst_polygons
from sitspark.samples.series import series_by_class
from sitspark.settings import QualitySettings, SamplesSettings
from sitspark.timegrid import TimeGrid
from sitspark.workflow.tables import write_table

SCHEMA = "sample_id bigint, polygon_id bigint, label int, split string, lon double, lat double, features array<float>"
WRONG = {3: 2, 41: 1}  # polygons, and the classes that they are of: the first trains, the second is set aside


def rows() -> pd.DataFrame:
    """Classes of 30 polygons of 6 samples, every third polygon set aside; of class 3 there are too few polygons."""
    random = np.random.default_rng(0)
    centres = random.normal(0, 10, (4, 8))
    found = []
    for polygon in range(63):
        label = 1 + polygon // 30
        about = centres[WRONG.get(polygon, label)] + random.normal(0, 2, 8)
        for _ in range(6):
            split = "validation" if polygon % 3 == 2 else "train"
            features = (about + random.normal(0, 0.5, 8)).astype(np.float32).tolist()
            found.append((len(found), polygon, label, split, polygon / 100, 45.0, features))
    return pd.DataFrame(found, columns=[part.split()[0] for part in SCHEMA.split(", ")])


@pytest.fixture(scope="module")
def samples(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(rows(), SCHEMA).repartition(3).cache()


def judged(samples: DataFrame, folder: Path, settings: QualitySettings, seed: int = 0) -> DataFrame:
    (folder / "marks").mkdir(parents=True)
    write_table(reference_samples(samples, seed=seed), folder / "references")
    references = fit_references(folder / "references", neighbours=settings.neighbours)
    save_references(references, folder / "references.npz")
    marks = Marks(folder / "marks")
    found = quality(samples, folder / "references.npz", settings, marks=marks).cache()
    assert found.count() == samples.count() == marks.total()
    return found


def test_neither_partitions_nor_the_order_of_rows_change_a_bit(
    samples: DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "POLYGONS", 12)
    monkeypatch.setattr(frames, "TURNS", 2)

    def told(name: str, frame: DataFrame, seed: int = 0) -> pd.DataFrame:
        found = judged(frame, tmp_path / name, QualitySettings(neighbours=3, max_score=1.2), seed)
        return found.toPandas().sort_values("sample_id", ignore_index=True)

    first = told("a", samples)
    pd.testing.assert_frame_equal(first, told("b", samples.orderBy("features").coalesce(1)), check_exact=True)
    assert not first["score"].equals(told("c", samples, seed=1)["score"])


def test_references_are_of_training_samples_and_bounded(samples: DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "POLYGONS", 12)
    monkeypatch.setattr(frames, "TURNS", 2)
    chosen = reference_samples(samples, seed=0).toPandas()
    assert (chosen.groupby("polygon_id").size() == 2).all()
    assert chosen.groupby("label")["polygon_id"].nunique().to_dict() == {1: 12, 2: 12, 3: 2}
    assert (chosen["polygon_id"] % 3 != 2).all()


def test_a_wrong_label_is_dropped_where_it_trains_and_only_told_where_it_is_set_aside(
    samples: DataFrame, tmp_path: Path
) -> None:
    table = judged(samples, tmp_path, QualitySettings(max_score=1.2))
    found = table.toPandas()
    assert (found.loc[found["polygon_id"].isin(WRONG), "score"] > 1.2).all()
    assert set(found.loc[~found["kept"], "polygon_id"]) == {3} and not found.loc[found["polygon_id"] == 3, "kept"].any()
    assert set(kept_of(samples, table).toPandas()["sample_id"]) == set(found.loc[found["kept"], "sample_id"])
    worst = worst_polygons(table, 3)
    assert {row.polygon_id: row.suggested for row in worst[:2]} == WRONG
    of_wrong = found[found["polygon_id"] == worst[0].polygon_id]
    assert (worst[0].samples, worst[0].lat) == (6, 45) and worst[0].score == pytest.approx(of_wrong["score"].mean())
    # of a class of too few polygons nothing is said, and nothing dropped
    rare = found[found["label"] == 3]
    assert rare["score"].isna().all() and rare["nearest_label"].isna().all() and rare["kept"].all()


def test_even_a_bound_below_all_scores_drops_nothing_that_is_set_aside(samples: DataFrame, tmp_path: Path) -> None:
    found = judged(samples, tmp_path, QualitySettings(max_score=1e-9)).toPandas()
    assert (found["kept"] == ((found["split"] == "validation") | found["score"].isna())).all()


def test_without_a_bound_the_table_informs_alone(samples: DataFrame, tmp_path: Path) -> None:
    found = judged(samples, tmp_path, QualitySettings()).toPandas()
    assert found["kept"].all() and found["score"].max() > 1.2


def test_series_are_mean_and_middle_of_each_class(samples: DataFrame) -> None:
    dates = TimeGrid(date(2018, 1, 1), date(2018, 1, 21), 10).dates
    shown = FeatureSeries("B8", "sentinel2", dates, (1, 4, 7), 2)
    found = series_by_class(samples, shown, seed=0).collect()
    table = rows()
    assert [row.label for row in found] == [1, 2, 3] and found[0].dates == list(dates)
    for row in found:
        values = np.stack(table.loc[table["label"] == row.label, "features"].to_list())[:, [1, 4, 7]] / 2
        assert row.samples == len(values)
        assert row.mean == pytest.approx(values.mean(axis=0), rel=1e-5)
        low, high = np.quantile(values, [0.1, 0.9], axis=0)
        assert row.low == pytest.approx(low, rel=1e-5) and row.high == pytest.approx(high, rel=1e-5)


def test_series_of_many_samples_are_those_of_some_and_the_same_bits(
    samples: DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series, "MOST", 100)
    shown = FeatureSeries("B8", "sentinel2", (date(2018, 1, 1), date(2018, 1, 2)), (0, 1), 1)
    found = series_by_class(samples, shown, seed=0).collect()
    assert [row.samples for row in found] == [100, 100, 18]
    assert found == series_by_class(samples.orderBy("features").coalesce(1), shown, seed=0).collect()
    assert found[:2] != series_by_class(samples, shown, seed=1).collect()[:2]


@pytest.mark.parametrize("keys", [{"neighbours": 0}, {"max_score": 0}, {"neighbors": 5}, {"threshold": 1.5}], ids=str)
def test_what_can_not_be_meant_is_refused(keys: dict) -> None:
    with pytest.raises(ValidationError):
        SamplesSettings(quality=keys)
