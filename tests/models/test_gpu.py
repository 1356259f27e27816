"""Training and classifying on a GPU, where there is one: --noconftest -o addopts= runs it without Spark."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from sitspark.errors import SitsparkError
from sitspark.models import batches, loop, recorded_step
from sitspark.models.arithmetic import Arithmetic
from sitspark.models.batches import Batches
from sitspark.models.card import HISTORY, WEIGHTS, read_card
from sitspark.models.gpu import gpu_memory, room_on_gpu, take_gpu
from sitspark.models.inference import BLOCK, Classifier
from sitspark.models.job import TrainingJob
from sitspark.models.loop import train
from sitspark.models.networks.bank import build
from sitspark.models.networks.base import Network
from sitspark.models.process_group import ProcessGroup
from sitspark.models.statistics import Statistics
from sitspark.models.store import Samples

from .networks.spaces import SPACES, features_of
from .tables import job, separable, write

SPACE, CLASSES = SPACES["two sensors and the rest"], 5

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


TIMES = ["seconds", "samples_per_second"]


def learn_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded_step, "_AT_FIRST", 10**9)


ALL_OF_IT: dict[str, object] = {
    "optimiser": {"kind": "adamw", "weight_decay": 0.01},
    "loss": {"kind": "focal", "label_smoothing": 0.1},
    "schedule": {"kind": "one_cycle"},
    "clip_gradient": 1.0,
    "precision": "bf16",
}


@pytest.mark.parametrize("network", PLAIN)
@pytest.mark.parametrize("settings", [{}, {"optimiser": {"kind": "sgd"}}, ALL_OF_IT], ids=["plain", "sgd", "all of it"])
def test_recorded_steps_give_the_bytes_of_single_ones(
    network: str, settings: dict[str, object], samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With dropout and the normalisation of batches, as networks have them by default."""
    recorded = trained(samples, tmp_path / "recorded", device="gpu", network=network, **settings)
    learn_step_by_step(monkeypatch)
    single = trained(samples, tmp_path / "single", device="gpu", network=network, **settings)
    assert (recorded.folder / WEIGHTS).read_bytes() == (single.folder / WEIGHTS).read_bytes()
    one, two = (pd.read_parquet(done.folder / HISTORY).drop(columns=TIMES) for done in (recorded, single))
    pd.testing.assert_frame_equal(one, two)


def test_a_training_that_broke_off_ends_with_the_bytes_of_one_that_did_not(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, epoch = trained(samples, tmp_path / "whole", device="gpu", network="tempcnn"), loop._epoch

    def breaking(*args: Any, history: tuple[object, ...], **kwargs: Any) -> object:
        if len(history) == 2:
            raise KeyboardInterrupt
        return epoch(*args, history=history, **kwargs)  # type: ignore[arg-type]

    checkpoints = {"device": "gpu", "network": "tempcnn", "checkpoint": {"epochs": 1}}
    monkeypatch.setattr(loop, "_epoch", breaking)
    with pytest.raises(KeyboardInterrupt):
        trained(samples, tmp_path / "broken", **checkpoints)
    monkeypatch.setattr(loop, "_epoch", epoch)
    broken = trained(samples, tmp_path / "broken", **checkpoints)
    assert (broken.folder / WEIGHTS).read_bytes() == (whole.folder / WEIGHTS).read_bytes()


def test_a_part_is_written_over_only_after_the_gpu_has_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The GPU is kept so far behind that what it reads has long been asked to be replaced."""
    monkeypatch.setattr(batches, "_BLOCK", 64)
    count, width = 2000, 3
    np.arange(count * width, dtype=np.float32).tofile(tmp_path / "features")
    held = Samples(tmp_path / "features", width, torch.arange(count), torch.ones(count))
    found: dict[str, list[torch.Tensor]] = {"cpu": [], "cuda": []}
    for device, into in found.items():
        group = ProcessGroup(0, 1, torch.device(device))
        # two parts of two blocks are held
        epochs = Batches(held, 32, 3, 2 * 2 * 64 * 4 * width, group).epochs(1)
        for _ in range(3):
            for batch in next(epochs):
                into.append(batch.features)
                if device == "cuda":
                    torch.cuda._sleep(2_000_000)  # cycles of the GPU: a millisecond
        epochs.close()
    assert torch.equal(torch.cat(found["cuda"]).cpu(), torch.cat(found["cpu"]))


def test_bf16_learns(samples: Path, tmp_path: Path) -> None:
    metrics = read_card(trained(samples, tmp_path, device="gpu", precision="bf16", epochs=30).folder).metrics
    assert metrics.oa is not None and metrics.oa > 0.9


@pytest.fixture(params=PLAIN)
def network(request: pytest.FixtureRequest) -> Network:
    """One of the published size, which knows its features."""
    torch.manual_seed(0)
    built = build(request.param, SPACE, CLASSES)
    built.take(Statistics.of_features(features_of(SPACE, 500)))
    return built.eval()


def classifiers(network: Network, **there: Any) -> tuple[Classifier, Classifier]:
    """The network on the processor, in float32, and on the GPU."""
    codes = tuple(range(1, CLASSES + 1))
    return Classifier.of(network, codes), Classifier.of(network, codes, arithmetic=Arithmetic(device="cuda", **there))


def test_a_gpu_gives_the_classes_of_the_processor(network: Network) -> None:
    features = features_of(SPACE, 5 * BLOCK + 5)
    here, there = classifiers(network)
    position, probability = there.classify(features)
    expected, every = here.distribution(features)
    # float32 has 7 digits, of which sums of hundreds of products in another order lose one or two
    np.testing.assert_allclose(there.probabilities(features), every, atol=2e-5)
    best = np.sort(every, axis=1)
    clear = best[:, -1] - best[:, -2] > 1e-4
    assert clear.mean() > 0.95
    np.testing.assert_array_equal(position[clear], expected[clear])
    np.testing.assert_array_equal(probability, there.probabilities(features).max(1))


def test_a_pixel_gets_the_same_bits_in_any_company_on_a_gpu(network: Network) -> None:
    features = features_of(SPACE, 5 * BLOCK)
    _, there = classifiers(network)
    expected = there.probabilities(features)
    order = np.random.default_rng(0).permutation(len(features))[:3000]
    for rows in (order, order[:1], order[7:1500]):
        np.testing.assert_array_equal(there.probabilities(features[rows]), expected[rows])


def test_bf16_changes_few_classes(network: Network) -> None:
    features = features_of(SPACE, BLOCK)
    here, there = classifiers(network, precision="bf16")
    every = here.probabilities(features)
    best = np.sort(every, axis=1)
    clear = best[:, -1] - best[:, -2] > 0.1
    np.testing.assert_array_equal(there.classify(features)[0][clear], every.argmax(1)[clear])


def test_a_process_takes_the_gpu_that_it_is_given() -> None:
    take_gpu([str(torch.cuda.device_count() + 0)])  # numbers of a machine whose other GPUs are hidden
    assert torch.cuda.current_device() == 0
    take_gpu()
    assert 0 <= torch.cuda.current_device() < len(gpu_memory())


def test_a_gpu_without_room_is_told_in_a_sentence() -> None:
    with (
        pytest.raises(SitsparkError, match=r"no memory is left on a GPU of .* GB free\), .*give Spark fewer tasks at a time"),
        room_on_gpu(),
    ):
        torch.empty(2 * gpu_memory()[0], dtype=torch.uint8, device="cuda")
