"""Classes and labelled polygons."""

from typing import Literal, Self

from pydantic import Field, model_validator

from sitspark.settings.section import FilePath, Section

RATIO = 0.75  # of the polygons of a class, for training


class ClassesSettings(Section):
    """The nomenclature."""

    nomenclature: FilePath = Field(
        description="Text file, 'class name:code' a line (iota2's form); or .csv, 'code,name,red,green,blue' or "
        "'code,name,#rrggbb' a line."
    )
    colours: FilePath | None = Field(
        None,
        description="Text file, 'code red green blue' a line, or a colour map exported by QGIS; null: those of a .csv.",
    )


class GroundTruthSettings(Section):
    """The labelled polygons, and how they are split."""

    file: FilePath = Field(description="Shapefile, GeoPackage, GeoJSON or GeoParquet of labelled polygons or points.")
    label_field: str = Field(description="Field that holds the class code (integer).")
    id_field: str | None = Field(None, description="Field that identifies a feature; null: its number in the file.")
    point_buffer: float = Field(
        0, ge=0, description="Metres around a labelled point that take its label; 0: the one pixel it lies in."
    )
    overlap_tolerance: float = Field(
        1, ge=0, description="Pixels that two polygons of different labels may share before `overlaps` decides."
    )
    overlaps: Literal["drop", "keep-first", "keep-larger"] = Field(
        "drop",
        description="Of two polygons of different labels that overlap both are rejected, or the later one, or the smaller.",
    )
    ratio: float = Field(
        RATIO, gt=0, lt=1, description="Share of the polygons (or blocks) of each class for training; the rest is set aside."
    )
    weight_field: str | None = Field(
        None,
        description="Field of numbers from 0 on: what the samples of a feature weigh in training; null: all weigh the same.",
    )
    split_unit: Literal["polygon", "piece", "block", "distance", "column"] = Field(
        "polygon",
        description="What goes to one side as a whole: polygons, their pieces tile by tile (iota2), or blocks of block_size; "
        "distance: polygons, and none is set aside for validation closer than that to a training polygon; column: as "
        "split_field says.",
    )
    block_size: float | None = Field(
        None, gt=0, description="For split_unit: block and folds: block: side of a block, kilometres."
    )
    distance: float | None = Field(
        None,
        gt=0,
        description="For split_unit: distance: metres; what would be set aside closer to a training polygon is not used.",
    )
    split_field: str | None = Field(
        None,
        description="For split_unit: column: field that says train, validation or test; test is measured on its own.",
    )
    regions: FilePath | None = Field(
        None, description="File of polygons of regions: the split is drawn in each of them; null: over the whole area."
    )
    region_field: str | None = Field(None, description="Field that holds a region's name.")
    folds: Literal["tile", "region", "block", "random"] = Field(
        "tile",
        description="What cross-validate leaves out in turn: tiles, regions, groups of blocks, or polygons at random.",
    )
    fold_count: int | None = Field(None, ge=2, description="For folds: block and folds: random: how many folds.")

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        """Each key goes with the choices that use it, and they with it."""
        unit, folds = self.split_unit, self.folds
        for key, wanted, where in (
            ("block_size", "block" in (unit, folds), "split_unit: block or folds: block"),
            ("distance", unit == "distance", "split_unit: distance"),
            ("split_field", unit == "column", "split_unit: column"),
            ("fold_count", folds in ("block", "random"), "folds: block or folds: random"),
        ):
            if wanted and getattr(self, key) is None:
                chosen = next(f"{k}: {v}" for k, v in (("split_unit", unit), ("folds", folds)) if f"{k}: {v}" in where)
                raise ValueError(f"has {chosen} without {key}; add ground_truth.{key}")
            if not wanted and getattr(self, key) is not None:
                raise ValueError(f"has {key}, which would be ignored; it goes with {where}")
        if (self.regions is None) != (self.region_field is None):
            there, absent = ("regions", "region_field") if self.regions else ("region_field", "regions")
            raise ValueError(f"has {there} without {absent}; add ground_truth.{absent}")
        if folds == "region" and self.regions is None:
            raise ValueError("has folds: region without regions; add ground_truth.regions and ground_truth.region_field")
        if unit == "column" and self.ratio != RATIO:
            raise ValueError("has ratio, which would be ignored; with split_unit: column split_field says it all")
        return self
