"""Reading the chunks of a task one after the other, into memory that is taken again."""

import itertools

import numpy as np

from sitspark.maps.classify import Pass, chunks_read
from sitspark.maps.views import ReadChunk, read_chunk
from tests.conftest import FinishedRun


def reflectance(read: ReadChunk) -> np.ndarray:
    return read.views[0].stack.cubes[0].reflectance


def test_a_chunk_stays_as_it_is_while_the_next_one_is_read(finished: FinishedRun) -> None:
    """And its memory is that of the next but one."""
    context = finished.context
    imagery = Pass(context.folder.table("scenes"), context.reading, context.recipe, (), (), {})
    rows = list(context.plan().orderBy("chunk_id").limit(6).toPandas().itertuples())
    alone = [
        read_chunk(imagery.chunk_of(row), imagery.scenes_of(row), imagery.reading, imagery.recipe, blended={}) for row in rows
    ]
    came = chunks_read(rows, imagery)
    last = next(came)
    for before, read in zip(alone, came, strict=False):
        assert last.chunk == before.chunk
        assert (reflectance(last) == reflectance(before)).all()
        assert not np.shares_memory(reflectance(last), reflectance(read))
        last = read
    first, _, third = itertools.islice(chunks_read(rows[:1] * 3, imagery), 3)
    assert np.shares_memory(reflectance(first), reflectance(third))
