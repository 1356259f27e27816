"""What is foreseen of a run, and how it is said: in sentences and as JSON."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from sitspark.errors import counted
from sitspark.settings import HeldAs

_TOLD = 0.1  # share of a pass from which getting ready is told


@dataclass(frozen=True, slots=True)
class Bound:
    """How many samples a baseline learns from at most, since it holds them in so many GB of memory."""

    name: str
    samples: int
    memory_gb: float

    def to_text(self) -> str:
        """The numbers in a sentence."""
        return (
            f"train    {self.name} on at most {self.samples:,} samples, those that {self.memory_gb:g} GB of memory hold "
            "(training.memory); of more it is given a share of each class"
        )


@dataclass(frozen=True, slots=True)
class Held:
    """How many samples a network's training holds in so many GB of memory, and how many there are at most (None: not known).

    `held_as` is what their features are held as.
    """

    name: str
    samples: int
    memory_gb: float
    most: int | None
    held_as: HeldAs = "float32"

    def to_text(self) -> str:
        """The numbers in a sentence."""
        there = "" if self.most is None else f" on at most {self.most:,} samples"
        hold = f"{self.memory_gb:g} GB of memory (training.memory) hold"
        if self.most is not None and self.most <= self.samples:
            return f"train    {self.name}{there}: {hold} all of them as {self.held_as}"
        return (
            f"train    {self.name}{there}: {hold} {self.samples:,} as {self.held_as}; of more each epoch reads part after part"
        )


@dataclass(frozen=True, slots=True)
class Cost:
    """What a stage takes: seconds of one core, and of the clock."""

    core_seconds: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Learning:
    """How fast networks learn: samples a second of one process, and how many epochs each has at most."""

    samples_per_second: int
    epochs: int


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a run will take; sizes in bytes, times in seconds of one core, and of the clock with `cores` cores.

    `bytes_to_write` are those of each raster of the map. `costs` are those of each stage that makes the map, of `classify` with
    the starts of workers, and in tiles; `core_seconds` and `seconds` those of all of them. `first_costs` are those
    of `observations`, at most, for which labelled pixels are read as the map reads all, and of `train`, where it is known how
    fast networks learn (`learning`) and how many samples there will be. `no_folds` says why a cross-validation would be
    refused, `fold_costs` are those of one: of `judging` its models, if all chunks have labelled pixels, and of `fold_maps`.
    `pixels_per_core_second` is the speed of `classify` with networks on `device` (cpu, cuda), `error` how far the speeds of
    windows are from it, as a share. `done` are the stages that are finished under these settings, and will be skipped;
    `chunks_written` those of a map that was begun. `models` are those that are trained, of which a search tries several,
    `models_at_a_time` of them beside each other (None on a cluster); a cross-validation trains as many for each of `folds`,
    which `left_out` calls by what they are, in each of `runs`. `asked_memory_mb` is what a worker should take; the memory of
    the machine is None where a cluster works.
    """

    products: int
    tiles: int
    chunks: int
    chunk_shape: str
    pixels: int
    dates: int
    features: int
    bytes_to_read: int
    bytes_to_write: Mapping[str, int]
    worker_memory_mb: int
    asked_memory_mb: int
    machine_memory_mb: int | None
    cores: int
    device: str
    pixels_per_core_second: int
    error: float
    first_costs: Mapping[str, Cost]
    costs: Mapping[str, Cost]
    fold_costs: Mapping[str, Cost]
    no_folds: str
    models: int
    models_at_a_time: int | None
    folds: int
    runs: int
    left_out: str
    training: Bound | Held
    learning: Learning | None
    done: tuple[str, ...]
    chunks_written: int

    @property
    def core_seconds(self) -> float:
        """What the map takes of one core."""
        return sum(cost.core_seconds for cost in self.costs.values())

    @property
    def seconds(self) -> float:
        """What the map takes of the clock: one stage after the other."""
        return sum(cost.seconds for cost in self.costs.values())

    @property
    def seconds_left(self) -> float:
        """What the stages that aren't finished take of the clock."""
        stages = {**self.first_costs, **self.costs}
        return sum(cost.seconds for name, cost in stages.items() if name not in self.done)

    def to_json(self, **more: str) -> str:
        """The numbers as JSON, and what is added to them."""
        names = ("core_seconds", "seconds", "seconds_left")
        totals = {name: round(getattr(self, name), 1) for name in names}
        return json.dumps(asdict(self) | totals | more, indent=2)

    def to_text(self) -> str:
        """The numbers in sentences."""
        workers, cores = min(self.cores, self.chunks), counted(self.cores, "core")
        return "\n".join(
            (
                *self._unchanged(),
                f"read     {counted(self.products, 'product')} of {counted(self.tiles, 'tile')}, {_size(self.bytes_to_read)}, "
                f"if all can be used (`sitspark check` says); up to {counted(self.dates, 'date')} a tile",
                f"features {self.features} a pixel",
                self.training.to_text() + (f", each of {self.models} models" if self.models > 1 else ""),
                f"map      {self.pixels:,} pixels in {counted(self.chunks, 'chunk')} of {self.chunk_shape}; "
                f"{_size(sum(self.bytes_to_write.values()))} before compression ({self._each_raster()})",
                f"memory   {self.worker_memory_mb} MB a worker{self._more_than_asked()}, {workers} at a time"
                + memory_caution(workers, self.worker_memory_mb, machine_mb=self.machine_memory_mb),
                self._time(cores),
                *self._before_the_map(),
                f"         map           {_duration(self.seconds)} with {cores}, {_duration(self.core_seconds)} of one core:",
                *self._each_stage(),
                *self._cross_validation(),
            )
        )

    def _cross_validation(self) -> Iterator[str]:
        """What is left out in turn."""
        if self.no_folds:
            yield f"folds    {self.no_folds}"
            return
        if self.folds < 2:
            yield f"folds    {counted(self.folds, self.left_out)}: cross-validate leaves out others, as --by random"
            return
        trained = f"{counted(self.models * self.folds * self.runs, 'model')}, {self.models} without each of"
        often = "" if self.runs == 1 else f", in {self.runs} runs"
        yield f"folds    cross-validate trains {trained} {counted(self.folds, self.left_out)}{often}"
        costs, cores = self.fold_costs, counted(self.cores, "core")
        if "train" in self.first_costs:
            yield f"         training   {_duration(self.folds * self.runs * self.first_costs['train'].seconds)}"
        yield (
            f"         judging    {_duration(costs['judging'].seconds)} with {cores} where all chunks have labelled pixels: "
            "each is read once, for all models"
        )
        yield (
            f"         fold_maps  {_duration(costs['fold_maps'].seconds)} with {cores}, where --maps draws them in one pass; "
            "starting Spark and reading samples come on top"
        )

    def _more_than_asked(self) -> str:
        if self.worker_memory_mb <= self.asked_memory_mb:
            return ""
        return (
            f" (spark.worker_memory asks for {self.asked_memory_mb} MB: chunks are as small as they can be, or as "
            "grid.chunk_size says)"
        )

    def _unchanged(self) -> Iterator[str]:
        """What a run will not do again."""
        if self.done:
            yield f"done     {', '.join(self.done)}: unchanged, and will be skipped"
        if self.chunks_written and "classify" not in self.done:
            yield f"         {self.chunks_written} of {counted(self.chunks, 'chunk')} are written, and will be kept"

    def _time(self, cores: str) -> str:
        """All that isn't done yet, in a line."""
        if self.done and {*self.first_costs, *self.costs, "train"} <= set(self.done):
            return "time     nothing is left to do: some seconds to find that out"
        training = "" if "train" in self.done or "train" in self.first_costs else f", training {counted(self.models, 'model')}"
        return (
            f"time     about {_duration(self.seconds_left)} with {cores}; starting Spark and each stage{training}, trust, "
            "validation and report come on top, for a small run a minute or two"
        )

    def _before_the_map(self) -> Iterator[str]:
        """Reading labelled pixels, and training."""
        reading = _duration(self.first_costs["observations"].seconds)
        yield f"         observations  up to {reading}, where all chunks have labelled pixels{self._skipped('observations')}"
        if self.learning is None:
            return
        epochs, rate = self.learning.epochs, self.learning.samples_per_second
        how = (
            f"{counted(epochs, 'epoch')} at {rate:,} samples a second of one process, monitored ones in a third of the time, "
            "measured now" + ("" if self.models == 1 else f", each of {self.models} models{self._together()}")
        )
        if "train" in self.first_costs:
            yield f"         train         {_duration(self.first_costs['train'].seconds)}: {how}"
        else:
            yield f"         train         {_duration(epochs * 1e6 / rate)} for each million samples of a model: {how}"

    def _skipped(self, stage: str) -> str:
        return "; done, and will be skipped" if stage in self.done else ""

    def _each_raster(self) -> str:
        return ", ".join(f"{name} {_size(size)}" for name, size in self.bytes_to_write.items())

    def _together(self) -> str:
        if self.models == 1 or self.models_at_a_time is None:
            return ""
        if self.models_at_a_time == 1:
            return ", one after the other"
        return f", {min(self.models, self.models_at_a_time)} at a time (their threads and training.memory say how many)"

    def _each_stage(self) -> Iterator[str]:
        beside = " with networks on a GPU" if self.device == "cuda" else ""
        spread = "hardly differ" if self.error < 0.01 else f"differ by up to {self.error:.0%}"
        measured = (
            f": {self.pixels_per_core_second:,} pixels a second of one core{beside}{self._before_the_first_pixel()}; measured "
            f"now on windows of the products, which {spread}"
        )
        by = "" if "train" in self.done else " as an untrained model draws it, with hardly any borders: a lower bound"
        for name, cost in self.costs.items():
            how = measured if name == "classify" else f" on one core of the driver, measured on one of these windows{by}"
            yield f"           {name:<11} {_duration(cost.seconds)}{how}{self._skipped(name)}"

    def _before_the_first_pixel(self) -> str:
        """What workers take to be ready, where that is a part of the pass worth telling."""
        cost = self.costs["classify"].core_seconds
        started = cost - self.pixels / self.pixels_per_core_second
        return f", after {_duration(started)} of one core in which workers get ready" if started > _TOLD * cost else ""


def memory_caution(workers: int, worker_mb: int, *, machine_mb: int | None) -> str:
    """The end of a sentence on the memory of workers at work together, where they take more than the machine has."""
    taken = workers * worker_mb
    if machine_mb is None or taken <= machine_mb:
        return ""
    return (
        f": {taken} MB, too much for the {machine_mb} MB of this machine; lower spark.worker_memory (or grid.chunk_size where "
        "it is set), or the cores in spark.master"
    )


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
