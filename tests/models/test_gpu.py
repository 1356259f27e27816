"""Training on a GPU, where there is one: --noconftest -o addopts= runs it without Spark."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from sitspark.models import batches, loop
from sitspark.models.card import HISTORY, WEIGHTS, read_card
from sitspark.models.job import TrainingJob
from sitspark.models.loop import train

from .tables import job, separable, write

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

PLAIN: dict[str, dict[str, object]] = {
    "mlp": {},
    "ann": {"dropout": 0.0},
    "simple_self_attention": {},
    "ltae": {"dropout": 0.0, "attention_dropout": 0.0},
    "tempcnn": {"dropout": 0.0},
    "transformer": {"dropout": 0.0},
}


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(separable(), tmp_path_factory.mktemp("tables") / "samples")


def trained(samples: Path, root: Path, **settings: object) -> TrainingJob:
    done = job(samples, root, learning_rate=1e-3, **settings)
    train(done)
    return done


@pytest.mark.parametrize("network", PLAIN)
def test_a_gpu_learns_like_the_processor_and_gives_the_same_bytes_twice(network: str, samples: Path, tmp_path: Path) -> None:
    chosen = {"network": network, "parameters": PLAIN[network]}
    there, again = (trained(samples, tmp_path / name, device="gpu", **chosen) for name in ("there", "again"))
    here = trained(samples, tmp_path / "here", device="cpu", **chosen)
    assert (there.folder / WEIGHTS).read_bytes() == (again.folder / WEIGHTS).read_bytes()
    assert read_card(there.folder).device == "cuda:0"
    one, two = (pd.read_parquet(done.folder / HISTORY) for done in (here, there))
    # products round to 10 bits of a float32 at the least; four epochs of steps add to it
    np.testing.assert_allclose(two["train_loss"], one["train_loss"], rtol=0.02)


def test_parts_that_a_thread_loads_are_those_of_the_processor(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "_BLOCK", 64)
    monkeypatch.setattr(loop, "room", lambda memory, group: 20_000.0)
    here, there = (trained(samples, tmp_path / device, device=device) for device in ("cpu", "gpu"))
    one, two = (pd.read_parquet(done.folder / HISTORY) for done in (here, there))
    np.testing.assert_allclose(two["train_loss"], one["train_loss"], rtol=0.02)


def test_bf16_learns(samples: Path, tmp_path: Path) -> None:
    metrics = read_card(trained(samples, tmp_path, device="gpu", precision="bf16", epochs=30).folder).metrics
    assert metrics.oa is not None and metrics.oa > 0.9
