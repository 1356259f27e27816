"""What the labels of a vector file say, without reading a geometry."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyogrio

from sitspark.classes import Nomenclature
from sitspark.errors import SitsparkError
from sitspark.ground_truth.codes import code_of, text_codes
from sitspark.ground_truth.read import field_of
from sitspark.settings import GroundTruthSettings


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """Features by class code, and by those whole numbers that are no class."""

    of_class: Counter[int]
    unknown: Counter[str]


def count_labels(settings: GroundTruthSettings, nomenclature: Nomenclature) -> LabelCounts:
    """Count the features of each label; absent labels count nowhere.

    Raises SitsparkError with the feature for a text that is neither a whole number nor a class name.
    """
    codes = text_codes({c.code: c.name for c in nomenclature})
    counts = LabelCounts(Counter(), Counter())
    for features, labels in values_of(settings, settings.label_field):
        for pair in labels.value_counts().to_pylist():
            label = "" if pair["values"] is None else str(pair["values"]).strip()
            if not label:
                continue
            code = code_of(label, codes)
            if code is None:
                feature = features.filter(pc.equal(labels, pair["values"]))[0]
                raise SitsparkError(not_a_label(settings.file, feature, label))
            if code in nomenclature.codes:
                counts.of_class[code] += pair["counts"]
            else:
                counts.unknown[str(code)] += pair["counts"]
    return counts


def not_a_label(file: object, feature: object, label: str) -> str:
    """The sentence for a label that can't be understood."""
    return (
        f"{file}, feature {feature}: label '{label}' is neither an integer nor a class name of classes.nomenclature; correct "
        "it, or name another ground_truth.label_field"
    )


def values_of(settings: GroundTruthSettings, field: str) -> Iterator[tuple[pa.Array, pa.Array]]:
    """Ids of features and values of a field, batch by batch; the id is `id_field`, or the feature's number in the file."""
    columns = [field, *([settings.id_field] if settings.id_field else [])]
    if settings.file.suffix == ".parquet":
        first = 0
        for batch in pq.ParquetFile(settings.file).iter_batches(columns=columns):
            numbers = pa.array(range(first, first + batch.num_rows))
            yield batch[settings.id_field] if settings.id_field else numbers, batch[field]
            first += batch.num_rows
        return
    with pyogrio.open_arrow(settings.file, columns=columns, return_fids=True, read_geometry=False, use_pyarrow=True) as (
        meta,
        reader,
    ):
        identifier = settings.id_field or meta["fid_column"] or "OGC_FID"
        for batch in reader:
            yield field_of(batch, identifier), field_of(batch, field)
