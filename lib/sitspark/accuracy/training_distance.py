"""How far the polygons set aside lie from those that train."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pyproj
import shapely

from sitspark.parts import current_parts

_KILOMETRE = 1000.0


def kilometres_to_training(polygons: Path, crs: str) -> pd.Series:
    """Kilometres from each polygon set aside to the nearest one that trains, edge to edge, by polygon_id, ascending.

    `polygons` is the table of that name, in `crs`. Empty where no polygon trains, or the CRS is in degrees, in which distances
    aren't told.
    """
    projection = pyproj.CRS.from_user_input(crs)
    found = pq.ParquetDataset(current_parts(polygons)).read(["polygon_id", "split", "geometry"]).to_pandas()
    train, aside = (found[found["split"] == split] for split in ("train", "validation"))
    if not projection.is_projected or train.empty or aside.empty:
        return pd.Series(dtype=np.float64, name="distance_km")
    tree = shapely.STRtree(shapely.from_wkb(train["geometry"].to_numpy()))
    # without a limit each finds one
    _, distance = tree.query_nearest(shapely.from_wkb(aside["geometry"].to_numpy()), return_distance=True, all_matches=False)
    kilometres = distance * float(projection.axis_info[0].unit_conversion_factor) / _KILOMETRE
    # of a polygon in several pieces the nearest one
    return pd.Series(kilometres, pd.Index(aside["polygon_id"], name="polygon_id"), name="distance_km").groupby(level=0).min()
