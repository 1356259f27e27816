"""Samples made from others, so that rare classes count: of samples that train alone, each within its fold and its ground.

A model that leaves out a fold sees neither a sample of that fold nor a child of one; a model of some ground none of another.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from sitspark.kernels.augmentation import Floats, Positions, jitter, replicate, shares, smote
from sitspark.settings import AugmentationSettings
from sitspark.sql import quoted
from sitspark.worker import end_task

_OWN = "split = 'train' and not monitored"  # those that a network is fitted to


@dataclass(frozen=True, slots=True)
class Group:
    """Samples of one label in one fold, and on the ground of one model; '' without fold, and where one model has all."""

    label: int
    fold: str = ""
    ground: str = ""


def fitted_by_group(samples: DataFrame, ground: str | None = None) -> dict[Group, int]:
    """The samples that train, without those that only choose the epoch.

    `ground` is the column that says whose ground a sample lies on, None where one model has all; what lies on nobody's is left
    out.
    """
    seen = samples.where(_OWN) if ground is None else samples.where(_OWN).where(F.col(ground).isNotNull())
    kept = seen.select("label", _text("fold").alias("fold"), _text(ground).alias("ground"))
    rows = kept.groupBy("label", "fold", "ground").count().orderBy("label", "fold", "ground").collect()
    return {Group(row.label, row.fold, row.ground): row["count"] for row in rows}


def _text(column: str | None) -> Column:
    return F.lit("") if column is None else F.coalesce(column, F.lit(""))


def wanted_children(fitted: Mapping[Group, int], settings: AugmentationSettings, least: Mapping[int, int]) -> dict[Group, int]:
    """How many children each group gets, so that each class has on each ground what the strategy asks for.

    `least` are the numbers of single classes for the strategy byclass. A class without a sample gets none, nor does a ground
    that isn't among `settings.models`, where these are named.
    """
    found: dict[Group, int] = {}
    for ground in sorted({group.ground for group in fitted if not settings.models or group.ground in settings.models}):
        found |= _wanted_on({group: count for group, count in fitted.items() if group.ground == ground}, settings, least)
    return found


def _wanted_on(fitted: Mapping[Group, int], settings: AugmentationSettings, least: Mapping[int, int]) -> dict[Group, int]:
    by_class: dict[int, int] = {}
    for group, count in fitted.items():
        by_class[group.label] = by_class.get(group.label, 0) + count
    largest = max(by_class.values(), default=0)
    asked = {"balance": dict.fromkeys(by_class, largest), "minimum": dict.fromkeys(by_class, settings.minimum or 0)}
    target = asked.get(settings.strategy, least)
    found: dict[Group, int] = {}
    for label, count in by_class.items():
        missing = max(target.get(label, 0) - count, 0)
        found |= shares({group: there for group, there in fitted.items() if group.label == label}, missing)
    return {group: count for group, count in found.items() if count}


def children(
    samples: DataFrame, wanted: Mapping[Group, int], settings: AugmentationSettings, *, seed: int, ground: str | None = None
) -> DataFrame:
    """The children, as rows of the samples table; their ids and places are those of their parents.

    `ground` is as in `fitted_by_group`.
    """
    make = _maker(settings)

    def text(column: str | None, group: pa.Table) -> str:
        return "" if column is None else group[column][0].as_py() or ""

    def grow(group: pa.Table) -> pa.Table:
        group = group.sort_by("sample_id")
        own = Group(group["label"][0].as_py(), text("fold", group), text(ground, group))
        features = group["features"].combine_chunks()
        values = features.flatten().to_numpy().reshape(len(group), -1)
        places = (own.fold, own.ground) if own.ground else (own.fold,)
        random = np.random.default_rng((seed, own.label, *(zlib.crc32(place.encode()) for place in places)))
        parents, found = make(values, wanted[own], random)
        ends = np.arange(len(found) + 1, dtype=np.int32) * found.shape[1]
        rows = group.take(pa.array(parents))
        end_task()
        column = pa.ListArray.from_arrays(pa.array(ends), pa.array(found.ravel())).cast(features.type)
        return rows.set_column(rows.schema.get_field_index("features"), "features", column)

    chosen = " or ".join(_is_in(group, ground) for group in wanted)
    few = samples.where(_OWN).where(chosen or "false")
    return few.groupBy("label", "fold", *([ground] if ground else [])).applyInArrow(grow, samples.schema)


def _is_in(group: Group, ground: str | None) -> str:
    """The SQL condition of a group."""
    condition = f"label = {group.label} and coalesce(fold, '') = {quoted(group.fold)}"
    return f"({condition})" if ground is None else f"({condition} and coalesce({ground}, '') = {quoted(group.ground)})"


def _maker(settings: AugmentationSettings) -> Callable[[Floats, int, np.random.Generator], tuple[Positions, Floats]]:
    if settings.method == "jitter":
        return lambda features, count, random: jitter(features, count, random, std_factor=settings.std_factor)
    if settings.method == "smote":
        return lambda features, count, random: smote(features, count, random, neighbours=settings.neighbours)
    return replicate
