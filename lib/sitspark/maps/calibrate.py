"""Trying lower precisions on pixels of a run: one task reads small windows all over the map."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sitspark.grid import Window
from sitspark.maps.chunk import ModelTarget, features_of, read_chunk
from sitspark.maps.classify import COLUMNS, Pass
from sitspark.models.lower_precision import Tried, Wanted, tried
from sitspark.models.model import Model
from sitspark.worker import end_task

_CHUNKS = 8
_SIDE = 64  # pixels: as many as fit into 31 MB of 481 features each, with eight windows


def trials_of(plan: DataFrame, imagery: Pass, target: ModelTarget, wanted: Wanted) -> list[Tried]:
    """What lower precisions change and gain on pixels of some chunks, which the seed of no run and no order of rows changes.

    Nothing where the processor has no other precision, or too few of the pixels are seen.
    """

    def attempt(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        model = Model.load(target.model, code=target.code)
        features = [np.empty((0, len(imagery.recipe.space)), np.float32)]
        for batch in batches:
            for row in batch.itertuples():
                chunk = imagery.chunk_of(row)
                inside = replace(chunk, window=_middle(chunk.window))
                read = read_chunk(inside, imagery.scenes_of(row), imagery.reading, imagery.recipe)
                features.append(features_of(read.stack, read.custom, imagery.recipe.space))
        yield pd.DataFrame({"tried": [one.to_json() for one in tried(model, np.concatenate(features), wanted)]})
        end_task()

    some = plan.select(*COLUMNS).orderBy(F.xxhash64("chunk_id"), "chunk_id").limit(_CHUNKS).coalesce(1)
    return [Tried.from_json(row.tried) for row in some.mapInPandas(attempt, "tried string").collect()]


def _middle(window: Window) -> Window:
    height, width = min(_SIDE, window.height), min(_SIDE, window.width)
    return Window(window.row + (window.height - height) // 2, window.col + (window.width - width) // 2, height, width)
