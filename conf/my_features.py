"""Features of one's own, as settings name them:

    custom_features:
      module: my_features.py
      functions: [season, {name: texture, parameters: {band: B8, radius: 2}}]
      padding: 2

docs/custom_features.md says what a function is given, and what it has to give.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def season(patch):
    """When NDVI is highest (days since the first date), and how long it stays above half of its range (days)."""
    ndvi = patch.series("ndvi")  # (dates, rows, columns)
    days = np.array([(day - patch.dates()[0]).days for day in patch.dates()])
    half = (ndvi.min(axis=0) + ndvi.max(axis=0)) / 2
    step = np.gradient(days) if len(days) > 1 else np.ones(1)
    length = ((ndvi > half) * step[:, None, None]).sum(axis=0)
    return np.stack([days[ndvi.argmax(axis=0)], length]), ["ndvi_peak", "ndvi_length"]


def texture(patch, band="B8", radius=1):
    """The standard deviation of a band's mean over time in the square of 2 x radius + 1 pixels around each pixel."""
    mean = np.pad(patch.series(band).mean(axis=0, dtype=np.float64), radius)
    squares = sliding_window_view(mean, (2 * radius + 1, 2 * radius + 1))
    return squares.std(axis=(2, 3)), [f"{band.lower()}_texture"]
