import pytest
import torch

from sitspark.models.history import Epoch
from sitspark.models.schedule import plateau_factor, rate_factor
from sitspark.settings import ScheduleSettings

EPOCHS = 20


def optimiser() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)


def steps_of(scheduler: torch.optim.lr_scheduler.LRScheduler, count: int) -> list[float]:
    rates = []
    for _ in range(count):
        rates.append(scheduler.get_last_lr()[0])
        scheduler.optimizer.step()
        scheduler.step()
    return rates


def test_cosine_is_that_of_torch() -> None:
    expected = steps_of(torch.optim.lr_scheduler.CosineAnnealingLR(optimiser(), EPOCHS), EPOCHS)
    found = [rate_factor(ScheduleSettings(kind="cosine"), passed, EPOCHS) for passed in range(EPOCHS)]
    assert found == pytest.approx(expected)


def test_one_cycle_is_that_of_torch() -> None:
    # torch lays the highest rate on a step: with so many that the difference is small
    steps = 2000
    expected = steps_of(torch.optim.lr_scheduler.OneCycleLR(optimiser(), 1.0, total_steps=steps), steps)
    found = [rate_factor(ScheduleSettings(kind="one_cycle"), step / steps * EPOCHS, EPOCHS) for step in range(steps)]
    assert found == pytest.approx(expected, abs=5e-3)


@pytest.mark.parametrize(
    ("passed", "factor"), [(0.0, 0.0), (1.0, 0.25), (2.0, 0.5), (4.0, 1.0), (9.0, 1.0)], ids=["0", "1", "2", "4", "9"]
)
def test_the_rate_rises_while_it_warms_up(passed: float, factor: float) -> None:
    assert rate_factor(ScheduleSettings(warm_up=4), passed, EPOCHS) == pytest.approx(factor)


def history(losses: list[float]) -> list[Epoch]:
    return [Epoch(n, loss, loss, None, None, None, 1.0, 1.0, 1.0) for n, loss in enumerate(losses, 1)]


@pytest.mark.parametrize("patience", [0, 1, 3])
def test_a_plateau_is_that_of_torch(patience: int) -> None:
    losses = [3.0, 2.0, 2.0, 2.5, 1.9, 1.9, 1.9, 1.9, 1.9, 1.8, 1.8, 1.8, 1.8, 1.8]
    of_torch = optimiser()
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(of_torch, patience=patience, threshold=0.0, factor=0.1, eps=0.0)
    settings = ScheduleSettings(kind="plateau", patience=patience, factor=0.1)
    for number, loss in enumerate(losses, 1):
        scheduler.step(loss)
        assert plateau_factor(settings, history(losses[:number]), "loss") == pytest.approx(of_torch.param_groups[0]["lr"])
