from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from sitspark.models.card import ModelCard, read_card
from sitspark.models.job import TrainingJob
from sitspark.models.loop import train

from .tables import Table, job, separable, write


@pytest.fixture(autouse=True)
def torch_as_before() -> Iterator[None]:
    """Training sets these for its whole process."""
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)


@pytest.fixture(scope="session")
def table() -> Table:
    return separable()


@pytest.fixture(scope="session")
def samples(table: Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(table, tmp_path_factory.mktemp("tables") / "samples")


@pytest.fixture(scope="session")
def trained(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingJob:
    """A job that was done in this process."""
    done = job(samples, tmp_path_factory.mktemp("trained"))
    train(done)
    return done


@pytest.fixture
def card(trained: TrainingJob) -> ModelCard:
    return read_card(trained.folder)
