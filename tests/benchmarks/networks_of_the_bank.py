"""Samples a core-second of each network, in training and in inference, beside those of the mlp.

    python tests/benchmarks/networks_of_the_bank.py

The reference job's features: 37 dates x (10 bands and 3 indices) = 481, 23 classes, one thread; in training batches of
1024, in inference those of the map.
"""

import time
from collections.abc import Callable
from datetime import date

import torch
from torch.nn import functional as F

from sitspark.kernels.feature_space import FeatureSpace, Index, SensorFeatures
from sitspark.models.networks.bank import NETWORKS, build
from sitspark.models.networks.dense import in_float32
from sitspark.timegrid import TimeGrid

BANDS = ("B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B11", "B12")
INDICES = (Index("ndvi"), Index("ndwi"), Index("brightness"))
DATES = TimeGrid(date(2018, 1, 1), date(2018, 12, 31), 10)
SPACE = FeatureSpace((SensorFeatures("sentinel2", BANDS, DATES, INDICES, red="B4", nir="B8", swir="B11"),))
CLASSES, ROWS, BATCHES, ROUNDS = 23, 1024, 2, 3


def core_seconds(work: Callable[[], None]) -> float:
    """The least of some rounds, for others may be at work here; the first one, which warms up, doesn't count."""
    spent = []
    for _ in range(1 + ROUNDS):
        started = time.process_time()
        work()
        spent.append(time.process_time() - started)
    return min(spent[1:])


def rates(name: str) -> tuple[int, float, float]:
    """Weights, and samples a core-second in training and in inference."""
    torch.manual_seed(0)
    network = build(name, SPACE, CLASSES)
    features, classes = torch.randn(ROWS, len(SPACE)), torch.randint(0, CLASSES, (ROWS,))
    optimiser = torch.optim.Adam(network.parameters())

    def train() -> None:
        for _ in range(BATCHES):
            optimiser.zero_grad()
            F.cross_entropy(network(features), classes).backward()
            optimiser.step()

    trained = BATCHES * ROWS / core_seconds(train)
    folded, asked = in_float32(network.folded()), torch.randn(network.rows, len(SPACE))

    @torch.inference_mode()
    def infer() -> None:
        for _ in range(BATCHES):
            folded(asked)

    return network.weights, trained, BATCHES * network.rows / core_seconds(infer)


if __name__ == "__main__":
    torch.set_num_threads(1)
    _, train_of_mlp, infer_of_mlp = rates("mlp")
    print(f"{'network':22s} {'weights':>8s} {'train/core-s':>13s} {'of mlp':>7s} {'infer/core-s':>13s} {'of mlp':>7s}")
    for name in NETWORKS:
        weights, train, infer = rates(name)
        row = f"{name:22s} {weights:8d} {train:13,.0f} {train / train_of_mlp:7.3f}"
        print(f"{row} {infer:13,.0f} {infer / infer_of_mlp:7.3f}", flush=True)
