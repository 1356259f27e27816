"""Comparing several models with labelled pixels straight from the samples table, in one pass: where there is no imagery."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sitspark.accuracy.fold_classes import FoldModels
from sitspark.errors import SitsparkError
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.models.card import read_card, require_features
from sitspark.models.committee import Committee
from sitspark.worker import end_task

_COUNTS = "run int, fold string, area string, polygon_id bigint, reference int, predicted int, pixels bigint"


def sample_confusion(samples: DataFrame, models: Sequence[FoldModels]) -> DataFrame:
    """Counts of (run, fold, area, polygon_id, reference, predicted), as those of `fold_confusion`.

    `samples` have the split and fold of each run (`with_all_runs`). Area is 'left_out' for all samples of the fold that a model
    never saw, 'same_area' for the polygons set aside in the other folds; predicted is 0 where no model has the ground. Raises
    SitsparkError for a model of other features than the samples have.
    """
    told = samples.schema["features"].metadata.get("feature_space")
    if told is None:
        raise SitsparkError("the samples don't say what their features are; make the samples table again with sitspark")
    space = FeatureSpace.from_json(told)
    for member in (member for model in models for member in model.members):
        require_features(read_card(member.folder), space, of="the samples table")
    ground = models[0].members[0].ground

    def compare(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        committees = [(model, Committee.load(model.members, model.combine)) for model in models]
        for batch in batches:
            features = np.stack(list(batch["features"])).astype(np.float32, copy=False)
            grounds = None if ground is None else batch[ground.kind].to_numpy(object)
            for model, committee in committees:
                position, _ = committee.classify(features, grounds)
                yield _counted(batch, model, np.where(position < 0, 0, committee.codes[position]))
        end_task()

    of_runs = [f"{name}_{model.run}" for model in models for name in ("split", "fold")]
    columns = dict.fromkeys(("polygon_id", "label", *of_runs, "features", *([ground.kind] if ground else [])))
    counts = samples.select(*columns).mapInPandas(compare, _COUNTS)
    return counts.groupBy("run", "fold", "area", "polygon_id", "reference", "predicted").agg(F.sum("pixels").alias("pixels"))


def _counted(batch: pd.DataFrame, model: FoldModels, predicted: npt.NDArray[np.uint16]) -> pd.DataFrame:
    outside = (batch[f"fold_{model.run}"] == model.left_out).to_numpy()
    aside = (batch[f"split_{model.run}"] == "validation").to_numpy()
    compared = pd.DataFrame(
        {
            "run": np.int32(model.run),
            "fold": model.left_out,
            "area": np.where(outside, "left_out", "same_area"),
            "polygon_id": batch["polygon_id"].to_numpy(),
            "reference": batch["label"].to_numpy(),
            "predicted": predicted.astype(np.int32),
        }
    )
    return compared[outside | aside].groupby(list(compared.columns)).size().reset_index(name="pixels")
