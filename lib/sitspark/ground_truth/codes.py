"""Labels as whole numbers: codes of the nomenclature, or, where there is none, numbers given to texts."""

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sitspark.errors import SitsparkError

_LARGEST = 65535


def with_codes(features: DataFrame, names: Mapping[int, str] | None) -> tuple[DataFrame, dict[str, int]]:
    """Add `code` (int, null where `label` has none) to features; and the codes of the texts among the labels.

    Whole numbers stay. A text has the code of the class of that name in `names` (by code); without a nomenclature the
    different labels, where one of them is no whole number, are numbered from 1 in their order, as iota2 does.
    """
    number = F.expr("try_cast(label as double)")
    whole = F.when(number == F.floor(number), F.expr("try_cast(try_cast(label as double) as int)"))
    if names is not None:
        codes = {name: code for code, name in names.items()}
        table = F.create_map(*[F.lit(part) for pair in codes.items() for part in pair])
        coded = features.withColumn("code", F.coalesce(whole, F.try_element_at(table, F.trim("label"))))
        texts = coded.where(whole.isNull() & F.col("code").isNotNull()).limit(1).count()
        return coded, codes if texts else {}
    if not features.where(whole.isNull() & (F.trim("label") != "")).limit(1).count():
        return features.withColumn("code", whole), {}
    labels = features.select(F.trim("label").alias("label")).where("label <> ''").distinct().orderBy("label")
    found = [row.label for row in labels.limit(_LARGEST + 1).collect()]
    if len(found) > _LARGEST:
        raise SitsparkError(f"--label-field: holds more than {_LARGEST} different texts; name the field of the classes")
    codes = {label: code for code, label in enumerate(found, 1)}
    rows = features.sparkSession.createDataFrame(list(codes.items()), "text string, code int")
    coded = features.withColumn("text", F.trim("label")).join(F.broadcast(rows), "text", "left").drop("text")
    return coded, codes
