"""The samples set aside, straight from the samples table: how often a model is right by its confidence, and some of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sitspark.accuracy.reliability import BINS, Reliability, bins_of, deviation_by_polygon, reliability_bin
from sitspark.kernels.committee import Combine
from sitspark.models.committee import Committee, Member
from sitspark.worker import end_task

SET_ASIDE = "split = 'validation'"
_UNIT = 2**30  # confidences are summed as whole numbers of its inverse: no sum depends on the order
_COUNTS = "calibrated boolean, bin int, polygon_id bigint, samples bigint, correct bigint, confidence bigint"


@dataclass(frozen=True, slots=True)
class ModelReliability:
    """The reliability of a model on the samples set aside, of so many polygons, as it is and with its temperature.

    `calibrated` is None for a model whose temperature is 1.
    """

    polygons: int
    plain: Reliability
    calibrated: Reliability | None


def reliability_of(samples: DataFrame, members: Sequence[Member], combine: Combine = "mean") -> ModelReliability:
    """Classify all samples set aside in one pass; the deviations of the bins take the samples of a polygon as dependent.

    Samples on ground of which no model is are left out.
    """
    ground = members[0].ground

    def count(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        committee = Committee.load(members, combine)
        for batch in batches:
            features = np.stack(list(batch["features"])).astype(np.float32, copy=False)
            yield _counted(batch, features, committee.uncalibrated(), calibrated=False)
            if committee.is_calibrated:
                yield _counted(batch, features, committee, calibrated=True)
        end_task()

    aside = samples.where(SET_ASIDE)
    if ground is not None:
        aside = aside.where(F.col(ground.kind).isin(sorted({one.ground.name for one in members if one.ground})))
    aside = aside.select("polygon_id", "label", "features", *([ground.kind] if ground else []))
    sums = [F.sum(name).alias(name) for name in ("samples", "correct", "confidence")]
    by_polygon = aside.mapInPandas(count, _COUNTS).groupBy("calibrated", "bin", "polygon_id").agg(*sums)
    n, right = F.col("samples").cast("double"), F.col("correct").cast("double")
    by_bin = by_polygon.groupBy("calibrated", "bin").agg(
        *sums,
        F.count("*").alias("polygons"),
        F.sum(n * n).alias("squared"),
        F.sum(right * right).alias("right_squared"),
        F.sum(n * right).alias("product"),
    )
    rows = by_bin.collect()
    polygons = aside.select("polygon_id").distinct().count()
    calibrated = [row for row in rows if row.calibrated]
    return ModelReliability(
        polygons, _diagram([row for row in rows if not row.calibrated]), _diagram(calibrated) if calibrated else None
    )


@dataclass(frozen=True, slots=True, eq=False)
class SetAside:
    """Samples: features float32 (n, features), labels int64 (n,), and the names of their grounds (n,), if there are any."""

    features: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    grounds: npt.NDArray[np.object_] | None = None

    def __len__(self) -> int:
        return len(self.labels)


def some_set_aside(
    samples: DataFrame, counts: Mapping[int, int], *, per_class: int, seed: int, ground: str | None = None
) -> SetAside:
    """About `per_class` samples set aside of each class, in the order of their ids.

    `counts` are those that each class has. Which ones are taken follows from the seed and their ids. `ground` is the column of
    grounds; samples without one are left out.
    """
    shares = {code: min(1.0, per_class / count) for code, count in counts.items() if count}
    if not shares:
        return SetAside(np.empty((0, 0), np.float32), np.empty(0, np.int64))
    share = F.create_map(*(F.lit(part) for pair in shares.items() for part in pair))[F.col("label")]
    drawn = F.expr(f"pmod(xxhash64({seed}, 'importance', sample_id), {_UNIT}) / {_UNIT}")
    columns = ["sample_id", "label", "features", *([ground] if ground else [])]
    taken = samples.where(SET_ASIDE).where(drawn < share).select(*columns).dropna(subset=columns[3:] or None).toPandas()
    taken = taken.sort_values("sample_id")
    features = np.stack(list(taken["features"])).astype(np.float32) if len(taken) else np.empty((0, 0), np.float32)
    return SetAside(features, taken["label"].to_numpy(np.int64), taken[ground].to_numpy(object) if ground else None)


def _counted(batch: pd.DataFrame, features: npt.NDArray[np.float32], committee: Committee, *, calibrated: bool) -> pd.DataFrame:
    ground = committee.ground_column
    position, confidence = committee.classify(features, None if ground is None else batch[ground].to_numpy(object))
    counted = pd.DataFrame(
        {
            "calibrated": calibrated,
            "bin": bins_of(confidence).astype(np.int32),
            "polygon_id": batch["polygon_id"],
            "samples": 1,
            "correct": (committee.codes[position] == batch["label"].to_numpy()).astype(np.int64),
            "confidence": np.rint(confidence.astype(np.float64) * _UNIT).astype(np.int64),
        }
    )
    return counted.groupby(["calibrated", "bin", "polygon_id"], as_index=False).sum()


def _diagram(rows: list) -> Reliability:  # type: ignore[type-arg]  # of Spark's rows
    by_bin = {row.bin: row for row in rows}
    bins = []
    for number in range(BINS):
        row = by_bin.get(number)
        if row is None:
            bins.append(reliability_bin(number, 0, 0, 0.0, polygons=0))
            continue
        deviation = deviation_by_polygon(
            row.polygons,
            row.samples,
            row.correct,
            squared=row.squared,
            right_squared=row.right_squared,
            product=row.product,
        )
        summed = row.confidence / _UNIT
        bins.append(reliability_bin(number, row.samples, row.correct, summed, polygons=row.polygons, deviation=deviation))
    return Reliability(tuple(bins))
