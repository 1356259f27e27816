"""The same imagery in other archives: in a bucket, by a pattern, in a STAC catalogue."""

from pathlib import Path
from typing import Any

import pytest

from sitspark.errors import SitsparkError
from sitspark.scenes.table import load_scenes
from sitspark.workflow.context import Context
from tests import servers
from tests.conftest import FinishedRun, run_quietly
from tests.scenes.products import packed
from tests.scenes.rearranged import as_stac, by_pattern, products_of

TILE = "31TCK"


def in_bucket(archive: Path, scratch: Path, bucket: str) -> dict[str, Any]:
    """Folders of products, and one as a .zip."""
    first, *others = products_of(archive)
    for product in others:
        servers.upload(product, f"theia/{TILE}/{product.name}")
    packed(first, scratch / f"{first.name}.zip")
    servers.upload(scratch, "theia")
    return {"folder": f"{bucket}/theia"}


def stac_in_bucket(archive: Path, scratch: Path, bucket: str) -> dict[str, Any]:
    servers.upload(archive, "loose/scenes")
    as_stac(archive, scratch / "stac", base="../scenes")
    servers.upload(scratch / "stac", "loose/stac")
    return as_stac(archive, scratch / "again") | {"folder": f"{bucket}/loose/stac/catalog.json"}


@pytest.fixture
def archive(finished: FinishedRun, tmp_path: Path) -> Path:
    """One tile of the simulation."""
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / TILE).symlink_to(finished.simulated / "scenes" / TILE)
    return tmp_path / "archive"


def tree_of(finished: FinishedRun, scenes: dict[str, Any], output: Path) -> dict[str, Any]:
    return finished.tree | {"output": str(output), "scenes": scenes, "samples": {"per_class": 50}}


def observed(context: Context) -> list[tuple[Any, ...]]:
    rows = context.table("observations").select("x", "y", "label", "reflectance", "valid", "acquired").collect()
    return sorted(tuple(row) for row in rows)


@pytest.mark.parametrize("arrange", [in_bucket, by_pattern, stac_in_bucket])
def test_every_archive_gives_the_observations_of_the_folder(
    finished: FinishedRun, archive: Path, tmp_path: Path, bucket: str, arrange: Any
) -> None:
    plain, _ = run_quietly(tree_of(finished, {"folder": str(archive)}, tmp_path / "plain"), "observations")
    arguments = (archive, tmp_path / "rearranged") if arrange is by_pattern else (archive, tmp_path / "rearranged", bucket)
    scenes = arrange(*arguments)
    context, _ = run_quietly(tree_of(finished, scenes, tmp_path / "out"), "calendar", "observations")
    assert observed(context) == observed(plain)
    assert context.facts("scenes")["coverage"] == plain.facts("scenes")["coverage"]
    # nothing has changed, nothing is opened
    _, again = run_quietly(tree_of(finished, scenes, tmp_path / "out"), "calendar", "observations")
    assert again.count("unchanged") == again.count("\n")


def test_an_object_that_disappears_after_the_catalogue_is_named(
    finished: FinishedRun, archive: Path, tmp_path: Path, bucket: str
) -> None:
    tree = tree_of(finished, in_bucket(archive, tmp_path / "rearranged", bucket), tmp_path / "out")
    context, _ = run_quietly(tree, "scenes")
    scene = next(s for s in load_scenes(context.folder.table("scenes")).values() if "vsizip" not in s.assets[0].path)
    path = scene.asset("EDG").path
    servers.remove(path.removeprefix(f"/vsis3/{servers.BUCKET}/"))
    with pytest.raises(SitsparkError, match="mask EDG is missing, there is no file s3://"):
        # its listing is another now: the product is opened again
        run_quietly(tree | {"scenes": tree["scenes"] | {"on_problem": "fail"}}, "scenes")
