"""What `sitspark ground-truth check` reads: a vector file, a folder of them, or a Spark table with WKB."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import AtomicType, BinaryType

from sitspark.errors import SitsparkError, some
from sitspark.ground_truth.read import VectorFile, header_of, stage
from sitspark.ground_truth.staged import FIELD, GROUP, Staged, write_staged
from sitspark.spark import location

TABLE = "table:"  # what an address of a Spark table begins with
_TAKEN = ("fid", "ogc_fid", "reason", "geometry", "geom")  # names of columns that a written file has of its own
# as numpy and Arrow call them
_KEPT_TYPES = re.compile(
    r"u?int\d+|float\d*|double|bool|object|str|(large_)?string|dictionary<.*|decimal.*|binary|(date|datetime|timestamp).*"
)
ORIGIN = "origin_id"  # the field that a mended file keeps ids in where none was named


@dataclass(frozen=True, slots=True)
class Source:
    """Where labelled features are; `crs` (as EPSG:2154) is told for a table, and for nothing that knows its own."""

    address: str
    label_field: str
    id_field: str | None = None
    crs: str | None = None

    @property
    def is_table(self) -> bool:
        """Whether it is a Spark table."""
        return self.address.startswith(TABLE)

    @property
    def name(self) -> str:
        """A short name, as the beginning of names of files."""
        return self.address.removeprefix(TABLE) if self.is_table else Path(self.address).stem


@dataclass(frozen=True, slots=True)
class Features:
    """Features as they are, and what holds for all.

    `id_field` is the field that their ids were read from, or null; `dropped` are the fields that a mended file doesn't keep.
    """

    staged: Staged
    crs: str
    id_field: str | None
    files: tuple[VectorFile, ...] = ()
    dropped: tuple[str, ...] = ()


def read_source(spark: SparkSession, source: Source, staging: Path) -> Features:
    """Read all features into the folder `staging`.

    Raises SitsparkError where the file, a field or the CRS is missing.
    """
    if source.is_table:
        return _read_table(spark, source, staging)
    files = tuple(header_of(path) for path in _files(Path(source.address)))
    id_field = source.id_field or (ORIGIN if all(ORIGIN in file.fields for file in files) else None)
    for file in files:
        for option, field in (("--label-field", source.label_field), ("--id-field", id_field)):
            if field is not None and field not in file.fields:
                raise SitsparkError(
                    f"{option}: {file.path} has no field '{field}'; its fields are {', '.join(file.fields) or 'none'}"
                )
    first = files[0]
    for file in files[1:]:
        if file.crs != first.crs:
            raise SitsparkError(f"{file.path} is in {file.crs}, {first.path} in {first.crs}; bring all files to one CRS")
    if source.crs is not None and source.crs != first.crs:
        raise SitsparkError(f"--crs: {first.path} is in {first.crs}, not {source.crs}; leave --crs out")
    kept = _kept_fields(files, {source.label_field, id_field})
    staged = stage(files, label_field=source.label_field, id_field=id_field, staging=staging, attributes=kept)
    every = dict.fromkeys(name for file in files for name in file.fields)
    dropped = tuple(name for name in every if name not in (source.label_field, id_field, *kept))
    return Features(staged, first.crs, id_field, files, dropped)


def _kept_fields(files: Sequence[VectorFile], apart: Collection[str | None]) -> list[str]:
    """The fields that a mended file keeps as they are: those that all files have, of one type that any format knows."""
    first, *others = ([*zip(file.fields, file.types, strict=True)] for file in files)
    return [
        name
        for name, kind in first
        if name not in apart
        and name.lower() not in _TAKEN
        and _KEPT_TYPES.fullmatch(kind)
        and all((name, kind) in other for other in others)
    ]


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise SitsparkError(f"there is no file {path}; correct the path (a Spark table is {TABLE}NAME)")
    if not path.is_dir() or path.suffix.lower() == ".gdb":
        return [path]
    for suffix in (".shp", ".parquet"):
        files = sorted(file for file in path.iterdir() if file.suffix.lower() == suffix and not file.name.startswith("."))
        if files:
            return files
    raise SitsparkError(f"{path} holds neither shapefiles nor GeoParquet; name a file")


def _read_table(spark: SparkSession, source: Source, staging: Path) -> Features:
    name = source.address.removeprefix(TABLE)
    try:
        table = spark.table(name)
    except AnalysisException:
        raise SitsparkError(f"there is no Spark table {name}; correct its name, with catalogue and schema") from None
    if source.id_field is None:
        raise SitsparkError(f"--id-field: the rows of table {name} have no number; name the field that identifies them")
    for option, field in (("--label-field", source.label_field), ("--id-field", source.id_field)):
        if field not in table.columns:
            raise SitsparkError(
                f"{option}: table {name} has no column '{field}'; its columns are {some(table.columns, most=20)}"
            )
    places = [f for f in table.schema if isinstance(f.dataType, BinaryType) or f.dataType.typeName() == "geometry"]
    if len(places) != 1:
        raise SitsparkError(
            f"table {name} has {len(places)} columns of geometry or WKB (binary), and one is needed; make a view of it with one"
        )
    (place,) = places
    binary = isinstance(place.dataType, BinaryType)
    crs = source.crs or (None if binary else _crs_of(table, place.name))
    if crs is None:
        raise SitsparkError(f"--crs: table {name} doesn't say its CRS; name it, as --crs EPSG:2154")
    rows = table.select(
        F.lit(0).cast("bigint").alias("number"),
        F.col(f"`{source.id_field}`").cast("string").alias("id"),
        F.col(f"`{source.label_field}`").cast("string").alias("label"),
        (F.col(f"`{place.name}`") if binary else F.expr(f"ST_AsBinary(`{place.name}`)")).alias("wkb"),
        *(
            F.col(f"`{field.name}`").alias(f"{FIELD}{field.name}")
            for field in table.schema
            if field.name not in (source.label_field, source.id_field, place.name)
            and field.name.lower() not in _TAKEN
            and isinstance(field.dataType, AtomicType)
        ),
    )
    rows.write.mode("overwrite").parquet(location(staging / "table"))
    return Features(write_staged(_numbered(staging / "table"), staging / "features.parquet"), crs, source.id_field)


def _numbered(folder: Path) -> Iterator[pa.RecordBatch]:
    """Rows of a Spark table, numbered; the groups of one that Spark writes are too large for a task."""
    row = 0
    for file in sorted(folder.glob("*.parquet")):
        for batch in pq.ParquetFile(file).iter_batches(batch_size=GROUP):
            yield batch.set_column(0, "number", pa.array(np.arange(row, row + batch.num_rows)))
            row += batch.num_rows


def _crs_of(table: DataFrame, column: str) -> str | None:
    codes = [row[0] for row in table.selectExpr(f"ST_SRID(`{column}`) code").where("code > 0").distinct().limit(2).collect()]
    return f"EPSG:{codes[0]}" if len(codes) == 1 else None


def known_crs(text: str) -> str:
    """The EPSG code of a CRS that a user names; raises SitsparkError where there is none."""
    try:
        code = pyproj.CRS.from_user_input(text).to_epsg()
    except pyproj.exceptions.CRSError:
        code = None
    if code is None:
        raise SitsparkError(f"--crs: '{text}' is no CRS with an EPSG code; write it as EPSG:2154")
    return f"EPSG:{code}"
