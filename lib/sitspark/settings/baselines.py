"""The classifiers that networks are measured against, each with the parameters of its kind."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field

from sitspark.errors import nearest
from sitspark.settings.section import Section

ForestKind = Literal["random_forest", "extra_trees"]
_NAMED_SHARES = ("sqrt", "log2", "all")


def _max_features(value: object) -> object:
    """Say it in one sentence, where the union of all forms would complain of each."""
    count = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    share = isinstance(value, float) and 0 < value < 1
    if count or share or value in _NAMED_SHARES:
        return value
    raise ValueError(f"should be {', '.join(_NAMED_SHARES)}, a number of features, or a share below 1; not {value!r}")


class ForestSettings(Section):
    """A forest of decision trees (scikit-learn's)."""

    kind: ForestKind = Field(description="random_forest (Breiman 2001) or extra_trees (Geurts et al. 2006).")
    trees: int = Field(100, ge=1, description="Of forests: number of trees.")
    max_depth: int | None = Field(25, ge=1, description="Of forests: most decisions from root to leaf; null: any.")
    min_samples_leaf: int = Field(5, ge=1, description="Of forests: samples that a leaf has at least.")
    min_samples_split: int = Field(2, ge=2, description="Of forests: samples that a decision divides at least.")
    max_features: Annotated[Literal["sqrt", "log2", "all"] | int | float, BeforeValidator(_max_features)] = Field(
        "sqrt", description="Of forests: features tried for a decision: sqrt or log2 of their number, all, a number, a share."
    )


class LightgbmSettings(Section):
    """Gradient boosting of trees (LightGBM)."""

    kind: Literal["lightgbm"] = Field(description="lightgbm (Ke et al. 2017).")
    trees: int = Field(200, ge=1, description="Of lightgbm: rounds at most, each of which adds a tree a class.")
    leaves: int = Field(31, ge=2, description="Of lightgbm: most leaves of a tree.")
    learning_rate: float = Field(0.1, gt=0, le=1, description="Of lightgbm: share of each tree's correction that is taken.")
    min_samples_leaf: int = Field(20, ge=1, description="Of lightgbm: samples that a leaf has at least.")
    feature_share: float = Field(1.0, gt=0, le=1, description="Of lightgbm: share of the features that each tree is given.")
    patience: int | None = Field(
        20, ge=1, description="Of lightgbm: rounds without a lower loss on the monitored samples before it stops; null: never."
    )


class LinearSvmSettings(Section):
    """A linear support vector machine, one class against the rest (LIBLINEAR)."""

    kind: Literal["linear_svm"] = Field(description="linear_svm (Fan et al. 2008).")
    c: float = Field(1.0, gt=0, description="Of linear_svm: what an error costs against a wide margin.")


BaselineSettings = ForestSettings | LightgbmSettings | LinearSvmSettings
KINDS = (*get_args(ForestKind), "lightgbm", "linear_svm")


def _named(value: object) -> object:
    """A name alone stands for the kind with its defaults."""
    section: Any = {"kind": value} if isinstance(value, str) else value
    if isinstance(section, dict) and section.get("kind") not in KINDS:
        meant = nearest(section.get("kind"), KINDS)
        raise ValueError(f"should be one of {', '.join(KINDS)}, or a section with one of them as its kind{meant}")
    return section


BaselineSetting = Annotated[
    Annotated[BaselineSettings, Field(discriminator="kind")] | None,
    BeforeValidator(_named),
]
