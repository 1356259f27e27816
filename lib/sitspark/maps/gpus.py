"""Which GPUs Spark's workers have for the networks of a map."""

import platform
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
from pyspark import TaskContext
from pyspark.sql import SparkSession

from sitspark.models.gpu import gpu_memory
from sitspark.worker import end_task


@dataclass(frozen=True, slots=True)
class Workplace:
    """What one of Spark's tasks sees: its machine, and the bytes of each GPU that it may take, by the number there."""

    machine: str
    gpus: dict[int, int]


def gpus_of_task() -> list[str]:
    """The numbers of the GPUs that Spark gave this task; none where Spark isn't told of GPUs."""
    task = TaskContext.get()
    given = task.resources().get("gpu") if task else None
    return list(given.addresses) if given else []


def workplaces(spark: SparkSession, tasks: int) -> list[Workplace]:
    """What each of so many tasks at a time sees."""

    def look(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        memory = gpu_memory()
        given = [int(address) % len(memory) for address in gpus_of_task() if address.isdigit()] if memory else []
        mine = {number: memory[number] for number in given or range(len(memory))}
        for batch in batches:
            yield pd.DataFrame({"machine": platform.node(), "gpus": [list(mine.items())] * len(batch)})
        end_task()

    asked = spark.range(0, tasks, 1, tasks)
    rows = asked.mapInPandas(look, "machine string, gpus array<struct<number int, bytes bigint>>").collect()
    return [Workplace(row.machine, {gpu.number: gpu.bytes for gpu in row.gpus}) for row in rows]


def least_share(places: Sequence[Workplace]) -> float:
    """The bytes of GPU memory for each task on the machine where there is least for each; 0: a task sees no GPU."""
    if not all(place.gpus for place in places):
        return 0.0
    shares = []
    for machine in {place.machine for place in places}:
        here = [place.gpus for place in places if place.machine == machine]
        together = {number: size for gpus in here for number, size in gpus.items()}
        shares.append(sum(together.values()) / len(here))
    return min(shares, default=0.0)
