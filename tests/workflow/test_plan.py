"""What is foreseen of a run, as it is said."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sitspark.settings import SamplesSettings, SparkSettings, TrainingSettings
from sitspark.workflow import searching, training_costs
from sitspark.workflow.costs import Costs
from sitspark.workflow.foreseen import Bound, Cost, Foreseen, Held, Learning, memory_caution
from sitspark.workflow.rehearsal import Pace
from sitspark.workflow.run_folder import RunFolder
from sitspark.workflow.speed import Speed
from sitspark.workflow.training_costs import cost_of_training, learning_of, rounds_of, samples_of_a_model

from ..models.tables import SPACE

FORESEEN = Foreseen(
    products=1,
    tiles=1,
    chunks=1,
    chunk_shape="512 x 512",
    pixels=262_144,
    dates=1,
    features=13,
    bytes_to_read=1_000_000,
    bytes_to_write={"classification": 262_144, "features": 13_631_488},
    worker_memory_mb=6000,
    asked_memory_mb=6000,
    machine_memory_mb=16_000,
    cores=1,
    device="cpu",
    pixels_per_core_second=100_000,
    error=0.12,
    first_costs={"observations": Cost(4.0, 2.0), "train": Cost(1200.0, 600.0)},
    costs={"classify": Cost(2.6, 2.6), "mosaic": Cost(0.8, 1.0), "vectorise": Cost(300.0, 300.0)},
    no_folds="",
    fold_costs={"judging": Cost(2.0, 1.0), "fold_maps": Cost(240.0, 200.0)},
    models=1,
    models_at_a_time=1,
    folds=1,
    runs=1,
    left_out="tile",
    training=Held("mlp", 1_039_501, 2.0, 80_000),
    learning=Learning(100_000, 200),
    done=(),
    chunks_written=0,
)


@pytest.mark.parametrize(
    ("workers", "worker_mb", "machine_mb", "said"),
    [
        (2, 6000, 16_000, None),
        (2, 8000, 16_000, None),
        (4, 6000, 16_000, "24000 MB, too much for the 16000 MB of this machine; lower spark.worker_memory"),
        (1, 6000, 4000, "6000 MB, too much for the 4000 MB of this machine"),
        (400, 6000, None, None),  # a cluster, of whose memory nothing is known here
    ],
)
def test_workers_that_take_more_than_the_machine_has_are_told(
    workers: int, worker_mb: int, machine_mb: int | None, said: str | None
) -> None:
    caution = memory_caution(workers, worker_mb, machine_mb=machine_mb)
    assert caution == "" if said is None else said in caution and "or the cores in spark.master" in caution


def test_no_more_workers_than_chunks_count() -> None:
    """Three chunks keep three of sixteen cores busy: 18 GB, not 96."""
    busy = replace(FORESEEN, cores=16, chunks=3, machine_memory_mb=18_000)
    assert "6000 MB a worker, 3 at a time\n" in busy.to_text()
    assert "3 at a time: 18000 MB, too much" in replace(busy, machine_memory_mb=17_999).to_text()


def test_a_worker_that_takes_more_than_was_asked_for_is_told() -> None:
    assert "6000 MB a worker, 1 at a time" in FORESEEN.to_text()
    assert "6000 MB a worker (spark.worker_memory asks for 500 MB: " in replace(FORESEEN, asked_memory_mb=500).to_text()


def test_what_there_is_one_of_is_in_the_singular() -> None:
    said = FORESEEN.to_text()
    for words in ("1 product of 1 tile,", "up to 1 date a tile", "in 1 chunk of", "with 1 core;"):
        assert words in said


@pytest.mark.parametrize(
    ("training", "said"),
    [
        (
            Bound("random_forest", 1_005_025, 2.0),
            "random_forest on at most 1,005,025 samples, those that 2 GB of memory hold (training.memory)",
        ),
        (
            Held("mlp", 1_039_501, 2.0, 80_000),
            "mlp on at most 80,000 samples: 2 GB of memory (training.memory) hold all of them as float32\n",
        ),
        (
            Held("mlp", 1000, 2.0, 80_000),
            "mlp on at most 80,000 samples: 2 GB of memory (training.memory) hold 1,000 as float32; of more ",
        ),
        (
            Held("mlp", 1000, 2.0, None, "float16"),
            "mlp: 2 GB of memory (training.memory) hold 1,000 as float16; of",
        ),
    ],
    ids=["baseline", "all", "parts", "not known"],
)
def test_how_many_samples_training_holds_is_told(training: Bound | Held, said: str) -> None:
    assert f"train    {said}" in replace(FORESEEN, training=training).to_text()


def test_each_stage_has_its_line_and_all_of_them_a_sum() -> None:
    assert "         train         10 min: 200 epochs at 100,000 samples a second of one process, " in FORESEEN.to_text()
    said = replace(FORESEEN, done=("train", "mosaic"), first_costs={"observations": Cost(4.0, 2.0)}, learning=None).to_text()
    for words in (
        "time     about 5 min with 1 core; starting Spark and each stage, trust, validation and report come on top, ",
        "         observations  up to 2.0 s, where all chunks have labelled pixels\n",
        "         map           5 min with 1 core, 5 min of one core:\n",
        "           classify    2.6 s: 100,000 pixels a second of one core; measured now ",
        "           mosaic      1.0 s on one core of the driver, measured on one of these windows; done, and will be skipped\n",
        "           vectorise   5 min on one core of the driver, measured on one of these windows",
    ):
        assert words in said
    assert "regularise" not in said and "untrained" not in said
    told = FORESEEN.to_text()
    assert "one of these windows as an untrained model draws it, with hardly any borders: a lower bound" in told


@pytest.mark.parametrize(
    ("error", "pixels", "told"),
    [
        (
            0.2,
            250_000,
            "100,000 pixels a second of one core; measured now on windows of the products, which differ by up to 20%",
        ),
        (0.001, 250_000, "100,000 pixels a second of one core; measured now on windows of the products, which hardly differ"),
        (0.2, 100_000, "100,000 pixels a second of one core, after 1.6 s of one core in which workers get ready; measured now"),
    ],
)
def test_the_speed_of_a_core_and_what_comes_before_it_make_the_time(error: float, pixels: int, told: str) -> None:
    """As a reader divides one by the other."""
    assert told in replace(FORESEEN, error=error, pixels=pixels).to_text()


def test_the_run_finds_what_was_planned_under_its_own_settings(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert folder.planned("mosaic", "key") is None
    folder.plan.write_text(FORESEEN.to_json(key="key"))
    written = json.loads(folder.plan.read_text())
    assert (written["core_seconds"], written["seconds_left"]) == (303.4, 905.6)
    assert folder.planned("train", "key") == Cost(1200.0, 600.0)
    assert folder.planned("mosaic", "key") == Cost(0.8, 1.0)
    assert folder.planned("fold_maps", "key") == Cost(240.0, 200.0)
    assert folder.planned("regularise", "key") is folder.planned("mosaic", "another key") is None
    folder.plan.write_text('{"key": "key", "core_seconds": 2.6}')  # of an earlier version
    assert folder.planned("classify", "key") is None


@pytest.mark.parametrize(
    ("models", "folds", "left_out", "said"),
    [
        (1, 4, "tile", "folds    cross-validate trains 4 models, 1 without each of 4 tiles"),
        (1, 1, "tile", "folds    1 tile: cross-validate leaves out others, as --by random"),
        (6, 5, "random fold", "folds    cross-validate trains 30 models, 6 without each of 5 random folds"),
    ],
)
def test_what_a_cross_validation_trains_is_told(models: int, folds: int, left_out: str, said: str) -> None:
    foreseen = replace(FORESEEN, models=models, folds=folds, left_out=left_out)
    assert said in foreseen.to_text()
    assert ("judging    1.0 s with 1 core where all chunks" in foreseen.to_text()) == (folds > 1)
    assert ("fold_maps  3 min with 1 core, where --maps" in foreseen.to_text()) == (folds > 1)
    assert ("one after the other" in foreseen.to_text()) == (models > 1)
    assert (f"training   {folds * 10} min\n" in foreseen.to_text()) == (folds > 1)


def test_folds_that_would_be_refused_are_said_to_be() -> None:
    said = replace(FORESEEN, folds=4, no_folds="cross-validate: a tile left out has no model of its own").to_text()
    assert said.endswith("folds    cross-validate: a tile left out has no model of its own")


def test_how_many_models_of_a_search_are_trained_at_a_time_is_told() -> None:
    assert "each of 7 models, 3 at a time (" in replace(FORESEEN, models=7, models_at_a_time=3).to_text()
    assert "each of 2 models, 2 at a time (" in replace(FORESEEN, models=2, models_at_a_time=3).to_text()
    assert "each of 7 models\n" in replace(FORESEEN, models=7, models_at_a_time=None).to_text()


def test_a_training_of_unknown_length_is_told_by_the_million_samples_and_a_baseline_without_time() -> None:
    unknown = replace(FORESEEN, first_costs={"observations": Cost(4.0, 2.0)})
    assert (
        "train         33 min for each million samples of a model: 200 epochs at 100,000 samples a second" in unknown.to_text()
    )
    assert "each stage, training 1 model, trust, validation" in unknown.to_text()
    baseline = replace(unknown, learning=None).to_text()
    assert "each stage, training 1 model, trust, validation" in baseline and "epochs at" not in baseline


@pytest.mark.parametrize(
    ("settings", "rounds", "core_seconds", "seconds"),
    [
        # 10 epochs of 1000 samples at 100 a second; a monitored one takes a third of one that is learnt from
        ({"monitor_share": 0.3}, 1, 80.0, 80.0),
        ({"monitor_share": 0.6}, 1, 60.0, 60.0),
        ({"monitor_share": 0.3, "threads": 3}, 1, 240.0, 80.0),
        ({"monitor_share": 0.3, "processes": 2}, 1, 80.0, 80.0),
        ({"monitor_share": 0.3}, 4, 320.0, 320.0),
    ],
)
def test_what_training_takes(settings: dict[str, Any], rounds: int, core_seconds: float, seconds: float) -> None:
    found = cost_of_training(TrainingSettings(**settings), Learning(100, 10), samples=1000, rounds=rounds)
    assert (found.core_seconds, found.seconds) == (pytest.approx(core_seconds), pytest.approx(seconds))


RATES = {"learning_rate": [1e-3, 1e-4, 1e-5]}


@pytest.mark.parametrize(
    ("settings", "models", "at_a_time", "rounds"),
    [
        ({}, 1, 1, 1),
        ({"ensemble": 3}, 6, 1, 6),  # on two grounds
        ({"search": {"try": RATES}}, 3, 2, 2),
        ({"search": {"try": RATES}}, 6, 2, 4),
        ({"search": {"try": RATES}}, 3, None, 1),  # a cluster
        ({"search": {"try": RATES, "trials": 10, "together": 4}}, 10, 7, 3),
    ],
)
def test_trials_of_a_search_are_trained_in_rounds_and_all_else_one_after_the_other(
    settings: dict[str, Any], models: int, at_a_time: int | None, rounds: int
) -> None:
    assert rounds_of(TrainingSettings(**settings), models=models, at_a_time=at_a_time) == rounds


def context_of(training: dict[str, Any], *, master: str = "local[2]", augmentation: object = None, train: int = 0) -> Any:
    """What a plan asks of a run of two classes, of which `train` and 10 made samples each are there."""
    settings = SimpleNamespace(
        training=TrainingSettings(**training),
        spark=SparkSettings.model_validate({"master": master}),
        samples=SamplesSettings.model_validate({"per_class": 500}).model_copy(update={"augmentation": augmentation}),
    )
    classes = {str(code): {"train": train, "children": 10} for code in (1, 2)}
    return SimpleNamespace(
        settings=settings,
        nomenclature=(1, 2),
        own_network=None,
        facts=lambda stage: {"classes": classes} if stage == "samples" else {},
    )


@pytest.mark.parametrize(
    ("context", "done", "grounds", "samples"),
    [
        (context_of({}), (), 1, 1000),
        (context_of({}), (), 3, 1000),  # on each ground as many
        (context_of({}, augmentation=True), (), 1, None),
        (context_of({}, train=290), ("samples",), 1, 600),
        (context_of({}, train=290), ("samples",), 3, 200),
    ],
)
def test_how_many_samples_a_model_will_have(context: Any, done: tuple[str, ...], grounds: int, samples: int | None) -> None:
    assert samples_of_a_model(context, grounds=grounds, done=done) == samples


@pytest.mark.parametrize(
    ("context", "done", "known"),
    [
        (context_of({"batch_size": 64, "device": "cpu"}), (), True),
        (context_of({"search": {"try": RATES}, "batch_size": 64, "device": "cpu"}), (), True),
        (context_of({"device": "cpu"}), ("train",), False),
        (context_of({"baseline": "random_forest"}), (), False),
        (context_of({"device": "gpu", "processes": 99}), (), False),
        (context_of({"search": {"try": {"epochs": [5, 50]}}}), (), False),
        (context_of({"where": "executors"}, master="spark://head:7077"), (), False),
    ],
    ids=["a network", "a search of rates", "trained", "a baseline", "too few GPUs", "a search of epochs", "elsewhere"],
)
def test_time_is_told_of_training_that_this_machine_can_try(
    context: Any, done: tuple[str, ...], known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # not the machine of the suite's own session
    monkeypatch.setattr(training_costs, "on_one_machine", lambda spark: spark.master.startswith("local"))
    found = learning_of(context, SPACE, done=done)
    assert (found is not None) == known
    assert found is None or (found.samples_per_second > 0 and found.epochs == context.settings.training.epochs)


def test_each_key_of_the_document_is_explained() -> None:
    explained = (Path(__file__).parents[2] / "docs" / "plan.md").read_text()
    assert [key for key in json.loads(FORESEEN.to_json()) if f"`{key}`" not in explained] == []


def test_nothing_left_to_do_is_said() -> None:
    done = replace(FORESEEN, learning=None, done=("observations", "train", "classify", "mosaic", "vectorise"), chunks_written=1)
    assert "time     nothing is left to do: some seconds to find that out\n" in done.to_text()
    assert "will be kept" not in done.to_text()


@pytest.mark.parametrize(
    ("threads", "memory", "master", "found"),
    [
        (1, 2.0, "local[4]", 4),
        (2, 2.0, "local[5]", 2),
        (8, 2.0, "local[4]", 1),
        (1, 2.0, "local[64]", 9),  # 0.8 x 32 GB / (2 + 0.7)
        (1, 20.0, "local[64]", 1),
        (1, 100.0, "local[64]", 1),
        (1, 2.0, "spark://somewhere:7077", None),
    ],
)
def test_trials_at_a_time_fit_into_cores_and_memory(
    monkeypatch: pytest.MonkeyPatch, threads: int, memory: float, master: str, found: int | None
) -> None:
    monkeypatch.setattr(searching, "machine_memory_mb", lambda: 32_000)
    assert searching.trials_at_a_time(TrainingSettings(threads=threads, memory=memory, device="cpu"), master) == found


def costs(*, on_gpus: float = 0.0, runs: int = 1) -> Costs:
    """A map of 1000 pixels in two tiles, with three products: 0.1 s of a core for a pixel, 0.02 of them for models."""
    settings = SimpleNamespace(runs=runs)
    imagery = SimpleNamespace(
        tiles={"s2": {"a": [], "b": []}}, context=SimpleNamespace(settings=settings, leading=SimpleNamespace(name="s2"))
    )
    work = SimpleNamespace(imagery=imagery, pixels=1000, drawn_pixels=1000, written_pixels=1000, products=(1, 2, 3))
    speed = Speed(per_core_second=10, per_second=5, error=0.1, start=2)
    pace = Pace(Cost(1.0, 1.0), Cost(0.005, 0.005))
    return Costs(work, 2, speed, 0.02, on_gpus, {"mosaic": pace})  # type: ignore[arg-type]


def test_what_a_map_and_the_maps_of_folds_take_differ_by_their_models_and_mosaics() -> None:
    of_map, of_folds = costs().of_map(), costs().of_folds(4, labelled=50)
    # 0.1 s of each pixel, three starts of 2 s, of two workers
    assert of_map["classify"] == Cost(pytest.approx(106), pytest.approx(103)) and of_map["mosaic"] == Cost(6, 6)
    # three times 0.02 s of each pixel more, divided among two workers; a third of each mosaic
    assert of_folds["fold_maps"] == Cost(pytest.approx(106 + 60 + 8), pytest.approx(103 + 30 + 8))


@pytest.mark.parametrize("on_gpus", [0.0, 0.001])
@pytest.mark.parametrize("runs", [1, 3])
def test_judging_reads_once_and_asks_all_models_about_the_labelled_pixels(on_gpus: float, runs: int) -> None:
    """By the processor, whatever draws the map: what that spends on networks is no part of reading."""
    read = 106.0 if on_gpus else 86.0
    judged = 4 * runs * 50 * 0.02
    found = costs(on_gpus=on_gpus, runs=runs).of_folds(4, labelled=50)["judging"]
    assert found.core_seconds == pytest.approx(read + judged)
    assert found.seconds == pytest.approx((read - 6) * 2 / 2 + (3 if on_gpus else 13) + judged / 2)


def test_gpus_that_draw_the_maps_of_folds_are_waited_for() -> None:
    found = costs(on_gpus=0.5).of_folds(4, labelled=0)["fold_maps"]
    assert found.core_seconds == pytest.approx(106 + 8)
    assert found.seconds == pytest.approx(1000 * 4 * 0.5 + 3 + 8)
