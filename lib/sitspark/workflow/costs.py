"""What the stages of a map would take: windows of the real products are mapped by way of trial, and multiplied."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sitspark.kernels.feature_space import FeatureSpace
from sitspark.models.applicability import AreaOfApplicability
from sitspark.models.arithmetic import Precision, arithmetic_of
from sitspark.models.baselines.stand_in import stand_in
from sitspark.models.gpu import Device, gpu_memory
from sitspark.models.inference import BaselineClassifier, Classifier, one_thread
from sitspark.models.model import Model
from sitspark.models.networks.bank import chosen
from sitspark.workflow.context import Context
from sitspark.workflow.foreseen import Cost
from sitspark.workflow.planned_work import PlannedWork
from sitspark.workflow.rehearsal import Pace, rehearsed
from sitspark.workflow.speed import Speed, seconds_a_pixel, trial
from sitspark.workflow.training_bounds import bound_of, most_samples


@dataclass(frozen=True)
class Costs:
    """What a trial on this machine says of the stages, with so many workers.

    `classifying` are the seconds of a pixel that its models take of one core, `on_gpus` those of all GPUs together where the
    map is drawn on them, else 0: the models of folds are always judged on cores.
    """

    work: PlannedWork
    workers: int
    speed: Speed
    classifying: float
    on_gpus: float
    later: Mapping[str, Pace]

    @staticmethod
    def of(work: PlannedWork, *, trained: bool, workers: int, device: Device) -> "Costs":
        """Draw windows of the map by way of trial, and let what follows have a small one."""
        imagery, context = work.imagery, work.imagery.context
        classifier = _classifier(context, imagery.recipe.space, trained=trained, device=device)
        classifiers = [classifier] * context.settings.training.ensemble
        with tempfile.TemporaryDirectory(prefix="sitspark-plan-") as scratch:
            tried = trial(
                imagery.reading,
                imagery.scenes,
                imagery.fullest,
                work.windows,
                recipe=imagery.recipe,
                classifiers=classifiers,
                products=work.products,
                area=_area(context, len(imagery.recipe.space)),
                scratch=Path(scratch),
            )
        later = rehearsed(
            tried.rasters,
            imagery.covered.grid,
            work.products,
            settings=context.settings.map,
            nomenclature=context.nomenclature,
        )
        ensemble, space = context.settings.training.ensemble, imagery.recipe.space
        on_cores = classifier if device == "cpu" else _classifier(context, space, trained=trained, device="cpu")
        with one_thread():
            classifying = ensemble * seconds_a_pixel(on_cores, tried.features)
        on_gpus = ensemble * seconds_a_pixel(classifier, tried.features) / len(gpu_memory()) if device == "cuda" else 0.0
        return Costs(work, workers, tried.speed, classifying, on_gpus, later)

    def of_map(self) -> dict[str, Cost]:
        """What each stage that makes the map takes."""
        pixels = dict.fromkeys(self.later, self.work.pixels) | {"mosaic": self.work.written_pixels}
        return {"classify": self._pass(models=1)} | {name: pace.cost(pixels[name]) for name, pace in self.later.items()}

    def of_observations(self) -> dict[str, Cost]:
        """What reading the labelled pixels takes, if all chunks have some."""
        return {"observations": self._pass(models=0)}

    def of_folds(self, folds: int, *, labelled: int) -> dict[str, Cost]:
        """What judging the models of a cross-validation takes, if all chunks have labelled pixels, and what their maps take."""
        drawn, mosaic = self._pass(models=folds), self.later["mosaic"].cost(self.work.pixels)
        # of each fold there is a raster of its classes alone
        rasters = folds / len(self.work.products)
        once, models = self._pass(models=0), folds * self.work.imagery.context.settings.runs
        judged = models * labelled * self.classifying
        return {
            "judging": Cost(once.core_seconds + judged, once.seconds + judged / self.workers),
            "fold_maps": Cost(drawn.core_seconds + rasters * mosaic.core_seconds, drawn.seconds + rasters * mosaic.seconds),
        }

    def _pass(self, *, models: int) -> Cost:
        """What a pass over the imagery takes with so many models, or ensembles, for each pixel."""
        speed, pixels, tiles = self.speed, self.work.drawn_pixels, len(self.work.imagery.tiles[self._leading])
        # where GPUs classify, cores don't
        more = 0.0 if self.on_gpus else (models - 1) * self.classifying
        starts = self.workers + tiles - 1
        core = max(speed.core_seconds(pixels, starts=starts) + pixels * more, 0.0)
        # waiting for the disk or the network takes time, not cores; workers that share a GPU wait for each other
        each = max((1 / speed.per_second + more) / self.workers, models * self.on_gpus)
        return Cost(core, pixels * each + speed.start * starts / self.workers)

    @property
    def _leading(self) -> str:
        return self.work.imagery.context.leading.name


def _classifier(context: Context, space: FeatureSpace, *, trained: bool, device: Device) -> Classifier:
    """The run's own where it is trained, else one that takes as long."""
    training, codes = context.settings.training, context.nomenclature.codes
    model = context.folder.model(context.facts("train")["model_id"]) if trained else None
    bound = bound_of(context, len(space))
    if bound is None:
        network = (
            Model.load(model, code=context.own_code).network
            if model is not None
            else chosen(training, space, len(codes), own=context.own_network).eval()
        )
        wanted = context.settings.map.precision
        # what auto will choose isn't known yet
        known: Precision = "fp32" if wanted == "auto" else wanted
        arithmetic = arithmetic_of(known, network, np.zeros((1, len(space)), np.float32), device=device)
        return Classifier.of(network, codes, arithmetic=arithmetic)
    if model is not None:
        return Classifier.load(model)
    assert training.baseline is not None
    samples = min(bound.samples, most_samples(context) or bound.samples)
    return BaselineClassifier(
        np.array(codes, np.uint16), 1.0, stand_in(training.baseline, len(space), len(codes), samples=samples)
    )


def _area(context: Context, features: int) -> AreaOfApplicability | None:
    """An area of applicability that takes as long as the run's own, if its map shows it."""
    wanted = context.settings.applicability
    if wanted is None or "dissimilarity" not in context.settings.map.products:
        return None
    return AreaOfApplicability.stand_in(
        features, samples=wanted.samples, dimensions=wanted.dimensions, cells=min(wanted.cells, wanted.samples)
    )
