"""How visible the borders of tiles are with each `grid.overlap`, and how right the map is where tiles overlap.

    python -m tests.benchmarks.seams [--dates 20] [--overlap 120] [--epochs 10]

Simulates four tiles and maps them three times. The seam is that of the report: the share of neighbours that differ in class
across the borders of tiles over that beside them; 1 can't be seen.
"""

import argparse
import io
import tempfile
from pathlib import Path

import numpy as np
import rasterio
from rich.console import Console

from sitspark.maps.seams import Seam
from sitspark.settings_file import parse_settings
from sitspark.simulate import Landscape, simulate
from sitspark.workflow.run import run


def tree(simulated: Path, output: Path, epochs: int, overlap: str) -> dict[str, object]:
    """The settings of a run."""
    return {
        "output": str(output),
        "scenes": {"folder": str(simulated / "scenes")},
        "grid": {"chunk_size": 256, "overlap_margin": 100, "overlap": overlap},
        "time_series": {"step": 10},
        "classes": {"nomenclature": str(simulated / "nomenclature.txt"), "colours": str(simulated / "colours.txt")},
        "ground_truth": {"file": str(simulated / "ground_truth" / "polygons.gpkg"), "label_field": "code", "id_field": "id"},
        "samples": {"per_class": 1000},
        "training": {"epochs": epochs, "batch_size": 256},
    }


def main() -> None:
    """Print a line for each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dates", type=int, default=20)
    parser.add_argument("--overlap", type=int, default=120)
    parser.add_argument("--epochs", type=int, default=10)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        simulated, output = Path(place) / "simulated", Path(place) / "out"
        simulate(simulated, Landscape(tiles=4, size=512, dates=asked.dates, overlap=asked.overlap))
        with rasterio.open(simulated / "truth" / "classes.tif") as source:
            truth = source.read(1)
        print(f"{'overlap':<8} {'seam':>6}  right where tiles overlap / elsewhere")
        for way in ("owner", "merge", "blend"):
            settings = parse_settings(tree(simulated, output, asked.epochs, way), source=Path(place) / "settings.yaml")
            context = run(settings, ["mosaic"], console=Console(file=io.StringIO()))
            facts = context.facts("mosaic")
            with rasterio.open(output / facts["map"] / "classification.tif") as source:
                right = source.read(1) == truth
            seen = np.zeros(truth.shape, int)
            for windows in context.coverage.tiles.values():
                seen[windows.reach.slices] += 1
            ratio = Seam.from_facts(facts["seam"]).ratio
            print(f"{way:<8} {ratio or float('nan'):6.3f}  {right[seen > 1].mean():.3f} / {right[seen == 1].mean():.3f}")


if __name__ == "__main__":
    main()
