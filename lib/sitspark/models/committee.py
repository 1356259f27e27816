"""Models that say together what a sample is: one, or several of other seeds, each for its own ground or for all."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sitspark.kernels.committee import Combine, Opinion, verdict
from sitspark.models.arithmetic import FP32, Arithmetic
from sitspark.models.inference import Classifier
from sitspark.models.selection import Ground


@dataclass(frozen=True, slots=True)
class Member:
    """A model, the numbers that it classifies in, and its ground; None: all of it. `code`: see `Model.load`."""

    folder: Path
    code: str | None = None
    arithmetic: Arithmetic = FP32
    ground: Ground | None = None


@dataclass(frozen=True, slots=True)
class Committee:
    """Models at work, each with its ground, and how they say together what a sample is."""

    classifiers: tuple[tuple[Ground | None, Classifier], ...]
    combine: Combine = "mean"

    @staticmethod
    def load(members: Sequence[Member], combine: Combine = "mean") -> "Committee":
        """Read all models; raises SitsparkError as `Classifier.load` does."""
        loaded = ((one.ground, Classifier.load(one.folder, code=one.code, arithmetic=one.arithmetic)) for one in members)
        return Committee(tuple(loaded), combine)

    @property
    def codes(self) -> npt.NDArray[np.uint16]:
        """The class codes, uint16 (classes,)."""
        return self.classifiers[0][1].codes

    @property
    def ground_column(self) -> str | None:
        """The column of samples that says which models they are for; None where all models have all."""
        ground = self.classifiers[0][0]
        return None if ground is None else ground.kind

    @property
    def is_calibrated(self) -> bool:
        """Whether the probabilities of some model are scaled."""
        return any(classifier.temperature != 1 for _, classifier in self.classifiers)

    def uncalibrated(self) -> "Committee":
        """The same models with probabilities as they are."""
        plain = tuple((ground, replace(classifier, temperature=1.0)) for ground, classifier in self.classifiers)
        return replace(self, classifiers=plain)

    def classify(
        self, features: npt.NDArray[np.float32], grounds: npt.NDArray[np.object_] | None = None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """The position of the class, int64 (n,), -1 where no model has the ground, and its probability, float32 (n,).

        `features` are float32 (n, features), `grounds` the names of the samples' grounds (n,), in the column of that name.
        """
        if len(self.classifiers) == 1 and grounds is None:
            return self.classifiers[0][1].classify(features)
        opinions = []
        for ground, classifier in self.classifiers:
            if ground is None or grounds is None:
                opinions.append(Opinion(*classifier.distribution(features)))
                continue
            # the others aren't asked about samples of this ground
            own = grounds == ground.name
            position, every = np.zeros(len(features), np.int64), np.zeros((len(features), len(self.codes)), np.float32)
            if own.any():
                position[own], every[own] = classifier.distribution(features[own])
            opinions.append(Opinion(position, every, own.astype(np.float32)))
        found = verdict(opinions, self.combine)
        sure = found.probability[np.arange(len(features)), found.position]
        return np.where(found.models > 0, found.position, -1), sure
