"""What the networks of a map classify on: the processors, or GPUs where all of Spark's workers have one."""

import platform
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sitspark.errors import SitsparkError, counted
from sitspark.settings import Settings
from sitspark.spark import on_one_machine, tasks_at_a_time
from sitspark.workflow.context import Context

if TYPE_CHECKING:
    from sitspark.maps.gpus import Workplace
    from sitspark.models.gpu import Device


def may_take_gpus(settings: Settings) -> bool:
    """Whether GPUs come into question, if there are any: networks classify on them in floating point."""
    return settings.map.device != "cpu" and settings.training.baseline is None and settings.map.precision != "int8"


def device_of_map(context: Context) -> "Device":
    """What the networks of the map compute on, by its settings and what Spark's workers see.

    Raises SitsparkError where GPUs are asked for and a worker sees none.
    """
    if not may_take_gpus(context.settings):
        return "cpu"
    # torch takes seconds to import: only when there is something to classify
    from sitspark.maps.gpus import workplaces

    tasks = tasks_at_a_time(context.spark)
    if on_one_machine(context.settings.spark):
        return device_here(context, tasks=tasks)
    return _device(context, workplaces(context.spark, tasks))


def device_here(context: Context, *, tasks: int) -> "Device":
    """The same for so many tasks at a time on this machine, as `device_of_map`."""
    if not may_take_gpus(context.settings):
        return "cpu"
    from sitspark.maps.gpus import Workplace
    from sitspark.models.gpu import gpu_memory

    return _device(context, [Workplace(platform.node(), dict(enumerate(gpu_memory())))] * tasks)


def told_map_gpus(context: Context) -> str | None:
    """How many GPUs draw the map, where they are asked for; None where they aren't, or executors' are meant.

    Raises SitsparkError where there is none.
    """
    if context.settings.map.device != "gpu" or not on_one_machine(context.settings.spark):
        return None
    from sitspark.models.gpu import gpu_memory

    device_here(context, tasks=1)
    return f"the map is drawn on {counted(len(gpu_memory()), 'GPU')}"


def device_of_trial(context: Context, *, tasks: int) -> "Device":
    """What a trial of the map on this machine computes on: a GPU of its own, where the run may take some.

    So many tasks run at a time on one machine; the machines of a cluster may have others, and aren't asked.
    """
    if on_one_machine(context.settings.spark):
        return device_here(context, tasks=tasks)
    from sitspark.models.gpu import gpu_memory

    return "cuda" if may_take_gpus(context.settings) and gpu_memory() else "cpu"


def _device(context: Context, places: "Sequence[Workplace]") -> "Device":
    from sitspark.maps.gpus import least_share
    from sitspark.models.gpu import ROOM

    share = least_share(places)
    if context.settings.map.device == "gpu":
        without = [place.machine for place in places if not place.gpus]
        if without:
            raise SitsparkError(
                f"map.device: gpu asks for a GPU for each of Spark's workers, and torch sees none on {without[0]}; choose auto "
                "or cpu"
            )
        return "cuda"
    if 0 < share < ROOM:
        context.voice.remark(
            f"map.device: on the processors, for GPUs have {share / 1e9:.1f} GB for each of {len(places)} tasks at a time, and "
            f"{ROOM / 1e9:.1f} are needed; with fewer (spark.master) they classify"
        )
    return "cuda" if share >= ROOM else "cpu"
