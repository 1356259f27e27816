"""Two attempts at the same chunk, as speculation starts them: whichever is read, it is whole, and they are the same."""

import multiprocessing
import time
from pathlib import Path
from typing import Any

from sitspark.hashing import sha256_of
from sitspark.maps.chunk import MapTarget, write_chunk_maps
from sitspark.maps.classify import Pass
from sitspark.maps.record import ChunkRecord
from sitspark.maps.views import read_chunk
from sitspark.workflow.members import members_of, models_of
from tests.conftest import FinishedRun

ROUNDS = 4


def attempt(number: int, barrier: Any, row: Any, imagery: Pass) -> None:
    """In a process of its own, again and again at the same moment as the other."""
    chunk, recipe, reading = imagery.chunk_of(row), imagery.recipe, imagery.reading
    for _ in range(ROUNDS):
        read = read_chunk(chunk, imagery.scenes_of(row), reading, recipe)
        barrier.wait(60)
        write_chunk_maps(
            read,
            recipe.space,
            reading.grid.cropped(chunk.window),
            targets=imagery.targets,
            wanted=imagery.products,
            regions=imagery.regions,
            attempt=number,
        )


def test_two_attempts_at_a_chunk_leave_one_whole_chunk(finished: FinishedRun, tmp_path: Path) -> None:
    context = finished.context
    row = context.plan().orderBy("chunk_id").first()
    target = MapTarget(tmp_path, members_of(context, models_of(context.facts("train"))))
    imagery = Pass(context.folder.table("scenes"), context.reading, context.recipe, (target,), context.products, {})
    spawning = multiprocessing.get_context("spawn")  # a JVM's threads don't survive a fork
    barrier = spawning.Barrier(2)
    attempts = [spawning.Process(target=attempt, args=(number, barrier, row, imagery)) for number in range(2)]
    for process in attempts:
        process.start()
    path, seen = tmp_path / f"{row.chunk_id}.json", 0
    while any(process.is_alive() for process in attempts):
        if path.exists():
            record = ChunkRecord.read(path)
            assert record is not None and record.holds(tmp_path)
            seen += 1
        time.sleep(0.002)
    assert [process.exitcode for process in attempts] == [0, 0] and seen > 0
    chunks = context.folder.path / context.facts("classify")["chunks"]
    names = {file.name for file in chunks.glob(f"{row.chunk_id}[._]*")}
    assert {file.name for file in tmp_path.iterdir()} == names and len(names) == 1 + len(context.products)
    assert all(sha256_of(tmp_path / name) == sha256_of(chunks / name) for name in names if name.endswith(".tif"))
