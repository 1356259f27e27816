"""Reading a vector file into the run's own Parquet: feature number, label as text, geometry as WKB.

GDAL streams shapefile, GeoPackage and GeoJSON (Sedona 1.8.0's readers stop at a null geometry of a GeoPackage, read a
shapefile in one partition on every pass, and lose the CRS); GeoParquet is read by Spark itself. What follows is Sedona's.
"""

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyogrio
import pyproj
import shapely
from pyogrio.errors import DataLayerError, DataSourceError
from pyproj.exceptions import CRSError
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sitspark.errors import SitsparkError
from sitspark.ground_truth.readable import problems_of
from sitspark.settings import GroundTruthSettings
from sitspark.spark import pattern

# the least confidence at which PROJ's guess for an ESRI .prj without authority is the same CRS under another name
_CRS_CONFIDENCE = 60
_BATCH = 65_536  # features a row group
_STAGED = pa.schema(
    [("number", pa.int64()), ("id", pa.string()), ("label", pa.string()), ("wkb", pa.binary()), ("problem", pa.string())]
)
_STAGED_SQL = "number bigint, id string, label string, wkb binary, problem string"


@dataclass(frozen=True, slots=True)
class VectorFile:
    """What the header of a vector file says; `crs` is an EPSG code as EPSG:2154."""

    path: Path
    crs: str
    fields: tuple[str, ...]
    features: int


def inspect_vector(settings: GroundTruthSettings) -> VectorFile:
    """Read the header of the polygons file; raises SitsparkError for what makes it unusable."""
    path = settings.file
    if not path.exists():
        raise SitsparkError(f"ground_truth.file: there is no file {path}; correct the path")
    if path.is_dir() and path.suffix.lower() != ".gdb":
        raise SitsparkError(
            f"ground_truth.file: {path} is a folder; name one file, which `sitspark ground-truth check {path} --label-field "
            f"{settings.label_field} --fix polygons.gpkg` makes of a folder of shapefiles"
        )
    found = header_of(path)
    for key, field in (
        ("label_field", settings.label_field),
        ("id_field", settings.id_field),
        ("split_field", settings.split_field),
    ):
        if field is not None and field not in found.fields:
            raise SitsparkError(f"ground_truth.{key}: {path} has no field '{field}'; its fields are {', '.join(found.fields)}")
    if found.features == 0:
        raise SitsparkError(f"ground_truth.file: {path} holds no feature")
    return found


def header_of(path: Path) -> VectorFile:
    """Read the header of a vector file; raises SitsparkError where it can't be read, or has no CRS."""
    return _parquet_header(path) if path.suffix == ".parquet" else _gdal_header(path)


def _gdal_header(path: Path) -> VectorFile:
    try:
        info = pyogrio.read_info(path)
    except (DataSourceError, DataLayerError) as error:
        raise SitsparkError(f"ground_truth.file: {path} can't be read as a vector file: {error}") from None
    return VectorFile(path, _epsg_code(info["crs"], path), tuple(info["fields"]), int(info["features"]))


def _parquet_header(path: Path) -> VectorFile:
    try:
        parquet = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise SitsparkError(f"ground_truth.file: {path} can't be read as GeoParquet: {error}") from None
    meta = json.loads((parquet.schema_arrow.metadata or {}).get(b"geo", b"null"))
    if meta is None:
        raise SitsparkError(
            f"ground_truth.file: {path} is Parquet without GeoParquet metadata, so its CRS is unknown; write it with "
            "geopandas' to_parquet or ogr2ogr"
        )
    column = meta["columns"][meta["primary_column"]]
    if column.get("encoding", "WKB") != "WKB":
        raise SitsparkError(
            f"ground_truth.file: the geometries of {path} are encoded as {column['encoding']}; write them as WKB, GeoParquet's "
            "usual encoding"
        )
    # GeoParquet 1.1: an absent crs means OGC:CRS84, an explicit null means unknown
    crs = column.get("crs", "OGC:CRS84")
    text = json.dumps(crs) if isinstance(crs, dict) else crs
    fields = tuple(name for name in parquet.schema_arrow.names if name != meta["primary_column"])
    return VectorFile(path, _epsg_code(text, path), fields, parquet.metadata.num_rows)


def _epsg_code(crs: str | None, path: Path) -> str:
    if crs in (None, ""):
        raise SitsparkError(
            f"ground_truth.file: {path} has no CRS; give it one (a shapefile needs its .prj), for example with "
            "ogr2ogr -a_srs EPSG:2154"
        )
    try:
        known = pyproj.CRS.from_user_input(crs)
    except CRSError as error:
        raise SitsparkError(f"ground_truth.file: the CRS of {path} can't be understood: {error}") from None
    # Sedona transforms longitude, latitude whichever order a CRS names, and knows no authority but EPSG
    code = 4326 if known.to_authority() == ("OGC", "CRS84") else known.to_epsg(min_confidence=_CRS_CONFIDENCE)
    if code is None:
        raise SitsparkError(
            f"ground_truth.file: the CRS of {path} ({known.name}) has no EPSG code; reproject it, for example with "
            "ogr2ogr -t_srs EPSG:2154"
        )
    return f"EPSG:{code}"


def extent_of(settings: GroundTruthSettings) -> tuple[float, float, float, float]:
    """(left, bottom, right, top) of all geometries, in the file's CRS; raises SitsparkError where there is no geometry."""
    path = settings.file
    bounds = (
        _parquet_extent(path) if path.suffix == ".parquet" else pyogrio.read_info(path, force_total_bounds=True)["total_bounds"]
    )
    if bounds is None or not np.isfinite(bounds).all():
        raise SitsparkError(f"ground_truth.file: every geometry of {path} is null or empty; export the file again")
    left, bottom, right, top = (float(value) for value in bounds)
    return left, bottom, right, top


def _parquet_extent(path: Path) -> npt.NDArray[np.float64]:
    parquet = pq.ParquetFile(path)
    column = json.loads(parquet.schema_arrow.metadata[b"geo"])["primary_column"]
    batches = parquet.iter_batches(columns=[column])
    boxes = np.array(
        [shapely.total_bounds(shapely.from_wkb(batch[column].to_numpy(zero_copy_only=False))) for batch in batches]
    )
    # fmin and fmax pass over the NaN of a batch without geometry
    return np.concatenate([np.fmin.reduce(boxes[:, :2]), np.fmax.reduce(boxes[:, 2:])])


def read_features(spark: SparkSession, settings: GroundTruthSettings, staging: Path) -> DataFrame:
    """The features as they are: polygon_id bigint, label string (null where absent), wkb binary (null where absent), problem.

    `staging` is a folder of the run that takes the stream of a GDAL file. polygon_id is `id_field`, or the feature's
    number in the file (GDAL's FID; from 0 in Parquet). `problem` (string) says why a WKB can't be read, or null.
    """
    found = inspect_vector(settings)
    features = stage(spark, [found], label_field=settings.label_field, id_field=settings.id_field, staging=staging)
    if settings.id_field is None:
        return features.select(F.col("number").alias("polygon_id"), "label", "wkb", "problem")
    whole = F.expr("try_cast(id as double) = floor(try_cast(id as double))")
    number = F.coalesce(F.col("id").try_cast("bigint"), F.when(whole, F.expr("try_cast(try_cast(id as double) as bigint)")))
    numbered = features.select(number.alias("polygon_id"), "id", "label", "wkb", "problem")
    _check_ids(numbered, settings)
    return numbered.drop("id")


def _check_ids(features: DataFrame, settings: GroundTruthSettings) -> None:
    for row in features.where("polygon_id is null and id is not null").select("id").limit(1).collect():
        raise SitsparkError(
            f"ground_truth.id_field: '{settings.id_field}' of {settings.file} holds what is no integer ('{row.id}'); name "
            "another field, or leave id_field out"
        )
    twice = features.groupBy("polygon_id").count().where("polygon_id is null or count > 1").orderBy("polygon_id")
    for row in twice.limit(1).collect():
        what = "a feature without a value" if row.polygon_id is None else f"{row['count']} features of id {row.polygon_id}"
        raise SitsparkError(
            f"ground_truth.id_field: {settings.file} has {what} in '{settings.id_field}'; each feature needs an id of its "
            "own; correct it, or leave id_field out (features are then known by their number in the file)"
        )


def stage(
    spark: SparkSession, files: Sequence[VectorFile], *, label_field: str, id_field: str | None, staging: Path
) -> DataFrame:
    """The features of files of one kind: number bigint, id string, label string, wkb binary, problem string.

    Numbers go on from file to file. `id` is null without `id_field`, `problem` says why a WKB can't be read.
    """
    if files[0].path.suffix == ".parquet":
        return _read_parquet(spark, files, label_field=label_field, id_field=id_field)
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    first = 0
    for position, file in enumerate(files):
        _stream(file, staging / f"{position:05}.parquet", label_field=label_field, id_field=id_field, first=first)
        first += file.features
    return spark.read.parquet(pattern(staging))


def _read_parquet(spark: SparkSession, files: Sequence[VectorFile], *, label_field: str, id_field: str | None) -> DataFrame:
    (column,) = {json.loads(pq.read_schema(file.path).metadata[b"geo"])["primary_column"] for file in files}
    firsts = np.cumsum([0, *(file.features for file in files[:-1])])
    offset = F.create_map(*[F.lit(v) for f, n in zip(files, firsts, strict=True) for v in (f.path.name, int(n))])
    number = F.col("_metadata.row_index") + (offset[F.col("_metadata.file_name")] if len(files) > 1 else 0)
    return with_problems(
        spark.read.parquet(*(pattern(file.path) for file in files)).select(
            number.alias("number"),
            (F.col(id_field) if id_field else F.lit(None)).cast("string").alias("id"),
            F.col(label_field).cast("string").alias("label"),
            F.col(column).alias("wkb"),
        )
    )


def with_problems(features: DataFrame) -> DataFrame:
    """Add `problem` to number, id, label, wkb."""

    def judged(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            columns = [*batch.columns, problems_of(batch.column("wkb"))]
            yield pa.RecordBatch.from_arrays(columns, names=_STAGED.names)

    return features.mapInArrow(judged, _STAGED_SQL)


def field_of(batch: pa.RecordBatch, name: str) -> pa.Array:
    """A field of a batch that GDAL read; in GeoJSON the number of a feature, which comes first, may have the same name."""
    return batch.column(batch.schema.get_all_field_indices(name)[-1])


def _stream(file: VectorFile, target: Path, *, label_field: str, id_field: str | None, first: int) -> None:
    """Copy the needed columns of a GDAL file batch by batch, in bounded memory; numbers begin `first` above the file's."""
    columns = [label_field, *([id_field] if id_field else [])]
    with (
        pyogrio.open_arrow(file.path, columns=columns, return_fids=True, batch_size=_BATCH, use_pyarrow=True) as (meta, reader),
        pq.ParquetWriter(target, _STAGED) as writer,
    ):
        geometry, fid = meta["geometry_name"] or "wkb_geometry", meta["fid_column"] or "OGC_FID"
        for batch in reader:
            wkb = batch.column(geometry).cast(pa.binary())
            ids = field_of(batch, id_field).cast(pa.string()) if id_field else pa.nulls(batch.num_rows, pa.string())
            number = pc.add(batch.column(batch.schema.get_all_field_indices(fid)[0]).cast(pa.int64()), first)
            label = field_of(batch, label_field).cast(pa.string())
            writer.write_batch(pa.RecordBatch.from_arrays([number, ids, label, wkb, problems_of(wkb)], schema=_STAGED))
