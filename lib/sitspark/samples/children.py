"""Samples made from others, so that rare classes count: of samples that train alone, and each within its fold.

A model that leaves out a fold sees neither a sample of that fold nor a child of one.
"""

import zlib
from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sitspark.kernels.augmentation import Floats, Positions, jitter, replicate, shares, smote
from sitspark.settings import AugmentationSettings
from sitspark.sql import quoted
from sitspark.worker import end_task

_OWN = "split = 'train' and not monitored"  # those that a network is fitted to
Group = tuple[int, str]  # label and fold ('' without one)


def fitted_by_group(samples: DataFrame) -> dict[Group, int]:
    """The samples that train, without those that only choose the epoch, by label and fold."""
    fold = F.coalesce("fold", F.lit("")).alias("fold")
    rows = samples.where(_OWN).groupBy("label", fold).count().orderBy("label", "fold").collect()
    return {(row.label, row.fold): row["count"] for row in rows}


def wanted_children(fitted: Mapping[Group, int], settings: AugmentationSettings, least: Mapping[int, int]) -> dict[Group, int]:
    """How many children each group gets, so that each class has what the strategy asks for.

    `least` are the numbers of single classes for the strategy byclass. A class without a sample gets none.
    """
    by_class: dict[int, int] = {}
    for (label, _), count in fitted.items():
        by_class[label] = by_class.get(label, 0) + count
    largest = max(by_class.values(), default=0)
    asked = {"balance": dict.fromkeys(by_class, largest), "minimum": dict.fromkeys(by_class, settings.minimum or 0)}
    target = asked.get(settings.strategy, least)
    found: dict[Group, int] = {}
    for label, count in by_class.items():
        missing = max(target.get(label, 0) - count, 0)
        found |= shares({group: there for group, there in fitted.items() if group[0] == label}, missing)
    return {group: count for group, count in found.items() if count}


def children(samples: DataFrame, wanted: Mapping[Group, int], settings: AugmentationSettings, *, seed: int) -> DataFrame:
    """The children, as rows of the samples table; their ids and places are those of their parents."""
    make = _maker(settings)

    def grow(group: pa.Table) -> pa.Table:
        group = group.sort_by("sample_id")
        label, fold = group["label"][0].as_py(), group["fold"][0].as_py() or ""
        features = group["features"].combine_chunks()
        values = features.flatten().to_numpy().reshape(len(group), -1)
        random = np.random.default_rng((seed, label, zlib.crc32(fold.encode())))
        parents, found = make(values, wanted[label, fold], random)
        ends = np.arange(len(found) + 1, dtype=np.int32) * found.shape[1]
        rows = group.take(pa.array(parents))
        end_task()
        column = pa.ListArray.from_arrays(pa.array(ends), pa.array(found.ravel())).cast(features.type)
        return rows.set_column(rows.schema.get_field_index("features"), "features", column)

    chosen = " or ".join(f"(label = {label} and coalesce(fold, '') = {quoted(fold)})" for label, fold in wanted)
    few = samples.where(_OWN).where(chosen or "false")
    return few.groupBy("label", "fold").applyInArrow(grow, samples.schema)


def _maker(settings: AugmentationSettings) -> Callable[[Floats, int, np.random.Generator], tuple[Positions, Floats]]:
    if settings.method == "jitter":
        return lambda features, count, random: jitter(features, count, random, std_factor=settings.std_factor)
    if settings.method == "smote":
        return lambda features, count, random: smote(features, count, random, neighbours=settings.neighbours)
    return replicate
