"""One Spark session and one finished run for the whole suite."""

import io
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock
from pyspark.sql import SparkSession
from rich.console import Console

from sitspark import spark as sessions
from sitspark.settings import Settings, SparkSettings
from sitspark.settings_file import parse_settings
from sitspark.simulate import Landscape, Simulation, simulate
from sitspark.workflow.context import Context
from sitspark.workflow.run import run
from tests import servers

ROOT = Path(__file__).parent.parent
# the suite starts many JVMs that live for seconds: a quarter of their work is saved without the optimising compiler, with which
# goes four fifths of the room for compiled code: when that is full, a JVM that lives for minutes compiles no more
os.environ["JAVA_TOOL_OPTIONS"] = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m"


# Python workers take the environment that the JVM started with: where S3 is must be known before there is a session
for _name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[_name]
os.environ |= {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "not-a-secret",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": f"http://127.0.0.1:{servers.free_port()}",
}
FOR_FEW_ROWS = {
    "spark.driver.defaultJavaOptions": "-Dsitspark.of=suite",
    # a task of nothing takes as long as one of a few rows; more than one for each core, so that rows are still dealt out
    "spark.sql.shuffle.partitions": "4",
    # compiling a query takes longer than its rows do: a tenth of a small run
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
# small enough for seconds, large enough for several chunks a tile and for every stage to have work
LANDSCAPE = Landscape(tiles=4, size=256, dates=10, classes=6, seed=3, polygons=12)


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> SparkSession:
    settings = SparkSettings(master="local[2]", driver_memory="2g", config=FOR_FEW_ROWS)
    # with Delta for the tests that ask for it: a process has one JVM
    return sessions.session(settings, log=tmp_path_factory.mktemp("logs") / "spark.log", delta=True)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this test run see."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def simulation(shared: Path) -> Simulation:
    with FileLock(shared / "simulation.lock"):
        return simulate(shared / "simulation", LANDSCAPE, workers=1)


@pytest.fixture(scope="session")
def bucket() -> Iterator[str]:
    """The address of a bucket in an S3 service on loopback."""
    with servers.s3():
        yield f"s3://{servers.BUCKET}"


def settings_tree(simulated: Path, output: Path) -> dict:
    """The settings of a small run on a simulation."""
    return {
        "output": str(output),
        "scenes": {"folder": str(simulated / "scenes")},
        "grid": {"chunk_size": 100, "overlap_margin": 40},
        "time_series": {"step": 30},
        "classes": {"nomenclature": str(simulated / "nomenclature.txt"), "colours": str(simulated / "colours.txt")},
        "ground_truth": {
            "file": str(simulated / "ground_truth" / "polygons.gpkg"),
            "label_field": "code",
            "id_field": "id",
        },
        "samples": {"per_class": 300},
        "training": {"epochs": 12, "batch_size": 64, "learning_rate": 3e-3, "threads": 1},
        "map": {"products": ["probability"]},
        "spark": {"driver_memory": "2g", "config": FOR_FEW_ROWS},
    }


def settings_of(tree: dict) -> Settings:
    return parse_settings(tree, source=ROOT / "settings.yaml")


@dataclass(frozen=True)
class FinishedRun:
    """A run that went through all stages, and the tree of its settings."""

    context: Context
    tree: dict
    simulated: Path

    @property
    def map(self) -> Path:
        return self.context.folder.path / self.context.facts("mosaic")["map"]


def run_quietly(tree: dict, *targets: str) -> tuple[Context, str]:
    """Run to the targets; the context and what was printed."""
    console = Console(file=io.StringIO(), width=200)
    context = run(settings_of(tree), targets, console=console)
    return context, console.file.getvalue()  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def finished(
    spark: SparkSession, simulation: Simulation, shared: Path, tmp_path_factory: pytest.TempPathFactory
) -> FinishedRun:
    """Done by the first worker that asks for it; each works on a copy of its own."""
    tree = settings_tree(simulation.folder, shared / "finished")
    with FileLock(shared / "finished.lock"):
        context, _ = run_quietly(tree, "trust", "validate", "report")
    return copied(FinishedRun(context, tree, simulation.folder), tmp_path_factory.mktemp("finished") / "out")


def copied(finished: FinishedRun, target: Path) -> FinishedRun:
    shutil.copytree(finished.context.folder.path, target)
    tree = finished.tree | {"output": str(target)}
    context, _ = run_quietly(tree, "report")
    return FinishedRun(context, tree, finished.simulated)


@pytest.fixture
def run_copy(finished: FinishedRun, tmp_path: Path) -> FinishedRun:
    """A copy of the finished run that a test may change; simulated inputs are shared."""
    return copied(finished, tmp_path / "out")
