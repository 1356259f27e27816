"""What models say of a window, kept while the window is classified block by block."""

from collections.abc import Sequence
from dataclasses import dataclass

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


Rasters = dict[str, npt.NDArray[np.generic]]  # pixels of products by their names, of their types and scales


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A map in the making: class codes and confidence (pixels,), and the `rasters` of further products ([bands,] pixels)."""

    speakers: tuple[Speaker, ...]
    combine: Combine
    classes: npt.NDArray[np.unsignedinteger]
    confidence: npt.NDArray[np.uint8]
    products: tuple[Product, ...]
    rasters: Rasters

    @staticmethod
    def of(speakers: Sequence[Speaker], combine: Combine, pixels: int, wanted: Sequence[Product]) -> "Drawing":
        """Nothing is drawn yet of so many pixels; `wanted` are all products of the map, the classification among them."""
        (classification,) = (product for product in wanted if product.name == "classification")
        products = tuple(product for product in wanted if product.name in _OF_VERDICTS)
        empty: Rasters = {p.name: np.full((p.count, pixels) if p.bands else pixels, p.nodata, p.dtype) for p in products}
        classes, confidence = np.zeros(pixels, classification.dtype), np.zeros(pixels, CONFIDENCE.dtype)
        return Drawing(tuple(speakers), combine, classes, confidence, products, empty)

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
            kept = self.rasters[product.name]
            if product.name == "probability":
                kept[:, place] = np.rint(found.probability.T * product.scale)
            elif product.name == "agreement":
                kept[:, place] = np.stack([found.agreeing, found.models, found.tied])
            else:
                kept[place] = np.rint(unsure[product.name] * product.scale)

    def finished(self, seen: npt.NDArray[np.bool_]) -> Rasters:
        """All rasters ([bands,] rows, columns); what wasn't `seen` (rows, columns), or has no model, is nodata in each."""
        self.classes[~seen.ravel()] = 0
        unclassified = self.classes == 0
        self.confidence[unclassified] = 0
        for product in self.products:
            self.rasters[product.name][..., unclassified] = product.nodata
        all_ = {"classification": self.classes, "confidence": self.confidence, **self.rasters}
        return {name: kept.reshape(*kept.shape[:-1], *seen.shape) for name, kept in all_.items()}
