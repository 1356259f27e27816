"""Which precision a network classifies in: what fewer digits gain and cost, found out on pixels of the run's own imagery."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sitspark.errors import SitsparkError, counted
from sitspark.models.arithmetic import Arithmetic, Precision, arithmetic_of, lower_precisions
from sitspark.models.gpu import Device
from sitspark.models.inference import Classifier
from sitspark.models.model import Model

Wanted = Literal["auto", "fp32", "bf16", "int8"]

_LEAST_GAIN = 1.1  # times as fast: below, what is gained isn't worth another class for any pixel
_LEAST_PIXELS = 500  # a share of half a per cent of fewer says nothing
_ROUNDS = 3  # the fastest counts: the machine does other work too


@dataclass(frozen=True, slots=True)
class Tried:
    """A precision on a sample of pixels: how many get another class than in float32, and how many times as fast it is."""

    arithmetic: Arithmetic
    changed: int
    pixels: int
    gain: float

    @property
    def share(self) -> float:
        """The share of pixels with another class."""
        return self.changed / self.pixels

    def to_json(self) -> str:
        """As JSON text."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> "Tried":
        """Read back what `to_json` wrote."""
        fields = json.loads(text)
        return Tried(arithmetic=Arithmetic(**fields.pop("arithmetic")), **fields)

    def __str__(self) -> str:
        return (
            f"{self.arithmetic.precision}: {self.gain:.1f} times as fast as fp32, another class for {self.share:.2%} of "
            f"{self.pixels:,} pixels"
        )


def in_words(tries: Sequence[Tried]) -> str:
    """What was tried of several models in one precision, by those that it changes most and that gain least."""
    if len(tries) == 1:
        return str(tries[0])
    most, gain = max(tries, key=lambda one: one.share), min(one.gain for one in tries)
    return (
        f"{most.arithmetic.precision}, {len(tries)} models: {gain:.1f} times as fast as fp32 or more, another "
        f"class for {most.share:.2%} of {most.pixels:,} pixels or fewer"
    )


def tried(model: Model, features: npt.NDArray[np.float32], wanted: Wanted, *, device: Device = "cpu") -> list[Tried]:
    """Classify features float32 (n, features) of the pixels of a map in float32, and in all lower precisions that come into it.

    Nothing is tried on few pixels. Raises SitsparkError for a precision that the network has no form in, and for one that is
    asked for and can't be tried.
    """
    precisions: Sequence[Precision] = lower_precisions(model.network, device) if wanted == "auto" else [wanted]
    if len(features) < _LEAST_PIXELS:
        if wanted != "auto":
            raise SitsparkError(
                f"map.precision {wanted}: it is tried on pixels of the map first, and of eight windows of it only "
                f"{counted(len(features), 'pixel')} were ever clear, fewer than {_LEAST_PIXELS}; set fp32 or auto"
            )
        return []
    exact, usual = _classified(model, Arithmetic(device=device), features)
    found = []
    for precision in precisions:
        arithmetic = arithmetic_of(precision, model.network, features, device=device)
        classes, seconds = _classified(model, arithmetic, features)
        found.append(Tried(arithmetic, int(np.count_nonzero(classes != exact)), len(features), usual / seconds))
    return found


def _classified(model: Model, arithmetic: Arithmetic, features: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int64], float]:
    """The classes, and the seconds of one core, or of the clock where a GPU computes, that they take."""
    classifier = Classifier.of(model.network, model.card.nomenclature.codes, arithmetic=arithmetic)
    now = time.process_time if arithmetic.device == "cpu" else time.perf_counter
    spent = []
    for _ in range(_ROUNDS):
        started = now()
        classes, _ = classifier.classify(features)
        spent.append(now() - started)
    return classes, min(spent)


def chosen(found: Sequence[Sequence[Tried]], wanted: Wanted, *, limit: float, device: Device = "cpu") -> list[Arithmetic]:
    """The arithmetic of each model of a map, of what was tried of each: all in one precision.

    With `auto` the one that is the fastest where models gain the least, of those that change no more than a share `limit` of
    the pixels of any. Raises SitsparkError for a precision that is asked for and changes more.
    """
    if wanted != "auto":
        for one in (one for of_model in found for one in of_model):
            if one.share > limit:
                raise SitsparkError(
                    f"map.precision {one}, more than map.precision_limit ({limit:.2%}); set auto or fp32, or raise the limit"
                )
    # each model was tried in the same precisions, in the same order
    together = [of_precision for of_precision in zip(*found, strict=True) if all(one.share <= limit for one in of_precision)]
    worth = [some for some in together if wanted != "auto" or _gain(some) >= _LEAST_GAIN]
    if not worth:
        return [Arithmetic(device=device)] * len(found)
    return [one.arithmetic for one in max(worth, key=_gain)]


def _gain(tried: Sequence[Tried]) -> float:
    return min(one.gain for one in tried)
