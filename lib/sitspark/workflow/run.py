"""Running: bring a run up to a stage, or through all of them."""

from collections.abc import Sequence

from rich.console import Console

from sitspark.settings import Settings
from sitspark.workflow import assess, draw, imagery, learn, prepare
from sitspark.workflow.check import refuse_wrong_imagery, refuse_wrong_inputs
from sitspark.workflow.context import Context
from sitspark.workflow.deliver import deliver
from sitspark.workflow.run_folder import StageRecord
from sitspark.workflow.stage import Outcome, Stage, advance, finished, needed

_BEFORE_REPORT = (*imagery.STAGES, *prepare.STAGES, *learn.STAGES, *draw.STAGES, *assess.STAGES)


def done(context: Context) -> dict[str, StageRecord]:
    """The finished stages whose results are those of the present settings and inputs."""
    return finished(_BEFORE_REPORT, context)


def _report(context: Context, _key: str) -> Outcome:
    return assess.write_report(context, done(context))


# the stages that read inputs, and what finds these wrong before anything is computed
_INPUTS = {"scenes": refuse_wrong_imagery, "ground_truth": refuse_wrong_inputs}

# the page sums up whatever is done, so its key is that of all that is done
_REPORT = Stage(
    "report",
    ("scenes", "calendar"),
    1,
    lambda context: {name: record.key for name, record in done(context).items()},
    _report,
)

STAGES = (*_BEFORE_REPORT, _REPORT)


def run(settings: Settings, targets: Sequence[str], *, console: Console) -> Context:
    """Bring the run of these settings up to the target stages; what is unchanged is skipped.

    Raises SitsparkError for everything that the user can mend.
    """
    context = Context.of(settings, console)
    with context.folder.locked():
        context.folder.begin(settings)
        reading = [stage for stage in needed(STAGES, targets) if stage.name in _INPUTS]
        if len(finished(reading, context)) < len(reading):
            # the last one looks at what those before it look at as well
            _INPUTS[reading[-1].name](context)
        advance(context, STAGES, targets)
        if _REPORT.name in targets and settings.delivery is not None:
            deliver(context, settings.delivery, done(context))
    return context
