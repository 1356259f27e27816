"""Writing the polygons in the three formats users have: shapefile, GeoPackage, GeoParquet."""

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pyogrio.raw
import pyproj
import shapely

from sitspark.classes import Nomenclature
from sitspark.simulate.dirt import Feature
from sitspark.simulate.landscape import CRS

# formats that note the day of writing get a fixed one, so that equal landscapes give equal bytes
WRITTEN = "2018-01-01"


def write_polygons(features: list[Feature], nomenclature: Nomenclature, folder: Path) -> None:
    """Write polygons.shp, .gpkg and .parquet with the fields id, code, name, and dirt.csv with the fields id, kind."""
    ids = np.array([feature.id for feature in features], np.int64)
    codes = np.array([feature.code for feature in features], np.int32)
    names = np.array([nomenclature.name_of(int(code)) for code in codes], object)
    outlines = np.array([feature.outline for feature in features], object)
    shapefile, geopackage, parquet = (folder / f"polygons.{suffix}" for suffix in ("shp", "gpkg", "parquet"))
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": f"{WRITTEN}T00:00:00Z"})
    for path, driver, kind, options in (
        (shapefile, "ESRI Shapefile", "Polygon", {"DBF_DATE_LAST_UPDATE": WRITTEN}),
        (geopackage, "GPKG", "Unknown", {}),
    ):
        pyogrio.raw.write(
            path,
            geometry=shapely.to_wkb(outlines),
            field_data=[ids, codes, names],
            fields=["id", "code", "name"],
            driver=driver,
            crs=CRS,
            geometry_type=kind,
            layer_options=options,
        )
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
    _write_geoparquet(pa.table({"id": ids, "code": codes, "name": names}), outlines, parquet)
    with (folder / "dirt.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("id", "kind"))
        writer.writerows((feature.id, feature.dirt) for feature in features if feature.dirt)


def _write_geoparquet(fields: pa.Table, outlines: np.ndarray, path: Path) -> None:
    """Write a table as GeoParquet 1.1 (https://geoparquet.org/releases/v1.1.0)."""
    metadata = {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {
            "geometry": {
                "encoding": "WKB",
                "geometry_types": sorted({outline.geom_type for outline in outlines if outline is not None}),
                "crs": json.loads(pyproj.CRS(CRS).to_json()),
                "bbox": [float(edge) for edge in shapely.total_bounds(outlines)],
            }
        },
    }
    table = fields.append_column("geometry", pa.array(list(shapely.to_wkb(outlines)), pa.binary()))
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(metadata)}), path, compression="zstd")
