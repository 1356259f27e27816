"""One model to train: what goes in, and where it goes."""

from dataclasses import dataclass
from pathlib import Path

from sitspark.classes import Nomenclature
from sitspark.settings import TrainingSettings


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """One model to train.

    `samples` is the folder of the samples table, `children` that of samples made from them, `quality` that of samples
    that aren't kept and hence not learnt from, `folder` takes the model, `scratch` (best on a fast disk) takes decoded samples
    and notes on progress.
    """

    model_id: str
    samples: Path
    folder: Path
    scratch: Path
    nomenclature: Nomenclature
    settings: TrainingSettings
    seed: int
    left_out_fold: str | None = None
    children: Path | None = None
    quality: Path | None = None

    @property
    def progress(self) -> Path:
        """The file that says how far the training is, a JSON object: the fields of `Epoch` and `epochs`."""
        return self.scratch / "progress.json"
