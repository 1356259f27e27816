"""The training loop, as every process of a training runs it; knows torch and files, not Spark."""

import dataclasses
import json
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.distributed as dist
from safetensors.torch import save
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

from sitspark import __version__
from sitspark.accuracy.matrix import ConfusionMatrix
from sitspark.classes import Nomenclature
from sitspark.errors import SitsparkError
from sitspark.models import card as cards
from sitspark.models.networks import NETWORKS, Mlp
from sitspark.models.samples_table import read_feature_space
from sitspark.models.store import SampleStore, TrainingData, batches, features_range, fill, open_data
from sitspark.settings import TrainingSettings

PROGRESS = "progress.json"
_EVALUATED = 65_536  # monitored samples a forward pass: bounded memory


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """One model to train: `samples` is a table, `folder` takes the model, `scratch` the copied samples."""

    model_id: str
    samples: Path
    folder: Path
    scratch: Path
    nomenclature: Nomenclature
    settings: TrainingSettings
    seed: int
    left_out_tile: str | None


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch gave; scores on the monitored samples, None where undefined."""

    epoch: int
    train_loss: float
    validation_loss: float | None
    oa: float | None
    kappa: float | None
    fscore: float | None
    learning_rate: float
    seconds: float
    samples_per_second: float


def train(job: TrainingJob) -> None:
    """Train on all processes of the group that torchrun has opened; the first one writes the model.

    Raises SitsparkError when the loss stops being a finite number.
    """
    ranks, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    torch.set_num_threads(job.settings.threads)
    torch.manual_seed(job.seed)
    torch.use_deterministic_algorithms(True)
    if ranks > 1:
        dist.init_process_group("gloo")
    try:
        started = time.monotonic()
        data = _shared_data(job, ranks)
        network = _network(job, data)
        history, best, weights = _epochs(job, data, network, rank=rank, ranks=ranks)
        if rank == 0:
            _write_model(job, data, history, best, weights, seconds=time.monotonic() - started)
    finally:
        if ranks > 1:
            dist.destroy_process_group()


def _shared_data(job: TrainingJob, ranks: int) -> TrainingData:
    """The samples, copied once on each machine by its first process."""
    if int(os.environ.get("LOCAL_RANK", "0")) == 0:
        fill(job.samples, job.scratch, job.nomenclature.codes, left_out=job.left_out_tile)
    if ranks > 1:
        dist.barrier()
    return open_data(job.scratch)


def _network(job: TrainingJob, data: TrainingData) -> Mlp:
    network = NETWORKS[job.settings.network](len(data.statistics.mean), len(job.nomenclature))
    network.standardise.mean.copy_(torch.from_numpy(data.statistics.mean))
    network.standardise.deviation.copy_(torch.from_numpy(data.statistics.deviation))
    return network


def _epochs(
    job: TrainingJob, data: TrainingData, network: Mlp, *, rank: int, ranks: int
) -> tuple[list[Epoch], Epoch, dict[str, torch.Tensor]]:
    """All epochs; the history, the best epoch and its weights."""
    trained: nn.Module = DistributedDataParallel(network) if ranks > 1 else network
    optimiser = torch.optim.Adam(network.parameters(), lr=job.settings.learning_rate)
    history: list[Epoch] = []
    best: Epoch | None = None
    weights: dict[str, torch.Tensor] = {}
    for number in range(1, job.settings.epochs + 1):
        started = time.monotonic()
        network.train()
        loss = _one_epoch(job, data.train, trained, optimiser, number, rank=rank, ranks=ranks)
        seconds = time.monotonic() - started
        network.eval()
        validation_loss, matrix = _evaluate(network, data.monitored, job.nomenclature.codes, rank=rank, ranks=ranks)
        epoch = Epoch(
            number,
            loss,
            validation_loss,
            matrix.overall_accuracy,
            matrix.kappa,
            matrix.mean_f_score,
            job.settings.learning_rate,
            round(seconds, 4),
            round(len(data.train) / seconds, 1),
        )
        history.append(epoch)
        if best is None or _merit(epoch, job.settings.criterion) > _merit(best, job.settings.criterion):
            best, weights = epoch, {name: value.clone() for name, value in network.state_dict().items()}
        if rank == 0:
            _replace(job.folder / PROGRESS, json.dumps(dataclasses.asdict(epoch)).encode())
    assert best is not None  # settings ask for one epoch or more
    return history, best, weights


def _merit(epoch: Epoch, criterion: str) -> float:
    """What the best epoch has most of; the training loss decides where nothing is monitored."""
    if epoch.validation_loss is None:
        return -epoch.train_loss
    if criterion == "loss":
        return -epoch.validation_loss
    value: float | None = getattr(epoch, criterion)
    return -np.inf if value is None else value


def _one_epoch(
    job: TrainingJob,
    store: SampleStore,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    number: int,
    *,
    rank: int,
    ranks: int,
) -> float:
    """Mean loss of one pass over the training samples."""
    total = torch.zeros(1, dtype=torch.float64)
    order = batches(len(store), job.settings.batch_size, seed=job.seed, epoch=number, rank=rank, ranks=ranks)
    for step, (chosen, size) in enumerate(order, 1):
        features = torch.from_numpy(np.ascontiguousarray(store.features[chosen]))
        target = torch.from_numpy(store.target[chosen])
        optimiser.zero_grad(set_to_none=True)
        loss = cross_entropy(network(features), target, reduction="sum")
        # DistributedDataParallel averages over ranks: together this is the mean over the global batch
        (loss * (ranks / size)).backward()
        if not torch.isfinite(loss):
            raise SitsparkError(
                f"training: the loss is not finite in epoch {number}, batch {step}; {features_range(job.samples)}; lower "
                "training.learning_rate, or look for damaged imagery"
            )
        optimiser.step()
        total += loss.detach().double()
    if ranks > 1:
        dist.all_reduce(total)
    return float(total) / len(store)


def _evaluate(
    network: nn.Module, store: SampleStore, codes: tuple[int, ...], *, rank: int, ranks: int
) -> tuple[float | None, ConfusionMatrix]:
    """Loss and confusion matrix of the monitored samples; each process takes its share."""
    classes = len(codes)
    sums = torch.zeros(1 + classes * classes, dtype=torch.float64)
    share = np.array_split(np.arange(len(store)), ranks)[rank]
    with torch.inference_mode():
        for start in range(0, len(share), _EVALUATED):
            part = slice(int(share[0]) + start, int(share[0]) + min(start + _EVALUATED, len(share)))
            scores = network(torch.from_numpy(np.ascontiguousarray(store.features[part])))
            target = torch.from_numpy(store.target[part])
            sums[0] += cross_entropy(scores, target, reduction="sum").double()
            pairs = target * classes + scores.argmax(1)
            sums[1:] += torch.bincount(pairs, minlength=classes * classes)
    if ranks > 1:
        dist.all_reduce(sums)
    counts = sums[1:].reshape(classes, classes).numpy().astype(np.int64)
    return (float(sums[0]) / len(store) if len(store) else None), ConfusionMatrix(codes, counts)


def _write_model(
    job: TrainingJob,
    data: TrainingData,
    history: list[Epoch],
    best: Epoch,
    weights: dict[str, torch.Tensor],
    *,
    seconds: float,
) -> None:
    """Weights, history and, last, the card: a folder without a card is no model."""
    _replace(job.folder / cards.WEIGHTS, save(weights))
    table = pd.DataFrame([dataclasses.asdict(epoch) for epoch in history])
    table.insert(0, "model_id", job.model_id)
    table.to_parquet(job.folder / cards.HISTORY, index=False)
    network = NETWORKS[job.settings.network](len(data.statistics.mean), len(job.nomenclature))
    counts = [np.bincount(s.target, minlength=len(job.nomenclature)) for s in (data.train, data.monitored)]
    card = cards.ModelCard(
        schema_version=cards.SCHEMA_VERSION,
        model_id=job.model_id,
        network=cards.NetworkCard(
            name=job.settings.network,
            features=len(data.statistics.mean),
            classes=len(job.nomenclature),
            parameters=cards.count_parameters(network),
        ),
        feature_space=read_feature_space(job.samples).to_json(),
        classes=tuple(
            cards.ClassCard(code=c.code, name=c.name, colour=c.colour, train=int(train), monitored=int(monitored))
            for c, train, monitored in zip(job.nomenclature, *counts, strict=True)
        ),
        left_out_tile=job.left_out_tile,
        seed=job.seed,
        training=job.settings.model_dump(mode="json"),
        criterion=job.settings.criterion if len(data.monitored) else "training loss (no sample is monitored)",
        best_epoch=best.epoch,
        metrics=cards.MetricsCard(
            train_loss=best.train_loss,
            validation_loss=best.validation_loss,
            oa=best.oa,
            kappa=best.kappa,
            fscore=best.fscore,
        ),
        seconds=round(seconds, 2),
        versions={"sitspark": __version__, "torch": torch.__version__, "python": platform.python_version()},
        weights_sha256=cards.sha256(job.folder / cards.WEIGHTS),
    )
    _replace(job.folder / cards.CARD, card.model_dump_json(indent=2).encode())


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(path)
