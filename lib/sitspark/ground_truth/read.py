"""Reading a vector file into Parquet of our own: feature number, label as text, geometry as WKB.

GDAL streams shapefile, GeoPackage and GeoJSON, a million polygons in a second: Sedona 1.8.0's readers stop at a null
geometry of a GeoPackage, read a shapefile in one partition on every pass, and lose the CRS.
"""

import json
import warnings
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

from sitspark.errors import SitsparkError
from sitspark.ground_truth.codes import whole_number
from sitspark.ground_truth.staged import FEATURES, FIELD, GROUP, Staged, write_staged
from sitspark.settings import GroundTruthSettings

# the least confidence at which PROJ's guess for an ESRI .prj without authority is the same CRS under another name
_CRS_CONFIDENCE = 60


@dataclass(frozen=True, slots=True)
class VectorFile:
    """What the header of a vector file says; `crs` is an EPSG code as EPSG:2154, `types` go with `fields`."""

    path: Path
    crs: str
    fields: tuple[str, ...]
    types: tuple[str, ...]
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
    try:
        found = header_of(path)
    except SitsparkError as error:
        raise SitsparkError(f"ground_truth.file: {error}") from None
    for key, field in (
        ("label_field", settings.label_field),
        ("id_field", settings.id_field),
        ("weight_field", settings.weight_field),
        ("split_field", settings.split_field),
    ):
        if field is not None and field not in found.fields:
            raise SitsparkError(f"ground_truth.{key}: {path} has no field '{field}'; its fields are {', '.join(found.fields)}")
    if found.features == 0:
        raise SitsparkError(f"ground_truth.file: {path} holds no feature")
    return found


def header_of(path: Path) -> VectorFile:
    """Read the header of a vector file; raises SitsparkError where it can't be read, or has no CRS."""
    return _parquet_header(path) if path.suffix.lower() == ".parquet" else _gdal_header(path)


def _refuse_cut_short(path: Path) -> None:
    """A shapefile says its length at byte 24, in words of two bytes (ESRI 1998); GDAL takes what is missing for null."""
    with path.open("rb") as file:
        said = 2 * int.from_bytes(file.read(28)[24:], "big")
    if path.stat().st_size < said:
        raise SitsparkError(
            f"{path} is cut short: it says that it has {said} bytes, and has {path.stat().st_size}; copy it again"
        )


def _gdal_header(path: Path) -> VectorFile:
    if path.suffix.lower() == ".shp":
        _refuse_cut_short(path)
    try:
        info = pyogrio.read_info(path)
    except (DataSourceError, DataLayerError) as error:
        # what GDAL advises is meant for those who call it
        cause = str(error).partition("; It might help")[0].rstrip(".")
        raise SitsparkError(
            f"{path} can't be read as a vector file ({cause}); copy it again where it is a shapefile, GeoPackage, GeoJSON or "
            "GeoParquet, else name one"
        ) from None
    return VectorFile(
        path, _epsg_code(info["crs"], path), tuple(info["fields"]), tuple(map(str, info["dtypes"])), int(info["features"])
    )


def _parquet_header(path: Path) -> VectorFile:
    try:
        parquet = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise SitsparkError(f"{path} can't be read as GeoParquet: {error}") from None
    meta = json.loads((parquet.schema_arrow.metadata or {}).get(b"geo", b"null"))
    if meta is None:
        raise SitsparkError(
            f"{path} is Parquet without GeoParquet metadata, so its CRS is unknown; write it with "
            "geopandas' to_parquet or ogr2ogr"
        )
    column = meta["columns"][meta["primary_column"]]
    if column.get("encoding", "WKB") != "WKB":
        raise SitsparkError(
            f"the geometries of {path} are encoded as {column['encoding']}; write them as WKB, GeoParquet's usual encoding"
        )
    # GeoParquet 1.1: an absent crs means OGC:CRS84, an explicit null means unknown
    crs = column.get("crs", "OGC:CRS84")
    text = json.dumps(crs) if isinstance(crs, dict) else crs
    fields = [field for field in parquet.schema_arrow if field.name != meta["primary_column"]]
    names, types = tuple(field.name for field in fields), tuple(str(field.type) for field in fields)
    return VectorFile(path, _epsg_code(text, path), names, types, parquet.metadata.num_rows)


def _epsg_code(crs: str | None, path: Path) -> str:
    if crs in (None, ""):
        raise SitsparkError(
            f"{path} has no CRS; give it one (a shapefile needs its .prj), for example with ogr2ogr -a_srs EPSG:2154"
        )
    try:
        known = pyproj.CRS.from_user_input(crs)
    except CRSError as error:
        raise SitsparkError(f"the CRS of {path} can't be understood: {error}") from None
    # Sedona transforms longitude, latitude whichever order a CRS names, and knows no authority but EPSG
    code = 4326 if known.to_authority() == ("OGC", "CRS84") else known.to_epsg(min_confidence=_CRS_CONFIDENCE)
    if code is None:
        raise SitsparkError(
            f"the CRS of {path} ({known.name}) has no EPSG code; reproject it, for example with ogr2ogr -t_srs EPSG:2154"
        )
    return f"EPSG:{code}"


def extent_of(settings: GroundTruthSettings) -> tuple[float, float, float, float]:
    """(left, bottom, right, top) of all geometries, in the file's CRS; raises SitsparkError where there is no geometry."""
    path = settings.file
    if path.suffix.lower() == ".parquet":
        bounds = _parquet_extent(path)
    else:
        bounds = pyogrio.read_info(path, force_total_bounds=True)["total_bounds"]
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


def read_features(settings: GroundTruthSettings, staging: Path) -> Staged:
    """The features as they are, streamed into the folder `staging`; `number` is the value of `id_field`, where there is one.

    Else it is the feature's number in the file (GDAL's FID; from 0 in Parquet). Raises SitsparkError for ids that aren't whole
    numbers of their own.
    """
    found = inspect_vector(settings)
    batches = _batches(found, label_field=settings.label_field, id_field=settings.id_field)
    numbers: list[pa.Array] = []

    if settings.id_field is None:
        return write_staged(batches, staging / "features.parquet")

    def numbered() -> Iterator[pa.RecordBatch]:
        for batch in batches:
            numbers.append(_numbers(batch["id"], settings))
            yield batch.set_column(0, "number", numbers[-1])

    staged = write_staged(numbered(), staging / "features.parquet")
    _refuse_twice(pa.concat_arrays(numbers), settings)
    return staged


def _numbers(ids: pa.Array, settings: GroundTruthSettings) -> pa.Array:
    """Ids as int64, null where absent."""
    try:
        return ids.cast(pa.int64())
    except pa.ArrowInvalid:
        return pa.array([None if text is None else _number(text, settings) for text in ids.to_pylist()], pa.int64())


def _number(text: str, settings: GroundTruthSettings) -> int:
    number = whole_number(text, largest=2**53)  # beyond, a float isn't exact
    if number is not None:
        return number
    raise SitsparkError(
        f"ground_truth.id_field: '{settings.id_field}' of {settings.file} holds what is no integer ('{text}'); name "
        "another field, or leave id_field out"
    )


def _refuse_twice(numbers: pa.Array, settings: GroundTruthSettings) -> None:
    what = "a feature without a value" if numbers.null_count else None
    if what is None:
        values, counts = np.unique(numbers.to_numpy(), return_counts=True)
        twice = np.flatnonzero(counts > 1)
        what = f"{counts[twice[0]]} features of id {values[twice[0]]}" if len(twice) else None
    if what is not None:
        raise SitsparkError(
            f"ground_truth.id_field: {settings.file} has {what} in '{settings.id_field}'; each feature needs an id of its "
            "own; correct it, or leave id_field out (features are then known by their number in the file)"
        )


def stage(
    files: Sequence[VectorFile], *, label_field: str, id_field: str | None, staging: Path, attributes: Sequence[str] = ()
) -> Staged:
    """Stream the features of files into the folder `staging`; `number` is the row, from 0 and on from file to file.

    Without an `id_field` the id is the feature's number in its file (GDAL's FID), on from file to file too. `attributes` are
    fields that all files have, of one type, and that are kept.
    """

    def numbered() -> Iterator[pa.RecordBatch]:
        row = first = 0
        for file in files:
            for batch in _batches(file, label_field=label_field, id_field=id_field, attributes=attributes):
                if id_field is None:
                    batch = batch.set_column(1, "id", pc.add(batch["number"], first).cast(pa.string()))
                yield batch.set_column(0, "number", pa.array(np.arange(row, row + batch.num_rows)))
                row += batch.num_rows
            first += file.features

    return write_staged(numbered(), staging / "features.parquet")


def _batches(
    file: VectorFile, *, label_field: str, id_field: str | None, attributes: Sequence[str] = ()
) -> Iterator[pa.RecordBatch]:
    """The features of a file as FEATURES, in bounded memory, with the fields that are kept."""
    columns = list(dict.fromkeys([label_field, *([id_field] if id_field else []), *attributes]))
    rows_of = _parquet_rows if file.path.suffix.lower() == ".parquet" else _gdal_rows
    for number, geometry, batch in rows_of(file.path, columns):
        ids = field_of(batch, id_field).cast(pa.string()) if id_field else pa.nulls(len(number), pa.string())
        label = field_of(batch, label_field).cast(pa.string())
        kept = {f"{FIELD}{name}": _plain(field_of(batch, name)) for name in attributes}
        fixed = [number.cast(pa.int64()), ids, label, geometry.cast(pa.binary())]
        yield pa.RecordBatch.from_arrays([*fixed, *kept.values()], names=[*FEATURES.names, *kept])


def quietly(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Batches without what GDAL has to say of single records: what matters of it is found in them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield from batches


Rows = Iterator[tuple[pa.Array, pa.Array, pa.RecordBatch]]  # numbers, geometries, and a batch with the fields


def _gdal_rows(path: Path, columns: list[str]) -> Rows:
    with pyogrio.open_arrow(path, columns=columns, return_fids=True, batch_size=GROUP, use_pyarrow=True) as (meta, reader):
        geometry, fid = meta["geometry_name"] or "wkb_geometry", meta["fid_column"] or "OGC_FID"
        for batch in quietly(reader):
            yield batch.column(batch.schema.get_all_field_indices(fid)[0]), batch.column(geometry), batch


def _parquet_rows(path: Path, columns: list[str]) -> Rows:
    parquet = pq.ParquetFile(path)
    geometry = json.loads(parquet.schema_arrow.metadata[b"geo"])["primary_column"]
    first = 0
    for batch in parquet.iter_batches(batch_size=GROUP, columns=[*columns, geometry]):
        yield pa.array(np.arange(first, first + batch.num_rows)), batch[geometry], batch
        first += batch.num_rows


def field_of(batch: pa.RecordBatch, name: str) -> pa.Array:
    """A field of a batch that GDAL read; in GeoJSON the number of a feature, which comes first, may have the same name."""
    return batch.column(batch.schema.get_all_field_indices(name)[-1])


def _plain(values: pa.Array) -> pa.Array:
    """Texts however they are kept as texts, and decimals, which no vector file but GeoParquet knows, as floats."""
    if pa.types.is_decimal(values.type):
        return values.cast(pa.float64())
    text = pa.types.is_dictionary(values.type) or pa.types.is_large_string(values.type)
    return values.cast(pa.string()) if text else values
