"""The same imagery in other archives: in a bucket, by a pattern, in a STAC catalogue."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sitspark.errors import SitsparkError
from sitspark.grid import Window
from sitspark.scenes.table import scenes_of, scenes_of_tile
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


def named_by_pattern(archive: Path, scratch: Path, _bucket: str) -> dict[str, Any]:
    return by_pattern(archive, scratch)


def stac_in_bucket(archive: Path, scratch: Path, bucket: str) -> dict[str, Any]:
    servers.upload(archive / TILE, f"loose/scenes/{TILE}")
    settings = as_stac(archive, scratch / "stac", base="../scenes")
    servers.upload(scratch / "stac", "loose/stac")
    return settings | {"folder": f"{bucket}/loose/stac/catalog.json"}


@pytest.fixture
def archive(finished: FinishedRun, tmp_path: Path) -> Path:
    """One tile of the simulation."""
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / TILE).symlink_to(finished.simulated / "scenes" / TILE)
    return tmp_path / "archive"


def seen(context: Context) -> list[tuple[Any, ...]]:
    """When the tile was seen, and how clearly: the masks are read for it."""
    rows = context.table("acquisitions").where(f"tile = '{TILE}'").select("acquired", "clear_share").collect()
    return sorted(tuple(row) for row in rows)


@pytest.mark.parametrize("arrange", [in_bucket, named_by_pattern, stac_in_bucket])
def test_every_archive_gives_the_calendar_of_the_folder(
    finished: FinishedRun, archive: Path, tmp_path: Path, bucket: str, arrange: Any
) -> None:
    scenes = arrange(archive, tmp_path / "rearranged", bucket)
    tree = finished.tree | {"output": str(tmp_path / "out"), "scenes": scenes}
    context, _ = run_quietly(tree, "calendar")
    assert len(seen(context)) == 10 and seen(context) == seen(finished.context)
    windows, whole = context.coverage, finished.context.coverage
    assert windows.tiles[TILE].reach.pixels == whole.tiles[TILE].reach.pixels and windows.grid.crs == whole.grid.crs
    ours, theirs = (_corner(one) for one in (context, finished.context))
    assert all((a == b).all() for a, b in zip(ours, theirs, strict=True)) and ours[1].any()
    # nothing has changed, nothing is opened
    _, again = run_quietly(tree, "calendar")
    assert again.count("unchanged") == again.count("\n") == 2
    if arrange is in_bucket:
        _one_object_disappears(context, tree)


def _corner(context: Context) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of the tile as samples and maps get them, and which of them are valid."""
    core = context.coverage.tiles[TILE].core
    window = Window(core.row, core.col, 70, 50)
    (cube,) = context.reading.stack(
        scenes_of(context.folder.table("scenes"), "sentinel2", tiles=[TILE]), window, tile=TILE
    ).cubes
    return cube.reflectance, cube.valid


def _one_object_disappears(context: Context, tree: dict[str, Any]) -> None:
    """The listing is another: the product is opened again, and found out."""
    scene = next(
        s for s in scenes_of_tile(context.folder.table("scenes"), "sentinel2", TILE) if "vsizip" not in s.assets[0].path
    )
    servers.remove(scene.asset("EDG").path.removeprefix(f"/vsis3/{servers.BUCKET}/"))
    with pytest.raises(SitsparkError, match="mask EDG is missing, there is no file s3://"):
        run_quietly(tree | {"scenes": tree["scenes"] | {"on_problem": "fail"}}, "scenes")
