"""Settings of a run on a simulated landscape: what a user would write first."""

from pathlib import Path

from sitspark.atomic import write_atomically
from sitspark.settings import GridSettings
from sitspark.simulate.landscape import Landscape
from sitspark.simulate.simulation import Simulation

NAME = "run.yaml"

_PIXEL = 10  # metres: what a landscape's pixels are, whatever its products'

_TEXT = """\
# A run on this landscape:  sitspark run {path}
# All keys, with their units and defaults: docs/settings.md. Paths are relative to this file.
output: run
scenes:
  folder: scenes
  layout: {layout}
grid:
  overlap_margin: {margin:<16} # metres; the tiles overlap by {overlap}
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


def write_starter(written: Simulation, landscape: Landscape) -> Path:
    """Write settings beside a simulation, with paths relative to it; one that is there is the user's and stays."""
    path = written.folder / NAME
    overlap = _PIXEL * landscape.overlap_pixels
    usual = GridSettings().overlap_margin  # type: ignore[call-arg]  # mypy sees no default in Field(x)
    if not path.exists():
        margin = f"{min(usual, overlap // 4):g}"
        write_atomically(path, _TEXT.format(path=path, layout=landscape.layout, margin=margin, overlap=overlap))
    return path
