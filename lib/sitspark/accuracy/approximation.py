"""How far the approximate dissimilarity index is from the exact one, by all features and all training samples."""

import numpy as np

from sitspark.accuracy.applicability import ApproximationError
from sitspark.kernels.dissimilarity import mean_distance, outlier_free_maximum
from sitspark.models.applicability import PAIRED, AreaOfApplicability, Floats, FoldedSamples, nearest, nearest_of_others, spread


def error_of(area: AreaOfApplicability, samples: FoldedSamples, probes: Floats) -> ApproximationError:
    """Compare the index of `probes` (n, features), n > 0, with the exact one by the `samples` that the area was found from.

    The exact threshold is that of 2000 of them, evenly spread.
    """
    scaled = area.scale.apply(samples.features)
    some, folds = spread(scaled, PAIRED), spread(samples.folds, PAIRED)
    unit = mean_distance(some)
    threshold = outlier_free_maximum(nearest_of_others(some, folds, among=scaled, folds=samples.folds) / unit)
    # both in units of their thresholds, as the map has them
    exact = nearest(area.scale.apply(probes), scaled) / unit / threshold
    found = area.index(probes) / area.threshold
    changed = np.count_nonzero((exact > 1) != (found > 1))
    return ApproximationError(len(probes), float(np.abs(exact - found).mean()), int(changed))
