"""Reference polygons or points from a file, on the pixels of a map that is there already."""

import contextlib
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyproj
import shapely
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sitspark import spark as sessions
from sitspark.accuracy.map_confusion import class_counts
from sitspark.classes import LandCoverClass, Nomenclature, read_names
from sitspark.errors import SitsparkError, counted, some
from sitspark.grid import Grid, Territory
from sitspark.ground_truth.clean import clean
from sitspark.ground_truth.codes import code_of, codes_of_texts, text_codes
from sitspark.ground_truth.placing import OUTSIDE, Ground, Placing
from sitspark.ground_truth.sources import Source, read_source
from sitspark.ground_truth.staged import Staged
from sitspark.maps.class_raster import ClassRaster
from sitspark.maps.reading import blocks
from sitspark.marks import Marks
from sitspark.samples.pieces import pieces_by_chunk
from sitspark.scenes.outline import to_geographic
from sitspark.settings import SparkSettings
from sitspark.workflow.progress import Voice

_SIDE = 1024  # pixels of a block's side: a task reads what lies around the polygons of one
_MAP = "map"  # the one tile of a map that isn't of a run
_TOLERANCE = 1.0  # pixels that two labels may share, as is usual in a run
_UNKNOWN = (128, 128, 128)


@dataclass(frozen=True, slots=True)
class ReferenceFile:
    """A file of labelled polygons or points, or a Spark table of them.

    `buffer` (metres) surrounds points, of which 0 takes the pixel. `touched` takes pixels that lie partly in a polygon. `names`
    are those that lie beside the map, for what no nomenclature names.
    """

    source: Source
    nomenclature: Path | None = None
    buffer: float = 0.0
    touched: bool = False
    names: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Reference polygons on a map: `pieces` as `pieces_by_chunk` gives them, all of them set aside.

    `polygons` are the features of which some part lies on the map; `rejected` (id, label, reason) are the others of
    all `features`; `names` are those of the classes by their codes.
    """

    pieces: DataFrame
    features: int
    polygons: int
    rejected: pd.DataFrame
    names: Mapping[int, str]

    @property
    def remarks(self) -> list[str]:
        """A sentence for each reason that features are rejected for, the most frequent first."""
        reasons = Counter(map(_without_numbers, self.rejected["reason"]))
        return [f"{count} of {counted(self.features, 'feature')} not used: {what}" for what, count in reasons.most_common()]


def make_folder(output: Path) -> None:
    """Make the folder that results go to; raises SitsparkError where nothing can be written there."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=output).close()
    except OSError as error:
        raise SitsparkError(f"--output: {output} can't be written ({error.strerror}); choose another folder") from None


@contextlib.contextmanager
def work(output: Path | None) -> Iterator[tuple[SparkSession, Path]]:
    """A session, and a folder for what is thrown away: where results go, which all machines see, or a temporary one."""
    if output is not None:
        make_folder(output)
    with tempfile.TemporaryDirectory(prefix=".sitspark-", dir=output, ignore_cleanup_errors=True) as folder:
        settings = SparkSettings()  # type: ignore[call-arg]  # mypy sees no default in Field(x)
        yield sessions.session(settings, log=Path(folder) / "spark.log"), Path(folder)


def read_reference(spark: SparkSession, asked: ReferenceFile, grid: Grid, scratch: Path) -> Reference:
    """Read, clean and place the features of a file as a run does, on the pixels of a grid.

    `scratch`, a new folder, has to stay until the pieces are used. Raises SitsparkError where the file can't be used, or no
    feature of it.
    """
    if asked.buffer > 0 and not pyproj.CRS.from_user_input(grid.crs).is_projected:
        raise SitsparkError(
            "--point-buffer: metres around a point can't be told on a map in degrees; leave it out, or gdalwarp it"
        )
    found = read_source(spark, asked.source, scratch / "staged")
    if found.staged.features == 0:
        raise SitsparkError(f"{asked.source.address} holds no feature")
    names = _names(found.staged, asked)
    ground = Ground(grid, [Territory(_MAP, grid.window)])
    placing = Placing(ground, found.crs, asked.buffer, names)
    cleaned = clean(spark, found.staged, placing, scratch / "judged", tolerance=_TOLERANCE)
    rejected = _with_ids(cleaned.rejected.toPandas(), found.staged)
    polygons = cleaned.pieces.select("polygon_id").distinct().count()
    pieces = on_blocks(cleaned.pieces.withColumn("split", F.lit("validation")), grid)
    reference = Reference(pieces, found.staged.features, polygons, rejected, names)
    if not polygons:
        lie, bounds = "", _bounds(found.staged)
        if rejected["reason"].eq(OUTSIDE).any() and np.isfinite(bounds).all():
            lie = f"; they lie at {around(bounds, found.crs)}, the map at {around(grid.bounds, grid.crs)}"
        raise SitsparkError(
            f"no feature of {asked.source.address} can be compared with the map: {some(reference.remarks, separator='; ')}{lie}"
        )
    return reference


def _bounds(staged: Staged) -> tuple[float, float, float, float]:
    """The bounds of all features (left, bottom, right, top) in their CRS."""
    boxes = [shapely.total_bounds(shapely.from_wkb(column.to_numpy())) for column in staged.column("wkb")]
    low, high = np.fmin.reduce([box[:2] for box in boxes]), np.fmax.reduce([box[2:] for box in boxes])
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def around(bounds: tuple[float, float, float, float], crs: str) -> str:
    """Bounds as a sentence gives them, in degrees."""
    left, bottom, right, top = to_geographic(shapely.box(*bounds), crs).bounds
    if not (-180 <= left <= right <= 180 and -90 <= bottom <= top <= 90):
        return f"{', '.join(f'{side:g}' for side in bounds)} (left, bottom, right, top), which is nowhere in {crs}"
    return f"longitude {left:.2f} to {right:.2f}, latitude {bottom:.2f} to {top:.2f}"


def on_blocks(polygons: DataFrame, grid: Grid) -> DataFrame:
    """Polygons of a run's table, or of that form, by blocks of a grid in their CRS, as `pieces_by_chunk` gives them."""
    rows = [(_MAP, f"r{w.row:07d}_c{w.col:07d}", w.row, w.col, w.height, w.width) for w in blocks(grid.window, _SIDE)]
    columns = "tile string, chunk_id string, row int, col int, height int, width int"
    return pieces_by_chunk(polygons, polygons.sparkSession.createDataFrame(rows, columns), grid)


def counted_pixels(
    pieces: DataFrame,
    grid: Grid,
    maps: Mapping[str, ClassRaster],
    scratch: Path,
    voice: Voice,
    *,
    touched: bool,
) -> pd.DataFrame:
    """The counts of `class_counts` of the polygons set aside, one row for each polygon and combination of classes."""
    marks = Marks(scratch / "marks")
    marks.folder.mkdir(parents=True)
    pieces = pieces.cache()
    chunks = pieces.select("chunk_id").distinct().count()
    with voice.watch("compare", chunks, "blocks", marks.total):
        # toPandas warns with a trace where a worker says that it can't go on
        found = class_counts(pieces, grid, maps, touched=touched, marks=marks).where("area = 'set_aside'").toArrow().to_pandas()
    pieces.unpersist()
    counts: pd.DataFrame = found.groupby(["polygon_id", "reference", *maps])[["pixels"]].sum().reset_index()
    return counts


def nomenclature_of(names: Mapping[int, str]) -> Nomenclature:
    """Names by codes as a nomenclature without colours; codes that no map of a run could have go by their numbers."""
    return Nomenclature(tuple(LandCoverClass(c, names[c], _UNKNOWN) for c in sorted(names) if 0 < c < 2**16))


def _names(staged: Staged, asked: ReferenceFile) -> dict[int, str]:
    """The classes of a nomenclature, else the whole numbers that are labels, with names beside the map; texts may be such."""
    if asked.nomenclature is not None:
        return read_names(asked.nomenclature)
    texts = codes_of_texts(staged.column("label"), None)
    if texts and not set(text_codes(asked.names)).isdisjoint(_distinct(staged.column("label"))):
        return dict(asked.names)
    place = f"--label-field: '{asked.source.label_field}' of {asked.source.address}"
    labels = _distinct(staged.column("label"))
    if texts:
        text = next(label for label in labels if code_of(label, {}) is None)
        known = f", which names beside the map don't have ({some(asked.names.values())})" if asked.names else ""
        raise SitsparkError(f"{place} holds texts, as '{text}'{known}; --nomenclature FILE says which codes they have")
    if not labels:
        raise SitsparkError(f"{place} holds no label; name the field of the classes")
    codes = {code_of(label, {}) for label in labels}
    return {code: asked.names.get(code, str(code)) for code in sorted(code for code in codes if code is not None)}


def _distinct(columns: Iterable[pa.ChunkedArray]) -> list[str]:
    found: set[str] = set()
    for column in columns:
        found |= {label for label in pc.utf8_trim_whitespace(column).unique().to_pylist() if label}
    return sorted(found)


def _with_ids(rejected: pd.DataFrame, staged: Staged) -> pd.DataFrame:
    """id, label, reason, in the order of the file; rows that reasons name are named by their ids too."""
    ids = [text for column in staged.column("id") for text in column.to_pylist()]
    rejected = rejected.sort_values("polygon_id", ignore_index=True)
    named = rejected["reason"].str.replace(r"(?<=feature )\d+", lambda row: str(ids[int(row[0])]), regex=True)
    return pd.DataFrame({"id": [ids[row] for row in rejected["polygon_id"]], "label": rejected["label"], "reason": named})


def _without_numbers(reason: str) -> str:
    """A reason as it is counted, in the words of a map that is there already."""
    plain = re.sub(r"feature \S+", "another feature", reason).replace(OUTSIDE, "outside the map")
    return re.sub(r"label \S+ is not", "a label that is not", plain)
