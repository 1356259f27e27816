"""Settings of a run on a simulated landscape: what a user would write first."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from sitspark.atomic import write_atomically
from sitspark.settings import GridSettings
from sitspark.simulate.landscape import Landscape
from sitspark.simulate.simulation import Simulation

NAME = "run.yaml"

_PIXEL = 10  # metres: what a landscape's pixels are, whatever its products'
_MARK = "# as simulated: "

_TEXT = """\
# A run on this landscape; all keys, with their units and defaults: docs/settings.md. Paths are relative to this file.
output: run
scenes:
  folder: scenes
  layout: {layout}
grid:
  overlap_margin: {margin:<16} # metres at a tile's edges that are left to its neighbour
classes:
  nomenclature: nomenclature.txt
  colours: colours.txt
ground_truth:
  file: ground_truth/polygons.gpkg
  label_field: code
  id_field: id
samples:
  per_class: 1500                 # training pixels of a class, over all tiles
training:
  epochs: 20
  batch_size: 256
  learning_rate: 1.0e-3
"""


@dataclass(frozen=True, slots=True)
class Starter:
    """A file of settings, and whether it was written now: one that a user changed is kept."""

    path: Path
    is_new: bool


def write_starter(written: Simulation, landscape: Landscape) -> Starter:
    """Write settings beside a simulation, with paths relative to it, unless a user changed those that are there."""
    path = written.folder / NAME
    usual = GridSettings().overlap_margin  # type: ignore[call-arg]  # mypy sees no default in Field(x)
    margin = min(usual, _PIXEL * landscape.overlap_pixels // 4)
    text = _TEXT.format(layout=landscape.layout, margin=f"{margin:g}")
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    is_new = not before or _is_as_written(before)
    if is_new:
        write_atomically(path, f"{_MARK}{_digest(text)}\n{text}")
    return Starter(path, is_new)


def _is_as_written(text: str) -> bool:
    """Whether nobody changed the settings after they were written."""
    mark, _, rest = text.partition("\n")
    return mark == f"{_MARK}{_digest(rest)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
