"""The settings of a run: every key typed, with unit and default."""

from typing import Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from sitspark.settings.accuracy import AccuracySettings
from sitspark.settings.applicability import ApplicabilitySettings
from sitspark.settings.archives import DescriptionSettings, MaskSettings, ScenesSettings
from sitspark.settings.features import (
    CustomSettings,
    FeaturesSettings,
    FunctionSettings,
    LayerSettings,
    SeriesSettings,
    TimeSettings,
)
from sitspark.settings.grid import GridSettings
from sitspark.settings.ground_truth import RATIO, ClassesSettings, GroundTruthSettings
from sitspark.settings.importance import ImportanceSettings
from sitspark.settings.mapping import (
    INTEGER_NETWORKS,
    BoundarySettings,
    GroupSettings,
    MapSettings,
    RegulariseSettings,
    SmoothingSettings,
    UnitSettings,
    VectorSettings,
)
from sitspark.settings.observations import ObservationsSettings, TableSensorSettings
from sitspark.settings.report import PlaceSettings, ReportSettings
from sitspark.settings.samples import AugmentationSettings, QualitySettings, SamplesSettings, SelectionSettings
from sitspark.settings.search import SearchSettings, TrackSettings
from sitspark.settings.section import FilePath, PathOrUrl, Section
from sitspark.settings.session import SparkSettings, TableSettings
from sitspark.settings.training import (
    CheckpointSettings,
    HeldAs,
    LossSettings,
    OptimiserSettings,
    ScheduleSettings,
    StoppingSettings,
    TrainingSettings,
)

__all__ = [
    "OF_SERIES",
    "RATIO",
    "AccuracySettings",
    "ApplicabilitySettings",
    "AugmentationSettings",
    "BoundarySettings",
    "CheckpointSettings",
    "ClassesSettings",
    "CustomSettings",
    "DescriptionSettings",
    "FeaturesSettings",
    "FunctionSettings",
    "GridSettings",
    "GroundTruthSettings",
    "GroupSettings",
    "HeldAs",
    "ImportanceSettings",
    "LayerSettings",
    "LossSettings",
    "MapSettings",
    "MaskSettings",
    "ObservationsSettings",
    "OptimiserSettings",
    "PlaceSettings",
    "QualitySettings",
    "RegulariseSettings",
    "ReportSettings",
    "SamplesSettings",
    "ScenesSettings",
    "ScheduleSettings",
    "SearchSettings",
    "Section",
    "SelectionSettings",
    "SeriesSettings",
    "Settings",
    "SmoothingSettings",
    "SparkSettings",
    "StoppingSettings",
    "TableSensorSettings",
    "TableSettings",
    "TimeSettings",
    "TrackSettings",
    "TrainingSettings",
    "UnitSettings",
    "VectorSettings",
]

# keys of a sensor's section that change its features alone, and nothing that is read
OF_SERIES = set(SeriesSettings.model_fields)
_OF_ANY_SAMPLE = ("min_clear_dates", "augmentation", "quality")  # keys of samples that choose no pixels


class Settings(Section):
    """All settings of a run."""

    output: FilePath = Field(description="Folder of the run: tables, models, maps, accuracy, report.")
    delivery: PathOrUrl | None = Field(
        None,
        description="Where map, models, accuracy and report are copied at the end, to be read by others: a folder, or s3://, "
        "gs://, az://; null: nowhere.",
    )
    seed: int = Field(0, ge=0, description="All that is random follows from this and from stable identifiers.")
    runs: int = Field(
        1,
        ge=1,
        description="How often cross-validate divides the ground truth anew, each time by the next seed, with models of its "
        "own: how far scores spread by that.",
    )
    observations: ObservationsSettings | None = Field(
        None, description="A table of samples to start from; null: from imagery, which `scenes` and `ground_truth` describe."
    )
    scenes: ScenesSettings | None = Field(None, validate_default=True, description="Which imagery is read.")
    other_sensors: tuple[ScenesSettings, ...] = Field(
        (),
        description="Archives of further sensors, each with keys as those of scenes: their series are read where they cover "
        "the tiles of scenes, and give features of their own; what one of the sensors never sees is not mapped.",
    )
    grid: GridSettings = GridSettings()  # type: ignore[call-arg]  # mypy sees no default in Field(x)
    time_series: TimeSettings = TimeSettings()  # type: ignore[call-arg]  # mypy sees no default in Field(x)
    features: FeaturesSettings = FeaturesSettings()  # type: ignore[call-arg]  # mypy sees no default in Field(x)
    custom_features: CustomSettings | None = Field(None, description="Features of your own functions; null: none.")
    classes: ClassesSettings
    ground_truth: GroundTruthSettings | None = Field(
        None, validate_default=True, description="The labelled polygons, and how they are split."
    )
    samples: SamplesSettings = SamplesSettings()  # type: ignore[call-arg]  # mypy sees no default in Field(x)
    training: TrainingSettings = TrainingSettings()  # type: ignore[call-arg]  # mypy sees no default in Field(x)
    importance: ImportanceSettings | None = Field(
        default_factory=lambda: ImportanceSettings(),  # type: ignore[call-arg]  # mypy sees no default in Field(x)
        description="Which dates and bands the model needs, found out after training; null: not asked.",
    )
    applicability: ApplicabilitySettings | None = Field(
        None, description="How like the training samples other pixels are, docs/applicability.md; null: not asked."
    )
    map: MapSettings = MapSettings()  # type: ignore[call-arg]  # mypy sees no default in Field(x)
    accuracy: AccuracySettings = AccuracySettings()  # type: ignore[call-arg]  # mypy sees no default in Field(x)
    report: ReportSettings = ReportSettings()  # type: ignore[call-arg]  # mypy sees no default in Field(x)
    tables: TableSettings = TableSettings()  # type: ignore[call-arg]  # mypy sees no default in Field(x)
    spark: SparkSettings = SparkSettings()  # type: ignore[call-arg]  # mypy sees no default in Field(x)

    @field_validator("scenes", "ground_truth")
    @classmethod
    def _imagery_unless_a_table(cls, value: Section | None, info: ValidationInfo) -> Section | None:
        # a faulty section of observations is absent here, and has its own sentence
        without_table = "observations" in info.data and info.data["observations"] is None
        if value is None and without_table:
            raise PydanticCustomError("missing", "Field required")
        return value

    @model_validator(mode="after")
    def _nothing_is_ignored_beside_a_table(self) -> Self:
        if self.observations is None:
            return self
        custom, samples = self.custom_features, self.samples
        of_pixels = (
            f"samples.{name}"
            for name, field in SamplesSettings.model_fields.items()
            if name not in _OF_ANY_SAMPLE and getattr(samples, name) != field.get_default(call_default_factory=True)
        )
        ignored = {
            "scenes": self.scenes is not None,
            "other_sensors": bool(self.other_sensors),
            "ground_truth": self.ground_truth is not None,
            "grid": self.grid != GridSettings(),  # type: ignore[call-arg]
            # how several models say what a sample is
            "map": self.map.model_copy(update={"combine": "mean"}) != MapSettings(),  # type: ignore[call-arg]
            "report": self.report != ReportSettings(),  # type: ignore[call-arg]
            "training.model_per": self.training.model_per != "map",
            "accuracy": self.accuracy != AccuracySettings(),  # type: ignore[call-arg]
            "features.static": bool(self.features.static),
            "custom_features.padding": custom is not None and custom.padding > 0,
            **dict.fromkeys(of_pixels, True),
        }
        if not self.observations.bands:
            ignored |= {
                "time_series": self.time_series != TimeSettings(),  # type: ignore[call-arg]
                "features": self.features != FeaturesSettings(),  # type: ignore[call-arg]
                "samples.min_clear_dates": samples.min_clear_dates > 1,
            }
        found = [key for key, there in ignored.items() if there]
        if found:
            raise ValueError(
                f"has {', '.join(found)}, which would be ignored: a run that starts from a table reads no "
                "imagery and takes all samples as the table has them; leave it out, or leave out observations"
            )
        return self

    @model_validator(mode="after")
    def _periods_are_ordered(self) -> Self:
        numbered = {f"other_sensors.{i}": archive for i, archive in enumerate(self.other_sensors)}
        leading = {"scenes": self.scenes} if self.scenes else {}
        sections: dict[str, ScenesSettings | TimeSettings] = {**leading, **numbered, "time_series": self.time_series}
        for name, section in sections.items():
            if section.start and section.end and section.end < section.start:
                raise ValueError(f"{name}.end ({section.end}) lies before {name}.start ({section.start})")
        return self

    @model_validator(mode="after")
    def _edges_are_those_of_polygons(self) -> Self:
        if self.samples.shrink and self.ground_truth is not None and self.ground_truth.split_unit == "piece":
            raise ValueError(
                "samples.shrink would take the edges of tiles, along which ground_truth.split_unit piece cuts, for those of "
                "polygons; leave one of them out"
            )
        return self

    @model_validator(mode="after")
    def _medians_are_of_gap_filled_series(self) -> Self:
        fillers = {self.time_series.filler, *(archive.filler for archive in self.archives)}
        if self.training.centre == "median" and "none" in fillers:
            raise ValueError(
                "training.centre median would take the zeros of acquisitions that aren't valid for values (time_series.filler "
                "none); choose another filler, or mean"
            )
        return self

    @model_validator(mode="after")
    def _the_model_has_the_precision(self) -> Self:
        precision, training = self.map.precision, self.training
        if training.baseline is not None and precision in ("bf16", "int8"):
            raise ValueError(
                f"map.precision {precision} is one of networks, and training.baseline has its own numbers; set fp32 or auto"
            )
        if precision == "int8" and training.network not in INTEGER_NETWORKS:
            raise ValueError(
                f"map.precision int8 is for networks of dense layers ({', '.join(INTEGER_NETWORKS)}), and training.network "
                f"is {training.model_name}; set bf16, fp32 or auto"
            )
        return self

    @model_validator(mode="after")
    def _gpus_classify_by_networks(self) -> Self:
        if self.map.device != "gpu":
            return self
        if self.training.baseline is not None:
            raise ValueError("has map.device gpu, and training.baseline is computed on processors; set cpu or auto")
        if self.map.precision == "int8":
            raise ValueError("has map.device gpu and map.precision int8, which is for processors; set bf16, fp32 or auto")
        return self

    @model_validator(mode="after")
    def _samples_serve_every_run(self) -> Self:
        """They are chosen once: what is set aside in one run trains in another."""
        if self.runs == 1:
            return self
        unit = self.ground_truth.split_unit if self.ground_truth is not None else None
        if unit in ("column", "distance"):
            why = {"column": "the split is yours", "distance": "polygons too close to others have no samples"}[unit]
            raise ValueError(f"has runs, and ground_truth.split_unit {unit}: {why}; set runs: 1, or choose another split_unit")
        quality = self.samples.quality
        if self.samples.augmentation is not None or (quality is not None and quality.max_score is not None):
            key = "augmentation" if self.samples.augmentation is not None else "quality.max_score"
            raise ValueError(
                f"has runs, and samples.{key}, which is of the training samples of one split; leave one of them out"
            )
        return self

    @model_validator(mode="after")
    def _several_models_have_their_ground(self) -> Self:
        training, truth, drawn = self.training, self.ground_truth, self.map
        per_region = training.model_per == "region"
        has_regions = truth is not None and truth.regions is not None
        if per_region and not has_regions:
            raise ValueError(
                "has training.model_per region without regions; add ground_truth.regions and ground_truth.region_field"
            )
        if has_regions and truth is not None and truth.split_unit == "column" and truth.folds != "region" and not per_region:
            raise ValueError(
                "has ground_truth.regions, which would be ignored; with split_unit: column they go with folds: region or "
                "training.model_per: region"
            )
        made = self.samples.augmentation
        of_models = {"per_model": self.samples.per_model, "augmentation.models": made.models if made else ()}
        for key, given in of_models.items():
            if given and training.model_per == "map":
                raise ValueError(f"has samples.{key}, which would be ignored; it goes with training.model_per region, or tile")
        if drawn.boundary is not None and not per_region:
            raise ValueError("has map.boundary, which would be ignored; it goes with training.model_per: region")
        several = training.ensemble > 1 or drawn.boundary is not None or self.grid.overlap == "blend"
        if drawn.combine == "vote" and training.ensemble == 1:
            raise ValueError("has map.combine vote with one model for each ground; raise training.ensemble, or leave it out")
        if "agreement" in drawn.products and not several:
            raise ValueError(
                "has agreement among map.products, and one model draws each pixel; raise training.ensemble, or leave it out"
            )
        return self

    @model_validator(mode="after")
    def _dissimilarity_is_to_the_samples_of_one_model(self) -> Self:
        if self.applicability is not None and self.training.model_per != "map":
            raise ValueError(
                f"has applicability, which is that of one model, and training.model_per {self.training.model_per}; set "
                "model_per map, or leave applicability out"
            )
        if "dissimilarity" in self.map.products and self.applicability is None:
            raise ValueError(
                "has dissimilarity among map.products, which needs a section applicability; add `applicability: {}`"
            )
        return self

    @property
    def archives(self) -> tuple[ScenesSettings, ...]:
        """The archives of all sensors, first that whose tiles divide the map; none where a run starts from a table."""
        return () if self.scenes is None else (self.scenes, *self.other_sensors)

    @property
    def series(self) -> tuple[SeriesSettings, ...]:
        """What each sensor has of its own for its series, first that of imagery or table."""
        return self.archives if self.observations is None else self.observations.sensors
