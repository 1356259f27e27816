"""iota2's configuration files as settings: nothing dropped in silence, iota2's own defaults, two generations of names."""

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from sitspark.classes import Nomenclature
from sitspark.errors import SitsparkError
from sitspark.iota2 import LeftOut, read_cfg, settings_from_cfg
from sitspark.iota2.names import canonical
from sitspark.iota2.outcome import Refused
from sitspark.iota2.rules import RULES, SWITCHES
from sitspark.settings import TrainingSettings
from sitspark.settings.training import ScheduleSettings, StoppingSettings
from sitspark.settings_file import known_keys, read_settings

CONF = Path(__file__).parents[2] / "conf"
CFG, TWIN = CONF / "oso_4_tiles.cfg", CONF / "oso_4_tiles.yaml"

SMALL = """
chain : {{
    output_path : 'run', nomenclature_path : 'n.txt', color_table : 'c.txt', list_tile : 'T31TCJ'
    ground_truth : 'gt.shp', data_field : 'code', s2_path : '/archive'
    {chain}
}}
arg_train : {{ {train} }}
{rest}
"""


def small(folder: Path, *, chain: str = "", train: str = "", rest: str = "") -> Path:
    path = folder / "job.cfg"
    path.write_text(SMALL.format(chain=chain, train=train, rest=rest), encoding="utf-8")
    return path


def reasons(path: Path) -> dict[str, str]:
    """Why keys of the file are left out or refused."""
    converted = settings_from_cfg(path)
    refused = {key: one.reason for key, one in converted.refused.items()}
    return {left.key: left.reason for left in converted.left_out} | refused


def refused(path: Path) -> dict[str, str]:
    """The settings that have to be given in place of what the file has for these keys."""
    return {key: one.instead for key, one in settings_from_cfg(path).refused.items()}


def test_the_published_job_and_its_twin_are_the_same_settings() -> None:
    settings, _ = read_cfg(CFG)
    assert settings == read_settings(TWIN)
    assert settings.scenes.tiles == ("31TCJ", "31TCK", "31TDJ", "31TDK")
    assert settings.training.epochs == 200 and settings.samples.per_class == 100_000
    assert settings.classes.nomenclature == (CONF / "oso" / "nomenclature.txt").resolve()


def test_the_published_job_leaves_out_what_it_says() -> None:
    assert set(reasons(CFG)) == {
        "builders.builders_class_name",
        "chain.remove_output_path",
        "chain.check_inputs",
        "chain.first_step",
        "chain.last_step",
        "arg_train.runs",
        "arg_train.split_ground_truth",
        "arg_train.deep_learning_parameters.num_workers",
        "python_data_managing.number_of_chunks",
        "task_retry_limits.allowed_retry",
        "task_retry_limits.maximum_ram",
        "task_retry_limits.maximum_cpu",
    }


def test_what_changes_the_job_is_told_from_what_does_not() -> None:
    assert {left.key for left in settings_from_cfg(CFG).left_out if left.changes_the_job} == {
        "chain.remove_output_path",
        "chain.first_step",
        "chain.last_step",
        "arg_train.deep_learning_parameters.num_workers",
        "python_data_managing.number_of_chunks",
        "task_retry_limits.allowed_retry",
        "task_retry_limits.maximum_ram",
        "task_retry_limits.maximum_cpu",
    }


def test_the_twin_shows_every_key_of_the_settings() -> None:
    shown = set()

    def walk(node: object, prefix: str) -> None:
        if isinstance(node, dict) and node:
            for key, value in node.items():
                walk(value, f"{prefix}.{key}" if prefix else key)
        else:
            shown.add(prefix)

    walk(YAML(typ="safe").load(TWIN.read_text()), "")
    # a section that is null hides its keys, one that may be null and isn't is shown by them
    hidden = {key for key in known_keys() for other in shown if key.startswith(f"{other}.") or other.startswith(f"{key}.")}
    assert shown == known_keys().keys() - hidden


def test_the_nomenclature_of_oso_has_23_coloured_classes() -> None:
    oso = Nomenclature.read(CONF / "oso" / "nomenclature.txt", CONF / "oso" / "colours.txt")
    assert oso.codes == tuple(range(1, 24))
    assert (oso.name_of(1), oso.name_of(19), oso.name_of(23)) == ("Dense built-up areas", "Woody moorlands", "Water")
    assert len({c.colour for c in oso}) == 23


@pytest.mark.parametrize("value", [5, 0.1, "x", True, [], ["x"], [1, 2], {}, {"a": 1}], ids=repr)
def test_every_rule_leads_to_settings_that_exist_or_to_a_reason(value: object) -> None:
    switches = {
        "sensors_data_interpolation.auto_date": False,
        "iota2_feature_extraction.extract_bands": True,
        "arg_train.sample_selection.strategy": "constant",
    }
    for name, rule in RULES.items():
        for others in ({}, switches):
            outcome = rule(value, others | {name: value})
            if isinstance(outcome, Refused):
                assert outcome.instead is None or any(f"{key}.".startswith(f"{outcome.instead}.") for key in known_keys()), name
            else:
                assert isinstance(outcome, str) or (outcome and set(outcome) <= set(known_keys())), name


@pytest.mark.parametrize(
    ("values", "products"),
    [
        ({"arg_classification.enable_probability_map": True}, ["probability"]),
        (
            {"arg_classification.enable_probability_map": True, "sensors_data_interpolation.write_outputs": False},
            ["probability"],
        ),
        (
            {"arg_classification.generate_final_probability_map": True, "sensors_data_interpolation.write_outputs": True},
            ["probability", "features"],
        ),
    ],
)
def test_rasters_that_iota2_is_asked_for_are_those_of_the_map(values: dict[str, bool], products: list[str]) -> None:
    found = [RULES[name](value, values) for name, value in values.items() if value]
    assert all(one == {"map.products": products} for one in found)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("outputPath", "output_path"),
        ("L8Path_old", "l8_path_old"),
        ("S2_S2C_Path", "s2_s2c_path"),
        ("argTrain", "arg_train"),
        ("iota2FeatureExtraction", "iota2_feature_extraction"),
        ("dimRed", "dim_red"),
        ("Simplification", "simplification"),
        ("GlobChain", "glob_chain"),
        ("Sentinel_2_S2C", "sentinel_2_s2c"),
        ("Landsat8_old", "landsat8_old"),
        ("temporal_resolution", "temporal_resolution"),
        ("userFeatPath", "user_feat_path"),
    ],
)
def test_names_of_2020_become_those_of_2022(old: str, new: str) -> None:
    assert canonical(old) == new


def test_a_file_of_2020_is_read(tmp_path: Path) -> None:
    path = tmp_path / "old.cfg"
    path.write_text(
        """
        chain : {
            outputPath : 'run', nomenclaturePath : 'n.txt', colorTable : 'c.txt', listTile : 'T31TCJ T31TDJ'
            groundTruth : 'gt.shp', dataField : 'code', S2Path : '/archive', L8Path : None
            spatialResolution : [20, 20], ratio : 0.6, runs : 2, random_seed : 7
        }
        GlobChain : { proj : 'EPSG:32631', features : ['NDVI'] }
        argTrain : { classifier : 'rf', options : ' -classifier.rf.min 5 ' }
        Sentinel_2 : { temporalResolution : 15 }
        """
    )
    settings, converted = read_cfg(path)
    assert settings.output == (tmp_path / "run").resolve() and settings.scenes.folder.path == Path("/archive")
    assert (settings.grid.crs, settings.grid.resolution) == ("EPSG:32631", 20)
    assert (settings.ground_truth.ratio, settings.seed, settings.time_series.step) == (0.6, 7, 15)
    assert settings.features.indices == {"ndvi": None}
    assert {left.key: left.reason for left in converted.left_out} == {
        "chain.L8Path": "is not set",
        "chain.runs": "a map has one split; sitspark cross-validate --runs divides the ground truth anew",
    }
    forest = settings.training.baseline
    assert (forest.kind, forest.min_samples_split, forest.max_depth, forest.trees) == ("random_forest", 5, 5, 100)


def test_keys_that_are_absent_have_the_defaults_of_iota2(tmp_path: Path) -> None:
    settings, converted = read_cfg(small(tmp_path, train="deep_learning_parameters : {dl_name : 'MLPClassifier'}"))
    assert settings.ground_truth.ratio == 0.5
    assert (settings.samples.sampler, settings.samples.strategy) == ("random", "all")
    training = settings.training
    assert (training.epochs, training.batch_size, training.learning_rate, training.criterion) == (100, 1000, 1e-5, "loss")
    assumed = {carried.key for carried in converted.carried if carried.default}
    assert {"arg_train.ratio", "arg_train.sample_selection.strategy"} <= assumed
    assert not any(carried.default for carried in converted.carried if carried.key.startswith("chain."))


@pytest.mark.parametrize(
    ("asked", "settings"),
    [
        ("dl_name : 'LTAEClassifier'", {"network": "ltae"}),
        ("dl_name : 'ANN'", {"network": "ann"}),
        ("dl_name : 'SimpleSelfAttentionClassifier'", {"network": "simple_self_attention"}),
        (
            "dl_module : '/my/nets.py', dl_name : 'Net', dl_parameters : {'width': 32}",
            {"network": {"module": "/my/nets.py", "class": "Net", "parameters": {"width": 32}}},
        ),
        ("dl_module : None, dl_name : 'ANN', dl_parameters : {}", {"network": "ann"}),
    ],
    ids=["ltae", "ann", "simple_self_attention", "module", "no module"],
)
def test_networks_are_those_of_the_bank_or_of_a_module(tmp_path: Path, asked: str, settings: dict[str, Any]) -> None:
    chosen, converted = read_cfg(small(tmp_path, train=f"deep_learning_parameters : {{{asked}}}"))
    assert chosen.training.model_dump(mode="json", include={"network"}) == settings
    assert not [left for left in converted.left_out if left.changes_the_job and "dl_" in left.key]


def test_parameters_of_networks_of_iota2_are_not_those_of_the_bank(tmp_path: Path) -> None:
    asked = "deep_learning_parameters : {dl_name : 'LTAEClassifier', dl_parameters : {'n_head': 4}}"
    path = small(tmp_path, train=asked)
    assert refused(path) == {"arg_train.deep_learning_parameters.dl_parameters": "training.parameters"}
    assert read_cfg(path, overrides=["training.parameters={heads: 4}"])[0].training.parameters == {"heads": 4}


NETWORK = "deep_learning_parameters : {dl_name : 'MLPClassifier'}"
SCIKIT = "scikit_models_parameters : {{ {} }}"


@pytest.mark.parametrize(
    ("train", "rest", "baseline"),
    [
        ("", "", {"kind": "random_forest", "max_depth": 25, "min_samples_split": 5, "min_samples_leaf": 1}),
        (
            "classifier : 'rf', otb_classifier_options : {'classifier.rf.nbtrees':50, 'classifier.rf.var':7}",
            "",
            {"kind": "random_forest", "trees": 50, "max_features": 7}
            | {"max_depth": 5, "min_samples_split": 10, "min_samples_leaf": 1},
        ),
        (
            "classifier : 'sharkrf', otb_classifier_options : {'classifier.sharkrf.nodesize':30}",
            "",
            {"kind": "random_forest", "max_depth": None, "min_samples_split": 30, "min_samples_leaf": 1},
        ),
        ("classifier : 'libsvm', otb_classifier_options : {'classifier.libsvm.c':4}", "", {"kind": "linear_svm", "c": 4}),
        ("classifier : 'gbt'", "", {"kind": "lightgbm", "trees": 200, "learning_rate": 0.01}),
        (NETWORK, "", None),
        (f"classifier : 'rf', {NETWORK}", "", None),
        (
            "classifier : 'rf'",
            SCIKIT.format("model_type : 'ExtraTreesClassifier', n_estimators : 7, max_features : 'auto', n_jobs : 2"),
            {"kind": "extra_trees", "trees": 7, "max_depth": None, "min_samples_leaf": 1},
        ),
        (
            "",
            SCIKIT.format("model_type : 'RandomForest', keyword_arguments : {'max_depth' : 9}"),
            {"kind": "random_forest", "max_depth": 9, "min_samples_leaf": 1},
        ),
        (
            "",
            SCIKIT.format("model_type : 'SupportVectorClassification', C : 2.5, kernel : 'linear'"),
            {"kind": "linear_svm", "c": 2.5},
        ),
        ("", SCIKIT.format("model_type : 'LinearSVC', keyword_arguments : {'C' : 3}"), {"kind": "linear_svm", "c": 3}),
    ],
)
def test_classifiers_become_baselines(tmp_path: Path, train: str, rest: str, baseline: dict[str, object] | None) -> None:
    settings, _ = read_cfg(small(tmp_path, train=train, rest=rest))
    assert settings.training.baseline == TrainingSettings(baseline=baseline).baseline


@pytest.mark.parametrize(
    ("train", "rest", "key", "reason"),
    [
        ("classifier : 'knn'", "", "arg_train.classifier", "knn is none of rf, sharkrf, libsvm, gbt"),
        (
            "classifier : 'libsvm', otb_classifier_options : {'classifier.libsvm.k':'rbf'}",
            "",
            "arg_train.classifier",
            "a linear kernel here, not rbf",
        ),
        (
            "classifier : 'rf', otb_classifier_options : {'classifier.sharkrf.nodesize':25}",
            "",
            "arg_train.otb_classifier_options.classifier.sharkrf.nodesize",
            "of the classifier sharkrf",
        ),
        ("options : '-classifier.rf.acc 0.1'", "", "arg_train.options -classifier.rf.acc", "has no setting here"),
        (f"classifier : 'rf', {NETWORK}", "", "arg_train.classifier", "iota2 trains the network"),
        (
            "classifier : 'rf'",
            SCIKIT.format("model_type : 'RandomForestClassifier'"),
            "arg_train.classifier",
            "the model of scikit_models_parameters",
        ),
        ("", SCIKIT.format("model_type : 'AdaBoost'"), "scikit_models_parameters.model_type", "AdaBoost is none of"),
        ("", SCIKIT.format("model_type : 'SVC'"), "scikit_models_parameters.model_type", "a linear kernel here, not rbf"),
        (
            "",
            SCIKIT.format("model_type : 'RandomForest', C : 3"),
            "scikit_models_parameters.C",
            "of a model that is not trained",
        ),
        (
            "",
            SCIKIT.format("model_type : 'RandomForest', cross_validation_folds : 3"),
            "scikit_models_parameters.cross_validation_folds",
            "has no setting here",
        ),
    ],
)
def test_what_no_baseline_has_is_said(tmp_path: Path, train: str, rest: str, key: str, reason: str) -> None:
    assert reason in reasons(small(tmp_path, train=train, rest=rest))[key]


SMOTE = """sample_augmentation : {'target_models':['all'], 'strategy':'smote', 'strategy.smote.neighbors':5,
    'samples.strategy':'minNumber', 'samples.strategy.minNumber':1000, 'activate':True}"""
JITTER = """sample_augmentation : {'strategy':'jitter', 'strategy.jitter.stdfactor':10, 'strategy.smote.neighbors':5,
    'samples.strategy':'balance', 'activate':True}"""


@pytest.mark.parametrize(
    ("train", "key", "value"),
    [
        ("ratio : 0.3", "ground_truth.ratio", 0.3),
        ("random_seed : 12", "seed", 12),
        ("features : []", "features.indices", {}),
        ("sample_selection : {'sampler':'random', 'strategy':'all'}", "samples.strategy", "all"),
        ("sample_selection : {'strategy':'smallest'}", "samples.strategy", "smallest"),
        ("sample_selection : {'strategy':'percent', 'strategy.percent.p':0.25}", "samples.percent", 25.0),
        ("sample_selection : {'strategy':'total', 'strategy.total.v':900}", "samples.total", 900),
        ("sample_selection : {'sampler':'periodic', 'sampler.periodic.jitter':9}", "samples.jitter", 9),
        ("sample_selection : {'strategy':'constant', 'strategy.constant.nb':5}", "samples.per_class", 5),
        ("sample_selection : {'strategy':'constant', 'strategy.constant.nb':5}", "samples.sampler", "periodic"),
        ("sample_augmentation : {'activate':False, 'strategy':'smote'}", "samples.augmentation", None),
        (SMOTE, "samples.augmentation.method", "smote"),
        (SMOTE, "samples.augmentation.neighbours", 5),
        (SMOTE, "samples.augmentation.strategy", "minimum"),
        (SMOTE, "samples.augmentation.minimum", 1000),
        (JITTER, "samples.augmentation.std_factor", 10),
        (JITTER, "samples.augmentation.strategy", "balance"),
    ],
)
def test_training_keys(tmp_path: Path, train: str, key: str, value: object) -> None:
    settings, _ = read_cfg(small(tmp_path, train=train))
    node: object = settings
    for name in key.split("."):
        node = getattr(node, name)
    assert node == value


@pytest.mark.parametrize(("threshold", "least"), [(0, 1), (1, 1), (4, 4)])
def test_clear_dates_that_a_pixel_needs(tmp_path: Path, threshold: int, least: int) -> None:
    assert read_cfg(small(tmp_path, chain=f"cloud_threshold : {threshold}"))[0].samples.min_clear_dates == least


EXTERNAL = "external_features : {{module : 'f.py', functions : {}}}"


@pytest.mark.parametrize(
    ("functions", "wanted"),
    [
        ("'one two'", [("one", {}), ("two", {})]),
        ("['one']", [("one", {})]),
        ("[['one', {'radius' : 3}], 'two']", [("one", {"radius": 3}), ("two", {})]),
    ],
)
def test_external_features_become_custom_ones_of_iota2s_contract(tmp_path: Path, functions: str, wanted: list) -> None:
    padding = "python_data_managing : {padding_size_x : 3, padding_size_y : 5}"
    settings, _ = read_cfg(small(tmp_path, rest=f"{EXTERNAL.format(functions)}\n{padding}"))
    custom = settings.custom_features
    assert custom is not None and (custom.module, custom.contract, custom.padding) == (tmp_path / "f.py", "iota2", 5)
    assert [(function.name, function.parameters) for function in custom.functions] == wanted
    assert settings.features.series == "all"


def test_without_concat_mode_external_features_are_all_there_is(tmp_path: Path) -> None:
    rest = "external_features : {module : 'f.py', functions : 'one', concat_mode : False}"
    assert read_cfg(small(tmp_path, rest=rest))[0].features.series == "none"


@pytest.mark.parametrize(
    ("keys", "series", "relative", "indices"),
    [
        ("rel_refl : True", "all", True, ["ndvi", "ndwi", "brightness"]),
        ("rel_refl : True, keep_duplicates : False", "all", True, ["ndwi", "brightness"]),
        ("copy_input : False", "indices", False, ["ndvi", "ndwi", "brightness"]),
        ("copy_input : True, rel_refl : False, keep_duplicates : False", "all", False, ["ndvi", "ndwi", "brightness"]),
    ],
)
def test_what_iota2_extracts_of_the_series(tmp_path: Path, keys: str, series: str, relative: bool, indices: list) -> None:
    train = "features : ['NDVI', 'NDWI', 'Brightness']"
    features = read_cfg(small(tmp_path, train=train, rest=f"iota2_feature_extraction : {{{keys}}}"))[0].features
    assert (features.series, features.relative, list(features.indices)) == (series, relative, indices)


def test_raw_dates_are_series_that_are_not_gap_filled(tmp_path: Path) -> None:
    assert read_cfg(small(tmp_path, train="features_from_raw_dates : True"))[0].time_series.filler == "none"
    assert read_cfg(small(tmp_path, train="features_from_raw_dates : False"))[0].time_series.filler == "linear"


def test_additional_features_are_expressions_of_the_bands_in_stored_units(tmp_path: Path) -> None:
    """b3 is B4, the third band of ten; of those that are kept it is the third that is kept."""
    expressions = "Sentinel_2 : {additional_features : '(b7-b3)/(b7+b3),b1^2' KEPT}\nUSED"
    used = "sensors_data_interpolation : {use_additional_features : True}"
    text = expressions.replace("KEPT", "")
    assert (
        "use_additional_features True only"
        in reasons(small(tmp_path, rest=text.replace("USED", "")))["Sentinel_2.additional_features"]
    )
    found = read_cfg(small(tmp_path, rest=text.replace("USED", used)))[0].features.indices
    assert found == {
        "ndvi": None,
        "ndwi": None,
        "brightness": None,
        "additional_1": "((10000*B8)-(10000*B4))/((10000*B8)+(10000*B4))",
        "additional_2": "(10000*B2)**2",
    }
    kept = expressions.replace("KEPT", ", keep_bands : ['B4', 'B8', 'B11', 'B12', 'B2', 'B3', 'B5']").replace(
        "USED", f"{used}\niota2_feature_extraction : {{extract_bands : True}}"
    )
    assert read_cfg(small(tmp_path, rest=kept))[0].features.indices["additional_2"] == "(10000*B4)**2"
    esa = text.replace("USED", used).replace("Sentinel_2 ", "Sentinel_2_S2C ")
    path = small(tmp_path, rest=esa)
    path.write_text(path.read_text().replace("s2_path", "s2_s2c_path"))
    assert read_cfg(path)[0].features.indices["additional_2"] == "(10000*B02)**2"
    wrong = text.replace("b1^2", "b1 > 3 ? 1 : 0").replace("USED", used)
    assert "is no expression" in reasons(small(tmp_path, rest=wrong))["Sentinel_2.additional_features"]


def test_ratio_is_taken_from_chain_too_but_not_from_two_places(tmp_path: Path) -> None:
    assert read_cfg(small(tmp_path, chain="ratio : 0.75"))[0].ground_truth.ratio == 0.75
    assert read_cfg(small(tmp_path, chain="ratio : 0.75", train="ratio : 0.75"))[0].ground_truth.ratio == 0.75
    with pytest.raises(SitsparkError, match=r"line 7: chain\.ratio is 0\.75 \(line 5\) and arg_train\.ratio is 0\.5.*keep one"):
        read_cfg(small(tmp_path, chain="ratio : 0.75", train="ratio : 0.5"))


def test_dates_count_without_auto_date_only(tmp_path: Path) -> None:
    dates = "sentinel_2 : { start_date : '20180101', end_date : 20181231 }\n"
    assert read_cfg(small(tmp_path, rest=dates))[0].time_series.start is None
    assert "auto_date False" in reasons(small(tmp_path, rest=dates))["sentinel_2.start_date"]
    given = dates + "sensors_data_interpolation : { auto_date : False }"
    series = read_cfg(small(tmp_path, rest=given))[0].time_series
    assert (str(series.start), str(series.end)) == ("2018-01-01", "2018-12-31")


def test_bands_count_with_extract_bands_only(tmp_path: Path) -> None:
    keep = "Sentinel_2 : { keep_bands : ['B2', 'B8'] }\n"
    assert read_cfg(small(tmp_path, rest=keep))[0].scenes.bands == ()
    extracted = keep + "iota2_feature_extraction : { extract_bands : True }"
    assert read_cfg(small(tmp_path, rest=extracted))[0].scenes.bands == ("B2", "B8")


@pytest.mark.parametrize(
    ("section", "key", "reason"),
    [
        ("arg_train : {quantum : 1}", "arg_train.quantum", "is no known key of iota2"),
        ("nonsense : 3", "nonsense", "is no known key of iota2"),
        ("external_features : {module : 'f.py'}", "external_features.module", "there are no external features"),
        ("Landsat8 : {temporal_resolution : 16}", "Landsat8.temporal_resolution", "Landsat"),
        ("Sentinel_2_S2C : {temporal_resolution : 16}", "Sentinel_2_S2C.temporal_resolution", "of this section are not read"),
        ("arg_classification : {classif_mode : 'fusion'}", "arg_classification.classif_mode", "not fused"),
    ],
)
def test_everything_else_is_listed_with_a_reason(tmp_path: Path, section: str, key: str, reason: str) -> None:
    path = tmp_path / "job.cfg"
    path.write_text(section)
    (left,) = settings_from_cfg(path).left_out
    assert isinstance(left, LeftOut)
    assert left.key == key and reason in left.reason


@pytest.mark.parametrize(
    ("paths", "folder", "layout", "step", "left"),
    [
        ("s2_path : '/theia'", "/theia", "theia_l2a", 11, set()),
        ("s2_s2c_path : '/esa'", "/esa", "sen2cor_l2a", 12, set()),
        ("s2_path : None, s2_l3a_path : '/l3a'", "/l3a", "theia_l3a", 13, {"chain.s2_path"}),
        ("s2_s2c_path : '/esa', s2_path : '/theia'", "/theia", "theia_l2a", 11, {"chain.s2_s2c_path"}),
        ("s2_l3a_path : '/l3a', s2_path : '/theia'", "/theia", "theia_l2a", 11, set()),
    ],
)
def test_the_archive_of_a_sensor_brings_its_layout_and_the_keys_of_its_section(
    tmp_path: Path, paths: str, folder: str, layout: str, step: int, left: set[str]
) -> None:
    path = tmp_path / "job.cfg"
    path.write_text(
        f"""
        chain : {{
            output_path : 'run', nomenclature_path : 'n.txt', color_table : 'c.txt'
            ground_truth : 'gt.shp', data_field : 'code'
            {paths}
        }}
        Sentinel_2 : {{ temporal_resolution : 11 }}
        Sentinel_2_S2C : {{ temporal_resolution : 12 }}
        Sentinel_2_L3A : {{ temporal_resolution : 13 }}
        """
    )
    settings, converted = read_cfg(path)
    assert (str(settings.scenes.folder), settings.scenes.layout, settings.time_series.step) == (folder, layout, step)
    assert {item.key for item in converted.left_out if item.key.startswith("chain.s2")} == left


def test_lists_of_the_solver_are_tried(tmp_path: Path) -> None:
    solver = "deep_learning_parameters : {{hyperparameters_solver : {{'batch_size' : {}, 'learning_rate' : {}}}}}"
    one = small(tmp_path, train=solver.format([100, 200], [0.01]))
    assert reasons(one) == {}
    training = read_cfg(one)[0].training
    assert training.learning_rate == 0.01 and training.search is not None
    assert training.search.try_ == {"batch_size": [100, 200]}
    both = read_cfg(small(tmp_path, train=solver.format([100, 200], [0.01, 0.1, 1])))[0].training
    assert both.search is not None and both.models == 6
    assert both.search.try_ == {"batch_size": [100, 200], "learning_rate": [0.01, 0.1, 1]}
    assert read_cfg(small(tmp_path, train=solver.format([100], [0.01])))[0].training.search is None


def test_early_stopping_and_the_falling_rate_are_carried_over(tmp_path: Path) -> None:
    keys = "'enable_early_stop' : True, 'epoch_to_trigger' : 0, 'early_stop_patience' : 3, 'adaptive_lr' : {'factor' : 0.5}"
    path = small(tmp_path, train=f"deep_learning_parameters : {{ {keys} }}")
    assert reasons(path) == {}
    training = read_cfg(path)[0].training
    assert training.stopping == StoppingSettings(patience=3, tolerance=0.01, start=1, metric="loss")
    assert training.schedule == ScheduleSettings(kind="plateau", factor=0.5, patience=10)
    off = small(tmp_path, train="deep_learning_parameters : { 'enable_early_stop' : False, 'early_stop_patience' : 3 }")
    assert read_cfg(off)[0].training.stopping is None


@pytest.mark.parametrize(
    ("key", "value", "reason", "setting"),
    [
        ("early_stop_metric", "'train_loss'", "train_loss is none of val_loss, oa, kappa, fscore", "stopping.metric"),
        ("early_stop_metric", "['oa']", "['oa'] is none of val_loss, oa, kappa, fscore", "stopping.metric"),
        ("adaptive_lr", "{'cooldown' : 1}", "of ReduceLROnPlateau factor and patience are known", "schedule.kind"),
    ],
)
def test_what_the_loop_does_otherwise_is_said(tmp_path: Path, key: str, value: str, reason: str, setting: str) -> None:
    path = small(tmp_path, train=f"deep_learning_parameters : {{ 'enable_early_stop' : True, '{key}' : {value} }}")
    assert reasons(path)[f"arg_train.deep_learning_parameters.{key}"].startswith(reason)
    assert refused(path) == {f"arg_train.deep_learning_parameters.{key}": f"training.{setting}"}


@pytest.mark.parametrize(
    ("sections", "sentence", "override"),
    [
        (
            {"train": "deep_learning_parameters : {dl_name : 'MLPClasifier'}"},
            "arg_train.deep_learning_parameters.dl_name: MLPClasifier is none of MLPClassifier, ANN, "
            "SimpleSelfAttentionClassifier, LTAEClassifier; did you mean MLPClassifier; change it there, or say what takes "
            "its place: --set training.network=...",
            "training.network=ltae",
        ),
        (
            {"train": "features : ['NDVI', 'Brightnes']"},
            "arg_train.features: Brightnes is none of NDVI, NDWI, Brightness; did you mean Brightness;",
            "features.indices={ndvi: null}",
        ),
        (
            {"train": "sample_selection : {'sampler':'random', 'strategy':'smalest'}"},
            "strategy: smalest is none of all, constant, percent, total, smallest, byclass; did you mean smallest;",
            "samples={strategy: smallest}",
        ),
        (
            {"train": "classifier : 'knn'"},
            "arg_train.classifier: knn is none of rf, sharkrf, libsvm, gbt;",
            "training.baseline=null",
        ),
        ({"chain": "spatial_resolution : [10, 20]"}, "spatial_resolution: [10, 20] is not one size", "grid.resolution=20"),
        (
            {"rest": "arg_classification : {enable_probability_map : 'yes'}"},
            "enable_probability_map: yes is neither True nor False",
            "map.products=[margin]",
        ),
    ],
    ids=["network", "index", "strategy", "classifier", "resolution", "product"],
)
def test_no_default_takes_the_place_of_a_value_that_is_not_understood(
    tmp_path: Path, sections: dict[str, str], sentence: str, override: str
) -> None:
    path = small(tmp_path, **sections)
    with pytest.raises(SitsparkError, match=f"job\\.cfg, line \\d+: .*{re.escape(sentence)}"):
        read_cfg(path)
    with pytest.raises(SitsparkError, match=re.escape(sentence)):
        read_cfg(path, overrides=["training.threads=3"])
    read_cfg(path, overrides=[override])


def test_all_values_that_are_not_understood_are_told_together(tmp_path: Path) -> None:
    path = small(tmp_path, train="features : ['EVI'], deep_learning_parameters : {dl_name : 'resnet'}")
    with pytest.raises(
        SitsparkError,
        match=r"job.cfg, line \d+: \S+features: EVI .*; line \d+: \S+dl_name: resnet .*--set features.indices=... --set",
    ):
        read_cfg(path)


def test_only_the_classification_builder_is_run(tmp_path: Path) -> None:
    for name in ("'i2_classification'", "['I2Classification']"):
        read_cfg(small(tmp_path, rest=f"builders : {{builders_class_name : {name}}}"))
    with pytest.raises(SitsparkError, match=r"job\.cfg: the builder I2Obia can't be run here"):
        read_cfg(small(tmp_path, rest="builders : {builders_class_name : ['I2Classification', 'I2Obia']}"))


def test_overrides_name_settings(tmp_path: Path) -> None:
    settings, _ = read_cfg(small(tmp_path), overrides=["training.threads=3", "grid.chunk_size=64", "output=elsewhere"])
    assert (settings.training.threads, settings.grid.chunk_size) == (3, 64)
    assert settings.output == (tmp_path / "elsewhere").resolve()


def test_problems_name_the_file_the_setting_and_the_key_that_it_came_of(tmp_path: Path) -> None:
    with pytest.raises(
        SitsparkError, match=r"job\.cfg: ground_truth\.ratio \(from arg_train\.ratio, line 7\) should .*not 1\.5"
    ):
        read_cfg(small(tmp_path, train="ratio : 1.5"))
    with pytest.raises(SitsparkError, match=r"^--set ground_truth\.ratio=3: ground_truth\.ratio should .*not 3"):
        read_cfg(small(tmp_path, train="ratio : 0.5"), overrides=["ground_truth.ratio=3"])
    with pytest.raises(SitsparkError, match=r"ground_truth\.file is missing; add it .*; --set .*: ground_truth\.ratio should"):
        read_cfg(small(tmp_path, train="ratio : 0.5"), overrides=["ground_truth={ratio: 3}"])
    with pytest.raises(
        SitsparkError,
        match=r"line \d+: \S+\.ratoi is no known key of iota2; did you mean arg_train\.ratio; change it there$",
    ):
        read_cfg(small(tmp_path, train="ratoi : 0.5"), overrides=["training.epochs=none"])
    (tmp_path / "empty.cfg").write_text("")
    with pytest.raises(SitsparkError, match=r"empty\.cfg: output is missing"):
        read_cfg(tmp_path / "empty.cfg")
    with pytest.raises(SitsparkError, match=r"none\.cfg: no such file"):
        read_cfg(tmp_path / "none.cfg")


@pytest.mark.parametrize(
    ("train", "key", "value"),
    [
        (
            "sample_selection : {'sampler':'random', 'strategy':'percent', 'strategy.percent.p':0.2, 'ram':4,"
            "'per_models':[{'target_model':'4', 'sampler':'periodic', 'ram':9}, "
            "{'target_model':5, 'strategy':'percent', 'strategy.percent.p':0.07}]}",
            "samples.per_model",
            {
                # what is said of a region stands in place of the common keys, and OTB fills in the rest
                "4": {"sampler": "periodic", "strategy": "smallest", "percent": None},
                "5": {"sampler": "periodic", "strategy": "percent", "percent": 7},
            },
        ),
        (
            "sample_selection : {'strategy':'all', 'per_model':[{'target_model':'4', 'strategy':'percent',"
            "'strategy.percent.p':0.5, 'sampler':'periodic', 'sampler.periodic.jitter':3}]}",
            "samples.per_model",
            {"4": {"strategy": "percent", "percent": 50, "sampler": "periodic", "jitter": 3}},
        ),
        (SMOTE.replace("['all']", "['4', 5]"), "samples.augmentation.models", ("4", "5")),
        (SMOTE, "samples.augmentation.models", ()),
    ],
)
def test_what_single_regions_have_of_their_own(tmp_path: Path, train: str, key: str, value: Any) -> None:
    settings, _ = read_cfg(small(tmp_path, chain="region_path : 'r.shp', region_field : 'zone'", train=train))
    found: Any = settings
    for name in key.split("."):
        found = getattr(found, name)
    if isinstance(value, dict):
        found = {name: {key: getattr(found[name], key) for key in own} for name, own in value.items()}
    assert found == value


@pytest.mark.parametrize(
    ("regions", "train", "key", "reason"),
    [
        (False, "sample_selection : {'per_model':[{'target_model':'4'}]}", "sample_selection.per_model", "region_path only"),
        (False, SMOTE.replace("'all'", "'4'"), "sample_augmentation.target_models", "region_path only"),
        (
            True,
            "sample_selection : {'per_model':[{'sampler':'random'}]}",
            "sample_selection.per_model",
            "each with target_model",
        ),
        (
            True,
            "sample_selection : {'per_model':[{'target_model':'4', 'smapler':'random'}]}",
            "sample_selection.per_model",
            "smapler of target_model 4: is no known key of iota2",
        ),
        (
            True,
            "sample_selection : {'per_model':[{'target_model':'4', 'strategy':'constant'}]}",
            "sample_selection.per_model",
            "strategy of target_model 4: strategy.constant.nb is missing",
        ),
        (
            True,
            "sample_selection : {'per_model':[{'target_model':'4', 'strategy':'all'}, {'target_model':4}]}",
            "sample_selection.per_model",
            "target_model 4 is there twice",
        ),
    ],
)
def test_what_cannot_be_said_of_single_regions_is_told(
    tmp_path: Path, regions: bool, train: str, key: str, reason: str
) -> None:
    chain = "region_path : 'r.shp', region_field : 'zone'" if regions else ""
    assert reason in reasons(small(tmp_path, chain=chain, train=train))[f"arg_train.{key}"]


NO_SAMPLES = "sample_augmentation : {{'activate':{}, 'samples.strategy':'{}'}}"


@pytest.mark.parametrize(
    ("sections", "key", "setting"),
    [
        ({"train": "features : ['NDVI', 'EVI']"}, "arg_train.features", "features.indices"),
        ({"train": "features : [], classifier : 'svm'"}, "arg_train.classifier", "training.baseline"),
        (
            {"train": "classifier : 'libsvm', otb_classifier_options : {'classifier.libsvm.k':'rbf'}"},
            "arg_train.classifier",
            "training.baseline",
        ),
        ({"rest": SCIKIT.format("model_type : 'AdaBoost'")}, "scikit_models_parameters.model_type", "training.baseline"),
        ({"rest": SCIKIT.format("model_type : 'SVC'")}, "scikit_models_parameters.model_type", "training.baseline"),
        (
            {"train": "sample_selection : {'sampler':'random', 'strategy':'percent'}"},
            "arg_train.sample_selection.strategy",
            "samples.strategy",
        ),
        (
            {"train": NO_SAMPLES.format(True, "balanced")},
            "arg_train.sample_augmentation.samples.strategy",
            "samples.augmentation.strategy",
        ),
        (
            {"train": NO_SAMPLES.format(True, "minNumber")},
            "arg_train.sample_augmentation.samples.strategy",
            "samples.augmentation.strategy",
        ),
        (
            {"train": "deep_learning_parameters : {dl_module : 'net.py'}"},
            "arg_train.deep_learning_parameters.dl_module",
            "training.network",
        ),
        (
            {"train": "deep_learning_parameters : {dl_name : 'ANN', hyperparameters_solver : {'batch_size':[]}}"},
            "arg_train.deep_learning_parameters.hyperparameters_solver.batch_size",
            "training.batch_size",
        ),
        (
            {
                "chain": "region_path : 'r.shp'",
                "rest": "arg_classification : {enable_boundary_fusion : True, boundary_interior_buffer_size : 10}",
            },
            "arg_classification.enable_boundary_fusion",
            "map.boundary.exterior",
        ),
        (
            {"rest": "external_features : {module : 'f.py', functions : [3]}"},
            "external_features.functions",
            "custom_features.functions",
        ),
        (
            {
                "rest": "sensors_data_interpolation : {use_additional_features : True}\n"
                "Sentinel_2 : {additional_features : 'b1/(b2'}",
            },
            "Sentinel_2.additional_features",
            "features.indices",
        ),
        (
            {
                "chain": "region_path : 'r.shp'",
                "train": "sample_selection : {'per_model':[{'target_model':'4'}, {'target_model':4}]}",
            },
            "arg_train.sample_selection.per_model",
            "samples.per_model",
        ),
    ],
)
def test_values_without_which_the_run_would_be_another_one_are_refused(
    tmp_path: Path, sections: dict[str, str], key: str, setting: str
) -> None:
    assert refused(small(tmp_path, **sections)) == {key: setting}


@pytest.mark.parametrize("key", sorted(SWITCHES))
def test_what_is_neither_true_nor_false_is_refused(tmp_path: Path, key: str) -> None:
    section, _, name = key.partition(".")
    text = f"'{name}' : 'yes'"
    sections = {"train": text} if section == "arg_train" else {"rest": f"{section} : {{{text}}}"}
    path = small(tmp_path, **sections)
    assert refused(path).get(key) == SWITCHES[key]
    assert reasons(path)[key] == "yes is neither True nor False"


@pytest.mark.parametrize("strategy", ["balanced", "minNumber"])
def test_no_samples_that_are_not_made_are_judged(tmp_path: Path, strategy: str) -> None:
    assert refused(small(tmp_path, train=NO_SAMPLES.format(False, strategy))) == {}


def test_keys_of_other_strategies_change_nothing_of_a_region(tmp_path: Path) -> None:
    of_region = "{'target_model':'4', 'strategy':'all', 'strategy.total.v':5, 'sampler':'random', 'sampler.periodic.jitter':1}"
    path = small(tmp_path, chain="region_path : 'r.shp'", train=f"sample_selection : {{'per_model':[{of_region}]}}")
    assert refused(path) == {}
    assert settings_from_cfg(path).tree["samples"]["per_model"] == {"4": {"strategy": "all", "sampler": "random"}}


@pytest.mark.parametrize(
    ("train", "override"),
    [
        ("deep_learning_parameters : {dl_name : 'resnet'}", "training.baseline=random_forest"),
        ("deep_learning_parameters : {dl_name : 'ANN', dl_parameters : {'n':1}}", "training.network=mlp"),
        ("classifier : 'knn'", " training.baseline = random_forest"),
    ],
)
def test_what_no_longer_matters_is_not_asked_for(tmp_path: Path, train: str, override: str) -> None:
    read_cfg(small(tmp_path, train=train), overrides=[override])


def test_a_key_below_the_refused_one_leaves_the_rest_to_defaults(tmp_path: Path) -> None:
    with pytest.raises(SitsparkError, match=r"EVI is none of"):
        read_cfg(small(tmp_path, train="features : ['NDVI', 'EVI']"), overrides=["features.indices.evi=(B8-B4)/B2"])


@pytest.mark.parametrize(
    ("section", "key", "meant"),
    [
        ("chain : {regoin_path : 'r.shp'}", "chain.regoin_path", "chain.region_path"),
        ("arg_train : {ratoi : 0.7}", "arg_train.ratoi", "arg_train.ratio"),
        ("arg_trian : {ratio : 0.7}", "arg_trian.ratio", "arg_train.ratio"),
        ("arg_train : {sample_selection : {'stratgy' : 'all'}}", "arg_train.sample_selection.stratgy", "strategy"),
        ("arg_train : {sample_selection : {'ram' : 128}}", "arg_train.sample_selection.ram", None),
        ("elsewhere : {ratio : 0.7}", "elsewhere.ratio", None),
    ],
)
def test_misspelt_keys_and_sections_are_refused_and_others_left_out(
    tmp_path: Path, section: str, key: str, meant: str | None
) -> None:
    path = tmp_path / "job.cfg"
    path.write_text(section)
    converted = settings_from_cfg(path)
    if meant is None:
        assert [left.key for left in converted.left_out] == [key] and not converted.refused
    else:
        assert converted.refused[key].reason.endswith(f"{meant}?") and not converted.left_out


def test_keys_of_early_stopping_without_value_are_as_absent_ones(tmp_path: Path) -> None:
    keys = "'enable_early_stop' : True, 'early_stop_patience' : None, 'early_stop_metric' : 'None'"
    path = small(tmp_path, train=f"deep_learning_parameters : {{ {keys} }}")
    assert read_cfg(path)[0].training.stopping == StoppingSettings(patience=10, tolerance=0.01, metric="loss")
