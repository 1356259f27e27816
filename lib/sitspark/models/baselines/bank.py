"""The baselines by their names in settings."""

from collections.abc import Mapping

from sitspark.models.baselines.base import Baseline
from sitspark.models.baselines.boosting import Boosting
from sitspark.models.baselines.forest import Forest
from sitspark.models.baselines.linear import LinearSvm

BASELINES: Mapping[str, type[Baseline]] = {
    "random_forest": Forest,
    "extra_trees": Forest,
    "lightgbm": Boosting,
    "linear_svm": LinearSvm,
}
