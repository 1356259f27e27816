"""Running: bring a run up to a stage, or through all of them."""

from collections.abc import Sequence

from rich.console import Console

from sitspark.settings import Settings
from sitspark.workflow import assess, draw, imagery, learn, prepare
from sitspark.workflow.check import refuse_wrong_inputs
from sitspark.workflow.context import Context
from sitspark.workflow.run_folder import StageRecord
from sitspark.workflow.stage import Outcome, Stage, advance, finished

_BEFORE_REPORT = (*imagery.STAGES, *prepare.STAGES, *learn.STAGES, *draw.STAGES, *assess.STAGES)


def done(context: Context) -> dict[str, StageRecord]:
    """The finished stages whose results are those of the present settings and inputs."""
    return finished(_BEFORE_REPORT, context)


def _report(context: Context, _key: str) -> Outcome:
    return assess.write_report(context, done(context))


# what these have read was right
_READING_INPUTS = [stage for stage in (*imagery.STAGES, *prepare.STAGES) if stage.name in ("scenes", "ground_truth")]

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
        if len(finished(_READING_INPUTS, context)) < len(_READING_INPUTS):
            refuse_wrong_inputs(context)
        advance(context, STAGES, targets)
    return context
