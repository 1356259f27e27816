"""What each key of iota2 becomes: settings of a run, or the reason why it is left out.

Names are those of 2022; defaults are those of iota2's documentation and of its code of 2020.
"""

import re
from collections.abc import Sequence
from typing import Any

from sitspark.iota2 import classifiers, regions, samples
from sitspark.iota2.outcome import NEEDS_NONE, Outcome, Refused, Rule, Values, none_of
from sitspark.kernels.expression import compiled
from sitspark.scenes import sen2cor, theia

_LEARNING = "arg_train.deep_learning_parameters"
_SOLVER = f"{_LEARNING}.hyperparameters_solver"

# the values that iota2 takes for keys that a file doesn't have, where they differ from those of the settings
DEFAULTS: dict[str, Any] = {"arg_train.ratio": 0.5}
SELECTION_DEFAULTS: dict[str, Any] = {f"{samples.SELECTION}.sampler": "random", f"{samples.SELECTION}.strategy": "all"}
CLASSIFIER_DEFAULTS: dict[str, Any] = {classifiers.CLASSIFIER: "rf"}
LEARNING_DEFAULTS: dict[str, Any] = {
    f"{_LEARNING}.model_selection_criterion": "loss",
    f"{_SOLVER}.batch_size": [1000],
    f"{_SOLVER}.learning_rate": [0.00001],
}


def defaults(names: set[str]) -> dict[str, Any]:
    """iota2's defaults for a file that has keys of these names; groups that are absent keep the settings' own."""
    taken = dict(DEFAULTS)
    if not any(name.startswith(f"{samples.SELECTION}.") for name in names):
        taken |= SELECTION_DEFAULTS
    if any(name.startswith(f"{_LEARNING}.") for name in names):
        taken |= LEARNING_DEFAULTS
    elif f"{classifiers.SCIKIT}.model_type" not in names:
        taken |= CLASSIFIER_DEFAULTS
    return {name: value for name, value in taken.items() if name not in names}


def _to(setting: str) -> Rule:
    return lambda value, _: {setting: value}


def _left_out(reason: str) -> Rule:
    return lambda _value, _: reason


def _only(accepted: Any, otherwise: str) -> Rule:
    """A key that needs no setting while it has this value."""
    return lambda value, _: f"{NEEDS_NONE}: it is always so here" if value == accepted else otherwise


def _names(value: Any) -> list[str]:
    """Names in a list, or in one text with spaces between them."""
    return [str(name) for name in value] if isinstance(value, list) else str(value).split()


def _tiles(value: Any, _: Values) -> dict[str, Any]:
    return {"scenes.tiles": [re.sub(r"^T(?=\d{2}[A-Z]{3}$)", "", name) for name in _names(value)]}


def _resolution(value: Any, _: Values) -> Outcome:
    sizes = value if isinstance(value, list) else [value]
    if not sizes:
        return f"{NEEDS_NONE}: an empty list is the resolution of the finest band"
    # GDAL counts rows downwards: -10
    first, *others = [abs(size) if isinstance(size, int | float) else size for size in sizes]
    if any(size != first for size in others):
        return Refused(f"{sizes} is not one size, and pixels are square here", "grid.resolution")
    return {"grid.resolution": first}


def _date(setting: str) -> Rule:
    def rule(value: Any, values: Values) -> Outcome:
        if values.get("sensors_data_interpolation.auto_date", True):
            return "iota2 uses it with auto_date False only"
        return {setting: re.sub(r"^(\d{4})(\d{2})(\d{2})$", r"\1-\2-\3", str(value))}

    return rule


def _keep_bands(value: Any, values: Values) -> Outcome:
    if not values.get("iota2_feature_extraction.extract_bands", False):
        return "iota2 uses it with extract_bands True only"
    return {"scenes.bands": _names(value)}


def _keep_bands_of(values: Values) -> tuple[str, ...]:
    """The bands that the file keeps of the archive that divides the map; none: all."""
    taken = _taken(values)
    kept = values.get(f"{_ARCHIVES[taken][0]}.keep_bands") if taken else None
    return tuple(_names(kept)) if kept and values.get("iota2_feature_extraction.extract_bands", False) else ()


def _weighted_labels(value: Any, _: Values) -> Outcome:
    return {"training.balance": ["class"]} if value else f"{NEEDS_NONE}: samples weigh the same"


def _cloud_threshold(value: Any, _: Values) -> Outcome:
    if value in (0, 1):
        return f"{NEEDS_NONE}: pixels without a clear date are left out"
    return {"samples.min_clear_dates": value}


_BUILT_IN = {"ndvi": "NDVI", "ndwi": "NDWI", "brightness": "Brightness"}  # with iota2's names
_EXTRACTION = "iota2_feature_extraction"
_EXTERNAL = "external_features"


def _kept_indices(value: Any, values: Values) -> Outcome:
    unknown = [name for name in _names(value) if name.lower() not in _BUILT_IN]
    if unknown:
        return none_of(unknown[0], _BUILT_IN.values(), instead="features.indices")
    names = [name.lower() for name in _names(value)]
    if values.get(f"{_EXTRACTION}.rel_refl") and not values.get(f"{_EXTRACTION}.keep_duplicates", True):
        # relative to red, near infrared is NDVI
        names = [name for name in names if name != "ndvi"]
    return dict.fromkeys(f"features.indices.{name}" for name in names) or {"features.indices": {}}


def _additional_features(bands: tuple[str, ...]) -> Rule:
    """Expressions of b1, b2 ..., the bands of a date in stored units, with a comma between them."""

    def rule(value: Any, values: Values) -> Outcome:
        if not values.get("sensors_data_interpolation.use_additional_features", False):
            return "iota2 uses it with use_additional_features True only"
        kept = _keep_bands_of(values) or bands
        found: dict[str, Any] = {}
        if "arg_train.features" not in values:
            found |= dict.fromkeys(f"features.indices.{name}" for name in _BUILT_IN)
        for number, text in enumerate(str(value).split(","), 1):
            expression = re.sub(r"\bb(\d+)\b", lambda band: _stored(band[1], kept), text.strip().replace("^", "**"))
            try:
                compiled(expression, dict.fromkeys(kept, 0))
            except ValueError as fault:
                return Refused(f"the expression {text.strip()!r} {fault}", "features.indices")
            found[f"features.indices.additional_{number}"] = expression
        return found

    return rule


def _stored(number: str, bands: Sequence[str]) -> str:
    """A band by its number, in stored units: expressions see reflectances of 0 to 1."""
    place = int(number) - 1
    return f"(10000*{bands[place]})" if 0 <= place < len(bands) else f"b{number}"


def _external(rule: Rule) -> Rule:
    """A rule for a key that counts where there is a module of external features."""

    def of_external(value: Any, values: Values) -> Outcome:
        if values.get(f"{_EXTERNAL}.module") in (None, "None") or not values.get(f"{_EXTERNAL}.functions"):
            return f"{NEEDS_NONE}: there are no external features"
        return rule(value, values)

    return of_external


def _functions(value: Any, _: Values) -> Outcome:
    """Names in one text, or a list of names and of [name, {parameter: value}]."""
    entries = value.split() if isinstance(value, str) else value
    found: list[dict[str, Any]] = []
    for entry in entries:
        match entry:
            case str(name) | [str(name)]:
                found.append({"name": name})
            case [str(name), dict(parameters)]:
                found.append({"name": name, "parameters": parameters})
            case _:
                fault = f"{entry!r} is no name of a function, nor [name, {{parameter: value}}]"
                return Refused(fault, "custom_features.functions")
    return {"custom_features.functions": found}


def _padding(value: Any, values: Values) -> dict[str, Any]:
    sizes = (values.get(f"python_data_managing.padding_size_{axis}", 0) or 0 for axis in ("x", "y"))
    return {"custom_features.padding": max(sizes)}


def _concat_mode(value: Any, _: Values) -> Outcome:
    return f"{NEEDS_NONE}: features are appended" if value else {"features.series": "none"}


def _raw_dates(value: Any, _: Values) -> Outcome:
    return {"time_series.filler": "none"} if value else f"{NEEDS_NONE}: models learn from the gap-filled series"


def _relative(value: Any, _: Values) -> Outcome:
    return {"features.relative": True} if value else f"{NEEDS_NONE}: bands are reflectances"


def _copy_input(value: Any, _: Values) -> Outcome:
    return f"{NEEDS_NONE}: bands are among the features" if value else {"features.series": "indices"}


_NETWORKS = {
    "MLPClassifier": "mlp",
    "ANN": "ann",
    "SimpleSelfAttentionClassifier": "simple_self_attention",
    "LTAEClassifier": "ltae",
}


def _module(value: Any, values: Values) -> Outcome:
    name, parameters = values.get(f"{_LEARNING}.dl_name"), values.get(f"{_LEARNING}.dl_parameters")
    if name is None:
        return Refused("dl_name doesn't say which class of it is the network", "training.network")
    return {"training.network": {"module": value, "class": name, "parameters": parameters or {}}}


def _with_module(values: Values) -> bool:
    return values.get(f"{_LEARNING}.dl_module") not in (None, "None")


def _network(value: Any, values: Values) -> Outcome:
    if _with_module(values):
        return f"{NEEDS_NONE}: it is the class of dl_module"
    if isinstance(value, str) and value in _NETWORKS:
        return {"training.network": _NETWORKS[value]}
    return none_of(value, _NETWORKS, instead="training.network", others=("training.baseline",))


def _network_parameters(value: Any, values: Values) -> Outcome:
    if not value or _with_module(values):
        return f"{NEEDS_NONE}: they are those of the class of dl_module, or there are none"
    fault = "networks of the bank have parameters of other names, as docs/networks.md says"
    return Refused(fault, "training.parameters", ("training.network", "training.baseline"))


# what iota2's solver tries, with our names
_SOLVED = {f"{_SOLVER}.batch_size": "batch_size", f"{_SOLVER}.learning_rate": "learning_rate"}


def _tried(name: str) -> Rule:
    """A list of values to try; all combinations with the solver's other list are."""

    def rule(value: Any, values: Values) -> Outcome:
        lists = {ours: values.get(key) for key, ours in _SOLVED.items()}
        several = {ours: tried for ours, tried in lists.items() if isinstance(tried, list) and len(tried) > 1}
        if name in several:
            return {"training.search.try": several}
        if value == []:
            return Refused("the list is empty", f"training.{name}")
        return {f"training.{name}": value[0] if isinstance(value, list) else value}

    return rule


# iota2's figures that can be watched for stopping early, with ours
_WATCHED = {"val_loss": "loss", "oa": "oa", "kappa": "kappa", "fscore": "fscore"}
# what iota2 takes where early stopping is switched on and a key is absent
_STOPPING = {
    "early_stop_patience": ("training.stopping.patience", 10),
    "early_stop_tol": ("training.stopping.tolerance", 0.01),
    "early_stop_metric": ("training.stopping.metric", "loss"),
}


def _early_stop(value: Any, values: Values) -> Outcome:
    if not value:
        return f"{NEEDS_NONE}: all epochs are run, and the best is kept"
    absent = [key for key in _STOPPING if values.get(f"{_LEARNING}.{key}") in (None, "None")]
    return dict(_STOPPING[key] for key in absent)


def _of_stopping(setting: str) -> Rule:
    """A key of early stopping, which counts when that is switched on."""

    def rule(value: Any, values: Values) -> Outcome:
        if not values.get(f"{_LEARNING}.enable_early_stop", False):
            return f"{NEEDS_NONE}: all epochs are run, and the best is kept"
        if setting != "metric":
            # epochs are counted from 1
            return {f"training.stopping.{setting}": 1 if (setting, value) == ("start", 0) else value}
        if not isinstance(value, str) or value not in _WATCHED:
            return none_of(value, _WATCHED, instead="training.stopping.metric")
        return {"training.stopping.metric": _WATCHED[value]}

    return rule


def _adaptive_lr(value: Any, _: Values) -> Outcome:
    """The arguments of torch's ReduceLROnPlateau."""
    if not value:
        return f"{NEEDS_NONE}: the learning rate is constant"
    if not isinstance(value, dict) or value.keys() - {"factor", "patience"}:
        return Refused("of ReduceLROnPlateau factor and patience are known here", "training.schedule.kind")
    # defaults of torch
    return {
        "training.schedule.kind": "plateau",
        "training.schedule.factor": value.get("factor", 0.1),
        "training.schedule.patience": value.get("patience", 10),
    }


# the archives of Sentinel-2 in the order in which iota2 stacks its sensors, each with its section and layout
_ARCHIVES = {
    "chain.s2_path": ("sentinel_2", "theia_l2a"),
    "chain.s2_s2c_path": ("sentinel_2_s2c", "sen2cor_l2a"),
    "chain.s2_l3a_path": ("sentinel_2_l3a", "theia_l3a"),
}


_BANDS = {"sentinel_2": theia.L2A.bands, "sentinel_2_s2c": sen2cor.LAYOUT.bands, "sentinel_2_l3a": theia.L3A.bands}
_SYNTHESES = "chain.s2_l3a_path"  # of another sensor than the others, so that they may be read beside one of them


def _taken(values: Values) -> str | None:
    """The archive whose tiles divide the map: the first one that the file names."""
    return next((key for key in _ARCHIVES if values.get(key)), None)


def _archive(key: str) -> Rule:
    def rule(value: Any, values: Values) -> Outcome:
        taken = _taken(values)
        if not value:
            return f"{NEEDS_NONE}: no such products are read"
        if taken != key and key != _SYNTHESES:
            return f"a run reads one archive of Sentinel-2 level 2A; that of {taken} is taken"
        if taken != key:
            tiles = _tiles(values["chain.list_tile"], values)["scenes.tiles"] if values.get("chain.list_tile") else []
            return {"other_sensors": [{"folder": value, "layout": _ARCHIVES[key][1], "tiles": tiles}]}
        return {"scenes.folder": value, "scenes.layout": _ARCHIVES[key][1]}

    return rule


def _of_section(section: str, rule: Rule) -> Rule:
    """A rule for a key of a sensor's section, if the products of that sensor are read."""

    def of_section(value: Any, values: Values) -> Outcome:
        taken = _taken(values)
        if taken is None or _ARCHIVES[taken][0] != section:
            if section == _ARCHIVES[_SYNTHESES][0] and values.get(_SYNTHESES):
                return "the second sensor takes the dates and bands of its own archive; set them under other_sensors"
            return f"{NEEDS_NONE}: products of this section are not read"
        return rule(value, values)

    return of_section


_NO_FUSION = "maps of several splits are not fused; training.ensemble draws one map by models of several seeds"
_NO_STAGES = "stages that are done with the same settings and inputs are skipped, and nothing else"
_NO_CUBE = "stacks of resampled dates are never written; they are read block by block"
_NO_ANNUAL = "samples of other years are not mixed in"
_CHUNKS = "chunks follow the blocks of the files and spark.worker_memory; grid.chunk_size sets their side"

# keys that ask for a raster beside the classes, with its name here
_PRODUCTS = {
    "arg_classification.enable_probability_map": "probability",
    "arg_classification.generate_final_probability_map": "probability",
    "sensors_data_interpolation.write_outputs": "features",
}


def _products(value: Any, values: Values) -> Outcome:
    wanted = {product for key, product in _PRODUCTS.items() if values.get(key)}
    return {"map.products": sorted(wanted, reverse=True)} if value else f"{NEEDS_NONE}: it is not written unless asked for"


RULES: dict[str, Rule] = {
    "builders.builders_class_name": _left_out(f"{NEEDS_NONE}: pixels are classified"),
    "builders.builders_paths": _left_out("builders of one's own are not known here"),
    "chain.output_path": _to("output"),
    "chain.remove_output_path": _left_out("a run never deletes its folder; remove it yourself for a fresh start"),
    "chain.check_inputs": _only(True, "inputs are always checked"),
    "chain.nomenclature_path": _to("classes.nomenclature"),
    "chain.color_table": _to("classes.colours"),
    "chain.list_tile": _tiles,
    "chain.ground_truth": _to("ground_truth.file"),
    "chain.data_field": _to("ground_truth.label_field"),
    "chain.proj": _to("grid.crs"),
    "chain.spatial_resolution": _resolution,
    **{key: _archive(key) for key in _ARCHIVES},
    "chain.l8_path": _left_out("Theia's Landsat products are not read"),
    "chain.l8_path_old": _left_out("Theia's old Landsat products are not read"),
    "chain.l5_path_old": _left_out("Theia's old Landsat products are not read"),
    "chain.s1_path": _left_out("Sentinel-1 is not read"),
    "chain.user_feat_path": _left_out("name rasters without a date one by one, under features.static"),
    **regions.RULES,
    "chain.first_step": _left_out(_NO_STAGES),
    "chain.last_step": _left_out(_NO_STAGES),
    "chain.cloud_threshold": _cloud_threshold,
    "chain.output_statistics": _left_out("the report has these figures"),
    "chain.remove_tmp_files": _left_out("there are no temporary files to keep; the tables are part of the run"),
    "chain.logger_level": _left_out("the command line says how much is told"),
    "chain.logger_file_level": _left_out("the command line says how much is told"),
    "chain.enable_console": _left_out("the command line says how much is told"),
    "chain.jobs_path": _left_out("there is no job file; use spark-submit"),
    "chain.minimum_required_dates": _left_out("a pixel is classified from one clear date on"),
    "chain.compression_algorithm": _left_out("maps are compressed with deflate"),
    "chain.compression_predictor": _left_out("maps are compressed with deflate"),
    "chain.enable_autocontext": _left_out("autocontext is not done"),
    "chain.autocontext_iterations": _left_out("autocontext is not done"),
    "arg_train.runs": _only(1, "a map has one split; sitspark cross-validate --runs divides the ground truth anew"),
    "arg_train.random_seed": _to("seed"),
    "arg_train.ratio": _to("ground_truth.ratio"),
    "arg_train.split_ground_truth": _only(True, "a model is never validated with the polygons it was trained on"),
    **samples.RULES,
    "arg_train.sample_management": _left_out("samples of one model aren't given to another"),
    "arg_train.sample_validation": _left_out("validation takes all pixels of the polygons set aside"),
    "arg_train.sampling_validation": _left_out("validation takes all pixels of the polygons set aside"),
    **classifiers.RULES,
    "arg_train.features": _kept_indices,
    "arg_train.features_from_raw_dates": _raw_dates,
    "arg_train.dempster_shafer_sar_opt_fusion": _left_out("Sentinel-1 is not read"),
    "arg_train.enable_autocontext": _left_out("autocontext is not done"),
    "arg_train.autocontext_iterations": _left_out("autocontext is not done"),
    "arg_train.mode_outside_regionsplit": _left_out("large regions are not cut: samples that don't fit are read part by part"),
    "arg_train.force_standard_labels": _left_out("features have fixed places, not names"),
    "arg_train.learning_samples_extension": _left_out("samples are Parquet tables"),
    "arg_train.crop_mix": _left_out(_NO_ANNUAL),
    "arg_train.prev_features": _left_out(_NO_ANNUAL),
    "arg_train.output_prev_features": _left_out(_NO_ANNUAL),
    "arg_train.annual_crop": _left_out(_NO_ANNUAL),
    "arg_train.a_crop_label_replacement": _left_out(_NO_ANNUAL),
    "arg_train.samples_classif_mix": _left_out(_NO_ANNUAL),
    "arg_train.annual_classes_extraction_source": _left_out(_NO_ANNUAL),
    "arg_train.validity_threshold": _left_out(_NO_ANNUAL),
    f"{_LEARNING}.dl_name": _network,
    f"{_LEARNING}.dl_parameters": _network_parameters,
    f"{_LEARNING}.dl_module": _module,
    f"{_LEARNING}.epochs": _to("training.epochs"),
    f"{_LEARNING}.model_selection_criterion": _to("training.criterion"),
    f"{_LEARNING}.weighted_labels": _weighted_labels,
    f"{_LEARNING}.num_workers": _left_out("batches come from Parquet row groups; see training.processes and threads"),
    f"{_LEARNING}.restart_from_checkpoint": _to("training.checkpoint.restart"),
    f"{_LEARNING}.dataloader_mode": _left_out(f"{NEEDS_NONE}: samples are held in memory where training.memory is enough"),
    f"{_LEARNING}.enable_early_stop": _early_stop,
    f"{_LEARNING}.epoch_to_trigger": _of_stopping("start"),
    f"{_LEARNING}.early_stop_patience": _of_stopping("patience"),
    f"{_LEARNING}.early_stop_tol": _of_stopping("tolerance"),
    f"{_LEARNING}.early_stop_metric": _of_stopping("metric"),
    f"{_LEARNING}.additional_statistics_percentage": _left_out("statistics are those of all training samples"),
    f"{_LEARNING}.adaptive_lr": _adaptive_lr,
    **{key: _tried(name) for key, name in _SOLVED.items()},
    "arg_classification.classif_mode": _only("separate", _NO_FUSION),
    **dict.fromkeys(_PRODUCTS, _products),
    "arg_classification.no_label_management": _left_out(_NO_FUSION),
    "arg_classification.fusion_options": _left_out(_NO_FUSION),
    "arg_classification.merge_final_classifications": _only(False, _NO_FUSION),
    "arg_classification.keep_runs_results": _left_out(_NO_FUSION),
    "sensors_data_interpolation.auto_date": _left_out(f"{NEEDS_NONE}: time_series.start and end say it"),
    "sensors_data_interpolation.use_additional_features": _left_out(f"{NEEDS_NONE}: additional_features of the sensors say it"),
    "sensors_data_interpolation.use_gapfilling": _only(True, "models learn from the gap-filled series"),
    **{
        f"{section}.{key}": _of_section(section, rule)
        for section, _ in _ARCHIVES.values()
        for key, rule in {
            "start_date": _date("time_series.start"),
            "end_date": _date("time_series.end"),
            "temporal_resolution": _to("time_series.step"),
            "keep_bands": _keep_bands,
            "additional_features": _additional_features(_BANDS[section]),
            "write_reproject_resampled_input_dates_stack": _left_out(_NO_CUBE),
        }.items()
    },
    f"{_EXTRACTION}.copy_input": _copy_input,
    f"{_EXTRACTION}.rel_refl": _relative,
    f"{_EXTRACTION}.keep_duplicates": _left_out(f"{NEEDS_NONE}: of relative reflectances, whether NDVI comes twice"),
    f"{_EXTERNAL}.module": _external(lambda value, _: {"custom_features.module": value, "custom_features.contract": "iota2"}),
    f"{_EXTERNAL}.functions": _external(_functions),
    f"{_EXTERNAL}.concat_mode": _external(_concat_mode),
    f"{_EXTERNAL}.exogeneous_data": _left_out("name rasters without a date one by one, under features.static"),
    "python_data_managing.padding_size_x": _external(_padding),
    "python_data_managing.padding_size_y": _external(_padding),
    "python_data_managing.data_mode_access": _left_out(f"{NEEDS_NONE}: functions get both, raw and gap-filled"),
    "python_data_managing.fill_missing_dates": _left_out(f"{NEEDS_NONE}: acquisitions are always on the days of all tiles"),
    f"{_EXTRACTION}.extract_bands": _left_out(f"{NEEDS_NONE}: scenes.bands says it"),
    f"{_EXTRACTION}.acorfeat": _only(False, "atmospherically corrected indices are not computed"),
    "python_data_managing.number_of_chunks": _left_out(_CHUNKS),
    "python_data_managing.chunk_size_mode": _left_out(_CHUNKS),
    "python_data_managing.chunk_size_x": _left_out(_CHUNKS),
    "python_data_managing.chunk_size_y": _left_out(_CHUNKS),
}

# keys that are True or False, with the settings that say it here
SWITCHES: dict[str, str] = {
    **dict.fromkeys(_PRODUCTS, "map.products"),
    f"{_LEARNING}.weighted_labels": "training.balance",
    f"{_LEARNING}.enable_early_stop": "training.stopping",
    f"{_LEARNING}.restart_from_checkpoint": "training.checkpoint.restart",
    f"{samples.AUGMENTATION}.activate": "samples.augmentation",
    "arg_classification.enable_boundary_fusion": "map.boundary",
    "arg_train.features_from_raw_dates": "time_series.filler",
    f"{_EXTRACTION}.rel_refl": "features.relative",
    f"{_EXTRACTION}.copy_input": "features.series",
    f"{_EXTRACTION}.extract_bands": "scenes.bands",
    f"{_EXTERNAL}.concat_mode": "features.series",
    "sensors_data_interpolation.auto_date": "time_series.start",
    "sensors_data_interpolation.use_additional_features": "features.indices",
}

# sections that are left out whole, and beginnings of names that are
PREFIXES: dict[str, str] = {
    "arg_classification.merge_final_classifications_": _NO_FUSION,
    "arg_classification.dempstershafer_": _NO_FUSION,
    "arg_classification.boundary_": "distances to the borders of regions are exact ones; see map.boundary",
    "arg_classification.fusionofclassification_": _NO_FUSION,
    "chain.s2_": "stacks of reprojected dates are never written",
    "chain.l8_": "stacks of reprojected dates are never written",
    "chain.l5_": "stacks of reprojected dates are never written",
    "landsat": "Theia's Landsat products are not read",
    "sentinel_2_": "this key is not known here",
    "sentinel_1": "Sentinel-1 is not read",
    "user_feat.": "name rasters without a date one by one, under features.static",
    "python_data_managing.": _CHUNKS,
    f"{classifiers.OPTIONS}.": "this option has no setting here; see training.baseline for what there is",
    f"{classifiers.SCIKIT}.": "this argument has no setting here; see training.baseline for what there is",
    "dim_red.": "features are not reduced",
    "coregistration.": "images are not moved",
    "task_retry_limits.": "Spark repeats a task that failed (spark.task.maxFailures under spark.config), within the memory "
    "and cores of spark.worker_memory and spark.master",
    "slurm.": "there is no job file; use spark-submit",
    "simplification.": "map.regularise, map.minimum_unit and map.vectors do this, with measures of their own (docs/maps.md)",
    "obia.": "pixels are classified, not objects",
    "pretrained_model.": "a model of iota2 can't be read",
}
