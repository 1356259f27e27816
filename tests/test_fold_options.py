"""The short forms of what a cross-validation leaves out: the settings that they give, what they refuse, and the way back."""

from pathlib import Path

import pytest

from sitspark.cli import main
from sitspark.errors import SitsparkError
from sitspark.settings import Settings
from sitspark.settings.fold_options import FoldOptions, as_options, divided_otherwise
from sitspark.settings_file import apply_override, parse_settings
from tests.conftest import ROOT, settings_tree

REGIONS = {"regions": "regions.gpkg", "region_field": "name"}
BLOCKS = {"folds": "block", "block_size": 3, "fold_count": 4}


def imagery(tmp_path: Path, truth: dict) -> dict:
    tree = settings_tree(tmp_path, tmp_path / "out")
    return tree | {"ground_truth": tree["ground_truth"] | truth}


def table(tmp_path: Path, observed: dict) -> dict:
    rows = {"file": "plots.csv", "label": "cover", "static": "all"} | observed
    classes = {"nomenclature": str(tmp_path / "classes.csv")}
    return {"output": str(tmp_path / "out"), "observations": rows, "classes": classes}


def settings(tree: dict, tmp_path: Path) -> Settings:
    return parse_settings(tree, source=tmp_path / "run.yaml")


ASKED = [
    pytest.param({}, FoldOptions("random"), ("random", 5, None), id="five random ones"),
    pytest.param({}, FoldOptions("random", 3), ("random", 3, None), id="as many as said"),
    pytest.param({}, FoldOptions("block", block_size=2.5), ("block", 5, 2.5), id="blocks"),
    pytest.param(REGIONS, FoldOptions("region"), ("region", None, None), id="regions"),
    pytest.param(BLOCKS, FoldOptions("tile"), ("tile", None, None), id="what goes with blocks is taken back"),
    pytest.param(BLOCKS, FoldOptions("random"), ("random", 4, None), id="the number of the settings is kept"),
    pytest.param(BLOCKS, FoldOptions(fold_count=2), ("block", 2, 3), id="the kind of the settings is kept"),
    pytest.param(BLOCKS, FoldOptions(block_size=1), ("block", 4, 1), id="smaller blocks"),
    pytest.param(
        {"split_unit": "block", "block_size": 3}, FoldOptions("tile"), ("tile", None, 3), id="blocks of the split stay"
    ),
]


@pytest.mark.parametrize(("truth", "asked", "found"), ASKED)
def test_options_stand_for_keys_of_the_ground_truth(tmp_path: Path, truth: dict, asked: FoldOptions, found: tuple) -> None:
    tree = imagery(tmp_path, truth)
    for override in asked.overrides(settings(tree, tmp_path)):
        apply_override(tree, override)
    now = settings(tree, tmp_path).ground_truth
    assert now is not None and (now.folds, now.fold_count, now.block_size) == found


@pytest.mark.parametrize(
    ("observed", "asked", "found"),
    [
        ({"fold": "tile"}, FoldOptions("random"), (None, 5)),
        ({"fold": "tile"}, FoldOptions("region"), ("region", None)),
        ({"fold_count": 3}, FoldOptions("no: 1"), ("no: 1", None)),
        ({"fold_count": 3}, FoldOptions("random"), (None, 3)),
        ({}, FoldOptions(fold_count=4), (None, 4)),
        ({"fold": "tile"}, FoldOptions("tile"), ("tile", None)),
    ],
)
def test_of_a_table_they_name_a_column_or_random(tmp_path: Path, observed: dict, asked: FoldOptions, found: tuple) -> None:
    tree = table(tmp_path, observed)
    for override in asked.overrides(settings(tree, tmp_path)):
        apply_override(tree, override)
    now = settings(tree, tmp_path).observations
    assert now is not None and (now.fold, now.fold_count) == found


SENSELESS = [
    pytest.param({}, FoldOptions("tiles"), "--by tiles: name one of tile, region, block, random; did you mean tile", id="kind"),
    pytest.param({}, FoldOptions("tile", 3), "--fold-count goes with --by random or --by block", id="count of tiles"),
    pytest.param({}, FoldOptions(fold_count=3), "--fold-count goes with --by random or --by block", id="count of the default"),
    pytest.param({}, FoldOptions("random", block_size=2), "--block-size goes with --by block", id="size of random ones"),
    pytest.param({}, FoldOptions("block"), "as --block-size 10", id="blocks of no size"),
    pytest.param({}, FoldOptions("region"), "the settings name no regions", id="no regions"),
]


@pytest.mark.parametrize(("truth", "asked", "sentence"), SENSELESS)
def test_what_makes_no_sense_is_refused(tmp_path: Path, truth: dict, asked: FoldOptions, sentence: str) -> None:
    with pytest.raises(SitsparkError, match=sentence):
        asked.overrides(settings(imagery(tmp_path, truth), tmp_path))


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (FoldOptions("block", block_size=2), "a table has no blocks of land"),
        (FoldOptions(fold_count=2), "each value in the column tile is a fold"),
    ],
)
def test_what_makes_no_sense_of_a_table_is_refused(tmp_path: Path, asked: FoldOptions, sentence: str) -> None:
    with pytest.raises(SitsparkError, match=sentence):
        asked.overrides(settings(table(tmp_path, {"fold": "tile"}), tmp_path))


def test_a_key_and_its_short_form_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(SitsparkError, match=r"--set ground_truth\.folds=tile: --by, .* say it in short"):
        FoldOptions("random").refuse_beside(["seed=1", "ground_truth.folds=tile"])


@pytest.mark.parametrize(
    ("observed", "asked", "told"),
    [
        ({}, FoldOptions("random"), True),
        ({}, FoldOptions("random", 4), False),
        ({"fold_count": 3}, FoldOptions("random"), False),
        ({}, FoldOptions("tile"), False),
        ({}, FoldOptions("block"), False),  # the name of a column
    ],
)
def test_a_number_of_folds_that_nobody_said_is_told(tmp_path: Path, observed: dict, asked: FoldOptions, told: bool) -> None:
    remark = asked.remark(settings(table(tmp_path, observed), tmp_path))
    assert (remark is not None) == told and (remark is None or "5 folds" in remark)


@pytest.mark.parametrize(
    ("overrides", "arguments"),
    [
        (["seed=3"], ["--set", "seed=3"]),
        (["seed=3", "ground_truth.folds=random", "ground_truth.fold_count=4"], "--by random --fold-count 4 --set seed=3"),
        (["ground_truth.folds=tile", "ground_truth.fold_count=null"], "--by tile"),
        (
            ["ground_truth.folds=block", "ground_truth.fold_count=4", "ground_truth.block_size=2.5"],
            "--by block --fold-count 4 --block-size 2.5",
        ),
        # blocks of the split
        (["ground_truth.split_unit=block", "ground_truth.block_size=2"], None),
        (["observations.fold=null", "observations.fold_count=3"], "--by random --fold-count 3"),
        (['observations.fold="zone"', "observations.fold_count=null"], "--by zone"),
    ],
)
def test_hints_name_what_is_left_out_in_short(overrides: list, arguments: list | str | None) -> None:
    if arguments is None:
        arguments = [part for override in overrides for part in ("--set", override)]
    assert as_options(overrides) == (arguments.split() if isinstance(arguments, str) else arguments)


@pytest.mark.parametrize(("truth", "asked", "found"), ASKED)
def test_the_hint_for_overrides_asks_for_the_same(tmp_path: Path, truth: dict, asked: FoldOptions, found: tuple) -> None:
    del found
    tree = imagery(tmp_path, truth)
    before = settings(tree, tmp_path)
    overrides = asked.overrides(before)
    given = iter(as_options(overrides))
    options = {option: next(given) for option in given}
    if "--by" in options:
        again = FoldOptions(
            options["--by"], int(options.get("--fold-count", 0)) or None, float(options.get("--block-size", 0)) or None
        )
        assert again.overrides(before) == overrides


def test_a_run_that_is_divided_otherwise_is_known(tmp_path: Path) -> None:
    one, other = (settings(imagery(tmp_path, truth), tmp_path) for truth in ({}, {"folds": "random", "fold_count": 5}))
    assert divided_otherwise(one.model_dump(mode="json"), other)
    assert not divided_otherwise(one.model_dump(mode="json"), one) and not divided_otherwise({}, one)
    of_table = settings(table(tmp_path, {"fold": "tile"}), tmp_path)
    assert not divided_otherwise(of_table.model_dump(mode="json"), of_table)


def test_the_command_refuses_before_anything_is_computed(capsys: pytest.CaptureFixture[str]) -> None:
    example = str(ROOT / "conf" / "oso_4_tiles.yaml")
    assert main(["cross-validate", example, "--by", "random", "--block-size", "3"]) == 1
    assert "--block-size goes with --by block, and here folds are by random" in " ".join(capsys.readouterr().err.split())
