"""What `sitspark plan` foresees of a map against what the run takes then, on simulated tiles of several sizes.

    python tests/benchmarks/plan_vs_run.py [--sizes 512 1024 2048] [--dates 20] [--cores 2] [--folder FOLDER]

Of each size one tile is simulated, planned by the command line, and run with a regularised and vectorised map, then planned
once more, now with the trained model. Prints planned / spent for each stage: of `classify` seconds of one core, of the others
those of the clock; `observations` and `train` are planned at most. Ends with a line of JSON, and with 1 if a ratio of
`classify` is beyond 1.5 or below 1 / 1.5.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from sitspark.simulate import Landscape, simulate
from sitspark.workflow.run_folder import RunFolder

BOUND = 1.5
STAGES = ("observations", "train", "classify", "mosaic", "regularise", "vectorise")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024, 2048], help="pixels a side at 10 m")
    parser.add_argument("--dates", type=int, default=20)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where to work, and to find what an earlier call simulated")
    given = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        for size in given.sizes:
            found[size] = compared(given.folder or Path(scratch), size, given.dates, given.cores)
    print(json.dumps(found))
    ratios = [ratio for of_size in found.values() for when in ("before", "trained") for ratio in [of_size[when]["classify"]]]
    return 0 if all(1 / BOUND <= ratio <= BOUND for ratio in ratios) else 1


def compared(folder: Path, size: int, dates: int, cores: int) -> dict[str, dict[str, float]]:
    """Simulate, plan, run and plan again; gives planned / spent by stage, and what was spent."""
    simulated, output, settings = folder / f"simulated_{size}_{dates}", folder / f"out_{size}", folder / f"{size}.yaml"
    if not (simulated / "simulation.json").exists():
        simulate(simulated, Landscape(tiles=1, size=size, dates=dates, classes=12, seed=3), workers=cores)
    YAML(typ="safe").dump(tree(simulated, output, cores), settings)
    shutil.rmtree(output, ignore_errors=True)
    sitspark("plan", settings)
    before = planned(output)
    sitspark("run", settings)
    records = RunFolder(output).records()
    spent = {name: records[name].seconds for name in STAGES} | {"classify": records["classify"].facts["cpu_seconds"]}
    sitspark("plan", settings)
    result = {"spent": spent}
    for when, costs in (("before", before), ("trained", planned(output))):
        result[when] = {name: round(costs[name] / spent[name], 2) for name in STAGES}
        words = ", ".join(f"{name} {result[when][name]:.2f} ({spent[name]:.1f} s)" for name in STAGES)
        print(f"{size:>6} x {size}, {when:<7}: planned / spent {words}", flush=True)
    return result


def tree(simulated: Path, output: Path, cores: int) -> dict[str, Any]:
    """The settings of a run whose map goes through every stage."""
    return {
        "output": str(output),
        "scenes": {"folder": str(simulated / "scenes")},
        "classes": {"nomenclature": str(simulated / "nomenclature.txt"), "colours": str(simulated / "colours.txt")},
        "ground_truth": {"file": str(simulated / "ground_truth/polygons.gpkg"), "label_field": "code", "id_field": "id"},
        "samples": {"per_class": 500},
        "training": {"epochs": 10, "batch_size": 128},
        "map": {"regularise": {"radius": 1}, "minimum_unit": {"hectares": 0.1}, "vectors": {"simplify": 20}},
        "spark": {"master": f"local[{cores}]"},
    }


def sitspark(verb: str, settings: Path) -> None:
    """The command, in a process of its own as users have it."""
    command = [sys.executable, "-m", "sitspark", verb, str(settings)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stdout}{done.stderr}")


def planned(output: Path) -> dict[str, float]:
    """What plan.json says: seconds of one core of `classify`, of the clock of the others."""
    written = json.loads(RunFolder(output).plan.read_text())
    costs = written["first_costs"] | written["costs"]
    return {name: costs[name]["core_seconds" if name == "classify" else "seconds"] for name in STAGES}


if __name__ == "__main__":
    sys.exit(main())
