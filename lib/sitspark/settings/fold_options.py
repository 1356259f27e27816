"""`cross-validate --by`: short forms of the keys that say what is left out in turn."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sitspark.errors import SitsparkError, nearest
from sitspark.settings import GroundTruthSettings, ObservationsSettings, Settings

FOLDS = 5  # of --by random and --by block, where nobody says how many
RANDOM = "random"
_KINDS = ("tile", "region", "block", RANDOM)
_COUNTED = ("block", RANDOM)
_KEYS = (
    "ground_truth.folds",
    "ground_truth.fold_count",
    "ground_truth.block_size",
    "observations.fold",
    "observations.fold_count",
)
_SAID = set(_KEYS) - {"ground_truth.block_size"}  # which may be one of the split
_NULL = "null"
_WORDS = (_NULL, "true", "false")  # that YAML takes for values of other kinds


@dataclass(frozen=True, slots=True)
class FoldOptions:
    """What the user asks for; None: as the settings say. `block_size` is in kilometres."""

    by: str | None = None
    fold_count: int | None = None
    block_size: float | None = None

    @property
    def given(self) -> bool:
        """Whether there is any."""
        return (self.by, self.fold_count, self.block_size) != (None, None, None)

    def refuse_beside(self, overrides: Sequence[str]) -> None:
        """Raise SitsparkError where an override (`key=value`) says what is left out, too."""
        for override in overrides:
            if override.partition("=")[0].strip() in _SAID:
                raise SitsparkError(f"--set {override}: --by, --fold-count and --block-size say it in short; use either way")

    def overrides(self, settings: Settings) -> list[str]:
        """The keys that say the same and differ from the settings', as `key=value`; null for one that would be in the way.

        Raises SitsparkError for options that don't go together, or not with these settings.
        """
        if not self.given:
            return []
        section: ObservationsSettings | GroundTruthSettings | None = settings.observations or settings.ground_truth
        assert section is not None  # a run starts from a table or from imagery
        wanted = self._of_table(section) if isinstance(section, ObservationsSettings) else self._of_imagery(section)
        name = "ground_truth" if settings.observations is None else "observations"
        changed = {key: value for key, value in wanted.items() if value != getattr(section, key)}
        return [f"{name}.{key}={_as_yaml(value)}" for key, value in changed.items()]

    def _of_imagery(self, truth: GroundTruthSettings) -> dict[str, str | float | None]:
        kind = self.by or truth.folds
        if kind not in _KINDS:
            raise SitsparkError(f"--by {kind}: name one of {', '.join(_KINDS)}{nearest(kind, _KINDS)}")
        if self.fold_count is not None and kind not in _COUNTED:
            raise SitsparkError(f"--fold-count goes with --by random or --by block; each {kind} is a fold of its own")
        if self.block_size is not None and kind != "block":
            raise SitsparkError(f"--block-size goes with --by block, and here folds are by {kind}; leave it out")
        if kind == "region" and truth.regions is None:
            raise SitsparkError(
                "--by region: the settings name no regions; add ground_truth.regions and ground_truth.region_field"
            )
        size = self.block_size or truth.block_size
        if kind == "block" and size is None:
            raise SitsparkError("--by block: say how large a block is, in kilometres, as --block-size 10")
        return {
            "folds": kind,
            "fold_count": (self.fold_count or truth.fold_count or FOLDS) if kind in _COUNTED else None,
            "block_size": size if "block" in (kind, truth.split_unit) else None,
        }

    def _of_table(self, table: ObservationsSettings) -> dict[str, str | float | None]:
        if self.block_size is not None:
            raise SitsparkError(
                "--block-size: a table has no blocks of land; name a column of it, as --by tile, or --by random"
            )
        column = self.by or table.fold
        if column is not None and column != RANDOM:
            if self.fold_count is not None:
                raise SitsparkError(
                    f"--fold-count goes with --by random; each value in the column {column} is a fold of its own"
                )
            return {"fold": column, "fold_count": None}
        return {"fold": None, "fold_count": self.fold_count or table.fold_count or FOLDS}

    def remark(self, settings: Settings) -> str | None:
        """A sentence on what nobody said, with the `settings` without these options; None where all is said."""
        section = settings.observations or settings.ground_truth
        if self.by not in (_COUNTED if settings.observations is None else (RANDOM,)):
            return None
        if self.fold_count is not None or section is None or section.fold_count is not None:
            return None
        return f"--by {self.by}: {FOLDS} folds, as nobody says how many; --fold-count N makes others"


def divided_otherwise(before: Mapping[str, Any], settings: Settings) -> bool:
    """Whether the settings of an earlier run, as JSON has them, leave out something else."""
    now = settings.model_dump(mode="json", include={"observations", "ground_truth"})

    def folds(of: Mapping[str, Any]) -> list[Any]:
        return [(of.get(section) or {}).get(key) for section, _, key in (name.partition(".") for name in _KEYS)]

    return bool(before) and folds(before) != folds(now)


def as_options(overrides: Sequence[str]) -> list[str]:
    """Overrides as arguments of cross-validate: what is left out in short form, all else with --set."""
    given = {key.strip(): value.strip() for key, _, value in (one.partition("=") for one in overrides)}
    for key in set(_KEYS) & given.keys():
        given[key] = given[key].strip("\"'")
    section = "ground_truth" if "ground_truth.folds" in given else "observations"
    by = given.pop("ground_truth.folds", None) or given.pop("observations.fold", _NULL)
    count = given.pop(f"{section}.fold_count", _NULL)
    of_folds = section == "ground_truth" and (by == "block" or given.get("ground_truth.block_size") == _NULL)
    size = given.pop("ground_truth.block_size", _NULL) if of_folds else _NULL
    short = {"--by": RANDOM if by == _NULL != count else by, "--fold-count": count, "--block-size": size}
    return [
        *(part for option, value in short.items() if value != _NULL for part in (option, value)),
        *(part for key, value in given.items() for part in ("--set", f"{key}={value}")),
    ]


def _as_yaml(value: str | float | None) -> str:
    """A value as one writes it; a text in quotes only where it would be read as something else."""
    plain = isinstance(value, str) and re.fullmatch(r"[^\W\d]\w*", value) and value.lower() not in _WORDS
    return str(value) if plain else json.dumps(value, ensure_ascii=False)
