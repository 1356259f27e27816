from collections.abc import Iterator
from pathlib import Path

import pytest

from sitspark.models.card import ModelCard, read_card
from sitspark.models.job import TrainingJob
from sitspark.models.loop import train
from sitspark.models.torch_state import torch_as_before as as_before

from .tables import Table, job, separable, write


@pytest.fixture(autouse=True)
def torch_as_before() -> Iterator[None]:
    """The loop sets what holds for its whole process."""
    with as_before():
        yield


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
