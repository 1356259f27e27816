"""What is told of a split, in lines that a terminal shows whole."""

from pathlib import Path

import pytest

from sitspark.classes import LandCoverClass, Nomenclature
from sitspark.settings import GroundTruthSettings
from sitspark.workflow.split_remarks import split_remarks

NAMES = Nomenclature(tuple(LandCoverClass(code, f"crop {code}", (code, 0, 0)) for code in range(1, 9)))
TRUTH = GroundTruthSettings(file=Path("/a/long/way/to/polygons.gpkg"), label_field="code")  # type: ignore[call-arg]


def count(train: int = 0, validation: int = 0, *, test: int = 0, buffer: int = 0) -> dict[str, int]:
    return {"train": train, "monitored": 0, "validation": validation, "test": test, "buffer": buffer}


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"1": count(3, 1)}, []),
        (
            {"1": count(3, 1), "2": count()},
            ["polygons.gpkg: class 2 (crop 2): no polygon that can be used, so never drawn; add some, or drop the class"],
        ),
        (
            {"1": count(3, 1), "2": count(), "3": count(validation=2), "4": count()},
            [
                "polygons.gpkg: classes 2 (crop 2), 4 (crop 4): no polygon that can be used, so never drawn; add some, or drop "
                "the class",
                "polygons.gpkg: class 3 (crop 3): no polygon that trains, so never drawn; add some, or drop the class",
            ],
        ),
        (
            {"1": count(3, 1)} | {str(code): count(1) for code in range(2, 9)},
            [
                "polygons.gpkg: classes 2 (crop 2), 3 (crop 3), 4 (crop 4), 5 (crop 5), 6 (crop 6) and 2 more: "
                "ground_truth.ratio 0.75 sets aside no polygon, so accuracy can't be measured; add polygons, or lower the ratio"
            ],
        ),
    ],
)
def test_classes_that_lack_the_same_share_a_line(counts: dict[str, dict[str, int]], said: list[str]) -> None:
    assert list(split_remarks(TRUTH, counts, NAMES)) == said
