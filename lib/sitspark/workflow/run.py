"""Running: bring a run up to a stage, or through all of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from rich.console import Console

from sitspark.errors import SitsparkError, some
from sitspark.settings import Settings
from sitspark.settings.changes import changes
from sitspark.workflow import (
    applicability,
    assess,
    divisions,
    draw,
    fold_maps,
    from_table,
    imagery,
    learn,
    prepare,
    refine,
    trust,
)
from sitspark.workflow.check import refuse_wrong_imagery, refuse_wrong_inputs
from sitspark.workflow.context import Context
from sitspark.workflow.deliver import deliver
from sitspark.workflow.run_folder import StageRecord
from sitspark.workflow.stage import Outcome, Stage, advance, finished, needed

_NAMED = 6  # keys of changed settings; the rest is counted


@dataclass(frozen=True, slots=True)
class Course:
    """What a run can do, by what it starts from: its stages, and those that lead through all of it.

    `inputs` are the stages that read inputs, and what finds these wrong before anything is computed. `report` is the stage
    of the page, which sums up whatever is done: its key is that of all that is done.
    """

    before_report: tuple[Stage, ...]
    report: Stage
    everything: tuple[str, ...]
    inputs: Mapping[str, Callable[[Context], None]]

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All stages, in order."""
        return (*self.before_report, self.report)


def done(context: Context) -> dict[str, StageRecord]:
    """The finished stages whose results are those of the present settings and inputs."""
    return finished(course_of(context.settings).before_report, context)


def _report(context: Context, _key: str) -> Outcome:
    return assess.write_report(context, done(context))


def _report_after(*stages: str) -> Stage:
    return Stage("report", stages, 2, _report_inputs, _report)


def _report_inputs(context: Context) -> Any:
    shown = context.settings.report.model_dump(mode="json")
    keys = {name: record.key for name, record in done(context).items()}
    return [keys, shown["places"], shown["place_size"], context.folder.not_carried_over()]


def course_of(settings: Settings) -> Course:
    """What the run of these settings can do."""
    before, after = applicability.stages_before_map(settings), applicability.stages_after_map(settings)
    again = divisions.stages(settings)
    asked = tuple(stage.name for stage in (*before, *after))
    if settings.observations is not None:
        return Course(
            (from_table.OBSERVATIONS, prepare.SAMPLES, *again, *learn.stages(settings), *trust.STAGES, *before),
            _report_after("observations"),
            ("trust", *asked, "report"),
            {"observations": refuse_wrong_inputs},
        )
    learnt = (*imagery.STAGES, *prepare.STAGES, *again, *learn.stages(settings), *trust.STAGES, *before)
    return Course(
        (*learnt, *draw.stages(settings), *after, *refine.STAGES, *assess.STAGES, *fold_maps.STAGES),
        _report_after("scenes", "calendar"),
        ("trust", *asked, "vectorise", "validate", "report"),
        {"scenes": refuse_wrong_imagery, "ground_truth": refuse_wrong_inputs},
    )


def run(
    settings: Settings,
    targets: Sequence[str],
    *,
    console: Console,
    not_carried_over: Mapping[str, str] = MappingProxyType({}),
) -> Context:
    """Bring the run of these settings up to the target stages; what is unchanged is skipped.

    `not_carried_over` are the keys of the file of another program, as iota2, that the settings don't express, and why: the
    run and its report keep them. Raises SitsparkError for everything that the user can mend.
    """
    context, course = Context.of(settings, console), course_of(settings)
    _refuse_others(targets, course)
    if "cross_validate" in targets:
        learn.refuse_folds_of_models(settings)
    with context.folder.locked():
        _say_changes(context)
        context.folder.begin(settings, not_carried_over)
        reading = [stage for stage in needed(course.stages, targets) if stage.name in course.inputs]
        if len(finished(reading, context)) < len(reading):
            # the last one looks at what those before it look at as well
            course.inputs[reading[-1].name](context)
        if settings.training.track is not None:
            learn.note_models(context, finished(needed(course.stages, targets), context).values())
        advance(context, course.stages, targets)
        if course.report.name in targets and settings.delivery is not None:
            deliver(context, settings.delivery, done(context))
    return context


def _say_changes(context: Context) -> None:
    """Say which settings are others than those of what the folder holds."""
    folder = context.folder
    changed = changes(folder.settings(), context.settings) if folder.records() else []
    if changed:
        context.voice.remark(
            f"other settings than at the last run in {folder.path}: {some(changed, most=_NAMED, separator=', ')}; stages that "
            "follow from them are done anew"
        )


def _refuse_others(targets: Sequence[str], course: Course) -> None:
    known = {stage.name for stage in course.stages}
    if not known.issuperset(targets):
        raise SitsparkError(
            "there is no imagery to map: the run starts from a table (observations); `sitspark run` trains on it, "
            "and cross-validate says how good the model is"
        )
