"""The demonstration: simulate a landscape, run the whole chain on it, compare the map with the truth.

The second time everything is unchanged, and said to be so.
"""

import os
import sys
from pathlib import Path

import numpy as np
import rasterio

from sitspark.cli import console, main, sentences
from sitspark.settings_file import read_settings
from sitspark.workflow.ending import say_results
from sitspark.workflow.run import course_of, run
from sitspark.workflow.run_folder import RunFolder

ROOT = Path(__file__).parent.parent


def compare_with_truth(simulated: Path, run: RunFolder) -> None:
    """Say how much of the whole map, not only of the labelled polygons, is right: the simulator knows."""
    drawn = run.path / run.records()["mosaic"].facts["map"] / "classification.tif"
    with rasterio.open(drawn) as produced, rasterio.open(simulated / "truth" / "classes.tif") as true:
        right = pixels = 0
        for _, window in true.block_windows(1):
            reference = true.read(1, window=window)
            right += int(np.count_nonzero((reference == produced.read(1, window=window)) & (reference > 0)))
            pixels += int(np.count_nonzero(reference))
    print(f"truth     {right / pixels:.1%} of all {pixels:,} pixels have their true class (the simulator knows it)")


def demonstrate(settings_file: Path, simulated: Path) -> None:
    """The same steps as `sitspark run`, and before the last words the comparison with the truth."""
    settings = read_settings(settings_file)
    context = run(settings, course_of(settings).everything, console=console)
    compare_with_truth(simulated, context.folder)
    say_results(context, ["report"], Path(os.path.relpath(settings_file)))


if __name__ == "__main__":
    simulated = ROOT / "runs" / "simulated"
    if code := main(["simulate", str(simulated)]):
        sys.exit(code)
    with sentences():
        demonstrate(ROOT / "conf" / "demo.yaml", simulated)
