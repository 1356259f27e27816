"""Which labelled pixels are learnt from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from sitspark.settings.section import FilePath, Section

Count = Annotated[int, Field(ge=0)]


def _path_or_counts(value: object) -> object:
    """Say it in one sentence, where the union of both would complain of each."""
    if isinstance(value, dict):
        for name, count in value.items():
            if isinstance(count, bool) or not isinstance(count, int) or count < 0:
                raise ValueError(f"should have whole numbers from 0 on, and has {count!r} for {name}")
    if value is None or isinstance(value, dict | str | Path):
        return value
    raise ValueError("should be a CSV file, or a mapping of classes to numbers of pixels")


def _as_name(value: object) -> object:
    """Regions are often called by numbers, which YAML takes for such."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class AugmentationSettings(Section):
    """Samples made from others for rare classes, after OTB's SampleAugmentation; of training samples alone."""

    method: Literal["replicate", "jitter", "smote"] = Field(
        description="Copies; copies with noise; or places between a sample and one of its nearest neighbours (SMOTE)."
    )
    strategy: Literal["balance", "minimum", "byclass"] = Field(
        "balance", description="Each class gets as many as the largest has; at least `minimum`; at least by_class."
    )
    minimum: int | None = Field(None, ge=1, description="Strategy minimum: training samples that each class has at least.")
    by_class: Annotated[dict[int | str, Count] | FilePath | None, BeforeValidator(_path_or_counts)] = Field(
        None, description="Strategy byclass: training samples at least, by code or name, or a CSV file of lines 'class,count'."
    )
    models: tuple[Annotated[str, BeforeValidator(_as_name)], ...] = Field(
        (), description="With training.model_per: the regions or tiles whose models learn from them; empty: all."
    )
    std_factor: float = Field(
        10, gt=0, description="Method jitter: noise of a feature is its standard deviation in the class, divided by this."
    )
    neighbours: int = Field(5, ge=1, description="Method smote: nearest samples of the class that a new one may lie towards.")

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        for key, of, chosen in (
            ("minimum", "minimum", self.strategy),
            ("by_class", "byclass", self.strategy),
            ("std_factor", "jitter", self.method),
            ("neighbours", "smote", self.method),
        ):
            if of != chosen and key in self.model_fields_set and getattr(self, key) is not None:
                raise ValueError(f"has {key}, which isn't of {chosen}; leave it out")
        for key, of in (("minimum", "minimum"), ("by_class", "byclass")):
            if self.strategy == of and getattr(self, key) is None:
                raise ValueError(f"has the strategy {of}, which needs {key}")
        return self


class QualitySettings(Section):
    """How well each sample agrees with its class, in the table quality."""

    neighbours: int = Field(
        5, ge=1, description="Nearest polygons of each class that a sample is compared with; its own is never one of them."
    )
    max_score: float | None = Field(
        None,
        gt=0,
        description="Training samples with a greater score are not learnt from; above 1 a sample is nearer to another class "
        "than to its own; null: none is dropped, the table informs. Samples that are set aside are never dropped.",
    )


# the strategies that need a number, with its key
_NUMBERS = {"constant": "per_class", "percent": "percent", "total": "total", "byclass": "by_class"}


class SelectionSettings(Section):
    """How many labelled pixels of each class are taken, and which, after OTB's SampleSelection."""

    sampler: Literal["periodic", "random"] = Field(
        "periodic", description="Evenly spread in (tile, row, column) order, or at random."
    )
    jitter: int = Field(0, ge=0, description="Positions by which the periodic sampler strays at most, within its period.")
    strategy: Literal["constant", "all", "percent", "total", "smallest", "byclass"] = Field(
        "constant",
        description="How many pixels of a class are taken for a model, over all its tiles: per_class of each; all; percent of "
        "each; total, in proportion; as many as the smallest class has; by_class.",
    )
    per_class: int | None = Field(
        100_000, ge=1, description="Strategy constant: at most so many training pixels a class, as many set aside; null: all."
    )
    percent: float | None = Field(None, gt=0, le=100, description="Strategy percent: per cent of the pixels of each class.")
    total: int | None = Field(None, ge=1, description="Strategy total: pixels of all classes together, of each set.")
    by_class: Annotated[dict[int | str, Count] | FilePath | None, BeforeValidator(_path_or_counts)] = Field(
        None, description="Strategy byclass: pixels of each class by code or name, or a CSV file of lines 'class,count'."
    )

    @model_validator(mode="after")
    def _numbers_are_those_of_the_strategy(self) -> Self:
        needed = _NUMBERS.get(self.strategy)
        if needed not in (None, "per_class") and getattr(self, needed) is None:
            raise ValueError(f"has the strategy {self.strategy}, which needs {needed}")
        for name in _NUMBERS.values():
            if name != needed and name in self.model_fields_set and getattr(self, name) is not None:
                own = next(strategy for strategy, number in _NUMBERS.items() if number == name)
                raise ValueError(
                    f"has {name}, which isn't of the strategy {self.strategy}; leave it out, or set strategy: {own}"
                )
        if self.jitter and self.sampler != "periodic":
            raise ValueError("has jitter, which is of the sampler periodic; leave it out, or set it to 0")
        return self


class SamplesSettings(SelectionSettings):
    """Which labelled pixels become samples, after OTB's SampleSelection; the set aside is chosen by the same rule."""

    per_model: dict[str, SelectionSettings] = Field(
        default_factory=dict,
        description="With training.model_per: other rules for single models, by the name of their region or tile; each has "
        "the keys above (sampler to by_class) that differ, as {alps: {per_class: 500}}.",
    )
    per_polygon: int | None = Field(
        None, ge=1, description="At most so many pixels of a polygon, at random, before classes are counted; null: all."
    )
    touched: bool = Field(
        False, description="Whether a pixel is a polygon's when any part of it lies inside; false: when its centre does."
    )
    shrink: float = Field(
        0, ge=0, description="Metres by which polygons are made smaller first; points are not, unless point_buffer widens them."
    )
    min_clear_dates: int = Field(
        1,
        ge=1,
        description="Usable acquisitions, of all sensors together, that a pixel needs to be chosen (iota2's cloud_threshold).",
    )
    augmentation: AugmentationSettings | None = Field(
        None, description="Samples made from others, so that rare classes count; null: none."
    )
    quality: QualitySettings | None = Field(
        None, description="Scores that tell probable wrong labels, in the table quality and the report; null: none."
    )

    @model_validator(mode="before")
    @classmethod
    def _models_say_what_differs(cls, value: object) -> object:
        """The rule of a model has what it doesn't say from the others', where that isn't of another strategy or sampler."""
        if not isinstance(value, dict) or not isinstance(value.get("per_model"), dict):
            return value
        common = {name: value[name] for name in SelectionSettings.model_fields if name in value}
        return value | {"per_model": {name: _completed(own, common) for name, own in value["per_model"].items()}}


def _completed(own: object, common: Mapping[str, object]) -> object:
    if own is not None and not isinstance(own, dict):
        return own
    found = {**common, **(own or {})}
    foreign = {name for strategy, name in _NUMBERS.items() if strategy != found.get("strategy", "constant")}
    if found.get("sampler", "periodic") != "periodic":
        foreign.add("jitter")
    # what the model itself says stays, to be refused
    return {name: given for name, given in found.items() if name not in foreign or name in (own or {})}
