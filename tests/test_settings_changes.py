"""What is told of settings that differ from those of the run before."""

from pathlib import Path

import pytest

from sitspark.settings.changes import changes
from sitspark.settings_file import read_settings

EXAMPLE = Path(__file__).parent.parent / "conf" / "demo.yaml"
SECRET = "spark.config.spark.hadoop.fs.s3a.secret.key"


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ([], [], []),
        ([], ["seed=3"], ["seed 0 -> 3"]),
        ([], ["training.epochs=5", "training.network=ltae"], ["training.network mlp -> ltae", "training.epochs 20 -> 5"]),
        ([], ["training.stopping={patience: 3}"], ["training.stopping"]),  # too long to be repeated
        # a key whose name Python keeps for itself
        (
            ["training.search={try: {epochs: [2, 3]}}"],
            ["training.search={try: {epochs: [2, 4]}}"],
            ['training.search.try {"epochs": [2, 3]} -> {"epochs": [2, 4]}'],
        ),
        ([], ["map.per_tile=true"], ["map.per_tile false -> true"]),
        (
            ["features.statistics={}"],
            ["features.statistics={ndvi: [mean]}"],
            ['features.statistics [] -> [{"ndvi": ["mean"]}]'],
        ),
        ([f"{SECRET}=a"], [f"{SECRET}=b"], []),
    ],
    ids=str,
)
def test_keys_that_differ_are_told_with_both_values(before: list[str], now: list[str], told: list[str]) -> None:
    earlier = read_settings(EXAMPLE, overrides=before).model_dump(mode="json")
    assert changes(earlier, read_settings(EXAMPLE, overrides=now)) == told


def test_keys_of_a_later_version_are_no_change() -> None:
    settings = read_settings(EXAMPLE)
    earlier = settings.model_dump(mode="json")
    del earlier["runs"], earlier["training"]["ensemble"]
    assert changes(earlier, settings) == []
