"""Writing features with WKB as one vector file, batch by batch: GeoParquet, GeoPackage, shapefile, GeoJSON (no Spark)."""

import json
import shutil
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pyproj
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError

from sitspark.atomic import attempt_name
from sitspark.errors import SitsparkError

# a number that is read again is the one that was written
_EXACT = {"GeoJSON": {"SIGNIFICANT_FIGURES": "17"}}
_DRIVERS = {".gpkg": "GPKG", ".shp": "ESRI Shapefile", ".geojson": "GeoJSON", ".json": "GeoJSON"}
SUFFIXES = (".parquet", *_DRIVERS)
_GEOMETRY = "geometry"
_ROWS = 10_000  # of a batch
_REFUSED = (DataSourceError, DataLayerError, FeatureError, FieldError, GeometryError)


@dataclass(frozen=True, slots=True)
class Layer:
    """What a file is to hold: the CRS, and the kind of its geometries (Polygon, Point, or Unknown for several)."""

    crs: str
    kind: str = "Unknown"


def write_vector(tables: Iterable[pa.Table], schema: pa.Schema, out: Path, layer: Layer) -> int:
    """Write features (attributes, and `geometry` as WKB or null) in their order.

    The format follows from the suffix of `out`, which appears when it is whole. Gives the number of features; raises
    SitsparkError where the file can't be written.
    """
    rows = 0
    stopped: SitsparkError | None = None

    def counted() -> Iterator[pa.RecordBatch]:
        nonlocal rows, stopped
        try:
            for table in _grouped(tables):
                rows += table.num_rows
                yield from table.to_batches()
        except SitsparkError as error:
            stopped = error
            raise

    draft = attempt_name(out).with_suffix("")
    try:
        draft.mkdir(parents=True)
        target = draft / out.name
        if out.suffix.lower() == ".parquet":
            _write_parquet(counted(), schema, target, layer.crs)
        else:
            driver = _DRIVERS[out.suffix.lower()]
            reader = pa.RecordBatchReader.from_batches(schema, counted())
            options = _EXACT.get(driver, {})
            with warnings.catch_warnings():
                # that a shapefile's names have ten letters
                warnings.simplefilter("ignore", RuntimeWarning)
                pyogrio.write_arrow(
                    reader, target, driver=driver, geometry_name=_GEOMETRY, geometry_type=layer.kind, crs=layer.crs, **options
                )
        for file in draft.iterdir():
            file.replace(out.parent / file.name)
    except (OSError, *_REFUSED) as error:
        raise SitsparkError(f"{out}: can't be written ({error}); check space and rights") from None
    except RuntimeError:
        # GDAL asks for batches, and tells nothing of why there are no more
        if stopped is None:
            raise
        raise stopped from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return rows


def _grouped(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Tables of `_ROWS` rows or more, but the last: a format pays for each batch, GeoParquet by a row group of its own."""
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(one.num_rows for one in held) >= _ROWS:
            yield pa.concat_tables(held).combine_chunks()
            held = []
    if held:
        yield pa.concat_tables(held).combine_chunks()


def _write_parquet(batches: Iterable[pa.RecordBatch], schema: pa.Schema, out: Path, crs: str) -> None:
    """Write GeoParquet 1.1 (https://geoparquet.org/releases/v1.1.0)."""
    column = {"encoding": "WKB", "geometry_types": [], "crs": pyproj.CRS(crs).to_json_dict()}
    meta = {"version": "1.1.0", "primary_column": _GEOMETRY, "columns": {_GEOMETRY: column}}
    # hardly two geometries are the same, and numbers of coordinates don't repeat
    with pq.ParquetWriter(out, schema.with_metadata({"geo": json.dumps(meta)}), use_dictionary=False) as writer:
        for batch in batches:
            writer.write_batch(batch.replace_schema_metadata(writer.schema.metadata))
