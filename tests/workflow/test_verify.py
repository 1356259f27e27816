"""Verifying a run: each file that isn't as published is named by stage, and the next run makes it anew."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sitspark.cli import main
from sitspark.errors import SitsparkError
from sitspark.hashing import sha256_of
from sitspark.location import Location
from sitspark.models.card import CARD, WEIGHTS
from sitspark.workflow.deliver import verify_delivery
from sitspark.workflow.keys import contents
from sitspark.workflow.run_folder import FORMAT, RunFolder, StageRecord
from sitspark.workflow.verify import forget, verify
from tests.conftest import FinishedRun, run_quietly
from tests.workflow.test_deliver import delivered

PUBLISHED = {
    "samples": ("tables/samples/part-0.parquet", "tables/samples/part-1.parquet"),
    "mosaic": ("maps/m/classification.tif", "maps/m/item.json"),
}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run of two stages, of which one published a table and the other one files."""
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.record_file.write_text(json.dumps({"format": FORMAT}))
    for stage, names in PUBLISHED.items():
        for name in names:
            (folder.path / name).parent.mkdir(parents=True, exist_ok=True)
            (folder.path / name).write_text(f"content of {name}")
        outputs = [folder.table("samples")] if stage == "samples" else [folder.path / name for name in names]
        sums = folder.write_sums(stage, outputs)
        known = {str(path.relative_to(folder.path)): contents(path) or "" for path in outputs}
        folder.finish(stage, StageRecord("key", "", 0.0, "", {}, known, sums))
    return folder


def states(run: RunFolder) -> dict[str, dict[str, str]]:
    return {stage.stage: {d.file: d.state for d in stage.differences} for stage in verify(run).stages}


def change(path: Path) -> None:
    """Of the same size."""
    path.write_bytes(path.read_bytes()[:-1] + b"#")


def test_an_untouched_run_is_as_published(run: RunFolder) -> None:
    assert states(run) == {"samples": {}, "mosaic": {}}
    assert [stage.files for stage in verify(run).stages] == [2, 2]
    assert main(["verify", str(run.path)]) == 0


@pytest.mark.parametrize(
    ("name", "damage", "stage", "state"),
    [
        pytest.param("tables/samples/part-1.parquet", change, "samples", "changed", id="a byte of a table"),
        pytest.param("tables/samples/part-0.parquet", Path.unlink, "samples", "missing", id="a part of a table"),
        pytest.param("tables/samples/part-2.parquet", Path.touch, "samples", "extra", id="one part too many"),
        pytest.param("maps/m/classification.tif", change, "mosaic", "changed", id="a byte of a map"),
        pytest.param("maps/m/item.json", Path.unlink, "mosaic", "missing", id="a file of a map"),
    ],
)
def test_what_differs_is_named_by_stage_and_taken_off_the_record_if_asked(
    run: RunFolder, capsys: pytest.CaptureFixture[str], name: str, damage: Callable[[Path], None], stage: str, state: str
) -> None:
    damage(run.path / name)
    assert states(run) == {one: {name: state} if one == stage else {} for one in PUBLISHED}
    assert main(["verify", str(run.path), "--json"]) == 1
    told = capsys.readouterr()
    document = json.loads(told.out)
    assert not document["intact"]
    assert [s["differences"] for s in document["stages"] if s["stage"] == stage] == [[{"file": name, "state": state}]]
    assert f"1 file of {stage} not as published; `sitspark verify {run.path} --forget`" in told.err
    assert stage in run.records()
    assert main(["verify", str(run.path), "--forget"]) == 1
    told = capsys.readouterr()
    assert f"{state:<8} {name}" in told.out and "the same command as before makes it anew" in told.err
    assert ("; 1 extra file left in place" in told.err) == (state == "extra")
    assert set(run.records()) == set(PUBLISHED) - {stage}
    # a stage that takes what it finds must not find this
    assert (run.path / name).exists() == (state == "extra")


def test_a_file_that_is_not_what_was_written_is_found_though_the_stage_never_read_it_back(run: RunFolder) -> None:
    path = run.path / "maps/m/classification.tif"
    sums = run.write_sums("mosaic", [path, run.path / "maps/m/item.json"], known={path: "0" * 64})
    run.finish("mosaic", replace(run.records()["mosaic"], sums=sums))
    assert states(run) == {"samples": {}, "mosaic": {"maps/m/classification.tif": "changed"}}


def test_hidden_files_and_what_no_stage_published_are_not_looked_at(run: RunFolder) -> None:
    for name in ("tables/samples/.part-0.parquet.crc", "maps/m/notes.txt", "maps/other/classification.tif"):
        (run.path / name).parent.mkdir(exist_ok=True)
        (run.path / name).touch()
    assert states(run) == {"samples": {}, "mosaic": {}}


def test_a_moved_run_is_as_published(run: RunFolder) -> None:
    assert states(RunFolder(run.path.rename(run.path.with_name("moved")))) == {"samples": {}, "mosaic": {}}


@pytest.mark.parametrize(("damage", "state"), [(Path.unlink, "missing"), (change, "changed")], ids=["gone", "changed"])
def test_a_list_of_sums_that_is_not_whole_proves_nothing(run: RunFolder, damage: Callable[[Path], None], state: str) -> None:
    damage(run.sums("mosaic"))
    assert states(run) == {"samples": {}, "mosaic": {"sums/mosaic.sha256": state}}
    forget(run, verify(run))
    assert set(run.records()) == {"samples"}


def test_of_a_stage_of_an_earlier_version_names_and_sizes_are_known(run: RunFolder) -> None:
    run.sums("samples").unlink()
    run.finish("samples", replace(run.records()["samples"], sums=""))
    assert {stage.stage: stage.files for stage in verify(run).stages} == {"mosaic": 2, "samples": None}
    assert states(run) == {"samples": {}, "mosaic": {}}
    (run.path / PUBLISHED["samples"][0]).unlink()
    assert states(run)["samples"] == {"tables/samples": "changed"}
    forget(run, verify(run))
    assert set(run.records()) == {"mosaic"}


def test_nothing_is_forgotten_while_a_run_is_at_work(run: RunFolder) -> None:
    change(run.path / "maps/m/item.json")
    with run.locked(), pytest.raises(SitsparkError, match="is working in"):
        forget(run, verify(run))
    assert "mosaic" in run.records()


def test_a_damaged_run_is_made_anew_with_the_same_bytes(run_copy: FinishedRun) -> None:
    """Of files that keep their size nothing but a hash tells that they changed."""
    folder = run_copy.context.folder
    intact = verify(folder)
    assert not intact.differing and {stage.stage for stage in intact.stages} == set(folder.records())
    # what wasn't asked for publishes nothing
    assert {stage.stage for stage in intact.stages if not stage.files} <= {"regularise", "vectorise"}
    chunks = folder.path / run_copy.context.facts("classify")["chunks"]
    model = folder.model(run_copy.context.facts("train")["model_id"])
    damaged = {
        "train": model / CARD,
        "classify": min(chunks.glob("*_confidence.tif")),
        "mosaic": run_copy.map / "classification.tif",
    }
    # a card says also when and how long
    same = {model / WEIGHTS, *run_copy.map.glob("*.tif"), damaged["classify"]}
    before = {path: sha256_of(path) for path in same}
    for path in damaged.values():
        change(path)
    found = verify(folder)
    names = {stage: {str(path.relative_to(folder.path)): "changed"} for stage, path in damaged.items()}
    assert {s.stage: {d.file: d.state for d in s.differences} for s in found.differing} == names
    forget(folder, found)
    run_quietly(run_copy.tree, "validate", "report")
    assert not verify(folder).differing
    assert {path: sha256_of(path) for path in same} == before


def test_weights_that_are_not_those_of_the_card_are_found_whatever_the_sums_say(run_copy: FinishedRun) -> None:
    folder = run_copy.context.folder
    weights = folder.model(run_copy.context.facts("train")["model_id"]) / WEIGHTS
    right = sha256_of(weights)
    change(weights)
    sums = folder.sums("train")
    sums.write_text(sums.read_text().replace(right, sha256_of(weights)))
    folder.finish("train", replace(folder.records()["train"], sums=sha256_of(sums)))
    (stage,) = verify(folder).differing
    assert stage.stage == "train" and [d.file for d in stage.differences] == [str(weights.relative_to(folder.path))]


def test_a_delivery_is_hashed_again(run_copy: FinishedRun, tmp_path: Path) -> None:
    target = Location.of(tmp_path / "away")
    delivered(run_copy, target)
    found = verify_delivery(target)
    assert found is not None and found.files > 5 and found.bytes > 0 and not found.differing
    change(tmp_path / "away/report/index.html")
    (tmp_path / "away/accuracy/metrics.json").unlink()
    found = verify_delivery(target)
    assert found is not None
    assert found.differing == {"report/index.html": "changed", "accuracy/metrics.json": "missing"}
