"""What a model says of a window, kept while the window is classified block by block."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sitspark.maps.products import CONFIDENCE, Product
from sitspark.models.inference import Classifier


@dataclass(frozen=True, slots=True)
class ChunkMap:
    """What one model says of one chunk: class codes uint16, confidence in per cent uint8 (rows, columns); 0: not classified.

    `probability` is that of every class where it is wanted, of the product's type and scale (classes, rows, columns); nodata
    where nothing is classified.
    """

    classes: npt.NDArray[np.uint16]
    confidence: npt.NDArray[np.uint8]
    probability: npt.NDArray[np.unsignedinteger] | None = None


@dataclass(frozen=True, slots=True)
class Drawing:
    """The map of one model in the making: classes and confidence (pixels,), and where `product` wants it the probability
    of every class (classes, pixels).
    """

    classifier: Classifier
    classes: npt.NDArray[np.uint16]
    confidence: npt.NDArray[np.uint8]
    probability: npt.NDArray[np.unsignedinteger] | None
    product: Product | None

    @staticmethod
    def of(classifier: Classifier, pixels: int, product: Product | None) -> "Drawing":
        """Nothing is drawn yet of so many pixels."""
        every = None if product is None else np.zeros((product.count, pixels), product.dtype)
        return Drawing(classifier, np.zeros(pixels, np.uint16), np.zeros(pixels, np.uint8), every, product)

    def take(self, first: int, stop: int, features: npt.NDArray[np.float32]) -> None:
        """Classify the pixels from `first` to `stop`, whose features are the first of a block, float32 (samples, features)."""
        count = stop - first
        if self.product is None or self.probability is None:
            position, sure = self.classifier.classify(features)
        else:
            position, every = self.classifier.distribution(features)
            sure = every[np.arange(len(every)), position]
            self.probability[:, first:stop] = np.rint(every[:count].T * self.product.scale)
        self.classes[first:stop] = self.classifier.codes[position[:count]]
        self.confidence[first:stop] = np.rint(sure[:count] * CONFIDENCE.scale)

    def finished(self, seen: npt.NDArray[np.bool_]) -> ChunkMap:
        """The map; what wasn't `seen` (rows, columns) is not classified."""
        unseen = ~seen.ravel()
        self.classes[unseen] = 0
        self.confidence[unseen] = 0
        if self.product is not None and self.probability is not None:
            self.probability[:, unseen] = self.product.nodata
        every = None if self.probability is None else self.probability.reshape(-1, *seen.shape)
        return ChunkMap(self.classes.reshape(seen.shape), self.confidence.reshape(seen.shape), every)
