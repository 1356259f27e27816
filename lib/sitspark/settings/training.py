"""The network and the training loop."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from sitspark.settings.section import Section, without_repetition


class TrainingSettings(Section):
    """The network and the training loop."""

    network: Literal["mlp"] = Field("mlp", description="Network of the bank: mlp (n/2, 3k, 3k, k; iota2's).")
    epochs: int = Field(100, ge=1, description="Passes over the training samples.")
    batch_size: int = Field(1024, ge=1, description="Samples a step, over all processes together.")
    learning_rate: float = Field(1e-3, gt=0, description="Step size of Adam.")
    criterion: Literal["loss", "oa", "kappa", "fscore"] = Field(
        "fscore", description="The epoch that is best by this figure on the monitored samples is kept."
    )
    monitor_share: float = Field(
        0.2, gt=0, lt=1, description="Share of the training polygons of each class that only choose the epoch."
    )
    balance: Annotated[tuple[Literal["class", "polygon"], ...], AfterValidator(without_repetition)] = Field(
        (),
        description="What weighs the same in the loss however many samples it has: classes, the polygons of a class, or both; "
        "[]: samples.",
    )
    processes: int = Field(1, ge=1, description="Processes that share each batch (TorchDistributor).")
    threads: int = Field(1, ge=1, description="Threads a process; small networks lose by more than one on a busy machine.")
