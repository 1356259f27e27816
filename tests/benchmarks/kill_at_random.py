"""Kill a run while it draws a map, again and again at random moments; is the map the same when it ends at last?

    python tests/benchmarks/kill_at_random.py [--times 20] [--seed 0] [--folder FOLDER]

A small landscape is simulated and a model trained; each round starts from a copy of that. In turn a Python worker, the JVM or
the driver gets SIGKILL when a number of chunks is written, from none to all, and up to two seconds more have passed; then the
same command runs until it succeeds. All rasters of the map and of its chunks must have the bytes of the undisturbed run, and
`verify` must find nothing. Prints a line a round, ends with a line of JSON and with 1 if anything differs.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from ruamel.yaml import YAML

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.processes import VICTIMS, kill, start

from sitspark.hashing import sha256_of
from sitspark.simulate import Landscape, simulate
from sitspark.workflow.run_folder import RunFolder
from sitspark.workflow.verify import verify

LANDSCAPE = Landscape(tiles=2, size=256, dates=8, classes=5, seed=3, polygons=8)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where to work, and to find what an earlier call prepared")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return rounds(options.folder or Path(folder), options.times, random.Random(options.seed))


def rounds(folder: Path, times: int, chance: random.Random) -> int:
    """Prepare, then kill and complete so many runs; gives the exit code."""
    settings, output, trained = folder / "settings.yaml", folder / "out", folder / "trained"
    if not trained.exists():
        prepare(folder, settings, output)
        output.rename(trained)
    fresh(output, trained)
    completed(settings)
    wanted, chunks = products(output), written_chunks(output)
    print(f"undisturbed: {chunks} chunks, {len(wanted)} files", flush=True)
    ended, damaged = Counter[str](), 0
    for number in range(times):
        victim, least, later = VICTIMS[number % len(VICTIMS)], chance.randint(0, chunks), chance.uniform(0, 2)
        fresh(output, trained)
        how = killed(settings, output, victim, least, later)
        written = written_chunks(output)
        again, found = completed(settings), products(output)
        differing = [name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)]
        differing += [d.file for stage in verify(RunFolder(output)).differing for d in stage.differences]
        damaged += bool(differing)
        ended[f"{victim}: {how}"] += 1
        print(
            f"{number:3} {victim:<6} {later:.1f} s after chunk {least}, {written} written: {how}; run again {again} times: "
            f"{differing or 'the same bytes'}",
            flush=True,
        )
    print(json.dumps({"times": times, "damaged": damaged, "ended": ended}))
    return int(damaged > 0)


def prepare(folder: Path, settings: Path, output: Path) -> None:
    """A simulation, settings, and a run up to the model."""
    simulated = simulate(folder / "simulation", LANDSCAPE, workers=2).folder
    tree = {
        "output": str(output),
        "scenes": {"folder": str(simulated / "scenes")},
        "grid": {"chunk_size": 48, "overlap_margin": 40},
        "time_series": {"step": 30},
        "classes": {"nomenclature": str(simulated / "nomenclature.txt"), "colours": str(simulated / "colours.txt")},
        "ground_truth": {"file": str(simulated / "ground_truth" / "polygons.gpkg"), "label_field": "code", "id_field": "id"},
        "samples": {"per_class": 100},
        "training": {"epochs": 4, "batch_size": 64, "threads": 1},
        "spark": {"driver_memory": "2g"},
    }
    with settings.open("w") as file:
        YAML(typ="safe").dump(tree, file)
    run = start("train", str(settings))
    printed, _ = run.communicate()
    if run.returncode:
        raise SystemExit(printed)


def fresh(output: Path, trained: Path) -> None:
    shutil.rmtree(output, ignore_errors=True)
    shutil.copytree(trained, output)


def written_chunks(output: Path) -> int:
    """How many chunks are on record."""
    return sum(1 for _ in output.glob("maps/*/chunks/*/[!.]*.json"))


def products(output: Path) -> dict[str, str]:
    """The hash of each file of the map and of its chunks; records of chunks say also when and where."""
    files = (path for path in (output / "maps").rglob("*") if path.is_file() and "chunks" not in path.parts[-3:-1])
    chunks = (output / "maps").glob("*/chunks/*/*.tif")
    return {str(path.relative_to(output)): sha256_of(path) for path in (*files, *chunks)}


def killed(settings: Path, output: Path, victim: str, least: int, later: float) -> str:
    """Kill a part of a run some time after so many chunks are written, or as soon as there is one; how the run ended."""
    run = start("classify", str(settings))
    while run.poll() is None and written_chunks(output) < least:
        time.sleep(0.01)
    time.sleep(later)
    while run.poll() is None and not kill(run, victim):
        time.sleep(0.01)
    printed, _ = run.communicate()
    if "Traceback" in printed:
        raise SystemExit(printed)
    said = f", {printed.strip().splitlines()[-1][:160]!r}" if run.returncode > 0 else ""
    return f"exit {run.returncode}{said}"


def completed(settings: Path) -> int:
    """Run until it succeeds; how often that took."""
    for number in range(1, 4):
        run = start("classify", str(settings))
        printed, _ = run.communicate()
        if run.returncode == 0:
            return number
        print(f"    exit {run.returncode}: {printed.strip().splitlines()[-1][:200]}", flush=True)
    raise SystemExit(printed)


if __name__ == "__main__":
    sys.exit(main())
