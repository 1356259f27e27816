"""Cross-validation with the ground truth divided several times: nothing is read again, no model is judged by what it saw."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from sitspark.cli import main
from sitspark.errors import SitsparkError
from sitspark.models.card import read_card
from sitspark.workflow.context import Context
from tests.conftest import FinishedRun, run_quietly, settings_of
from tests.end_to_end.test_run import states
from tests.end_to_end.test_series_table import plots, tree_of

ROLES = ("split", "monitored", "fold")


def scores_of(context: Context) -> dict[str, Any]:
    return json.loads((context.folder.accuracy / "cross_validation.json").read_text())


def fitted(context: Context, run: int, left_out: str) -> int:
    """How many samples a model of a fold was fitted to, by its card."""
    (fold,) = (f for f in context.facts("cross_validate")["folds"] if (f["run"], f["left_out_fold"]) == (run, left_out))
    card = read_card(context.folder.model(fold["models"][0]["model_id"]))
    assert (card.run, card.left_out_fold) == (run, left_out)
    return sum(one.train for one in card.classes)


def test_runs_divide_the_polygons_anew_and_judge_by_what_each_sets_aside(run_copy: FinishedRun) -> None:
    tree = run_copy.tree | {"training": run_copy.tree["training"] | {"epochs": 2}}
    alone, _ = run_quietly(tree, "cross_validate")
    first = scores_of(alone)
    context, printed = run_quietly(tree | {"runs": 3}, "cross_validate", "report")
    assert {states(printed)[name] for name in ("ground_truth", "observations", "samples")} == {"unchanged"}
    assert printed.count("is trained already") == len(first["folds"]) == 4
    found = scores_of(context)
    assert [(fold["run"], fold["left_out_fold"]) for fold in found["folds"]] == [
        (run, fold["left_out_fold"]) for run in (1, 2, 3) for fold in first["folds"]
    ]
    assert found["folds"][:4] == first["folds"] and first["runs"] is None
    means = [one["left_out"]["overall_accuracy"] for one in found["runs"]["means"]]
    assert means[0] == pytest.approx(first["spread"]["left_out"]["overall_accuracy"]["mean"]) and len(set(means)) == 3
    assert found["runs"]["spread"]["left_out"]["overall_accuracy"]["count"] == 3
    polygons = context.table("polygons").toPandas()
    divisions = context.table("divisions").toPandas()
    judged = context.table("confusion_folds").where("area = 'same_area'").toPandas()
    for run in (1, 2, 3):
        own = polygons if run == 1 else divisions[divisions["run"] == run]
        aside = set(own.loc[own["split"] == "validation", "polygon_id"])
        seen = set(judged.loc[judged["run"] == run, "polygon_id"])
        assert seen and seen <= aside
    assert set(judged.loc[judged["run"] == 1, "polygon_id"]) != set(judged.loc[judged["run"] == 2, "polygon_id"])
    samples = context.table("samples").select("sample_id", "polygon_id", "label", *ROLES).toPandas()
    drawn = pq.read_table(context.folder.table("sample_divisions")).to_pandas()
    for run in (2, 3):
        own = drawn[drawn["run"] == run].merge(samples[["sample_id", "polygon_id"]], on="sample_id")
        assert len(own) == len(samples)
        whole = divisions[divisions["run"] == run].drop_duplicates("polygon_id").set_index("polygon_id")
        used = own[own["split"] != "unused"]
        assert (used["split"].to_numpy() == whole.loc[used["polygon_id"], "split"].to_numpy()).all()
        # about as many train as in the first run, though more lie in what it had set aside
        trains = [(of["split"] == "train").sum() for of in (own, samples)]
        assert 0.6 < trains[0] / trains[1] < 1.6
        left_out = "31TCJ"
        fits = own[(own["split"] == "train") & ~own["monitored"] & (own["fold"] != left_out)]
        assert fitted(context, run, left_out) == len(fits)
    page = context.folder.report.read_text()
    assert "31TCJ, run 3" in page and "Means of the runs" in page and "was divided 3 times" in page
    # stopped after some: those are kept
    context.folder.forget("cross_validate")
    again, printed = run_quietly(tree | {"runs": 3}, "cross_validate")
    assert printed.count("is trained already") == 12 and scores_of(again) == found


def test_random_folds_are_others_in_each_run_of_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = tree_of(tmp_path, plots(48)) | {"training": {"baseline": {"kind": "random_forest", "trees": 7}}}
    settings = tmp_path / "run.yaml"
    settings.write_text(json.dumps(tree))  # JSON is YAML
    command = ["cross-validate", str(settings), "--by", "random", "--fold-count", "2", "--runs", "2"]
    assert main(command) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "2 folds left out in turn, 2 times" in said and "fold-1, run 2" in said and "means of the runs" in said
    context = Context.of(settings_of(tree), None)  # type: ignore[arg-type]  # nothing is told
    rows = pd.read_parquet(context.folder.table("confusion_folds")).query("area == 'left_out'")
    of_runs = [set(zip(own["fold"], own["polygon_id"], strict=True)) for _, own in rows.groupby("run")]
    assert len(of_runs) == 2 and of_runs[0] != of_runs[1]
    assert rows.groupby("run")["pixels"].sum().tolist() == [48, 48]


def test_a_polygon_with_two_labels_is_divided_in_each_of_them(spark: SparkSession, tmp_path: Path) -> None:
    """As farms are whose fields bear several crops: each sample is in one fold of each run."""
    table = plots(48)
    table["farm"] = "farm " + (table["plot"].str.slice(1).astype(int) // 4).astype(str)
    tree = tree_of(tmp_path, table, polygon="farm", fold=None, fold_count=2)
    tree |= {"runs": 2, "training": {"baseline": {"kind": "random_forest", "trees": 7}}}
    context, said = run_quietly(tree, "cross_validate")
    assert "48 labelled pixels" in said
    drawn = context.table("sample_divisions").toPandas()
    assert len(drawn) == 48 and drawn["sample_id"].is_unique
    of_polygon = (
        context.table("observations").select("sample_id", "polygon_id", "label").toPandas().merge(drawn, on="sample_id")
    )
    assert (of_polygon.groupby("polygon_id")["label"].nunique() > 1).any()
    assert (of_polygon.groupby(["polygon_id", "label"])["fold"].nunique() == 1).all()
    rows = context.table("confusion_folds").where("area = 'left_out'").toPandas()
    assert rows.groupby("run")["pixels"].sum().tolist() == [48, 48]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ground_truth": {"split_unit": "distance", "distance": 50}}, "split_unit distance: .* have no samples; set runs: 1"),
        (
            {"samples": {"augmentation": {"method": "jitter"}}},
            "samples.augmentation, which is of the training samples of one split",
        ),
        ({"samples": {"quality": {"max_score": 1.5}}}, "samples.quality.max_score, which is of the training samples"),
    ],
)
def test_what_hangs_on_one_split_does_not_go_with_runs(finished: FinishedRun, changed: dict[str, Any], said: str) -> None:
    tree = finished.tree | {"runs": 2}
    for section, keys in changed.items():
        tree = tree | {section: tree.get(section, {}) | keys}
    with pytest.raises(SitsparkError, match=said):
        settings_of(tree)
