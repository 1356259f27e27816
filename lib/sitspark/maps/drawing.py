"""What models say of a window, kept while the window is classified block by block."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sitspark.kernels.committee import Combine, Opinion, Verdict, entropy_and_margin, verdict
from sitspark.maps.products import CONFIDENCE, Product
from sitspark.models.inference import Classifier

_OF_UNCERTAINTY = ("entropy", "margin")
_OF_VERDICTS = ("probability", *_OF_UNCERTAINTY, "agreement")  # products that classes and confidence alone don't give


@dataclass(frozen=True, slots=True, eq=False)
class Speaker:
    """A model at work on one of the series of a window (by its number), and what it weighs at each pixel, float32 (pixels,).

    None: 1 everywhere.
    """

    classifier: Classifier
    view: int = 0
    weight: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ChunkMap:
    """What is said of one chunk: class codes uint16, confidence in per cent uint8 (rows, columns); 0: not classified.

    `further` are arrays of other products by their names, of their types and scales ([bands,] rows, columns); nodata where
    nothing is classified.
    """

    classes: npt.NDArray[np.uint16]
    confidence: npt.NDArray[np.uint8]
    further: Mapping[str, npt.NDArray[np.generic]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A map in the making: classes and confidence (pixels,), and arrays of further products ([bands,] pixels)."""

    speakers: tuple[Speaker, ...]
    combine: Combine
    classes: npt.NDArray[np.uint16]
    confidence: npt.NDArray[np.uint8]
    products: tuple[Product, ...]
    further: Mapping[str, npt.NDArray[np.generic]]

    @staticmethod
    def of(speakers: Sequence[Speaker], combine: Combine, pixels: int, wanted: Sequence[Product] = ()) -> "Drawing":
        """Nothing is drawn yet of so many pixels; `wanted` are all products of the map."""
        products = tuple(product for product in wanted if product.name in _OF_VERDICTS)
        empty = {p.name: np.full((p.count, pixels) if p.bands else pixels, p.nodata, p.dtype) for p in products}
        return Drawing(tuple(speakers), combine, np.zeros(pixels, np.uint16), np.zeros(pixels, np.uint8), products, empty)

    def take(self, first: int, stop: int, features: Sequence[npt.NDArray[np.float32]]) -> None:
        """Classify the pixels from `first` to `stop`.

        `features` are those of each view: theirs are the first of a block, float32 (samples, features).
        """
        heard = [speaker for speaker in self.speakers if speaker.weight is None or speaker.weight[first:stop].any()]
        if not heard:
            return
        if len(heard) == 1 and heard[0].weight is None and not self.products:
            position, sure = heard[0].classifier.classify(features[heard[0].view])
            self._keep(first, heard[0].classifier, position[: stop - first], sure[: stop - first])
            return
        opinions = []
        for speaker in heard:
            position, every = speaker.classifier.distribution(features[speaker.view])
            weight = None if speaker.weight is None else speaker.weight[first:stop]
            opinions.append(Opinion(position[: stop - first], every[: stop - first], weight))
        found = verdict(opinions, self.combine)
        sure = found.probability[np.arange(stop - first), found.position]
        self._keep(first, heard[0].classifier, found.position, sure)
        self.classes[first:stop][found.models == 0] = 0
        self._note(slice(first, stop), found)

    def _keep(self, first: int, classifier: Classifier, position: npt.NDArray[np.int64], sure: npt.NDArray[np.float32]) -> None:
        place = slice(first, first + len(position))
        self.classes[place] = classifier.codes[position]
        self.confidence[place] = np.rint(sure * CONFIDENCE.scale)

    def _note(self, place: slice, found: Verdict) -> None:
        """Keep what further products hold of some pixels."""
        unsure = {}
        if any(product.name in _OF_UNCERTAINTY for product in self.products):
            unsure = dict(zip(_OF_UNCERTAINTY, entropy_and_margin(found.probability), strict=True))
        for product in self.products:
            kept = self.further[product.name]
            if product.name == "probability":
                kept[:, place] = np.rint(found.probability.T * product.scale)
            elif product.name == "agreement":
                kept[:, place] = np.stack([found.agreeing, found.models, found.tied])
            else:
                kept[place] = np.rint(unsure[product.name] * product.scale)

    def finished(self, seen: npt.NDArray[np.bool_]) -> ChunkMap:
        """The map; what wasn't `seen` (rows, columns), or has no model, is not classified."""
        self.classes[~seen.ravel()] = 0
        unclassified = self.classes == 0
        self.confidence[unclassified] = 0
        for product in self.products:
            self.further[product.name][..., unclassified] = product.nodata
        shaped = {name: kept.reshape(*kept.shape[:-1], *seen.shape) for name, kept in self.further.items()}
        return ChunkMap(self.classes.reshape(seen.shape), self.confidence.reshape(seen.shape), shaped)
