"""What is told before anything is computed."""

import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from rich.console import Console

from sitspark.errors import SitsparkError
from sitspark.simulate import Simulation
from sitspark.workflow.check import check, glance, refuse_wrong_inputs
from sitspark.workflow.check_products import PIXELS
from sitspark.workflow.context import Context
from sitspark.workflow.finding import Finding, Verdict, in_sum
from tests.conftest import run_quietly, settings_of, settings_tree


def context_of(tree: dict) -> Context:
    return Context.of(settings_of(tree), Console(file=io.StringIO()))


def test_a_run_refuses_wrong_inputs_before_it_computes_anything(simulation: Simulation, tmp_path: Path) -> None:
    """Reading the headers of a country's archive takes long; a misspelt field must not wait for it."""
    tree = settings_tree(simulation.folder, tmp_path / "out")
    tree["ground_truth"]["label_field"] = "klass"
    tree["features"] = {"indices": ["ndwi"]}
    tree["scenes"]["bands"] = ["B4", "B8"]
    with pytest.raises(SitsparkError, match=r"ndwi needs band B11.*\(and 1 more problem, which `sitspark check` lists\)"):
        run_quietly(tree, "validate", "report")
    assert not (tmp_path / "out" / "tables").exists()


@pytest.mark.parametrize(
    ("changed", "first", "unseen"),
    [
        ({"scenes": {"folder": "/nowhere"}}, "scenes", {"region", "overlap", "products"}),
        (
            {"scenes": {"folder": "/nowhere"}, "training": {"model_per": "tile"}},
            "scenes",
            {"region", "overlap", "products", "samples"},
        ),
        # labels are counted within the region, which is looked at where there are scenes
        (
            {"scenes": {"folder": "/nowhere"}, "grid": {"region": [1.0, 43.0, 2.0, 44.0]}},
            "scenes",
            {"region", "overlap", "products", "labels"},
        ),
        (
            {"features": {"indices": ["ndwi"]}, "scenes": {"bands": ["B4", "B8"]}},
            "features",
            {"region", "network", "overlap", "products"},
        ),
        (
            {"classes": {"nomenclature": "/nowhere.txt"}, "map": {"regularise": {"passes": 1}}},
            "classes",
            {"labels", "samples", "map", "network"},
        ),
        ({"ground_truth": {"file": "/nowhere.gpkg"}}, "ground truth", {"labels", "overlap"}),
    ],
    ids=["scenes", "scenes of models by tile", "scenes around a region", "features", "classes", "ground truth"],
)
def test_what_could_not_be_looked_at_says_what_to_correct_first(
    changed: dict[str, dict[str, Any]], first: str, unseen: set[str], simulation: Simulation, tmp_path: Path
) -> None:
    """One fault is told once."""
    tree = settings_tree(simulation.folder, tmp_path / "out")
    for section, keys in changed.items():
        tree[section] = tree.get(section, {}) | keys
    found = check(context_of(tree))
    assert [finding.subject for finding in found if finding.wrong] == [first]
    told = {finding.subject: finding.sentence for finding in found if finding.verdict is Verdict.UNSEEN}
    assert told == dict.fromkeys(unseen, f"not looked at; first correct: {first}")


@pytest.mark.parametrize(
    ("verdicts", "sum_"),
    [
        ({"a": "✓", "b": "✓"}, "all 2 checks passed"),
        ({"a": "✓!", "b": "✓"}, "all 2 checks passed; a run goes on without what is marked !"),
        ({"products": "!", "product": "--"}, "all 1 checks passed; a run goes on without what is marked !"),
        ({"a": "✗", "b": "✓!"}, "1 of 2 checks failed"),
        ({"a": "✗", "b": "?", "c": "✗", "product": "-"}, "2 of 3 checks failed, 1 couldn't be made"),
    ],
)
def test_the_sum_counts_what_was_looked_at_once(verdicts: dict[str, str], sum_: str) -> None:
    assert in_sum([Finding(subject, "", Verdict(mark)) for subject, marks in verdicts.items() for mark in marks]) == sum_


def test_classes_that_will_be_missing_or_can_not_be_validated_are_named(simulation: Simulation, tmp_path: Path) -> None:
    polygons = geopandas.read_file(simulation.folder / "ground_truth" / "polygons.gpkg")
    one_crop = polygons[polygons["code"] == 11].head(1).index
    kept = polygons[(~polygons["code"].isin([11, 42])) | polygons.index.isin(one_crop)]
    tree = settings_tree(simulation.folder, tmp_path / "out")
    tree["ground_truth"]["file"] = str(tmp_path / "few.gpkg")
    kept.to_file(tmp_path / "few.gpkg")
    labels, lost = (finding for finding in glance(context_of(tree)) if finding.subject == "labels")
    assert labels.verdict is Verdict.FINE
    assert "5 of 6 classes, from 1 to" in labels.sentence
    assert "never drawn for want of features: 42 (" in labels.sentence
    assert "with one feature, so that none can be set aside: 11 (" in labels.sentence
    assert lost.verdict is Verdict.LOSS
    assert re.search(r"^\d+ features \(\d%\) of labels without class will be rejected: 99$", lost.sentence)


def test_where_most_features_have_no_class_the_field_is_doubted(
    simulation: Simulation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    polygons = geopandas.read_file(simulation.folder / "ground_truth" / "polygons.gpkg")
    polygons["row"] = np.arange(len(polygons)) // 2 + 1
    polygons.to_file(tmp_path / "numbered.gpkg")
    tree = settings_tree(simulation.folder, tmp_path / "out")
    tree["ground_truth"] |= {"file": str(tmp_path / "numbered.gpkg"), "label_field": "row"}
    labels, lost = (finding for finding in glance(context_of(tree)) if finding.subject == "labels")
    assert (labels.verdict, lost.verdict) == (Verdict.FINE, Verdict.LOSS)
    refuse_wrong_inputs(Context.of(settings_of(tree), Console(width=1000)))
    assert f"! {lost.sentence}" in capsys.readouterr().out
    assert re.search(r"\(9\d%\)", lost.sentence) and lost.sentence.endswith(
        "; is 'row' the field of the labels (ground_truth.label_field)?"
    )


def test_a_nomenclature_of_one_class_is_refused(simulation: Simulation, tmp_path: Path) -> None:
    tree = settings_tree(simulation.folder, tmp_path / "out")
    alone = tmp_path / "alone.csv"
    alone.write_text("code,name,red,green,blue\n11,summer crop,1,2,3\n")
    tree["classes"] = {"nomenclature": str(alone)}
    classes = next(finding for finding in glance(context_of(tree)) if finding.subject == "classes")
    assert classes.wrong and f"{alone} has one class" in classes.sentence


@pytest.mark.parametrize(("split_unit", "wrong"), [("polygon", True), ("piece", False)])
def test_a_label_field_of_numbers_that_come_once_is_refused_where_features_are_not_divided(
    simulation: Simulation, tmp_path: Path, split_unit: str, wrong: bool
) -> None:
    tree = settings_tree(simulation.folder, tmp_path / "out")
    polygons = geopandas.read_file(simulation.folder / "ground_truth" / "polygons.gpkg")
    polygons.assign(row=np.arange(len(polygons)) + 1).to_file(tmp_path / "numbered.gpkg")
    tree["ground_truth"] |= {"file": str(tmp_path / "numbered.gpkg"), "label_field": "row", "split_unit": split_unit}
    labels = next(finding for finding in glance(context_of(tree)) if finding.subject == "labels")
    assert labels.wrong == wrong
    assert ("by the field 'row', so that none can be set aside" in labels.sentence) == wrong
    assert ("1 feature each" in labels.sentence) != wrong


def test_a_label_field_without_any_class_is_refused(simulation: Simulation, tmp_path: Path) -> None:
    tree = settings_tree(simulation.folder, tmp_path / "out")
    polygons = geopandas.read_file(simulation.folder / "ground_truth" / "polygons.gpkg").assign(code=7)
    polygons.to_file(tmp_path / "other.gpkg")
    tree["ground_truth"]["file"] = str(tmp_path / "other.gpkg")
    labels = next(finding for finding in glance(context_of(tree)) if finding.subject == "labels")
    assert labels.wrong and "the first are 7; name another field or another nomenclature" in labels.sentence


def test_products_of_another_crs_are_named_unless_a_crs_is_chosen(simulation: Simulation, tmp_path: Path) -> None:
    folder = simulation.folder / "scenes" / "31TCK"
    for product in sorted(folder.iterdir())[:3]:
        shutil.copytree(product, tmp_path / "scenes" / product.name)
    moved = sorted((tmp_path / "scenes").iterdir())[1]
    for path in moved.rglob("*.tif"):
        with rasterio.open(path, "r+") as raster:
            raster.crs = "EPSG:32630"
    tree = settings_tree(simulation.folder, tmp_path / "out")
    tree["scenes"]["folder"] = str(tmp_path / "scenes")
    told = [finding.sentence for finding in check(context_of(tree)) if finding.verdict is Verdict.DETAIL]
    assert any(f"{moved.name}: is in EPSG:32630 while most products are in EPSG:32631; set grid.crs" in s for s in told)
    tree["grid"]["crs"] = "EPSG:32631"
    assert not [finding for finding in check(context_of(tree)) if finding.wrong]


def test_damaged_products_come_with_what_to_do(simulation: Simulation, tmp_path: Path) -> None:
    scene = next((simulation.folder / "scenes" / "31TCK").iterdir())
    copy = tmp_path / "scenes" / scene.name
    copy.mkdir(parents=True)
    for file in scene.rglob("*.tif"):
        target = copy / file.relative_to(scene)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(file.read_bytes()[: 100 if "_FRE_B4" in file.name else None])
    tree = settings_tree(simulation.folder, tmp_path / "out")
    tree["scenes"]["folder"] = str(tmp_path / "scenes")
    last = check(context_of(tree))[-1]
    assert last.wrong and "1 of 1 can't be used, scenes.max_left_out allows 10%; fetch what is damaged" in last.sentence
    tree["scenes"]["max_left_out"] = 1.0
    found = check(context_of(tree))[-2:]
    assert [finding.verdict for finding in found] == [Verdict.DETAIL, Verdict.LOSS]
    assert found[0].sentence.startswith("will be left out: ")
    tree["scenes"]["on_problem"] = "fail"
    last = check(context_of(tree))[-1]
    assert last.wrong and "1 of 1 can't be used; fetch what is damaged" in last.sentence


def test_a_product_of_a_date_that_does_not_exist_counts_as_faulty(simulation: Simulation, tmp_path: Path) -> None:
    first, second = sorted((simulation.folder / "scenes" / "31TCK").iterdir())[:2]
    day = second.name.split("_")[1][:8]
    no_day = second.name.replace(day, f"{day[:4]}0230")
    shutil.copytree(first, tmp_path / "scenes" / first.name)
    shutil.copytree(second, tmp_path / "scenes" / no_day)
    tree = settings_tree(simulation.folder, tmp_path / "out")
    tree["scenes"]["folder"] = str(tmp_path / "scenes")
    found = check(context_of(tree))
    scenes = next(finding for finding in found if finding.subject == "scenes")
    assert scenes.sentence.startswith("1 product of 1 tile (31TCK), ")
    faulty, summary = found[-2:]
    assert faulty.verdict is Verdict.DETAIL and faulty.sentence.startswith(f"{no_day}: the date in its name doesn't exist, ")
    assert summary.wrong and summary.sentence.startswith("1 of 2 can't be used, scenes.max_left_out allows 10%; ")


@pytest.mark.parametrize("on_problem", ["fail", "skip"])
def test_only_the_deep_check_finds_a_block_that_can_not_be_decoded(
    simulation: Simulation, tmp_path: Path, on_problem: str
) -> None:
    """A run stops at it, whatever it may leave out."""
    product = next((simulation.folder / "scenes" / "31TCK").iterdir())
    shutil.copytree(product, tmp_path / "scenes" / product.name)
    path = next((tmp_path / "scenes").rglob("*_FRE_B4.tif"))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 200] = bytes(200)
    path.write_bytes(content)
    tree = settings_tree(simulation.folder, tmp_path / "out")
    tree["scenes"] |= {"folder": str(tmp_path / "scenes"), "on_problem": on_problem, "max_left_out": 1}
    assert not check(context_of(tree))[-1].wrong
    damaged, summary = check(context_of(tree), depth=PIXELS)[-2:]
    assert summary.wrong and "a run stops when it comes to what is damaged inside" in summary.sentence
    assert damaged.verdict is Verdict.DETAIL
    assert damaged.sentence.startswith(f"{product.name}: B4 can't be read, {path} is damaged: ")


@pytest.mark.parametrize(
    ("moved", "words", "wrong"),
    [
        (lambda box: box, "longitude", False),
        (lambda box: (box[0], box[1], box[2] + (box[2] - box[0]), box[3]), "% of it lies beyond the imagery", False),
        (lambda box: (box[1], box[0], box[3], box[2]), "longitude and latitude seem to be swapped", True),
        (lambda box: (box[0] + 9, box[1], box[2] + 9, box[3]), "the imagery lies at longitude", True),
    ],
    ids=["inside", "partly outside", "swapped", "elsewhere"],
)
def test_where_a_region_lies_beside_the_imagery_is_told(
    simulation: Simulation,
    tmp_path: Path,
    moved: Callable[[tuple[float, ...]], tuple[float, ...]],
    words: str,
    wrong: bool,
) -> None:
    tree = settings_tree(simulation.folder, tmp_path / "out")
    imagery = shapely.union_all(list(context_of(tree).tile_extents.values()))
    tree["grid"]["region"] = list(moved(imagery.bounds))
    (region,) = (finding for finding in glance(context_of(tree)) if finding.subject == "region")
    assert region.wrong is wrong and words in region.sentence


def test_what_is_left_out_by_choice_is_counted_not_listed(simulation: Simulation, tmp_path: Path) -> None:
    tree = settings_tree(simulation.folder, tmp_path / "out")
    tree["scenes"]["end"] = "2018-06-30"
    chosen, summary = check(context_of(tree))[-2:]
    assert chosen.sentence.startswith("left out by choice: ") and "other date; `sitspark scenes` lists them" in chosen.sentence
    assert not chosen.wrong and "to its last block" in summary.sentence


def network_of(simulation: Simulation, out: Path, **training: Any) -> Finding:
    tree = settings_tree(simulation.folder, out)
    tree["training"] = tree.get("training", {}) | training
    (found,) = (finding for finding in glance(context_of(tree)) if finding.subject == "network")
    return found


def test_a_network_that_can_not_learn_from_the_features_is_found(simulation: Simulation, tmp_path: Path) -> None:
    assert network_of(simulation, tmp_path, network="ltae") == Finding("network", "ltae, built in (docs/networks.md)")
    tree = settings_tree(simulation.folder, tmp_path)
    tree["training"] = {"network": "ltae"}
    tree["features"] = {"series": "none", "statistics": {"B4": ["mean"]}}
    (found,) = (finding for finding in glance(context_of(tree)) if finding.subject == "network")
    assert found.wrong and "ltae learns from series, and the features have none" in found.sentence


def test_a_baseline_is_told_with_its_parameters(simulation: Simulation, tmp_path: Path) -> None:
    found = network_of(simulation, tmp_path, baseline={"kind": "random_forest", "trees": 7})
    assert (
        found.sentence.startswith("random_forest, a baseline (trees 7, ")
        and "'" not in found.sentence
        and "None" not in found.sentence
    )


def test_a_network_of_ones_own_is_tried(simulation: Simulation, tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "conf" / "my_net.py"
    found = network_of(simulation, tmp_path, network={"module": str(example), "class": "MyNet"})
    assert not found.wrong and "MyNet of" in found.sentence
    module = tmp_path / "net.py"
    module.write_text(example.read_text().replace("self.scores(torch", "self.score(torch"))
    found = network_of(simulation, tmp_path, network={"module": str(module), "class": "MyNet"})
    assert found.wrong and "MyNet of" in found.sentence and "has no attribute 'score'" in found.sentence
    found = network_of(simulation, tmp_path, network={"module": str(tmp_path / "gone.py"), "class": "MyNet"})
    assert found.wrong and "gone.py can't be read" in found.sentence


@pytest.mark.parametrize(
    ("training", "wrong", "sentence"),
    [
        ({"device": "gpu", "processes": 2}, True, "training.device: gpu asks for 2 GPUs on this machine"),
        ({"where": "executors", "processes": 2}, False, "stays on this machine, the only one of spark.master local"),
        ({}, None, None),
        ({"device": "gpu", "baseline": "linear_svm"}, None, None),  # has no use for one
    ],
)
def test_where_a_training_would_run_is_told(
    simulation: Simulation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    training: dict[str, Any],
    wrong: bool | None,
    sentence: str | None,
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    tree = settings_tree(simulation.folder, tmp_path / "out")
    tree["training"] = training
    told = [finding for finding in glance(context_of(tree)) if finding.subject == "training"]
    assert [(finding.wrong, sentence in finding.sentence) for finding in told] == ([] if sentence is None else [(wrong, True)])
