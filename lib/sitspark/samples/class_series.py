"""Mean and spread of one quantity of a class along time (one process, no Spark)."""

import numpy as np
import pyarrow as pa

from sitspark.kernels.feature_series import FeatureSeries

_SPREAD = (0.1, 0.9)  # shares of the samples that lie below the band, and below its upper edge


def class_series(of_class: pa.Table, shown: FeatureSeries) -> pa.Table:
    """One row, from the samples of a class with label and the features `values` of the quantity on all dates.

    label, quantity, sensor, samples, dates, and on each date mean, low and high, in the unit of the quantity.
    """
    features = of_class["values"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    values = features.reshape(len(of_class), -1).astype(np.float64) / shown.scale
    low, high = np.quantile(values, _SPREAD, axis=0)
    return pa.table(
        {
            "label": of_class["label"].slice(0, 1),
            "quantity": [shown.name],
            "sensor": [shown.sensor],
            "samples": [len(of_class)],
            "dates": pa.array([list(shown.dates)], pa.list_(pa.date32())),
            "mean": [values.mean(axis=0)],
            "low": [low],
            "high": [high],
        }
    )
