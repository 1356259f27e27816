"""Judging the models of several folds by all pixels of polygons, in one pass over the imagery and without drawing a map."""

import functools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import shapely
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sitspark.accuracy.fold_classes import FoldImagery, FoldModels, classes_of_folds
from sitspark.grid import Chunk, Window
from sitspark.marks import Marks
from sitspark.models.card import read_card, require_features
from sitspark.models.committee import Committee
from sitspark.samples.chunk_pixels import CHOSEN
from sitspark.samples.labelled import labelled_pixels
from sitspark.scenes.table import scenes_of
from sitspark.worker import end_task

_COUNTS = pa.schema(
    [
        ("run", pa.int32()),
        ("fold", pa.string()),
        ("area", pa.string()),
        ("polygon_id", pa.int64()),
        ("reference", pa.int32()),
        ("predicted", pa.int32()),
        ("pixels", pa.int64()),
    ]
)
_COUNTS_SQL = "run int, fold string, area string, polygon_id bigint, reference int, predicted int, pixels bigint"


def fold_confusion(
    pieces: DataFrame,
    plan: DataFrame,
    imagery: FoldImagery,
    folds: Sequence[FoldModels],
    *,
    touched: bool,
    tasks: int,
    marks: Marks,
) -> DataFrame:
    """Counts of (run, fold, area, polygon_id, reference, predicted): what `map_confusion` counts on the map of each fold.

    `pieces` are those of `pieces_by_chunk` with the split and fold of each run (`with_all_runs`), `plan` the chunk plan of the
    map. Area 'left_out' has all pixels of the polygons of the fold that its models never saw, 'same_area' those of the polygons
    set aside anywhere else; polygons kept for testing, and those too close to others, are in neither. `predicted` is 0 where a
    map has no class. Each chunk is marked when it is done. Raises SitsparkError for a model of other features than the settings
    describe.
    """
    for member in (member for fold in folds for member in fold.members):
        require_features(read_card(member.folder), imagery.recipe.space, of="cross-validate: what the settings describe")
    runs = sorted({fold.run for fold in folds})
    of_runs = [f"{name}_{run}" for run in runs for name in ("split", "fold")]
    piece = F.struct("polygon_id", "piece_id", "label", *of_runs, "wkb")
    by_chunk = pieces.groupBy("chunk_id").agg(F.sort_array(F.collect_list(piece)).alias("pieces"))
    work = by_chunk.join(plan.select("chunk_id", "tile", "row", "col", "height", "width", "tiles", "other_tiles"), "chunk_id")

    def judge(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        committees = _committees(tuple(folds))
        for batch in batches:
            for number in range(batch.num_rows):
                one = batch.slice(number, 1)
                counted = _judged(one, imagery, folds, committees, touched=touched)
                yield pa.RecordBatch.from_pandas(counted, schema=_COUNTS, preserve_index=False)
                marks.add(one["chunk_id"][0].as_py())
        end_task()

    # the id begins with the tile: neighbours one after the other, so that a worker finds the files of its tile open
    ordered = work.repartitionByRange(tasks, "chunk_id").sortWithinPartitions("chunk_id")
    keys = ("run", "fold", "area", "polygon_id", "reference", "predicted")
    return ordered.mapInArrow(judge, _COUNTS_SQL).groupBy(*keys).agg(F.sum("pixels").alias("pixels"))


@functools.lru_cache(maxsize=1)  # a worker judges task after task with the same ones, which are named by their contents
def _committees(folds: tuple[FoldModels, ...]) -> list[Committee]:
    return [Committee.load(fold.members, fold.combine) for fold in folds]


def _judged(
    work: pa.RecordBatch, imagery: FoldImagery, folds: Sequence[FoldModels], committees: Sequence[Committee], *, touched: bool
) -> pd.DataFrame:
    pieces = pa.RecordBatch.from_struct_array(work["pieces"].flatten()).to_pandas()
    window = Window(*(work[name][0].as_py() for name in ("row", "col", "height", "width")))
    chunk = Chunk(work["tile"][0].as_py(), window)
    areas = _areas(pieces, folds)
    wanted = np.any(list(areas.values()), axis=0)
    # pieces that nobody asks about take part too, so that a pixel claimed by two labels is seen as such
    outlines = list(shapely.from_wkb(pieces["wkb"].to_numpy()))
    found = labelled_pixels(outlines, pieces["label"].tolist(), imagery.reading.grid, window, touched=touched)
    asked = wanted.any(axis=0)[found.piece]
    piece, row, col = found.piece[asked], found.row[asked] + window.row, found.col[asked] + window.col
    tiles, other_tiles = (work[name][0].as_py() for name in ("tiles", "other_tiles"))
    scenes = scenes_of(imagery.scenes_table, imagery.reading.leading, tiles=tiles, other_tiles=other_tiles)
    classes = classes_of_folds(chunk, scenes, row, col, wanted[:, piece], imagery=imagery, committees=committees)
    return pd.concat([_counted(pieces, piece, area, of, folds, classes) for area, of in areas.items()], ignore_index=True)


def _areas(pieces: pd.DataFrame, folds: Sequence[FoldModels]) -> dict[str, npt.NDArray[np.bool_]]:
    """Which pieces are left out with a fold, and which are set aside outside of it; bool (folds, pieces)."""
    outside = np.stack([(pieces[f"fold_{fold.run}"] == fold.left_out).to_numpy() for fold in folds])
    used = np.stack([pieces[f"split_{fold.run}"].isin(CHOSEN).to_numpy() for fold in folds])
    aside = np.stack([(pieces[f"split_{fold.run}"] == "validation").to_numpy() for fold in folds])
    return {"left_out": outside & used, "same_area": ~outside & aside}


def _counted(
    pieces: pd.DataFrame,
    piece: npt.NDArray[np.int64],
    area: str,
    judged: npt.NDArray[np.bool_],
    folds: Sequence[FoldModels],
    classes: npt.NDArray[np.int32],
) -> pd.DataFrame:
    """The pixels of the pieces that are `judged` in an area, by fold, polygon and classes."""
    fold, pixel = np.nonzero(judged[:, piece])
    owners = pieces.iloc[piece[pixel]]
    compared = pd.DataFrame(
        {
            "run": np.array([one.run for one in folds], np.int32)[fold],
            "fold": np.array([one.left_out for one in folds], object)[fold],
            "area": area,
            "polygon_id": owners["polygon_id"].to_numpy(),
            "reference": owners["label"].to_numpy(),
            "predicted": classes[fold, pixel],
        }
    )
    return compared.groupby(list(compared.columns)).size().reset_index(name="pixels")
