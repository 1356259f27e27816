"""One model to train: what goes in, and where it goes."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sitspark.classes import Nomenclature
from sitspark.models.networks.own_code import OwnCode
from sitspark.models.search import Pruner
from sitspark.models.selection import Division, Ground
from sitspark.settings import TrainingSettings

LOG = "training.log"  # in the folder of the model: what a training prints, a line an epoch


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """One model to train.

    `samples` is the folder of the samples table, `children` that of samples made from them, `quality` that of samples
    that aren't kept and hence not learnt from, `folder` takes the model, `scratch` (best on a fast disk) takes notes on
    progress and decoded samples, the latter unless there is a `store` for them, which several jobs on the same samples share.
    With a `ground` the model is for that alone; with a `division` samples are divided as in that run of a cross-validation.
    `own` is the network where it is one of the user's own. The `pruner` of a search ends a training that promises little.
    `run` are the settings of the whole run as JSON-like values, for the card alone.
    """

    model_id: str
    samples: Path
    folder: Path
    scratch: Path
    nomenclature: Nomenclature
    settings: TrainingSettings
    seed: int
    left_out_fold: str | None = None
    ground: Ground | None = None
    division: Division | None = None
    children: Path | None = None
    quality: Path | None = None
    store: Path | None = None
    own: OwnCode | None = None
    pruner: Pruner | None = None
    run: Mapping[str, Any] | None = None

    @property
    def decoded(self) -> Path:
        """The folder of decoded samples; each machine has its own."""
        return (self.store or self.scratch / "samples") / platform.node()

    @property
    def progress(self) -> Path:
        """The file that says how far the training is, a JSON object: the fields of `Epoch`, `epochs` in all, and `resumed`
        ones, which were done before."""
        return self.scratch / "progress.json"
