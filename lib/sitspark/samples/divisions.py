"""Which samples train in the further runs of a cross-validation, each of which divides the ground truth anew.

Pixels are chosen once, by the first run: as many of a class to train as to set aside, though there are fewer to set aside.
In a further run those that were set aside and now train are thinned, by a hash, to the density of the others.
"""

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

UNUSED = "unused"  # the split of a sample that is left out of its run
COLUMNS = ("sample_id", "split", "monitored", "fold")


def kept_shares(chosen: Mapping[tuple[int, str], int], available: Mapping[tuple[int, str], int]) -> dict[int, float]:
    """The share of the samples set aside of each class that a run may train on, by pixels chosen and available.

    Both are by label and split ('train', 'validation'). Their density is then that of the samples which train in the first run.
    """

    def density(label: int, split: str) -> float:
        there = available.get((label, split), 0)
        return chosen.get((label, split), 0) / there if there else 0.0

    densities = {label: (density(label, "train"), density(label, "validation")) for label in {label for label, _ in available}}
    return {label: min(train / aside, 1.0) if aside else 1.0 for label, (train, aside) in densities.items()}


def redivided(
    samples: DataFrame, divided: DataFrame, *, on: Sequence[str], shares: Mapping[int, float], seed: int
) -> DataFrame:
    """The samples with the split, monitored and fold that `divided` has for the values of the columns `on`.

    `shares` are those of `kept_shares`, by label; classes without one are kept.
    """
    new = divided.select(*on, *(F.col(name).alias(f"new_{name}") for name in COLUMNS[1:])).distinct()
    share = F.lit(1.0)
    for label, kept in sorted(shares.items()):
        share = F.when(F.col("label") == label, F.lit(kept)).otherwise(share)
    # the hash as a number from 0 to 1
    place = F.pmod(F.xxhash64(F.lit(seed), F.lit("thinned"), "sample_id"), F.lit(1 << 30)) / F.lit(float(1 << 30))
    thinned = (F.col("split") == "validation") & (F.col("new_split") == "train") & (place >= share)
    return (
        samples.join(new, list(on))
        .withColumns(
            {
                "split": F.when(thinned, UNUSED).otherwise(F.col("new_split")),
                "monitored": F.col("new_monitored") & ~thinned,
                "fold": F.col("new_fold"),
            }
        )
        .drop(*(f"new_{name}" for name in COLUMNS[1:]))
    )


def of_run(samples: DataFrame, divisions: DataFrame, run: int) -> DataFrame:
    """The samples as they are divided in a run, from 2 on; `divisions` is the table `sample_divisions`."""
    own = divisions.where(F.col("run") == run).select(*COLUMNS)
    return samples.drop(*COLUMNS[1:]).join(own, "sample_id")


def with_all_runs(frame: DataFrame, divisions: DataFrame | None, *, on: str, runs: int) -> DataFrame:
    """Split and fold of each run as columns split_1, fold_1, split_2, ...; `divisions` has further runs by the column `on`."""
    frame = frame.withColumnsRenamed({"split": "split_1", "fold": "fold_1"})
    for run in range(2, runs + 1):
        assert divisions is not None
        own = divisions.where(F.col("run") == run)
        frame = frame.join(own.select(on, F.col("split").alias(f"split_{run}"), F.col("fold").alias(f"fold_{run}")), on)
    return frame
