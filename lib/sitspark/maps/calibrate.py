"""Trying lower precisions on pixels of a run: one task reads small windows all over the map."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sitspark.grid import Window
from sitspark.maps.classify import COLUMNS, Pass
from sitspark.maps.gpus import gpus_of_task
from sitspark.maps.views import read_chunk
from sitspark.models.committee import Member
from sitspark.models.gpu import Device, room_on_gpu, take_gpu
from sitspark.models.lower_precision import Tried, Wanted, tried
from sitspark.models.model import Model
from sitspark.worker import end_task

_CHUNKS = 8
_SIDE = 64  # pixels: as many as fit into 31 MB of 481 features each, with eight windows


def trials_of(plan: DataFrame, imagery: Pass, models: Sequence[Member], wanted: Wanted, *, device: Device) -> list[list[Tried]]:
    """What lower precisions of each model change and gain on pixels of some chunks, which no seed and no order of rows changes.

    Nothing where the processor has no other precision, or too few of the pixels are seen.
    """

    def attempt(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        if device == "cuda":
            take_gpu(gpus_of_task())
        features = [np.empty((0, len(imagery.recipe.space)), np.float32)]
        for batch in batches:
            for row in batch.itertuples():
                chunk = imagery.chunk_of(row)
                inside = replace(chunk, window=_middle(chunk.window))
                read = read_chunk(inside, imagery.scenes_of(row), imagery.reading, imagery.recipe)
                features.append(read.views[0].features(imagery.recipe.space))
        pixels = np.concatenate(features)
        for number, model in enumerate(models):
            with room_on_gpu():
                found = tried(Model.load(model.folder, code=model.code), pixels, wanted, device=device)
            yield pd.DataFrame({"model": number, "tried": [one.to_json() for one in found]})
        end_task()

    some = plan.select(*COLUMNS).orderBy(F.xxhash64("chunk_id"), "chunk_id").limit(_CHUNKS).coalesce(1)
    rows = some.mapInPandas(attempt, "model int, tried string").collect()
    return [[Tried.from_json(row.tried) for row in rows if row.model == number] for number in range(len(models))]


def _middle(window: Window) -> Window:
    height, width = min(_SIDE, window.height), min(_SIDE, window.width)
    return Window(window.row + (window.height - height) // 2, window.col + (window.width - width) // 2, height, width)
