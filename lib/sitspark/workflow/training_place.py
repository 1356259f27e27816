"""Where a training runs, as far as it is known before it starts: on which machine, and whether that has GPUs."""

from sitspark.errors import counted
from sitspark.spark import on_one_machine
from sitspark.workflow.context import Context


def told_gpus(context: Context) -> str | None:
    """How many GPUs torch sees where training is to take some; None where it isn't, or where executors' GPUs are meant.

    Raises SitsparkError where there are too few.
    """
    training = context.settings.training
    here = training.where == "driver" or on_one_machine(context.settings.spark)
    if training.device != "gpu" or training.baseline is not None or not here:
        return None
    # torch takes seconds to import
    import torch

    from sitspark.models.process_group import refuse_few_gpus

    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    # each task of an executor sees all GPUs of its machine
    refuse_few_gpus(found, training.ranks if training.where == "driver" else 1)
    return f"torch sees {counted(found, 'GPU')}"


def told_executors(context: Context) -> str | None:
    """What executors are where Spark has but one machine; None where they are others, or aren't asked for."""
    training, spark = context.settings.training, context.settings.spark
    if training.where != "executors" or training.search is not None or not on_one_machine(spark):
        return None
    return (
        f"training.where: executors stays on this machine, the only one of spark.master {spark.master}: each process is a task "
        "there, and takes a core from the rest of the run"
    )
