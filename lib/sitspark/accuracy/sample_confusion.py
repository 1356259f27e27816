"""Comparing several models with labelled pixels straight from the samples table, in one pass, without drawing a map."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sitspark.errors import SitsparkError
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.models.card import read_card, require_features
from sitspark.models.inference import Classifier
from sitspark.worker import end_task

_COUNTS = "fold string, area string, reference int, predicted int, pixels bigint"


@dataclass(frozen=True, slots=True)
class FoldModel:
    """A model that never saw the samples of one fold; `code`: see `Model.load`."""

    left_out: str
    folder: Path
    code: str | None = None


def sample_confusion(samples: DataFrame, models: Sequence[FoldModel]) -> DataFrame:
    """Counts of (fold, area, reference, predicted).

    area is 'left_out' for all samples of the fold that a model never saw, 'same_area' for the polygons set aside in
    the other folds. Raises SitsparkError for a model of other features than the samples have.
    """
    told = samples.schema["features"].metadata.get("feature_space")
    if told is None:
        raise SitsparkError("the samples don't say what their features are; make the samples table again with sitspark")
    space = FeatureSpace.from_json(told)
    for model in models:
        require_features(read_card(model.folder), space, of="the samples table")

    def compare(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        classifiers = [(model.left_out, Classifier.load(model.folder, code=model.code)) for model in models]
        for batch in batches:
            features = np.stack(list(batch["features"])).astype(np.float32, copy=False)
            for left_out, classifier in classifiers:
                position, _ = classifier.classify(features)
                yield _counted(batch, left_out, classifier.codes[position])
        end_task()

    columns = ("label", "fold", "split", "features")
    counts = samples.select(*columns).mapInPandas(compare, _COUNTS)
    return counts.groupBy("fold", "area", "reference", "predicted").agg(F.sum("pixels").alias("pixels"))


def _counted(batch: pd.DataFrame, left_out: str, predicted: npt.NDArray[np.uint16]) -> pd.DataFrame:
    outside = (batch["fold"] == left_out).to_numpy()
    aside = (batch["split"] == "validation").to_numpy()
    compared = pd.DataFrame(
        {
            "fold": left_out,
            "area": np.where(outside, "left_out", "same_area"),
            "reference": batch["label"].to_numpy(),
            "predicted": predicted.astype(np.int32),
        }
    )
    return compared[outside | aside].groupby(list(compared.columns)).size().reset_index(name="pixels")
