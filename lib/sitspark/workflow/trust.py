"""The stage that says how far a model can be trusted: is it right as often as it is sure, and what does it look at?"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sitspark.accuracy.importance import Importance, groups_of, permutation_importance
from sitspark.accuracy.trust import Confidence, Needs
from sitspark.accuracy.trust_figures import importance_figure, reliability_figure
from sitspark.atomic import publish, write_atomically
from sitspark.errors import counted
from sitspark.models.card import read_card, require_features
from sitspark.samples.table import feature_space_of
from sitspark.settings import ImportanceSettings
from sitspark.workflow.context import Context
from sitspark.workflow.members import members_of, models_of
from sitspark.workflow.stage import Outcome, Stage

if TYPE_CHECKING:
    from sitspark.models.committee import Member

_RELIABILITY = """model_id string, calibrated boolean, lower double, samples bigint, confidence double, accuracy double,
    polygons bigint, deviation double"""
_IMPORTANCE = """model_id string, kind string, name string, sensor string, date date, features int, loss double,
    deviation double"""


def _trust(context: Context, key: str) -> Outcome:
    folder, classes = context.folder, context.facts("samples")["classes"]
    members = members_of(context, models_of(context.facts("train")))
    for member in members:
        require_features(read_card(member.folder), feature_space_of(folder.table("samples")), of="trust: the samples table")
    aside = {int(code): count["validation"] for code, count in classes.items() if count["validation"]}
    if not aside:
        return Outcome("no samples are set aside to ask")
    confidence = _confidence(context, members, key=key)
    outputs, words = [folder.table("reliability"), folder.accuracy / "reliability.png"], _confidence_in_words(confidence)
    if confidence.is_worse_calibrated:
        context.voice.note(worse_in_words(confidence))
    facts: dict[str, Any] = {"confidence": confidence.to_json()}
    needs = _needs(context, members, aside, context.settings.importance, key=key) if context.settings.importance else None
    if needs is not None:
        outputs += [folder.table("importance"), folder.accuracy / "importance.png"]
        facts["importance"] = {"samples": needs.samples, "repeats": needs.repeats}
        words += _needs_in_words(needs)
    document = {"reliability": confidence.to_json(), "importance": needs and needs.to_json()}
    write_atomically(folder.accuracy / "trust.json", json.dumps(document, indent=2, ensure_ascii=False))
    return Outcome(words, facts, (*outputs, folder.accuracy / "trust.json"))


def _confidence(context: Context, members: "Sequence[Member]", *, key: str) -> Confidence:
    """The reliability on all samples set aside, written as a table and drawn."""
    from sitspark.accuracy.set_aside import reliability_of

    with context.voice.bar("trust", 1, "passes"):
        found = reliability_of(context.table("samples"), members, context.settings.map.combine)
    model_id = context.facts("train")["model_id"]
    rows = [
        (model_id, calibrated, of.lower, of.samples, of.confidence, of.accuracy, of.polygons, of.deviation)
        for calibrated, diagram in ((False, found.plain), (True, found.calibrated))
        for of in (diagram.bins if diagram else ())
    ]
    context.write("reliability", context.spark.createDataFrame(rows, _RELIABILITY).coalesce(1), key=key)
    publish(context.folder.accuracy / "reliability.png", reliability_figure(found.plain, found.calibrated))
    temperature = read_card(members[0].folder).temperature if len(members) == 1 else None
    return Confidence(temperature, found.polygons, found.plain, found.calibrated)


def _needs(
    context: Context, members: "Sequence[Member]", aside: Mapping[int, int], settings: ImportanceSettings, *, key: str
) -> Needs | None:
    """The importance of all groups of features, written as a table and drawn; None where no sample was drawn."""
    from sitspark.accuracy.set_aside import some_set_aside
    from sitspark.models.committee import Committee
    from sitspark.models.inference import one_thread

    per_class, seed = -(-settings.samples // len(aside)), context.settings.seed
    committee = Committee.load(members, context.settings.map.combine)
    drawn = some_set_aside(context.table("samples"), aside, per_class=per_class, seed=seed, ground=committee.ground_column)
    if len(drawn) == 0:
        return None
    groups, model_id = groups_of(context.feature_space), context.facts("train")["model_id"]

    def classify(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
        position, _ = committee.classify(rows, drawn.grounds)
        return np.where(position < 0, 0, committee.codes[position]).astype(np.uint16)

    found = []
    # the rest of the machine may be at work: small products on several threads wait for each other
    with one_thread(), context.voice.bar("importance", len(groups), "groups of features") as update:
        for one in permutation_importance(classify, drawn.features, drawn.labels, groups, repeats=settings.repeats, seed=seed):
            found.append(one)
            update(len(found), one.group.name)
    rows = [
        (model_id, of.kind, of.name, of.sensor, of.day, len(of.positions), one.loss, one.deviation)
        for one in found
        for of in (one.group,)
    ]
    context.write("importance", context.spark.createDataFrame(rows, _IMPORTANCE).coalesce(1), key=key)
    publish(context.folder.accuracy / "importance.png", importance_figure(found))
    return Needs(len(drawn), settings.repeats, tuple(found))


def _confidence_in_words(confidence: Confidence) -> str:
    diagram = confidence.own
    off = f"confidence is off by {100 * (diagram.error or 0):.1f} points on {diagram.samples:,} samples of "
    return f"{off}{counted(confidence.polygons, 'polygon')} set aside"


def worse_in_words(confidence: Confidence) -> str:
    """What is said of a calibration that did harm."""
    off, plain = (100 * (diagram.error or 0) for diagram in (confidence.own, confidence.plain))
    return (
        f"calibration has made confidence less true: off by {off:.1f} points on the samples set aside, and by {plain:.1f} "
        "without it; training.calibrate: false leaves it out"
    )


def _needs_in_words(needs: Needs) -> str:
    """What is lost without the most important date, and without the most important band."""
    told = [f"{one.group.name} ({100 * one.loss:.1f} points of OA)" for one in (needs.most("date"), needs.most("band")) if one]
    return f"; needs {' and '.join(told)} most" if told else ""


def confidence_of(facts: dict[str, dict[str, Any]]) -> Confidence | None:
    """What the stage found of the confidence; None where it isn't done, or nothing is set aside."""
    found = facts.get("trust", {}).get("confidence")
    return None if found is None else Confidence.from_json(found)


def needs_of(context: Context, facts: dict[str, dict[str, Any]]) -> Needs | None:
    """What the stage found of dates and bands; None where it isn't done, or wasn't asked for."""
    found = facts.get("trust", {}).get("importance")
    if found is None:
        return None
    by_name = {(group.kind, group.name): group for group in groups_of(context.feature_space)}
    rows = context.table("importance").collect()
    importances = {(row.kind, row.name): (row.loss, row.deviation) for row in rows}
    ordered = tuple(Importance(by_name[name], *importances[name]) for name in by_name if name in importances)
    return Needs(found["samples"], found["repeats"], ordered)


def _inputs(context: Context) -> Any:
    settings = context.settings
    return [settings.importance and settings.importance.model_dump(mode="json"), settings.seed, settings.map.combine]


STAGES = (Stage("trust", ("train",), 1, _inputs, _trust),)
