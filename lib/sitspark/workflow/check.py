"""Validating settings and inputs before anything is computed; without Spark, so that the answer comes in seconds."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

from sitspark.errors import SitsparkError, counted, some
from sitspark.features.from_settings import recipe_of
from sitspark.ground_truth.labels import LabelCounts, count_labels
from sitspark.ground_truth.read import extent_of, inspect_vector
from sitspark.ground_truth.regions import read_regions
from sitspark.ground_truth.told import count_told, refuse_strange_weights
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.maps.filters import regularisation_of
from sitspark.models.networks.layout import Layout
from sitspark.models.tracking import refuse_without_mlflow
from sitspark.samples.grounds import refuse_unknown_models
from sitspark.samples.long_table import Labels, inspect, named, sensors_of_table
from sitspark.samples.rules import Rule, Rules
from sitspark.samples.strategy import counts_by_class
from sitspark.scenes import store
from sitspark.scenes.choice import remarks
from sitspark.scenes.left_out import WHOLE
from sitspark.scenes.outline import share_covered
from sitspark.scenes.sensors import ArchiveSensor, indices_of
from sitspark.scenes.static import bounds_of, layers_of
from sitspark.settings.networks import OF_SERIES
from sitspark.workflow.check_products import HEADERS, Depth, check_products
from sitspark.workflow.context import Context
from sitspark.workflow.finding import Finding, Verdict
from sitspark.workflow.map_device import told_map_gpus
from sitspark.workflow.training_place import told_executors, told_gpus

_MOST_LOST = 0.5  # share of the features without class from which another field is likelier than a database of more classes
# what says for which ground there are models of their own
_ON_WHICH: Mapping[str, tuple[str, ...]] = {"map": (), "tile": ("scenes",), "region": ("ground truth",)}


@dataclass(frozen=True, slots=True)
class _Check:
    """Something that is looked at, and what has to be right before it can be.

    `look` gives a sentence, an empty one where there is nothing to tell, or findings.
    """

    subject: str
    look: Callable[[Context], str | list[Finding]]
    needs: tuple[str, ...] = ()


def check(context: Context, *, depth: Depth = HEADERS) -> list[Finding]:
    """Look at every input; all problems are found, not only the first."""
    checks = _checks(context)
    if context.settings.observations is None:
        products = partial(check_products, depth=depth)
        checks.append(_Check("products", products, needs=("features", "scenes")))
    return _found(checks, context)


def glance(context: Context) -> list[Finding]:
    """Look at all that is said without opening every image: what a run checks before it computes anything."""
    return _found(_checks(context), context)


def _checks(context: Context) -> list[_Check]:
    """What there is to look at; a table's dates are not known before it is read."""
    checks = [_Check("output", _output)]
    if context.settings.delivery is not None:
        checks.append(_Check("delivery", _delivery))
    checks.append(_Check("training", _training))
    if context.settings.observations is not None:
        of_table = (_Check("classes", _classes), _Check("observations", _observations))
        return [*checks, *of_table, _Check("network", _network_without_features)]
    checks += [
        *_of_imagery(context),
        _Check("classes", _classes),
        _Check("ground truth", _ground_truth),
        _Check("labels", _labels, needs=("classes", "ground truth", *(["region"] if context.settings.grid.region else []))),
        _Check("samples", _samples, needs=("classes", *_ON_WHICH[context.settings.training.model_per])),
    ]
    if any((context.settings.map.smoothing, context.settings.map.regularise, context.settings.map.minimum_unit)):
        checks.append(_Check("map", _map, needs=("classes",)))
    checks.append(_Check("network", _network, needs=("classes", "features")))
    checks.append(_Check("overlap", _polygons_meet_imagery, needs=("features", "ground truth", "scenes", "region")))
    return checks


def _of_imagery(context: Context) -> list[_Check]:
    checks = [_Check("features", _features), _Check("scenes", _scenes)]
    checks.append(_Check("region", _region, needs=("features", "scenes")))
    if context.settings.features.static:
        checks.append(_Check("layers", _layers, needs=("features", "scenes")))
    return checks


def _found(checks: Sequence[_Check], context: Context) -> list[Finding]:
    found = list[Finding]()
    faults = dict[str, set[str]]()  # of what is wrong or couldn't be looked at: which checks failed
    for each in checks:
        before = set[str]().union(*(faults[subject] for subject in each.needs))
        if before:
            own = [Finding(each.subject, f"not looked at; first correct: {', '.join(sorted(before))}", Verdict.UNSEEN)]
        else:
            own = _judged(each, context)
            before = {each.subject} if any(finding.wrong for finding in own) else set()
        faults[each.subject] = before
        found += own
    return found


def refuse_wrong_imagery(context: Context) -> None:
    """Raise SitsparkError for the first thing that is wrong with the imagery at a glance, and count the others."""
    _refuse(_found([_Check("output", _output), *_of_imagery(context)], context), context)


def refuse_wrong_inputs(context: Context) -> None:
    """Raise SitsparkError for the first thing that a glance finds wrong, and count the others; says what is lost."""
    _refuse(glance(context), context)


def _refuse(findings: Sequence[Finding], context: Context) -> None:
    for finding in findings:
        if finding.verdict is Verdict.LOSS:
            context.voice.note(finding.sentence)
    wrong = [finding.sentence for finding in findings if finding.wrong]
    if wrong:
        more = f" (and {counted(len(wrong) - 1, 'more problem')}, which `sitspark check` lists)" if len(wrong) > 1 else ""
        raise SitsparkError(wrong[0] + more)


def _judged(check: _Check, context: Context) -> list[Finding]:
    try:
        told = check.look(context)
    except Exception as error:
        # the other findings are worth telling all the same
        sentence = str(error) if isinstance(error, SitsparkError) else f"unforeseen {type(error).__name__}: {error}"
        return [Finding(check.subject, sentence, Verdict.WRONG)]
    if isinstance(told, str):
        return [Finding(check.subject, told)] if told else []
    return told


def _output(context: Context) -> str:
    output = context.settings.output
    existing = next(folder for folder in (output, *output.parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise SitsparkError(
            f"output: {output} can't be written ({existing}: {error.strerror}); choose another folder"
        ) from None
    return f"{output} can be written"


def _delivery(context: Context) -> str:
    """Write a file there and remove it: a run of days shall not fail at its end."""
    target, output = context.settings.delivery, context.settings.output
    assert target is not None
    if store.is_web(target):
        raise SitsparkError(f"delivery: {target} can't be written, it is a web server; name a folder, or s3://, gs://, az://")
    if target.path is not None and (target.path == output or output in target.path.parents):
        raise SitsparkError(f"delivery: {target} lies in the run's own folder {output}; name another one")
    probe = target / ".sitspark"
    try:
        store.write(probe, b"", content_type="text/plain")
        store.remove(probe)
    except SitsparkError as error:
        raise SitsparkError(f"delivery: {error}") from None
    return f"{target} can be written"


def _training(context: Context) -> str:
    """How many models a search trains, whether they can be noted, and where they are trained, if that was chosen."""
    training = context.settings.training
    parts = []
    if training.search is not None:
        parts.append(f"{counted(training.models, 'trial')} of {', '.join(training.search.try_)}")
    if training.track is not None:
        refuse_without_mlflow()
        parts.append(f"noted in the experiment {training.track.experiment} of MLflow")
    parts += [told for told in (told_gpus(context), told_map_gpus(context), told_executors(context)) if told]
    return "; ".join(parts)


def _classes(context: Context) -> str:
    if len(context.nomenclature) < 2:
        raise SitsparkError(
            f"classes.nomenclature: {context.settings.classes.nomenclature} has one class, and a model tells classes apart; "
            "add others, as one for all that is none of it"
        )
    return f"{counted(len(context.nomenclature), 'class')} with colours"


def _observations(context: Context) -> str:
    table = named(context.table_settings)
    rows = inspect(table)
    Labels.of(table, context.nomenclature)
    parts = [f"{'rows of CSV' if rows is None else counted(rows, 'row')} in {table.file}"]
    for sensor in sensors_of_table(table):
        indices = ", ".join(index.name for index in indices_of(sensor, context.settings)) or "no index"
        parts += [f"{counted(len(sensor.selection.bands), 'band')} of {sensor.name}", indices]
    return ", ".join([*parts, some(table.static)] if table.static else parts)


def _ground_truth(context: Context) -> str:
    truth = context.truth
    found = inspect_vector(truth)
    parts = [f"{counted(found.features, 'feature')} in {found.crs}, label field '{truth.label_field}'"]
    if truth.split_field is not None:
        parts += [f"{counted(features, 'feature')} for {name}" for name, features in count_told(truth).items()]
    if truth.weight_field is not None:
        refuse_strange_weights(truth)
        parts.append(f"weights of field '{truth.weight_field}'")
    if truth.regions is not None and truth.region_field is not None:
        parts.append(counted(len(read_regions(truth.regions, truth.region_field)), "region"))
    return ", ".join(parts)


def _samples(context: Context) -> str:
    judged = context.settings.samples.quality
    dropped = "" if judged is None or judged.max_score is None else f"; none learnt from that scores above {judged.max_score:g}"
    return f"{_chosen(context)}{_made(context)}{dropped}"


def _map(context: Context) -> str:
    """What is done to the map; the size of pixels doesn't matter for what may be wrong."""
    how = regularisation_of(context.settings.map, context.nomenclature, hectares=1)
    return f"regularised in {counted(how.steps if how else 0, 'step')}"


def _made(context: Context) -> str:
    made = context.settings.samples.augmentation
    if made is None:
        return ""
    if made.by_class is not None:
        counts_by_class(made.by_class, context.nomenclature, key="samples.augmentation.by_class")
    return f"; more of rare classes by {made.method}, {made.strategy}"


def _chosen(context: Context) -> str:
    settings = context.settings.samples
    rules, per = Rules.of(settings, context.nomenclature), context.settings.training.model_per
    own = f", of each {per}" if per != "map" else ""
    if per != "map":
        known = [region.name for region in context.named_regions] if per == "region" else sorted(context.tile_extents)
        refuse_unknown_models(context.settings, known)
        own += "".join(f"; {name}: {_rule_in_words(rule)}" for name, rule in rules.own.items())
    return f"{_rule_in_words(rules.common)}{own}"


def _rule_in_words(rule: Rule) -> str:
    strategy = rule.strategy
    if strategy.by_class is not None:
        pixels, classes = sum(strategy.by_class.values()), len(strategy.by_class)
        return f"{rule.sampler}, {counted(pixels, 'pixel')} of {counted(classes, 'class')}"
    return f"{rule.sampler}, {strategy.name}" + (f" {strategy.amount:,g}" if strategy.amount else "")


def _labels(context: Context) -> list[Finding]:
    """Two findings at most: how many features the classes have, and what is lost by labels of none."""
    counts = count_labels(context.truth, context.nomenclature)
    found = [Finding("labels", _features_of_classes(context, counts))]
    if counts.unknown:
        unknown, field = sum(counts.unknown.values()), context.truth.label_field
        share = unknown / (unknown + sum(counts.of_class.values()))
        lost = f"{counted(unknown, 'feature')} ({_rounded(share)}) of labels without class will be rejected"
        asked = f"; is '{field}' the field of the labels (ground_truth.label_field)?" if share > _MOST_LOST else ""
        found.append(Finding("labels", f"{lost}: {some(counts.unknown)}{asked}", Verdict.LOSS))
    return found


def _rounded(share: float) -> str:
    """A share that is neither nothing nor all, in words that are neither."""
    return "less than 1%" if share < 0.01 else "more than 99%" if share > 0.99 else f"{share:.0%}"


def _features_of_classes(context: Context, counts: LabelCounts) -> str:
    truth = context.truth
    names = {code: f"{code} ({context.nomenclature.name_of(code)})" for code in context.nomenclature.codes}
    present = {code: counts.of_class[code] for code in names if counts.of_class[code]}
    if not present:
        raise SitsparkError(
            f"ground_truth.label_field: no value of '{truth.label_field}' in {truth.file} is a class of classes.nomenclature, "
            f"the first are {some(counts.unknown)}; name another field or another nomenclature"
        )
    whole = " (of the whole file, within the region or not)" if context.region is not None else ""
    fewest, most = min(present.values()), max(present.values())
    divided = truth.split_unit == "piece"  # the parts of one feature may train and validate
    if most == 1 and not divided and truth.ratio < 1:
        raise SitsparkError(
            f"ground_truth.label_field: no class has two features in {truth.file} by the field '{truth.label_field}', so that "
            "none can be set aside to validate with (ground_truth.ratio); name the field of the labels, or add features"
        )
    each = f"{counted(most, 'feature')} each" if fewest == most else f"from {fewest} to {counted(most, 'feature')}"
    parts = [f"{len(present)} of {counted(len(names), 'class')}{whole}, {each}"]
    missing = [names[code] for code in names if code not in present]
    lonely = [names[code] for code, count in present.items() if count == 1]
    if missing:
        parts.append(f"never drawn for want of features: {some(missing)}")
    if lonely and not divided:
        parts.append(f"with one feature, so that none can be set aside: {some(lonely)}")
    return "; ".join(parts)


def _features(context: Context) -> str:
    space = _space(context)
    if space is None:
        for sensor in context.sensors:
            indices_of(sensor, context.settings)
        return "indices and functions can be computed; how many features there are follows from the dates of products"
    return f"{counted(len(space), 'feature')}: {space}"


def _space(context: Context) -> FeatureSpace | None:
    """The feature space on the days of all products that are listed: some may turn out to be unusable."""
    acquired = _days(context)
    if not acquired or not all(acquired.values()):
        return None
    layers = tuple(context.settings.features.static)
    return recipe_of(context.settings, context.sensors, acquired, layers, functions=context.custom_functions).space


def _network(context: Context) -> str:
    """Whether the network can learn from these features; one of the user's own is tried on made-up numbers."""
    space, name = _space(context), context.settings.training.network_name
    if space is None or context.settings.training.baseline is not None:
        return _network_without_features(context)
    if context.own_network is not None:
        # torch takes seconds to import
        from sitspark.models.trial import try_own

        try_own(context.own_network, space, len(context.nomenclature), training=context.settings.training)
        return f"{name} of {context.own_network.path} can be built, trained and written"
    if name in OF_SERIES:
        Layout.of(space).require_series(name)
    return f"{name}, built in (docs/networks.md)"


def _network_without_features(context: Context) -> str:
    baseline = context.settings.training.baseline
    if baseline is not None:
        parameters = baseline.model_dump(exclude={"kind"}, exclude_none=True)
        return f"{baseline.kind}, a baseline ({', '.join(f'{name} {value}' for name, value in parameters.items())})"
    if context.own_network is None:
        return f"{context.settings.training.network_name}, built in (docs/networks.md)"
    # torch takes seconds to import
    from sitspark.models.networks.own import own_class

    return f"{own_class(context.own_network).__name__} of {context.own_network.path} can be loaded"


def _days(context: Context) -> dict[str, tuple[date, ...]]:
    """The days of the listed products of each sensor; none where they can't be listed, which another finding says."""
    try:
        archives = context.archives
    except SitsparkError:
        return {}
    return {name: archive.days_of(archive.tiles) for name, archive in archives.items()}


def _scenes(context: Context) -> str:
    return "; ".join(_archive(context, sensor) for sensor in context.sensors)


def _archive(context: Context, sensor: ArchiveSensor) -> str:
    archive = context.archives[sensor.name]
    tiles = archive.tiles
    days = archive.days_of(tiles)
    times = context.settings.time_series
    if (times.start and times.start > days[-1]) or (times.end and times.end < days[0]):
        raise SitsparkError(
            f"time_series: {times.start or days[0]} to {times.end or days[-1]} lies outside the imagery of {sensor.name}, "
            f"which is of {days[0]} to {days[-1]}; correct the dates, or leave them out"
        )
    what = f"{counted(tiles.total(), 'product')}{context.naming(sensor)} of {counted(len(tiles), 'tile')}"
    found = f"{what} ({', '.join(tiles)}), {days[0]} to {days[-1]}"
    return "; ".join((found, *remarks(archive, sensor.settings)))


def _layers(context: Context) -> str:
    """Open the static layers, and compare their extents with that of the imagery."""
    imagery = shapely.union_all(list(context.tile_extents.values()))
    wrong, right = [], []
    for layer in layers_of(context.settings.features.static):
        try:
            extent = shapely.box(*bounds_of(layer))
        except SitsparkError as error:
            wrong.append(str(error))
            continue
        share = share_covered(imagery, extent)
        if share == 0:
            wrong.append(
                f"features.static.{layer.name}: {layer.file} lies at {_degrees(extent)}, none of the tiles "
                f"{', '.join(sorted(context.tile_extents))} reaches there; check its CRS"
            )
            continue
        # tiles turned against the meridians are a little smaller than their boxes
        partly = f" covers {share:.0%} of the imagery, the rest is {layer.fill:g}" if share < WHOLE else " where the imagery is"
        right.append(layer.name + partly)
    if wrong:
        raise SitsparkError("; ".join(wrong))
    return "; ".join(right)


def _polygons_meet_imagery(context: Context) -> str:
    """Compare the extent of the polygons with that of one product of each tile."""
    boxes = list(context.tile_extents.values())
    if context.region is not None:
        boxes = [shapely.intersection(box, context.region.to("EPSG:4326").outline) for box in boxes]
    vector = inspect_vector(context.truth)
    bounds = extent_of(context.truth)
    transformer = pyproj.Transformer.from_crs(vector.crs, 4326, always_xy=True)
    extent = shapely.box(*transformer.transform_bounds(*bounds))
    if boxes and not any(box.intersects(extent) for box in boxes):
        raise SitsparkError(
            f"ground_truth.file: the features of {context.truth.file} lie at {_degrees(extent)}, where none of the tiles "
            f"{', '.join(sorted(context.tile_extents))} reaches; check the CRS of the file, or scenes.tiles, or grid.region"
        )
    return "the polygons' extent meets the imagery"


def _region(context: Context) -> str:
    if context.region is None:
        return "all that the imagery covers"
    outline = context.region.to("EPSG:4326").outline
    boxes = context.tile_extents.values()
    imagery = shapely.union_all(list(boxes))
    if boxes and not outline.intersects(imagery):
        swapped = shapely.transform(outline, lambda xy: xy[:, ::-1]).intersects(imagery)
        remedy = "longitude and latitude seem to be swapped" if swapped else "correct the region"
        raise SitsparkError(
            f"grid.region: lies at {_degrees(outline)}, none of the tiles {', '.join(sorted(context.tile_extents))} reaches "
            f"there, the imagery lies at {_degrees(imagery)}; {remedy}"
        )
    beyond = 1 - shapely.intersection(outline, imagery).area / outline.area
    # tiles turned against the meridians are a little smaller than their boxes
    partly = f"; {beyond:.0%} of it lies beyond the imagery" if boxes and beyond > 0.005 else ""
    return _degrees(outline) + partly


def _degrees(shape: BaseGeometry) -> str:
    left, bottom, right, top = shape.bounds
    return f"longitude {left:.3f} to {right:.3f}, latitude {bottom:.3f} to {top:.3f}"
