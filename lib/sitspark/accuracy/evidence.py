"""What the polygons behind a confusion matrix say one by one: how sure its scores are, and how much ground each class has."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter

from sitspark.accuracy.area_estimates import AreaEstimates, Design, estimates_of_polygons, estimates_of_samples
from sitspark.accuracy.bootstrap import ScoreIntervals, intervals_of, pixel_intervals_of
from sitspark.accuracy.matrix import ConfusionMatrix
from sitspark.accuracy.unit_counts import MajorityMatrix, UnitCounts


@dataclass(frozen=True, slots=True)
class MappedGround:
    """The pixels that the whole map gives to each class code, and the ground of one in hectares."""

    pixels: Mapping[int, int]
    pixel_hectares: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """The matrix of polygons counted once each, intervals by polygon, by block where there are blocks, by pixel; areas.

    Areas and the hectares of a pixel are None where the whole map was not counted; `design` is how the reference was drawn.
    """

    majority: MajorityMatrix
    by_polygon: ScoreIntervals
    by_block: ScoreIntervals | None
    by_pixel: ScoreIntervals
    areas: AreaEstimates | None
    pixel_hectares: float | None
    design: Design

    def to_facts(self) -> dict[str, Any]:
        """JSON-like values."""
        parts = {name: getattr(self, name) for name in ("by_polygon", "by_block", "by_pixel", "areas")}
        return {
            "majority": self.majority.matrix.to_json(),
            "ties": self.majority.ties,
            "pixel_hectares": self.pixel_hectares,
            "design": self.design,
            **{name: part and asdict(part) for name, part in parts.items()},
        }

    @staticmethod
    def from_facts(facts: Mapping[str, Any]) -> "Evidence":
        """Read back what `to_facts` gave."""
        intervals = TypeAdapter(ScoreIntervals)
        polygon, pixel = (intervals.validate_python(facts[name]) for name in ("by_polygon", "by_pixel"))
        return Evidence(
            MajorityMatrix(ConfusionMatrix.from_json(facts["majority"]), facts["ties"]),
            polygon,
            facts["by_block"] and intervals.validate_python(facts["by_block"]),
            pixel,
            TypeAdapter(AreaEstimates | None).validate_python(facts["areas"]),
            facts["pixel_hectares"],
            facts["design"],
        )


def evidence_of(
    counts: UnitCounts,
    codes: tuple[int, ...],
    *,
    blocks: UnitCounts | None,
    ground: MappedGround | None,
    design: Design,
    seed: int,
) -> Evidence:
    """All of it from the counts of polygons, and the same pixels by block where there are blocks.

    Where the polygons are a sample by design, each is one sample of the area estimates, as most of its pixels are.
    """
    majority = counts.majority(codes)
    if ground is None:
        areas = None
    elif design == "polygons":
        areas = estimates_of_polygons(counts, ground.pixels, codes, seed=seed)
    else:
        areas = estimates_of_samples(majority.matrix, ground.pixels, design=design)
    return Evidence(
        majority,
        intervals_of(counts, codes, seed=seed),
        None if blocks is None else intervals_of(blocks, codes, seed=seed),
        pixel_intervals_of(counts.matrix(codes), seed=seed),
        areas,
        ground.pixel_hectares if ground else None,
        design,
    )
