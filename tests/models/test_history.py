import pytest

from sitspark.models.history import Criterion, Epoch, as_line, has_stalled, is_better
from sitspark.settings import StoppingSettings


def epoch(number: int, **values: float | None) -> Epoch:
    chosen = {"train_loss": 1.0, "validation_loss": 1.0, "oa": 0.5, "kappa": 0.5, "fscore": 0.5} | values
    return Epoch(epoch=number, learning_rate=0.1, seconds=1, samples_per_second=1, **chosen)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("criterion", "values", "better"),
    [
        ("loss", {"validation_loss": 0.9}, True),
        ("loss", {"validation_loss": 1.1}, False),
        ("oa", {"oa": 0.6}, True),
        ("fscore", {"fscore": 0.4}, False),
        ("fscore", {}, False),  # a tie: the earlier one stays
        ("kappa", {"kappa": None}, False),
        ("train_loss", {"train_loss": 0.5}, True),
    ],
)
def test_which_epoch_is_better(criterion: Criterion, values: dict[str, float | None], better: bool) -> None:
    assert is_better(epoch(2, **values), epoch(1), criterion) is better


LOSSES = [3.0, 2.0, 1.9, 1.9, 1.95, 1.5, 1.5]


@pytest.mark.parametrize(
    ("settings", "stops_at"),
    [
        ({"patience": 2}, 5),
        ({"patience": 3}, None),
        ({"patience": 1}, 4),
        ({"patience": 2, "tolerance": 0.2}, 4),
        ({"patience": 1, "start": 5}, 7),
        ({"patience": 1, "metric": "oa"}, 2),
    ],
)
def test_when_training_stops_early(settings: dict[str, object], stops_at: int | None) -> None:
    history = [epoch(number, validation_loss=loss) for number, loss in enumerate(LOSSES, 1)]
    stopping = StoppingSettings.model_validate(settings)
    stopped = [n for n in range(1, len(history) + 1) if has_stalled(history[:n], stopping, "loss")]
    assert (stopped[0] if stopped else None) == stops_at


def test_without_monitored_samples_the_training_loss_is_watched() -> None:
    history = [epoch(number, train_loss=loss, oa=None) for number, loss in enumerate(LOSSES, 1)]
    stopping = StoppingSettings(patience=2, metric="oa")
    assert has_stalled(history[:5], stopping, "train_loss")
    assert not has_stalled(history[:4], stopping, "train_loss")


def test_an_epoch_is_a_line_of_the_log() -> None:
    undefined = {"validation_loss": None, "oa": None, "kappa": None, "fscore": None}
    assert as_line(epoch(2, train_loss=0.123456, fscore=None), epochs=12) == (
        "epoch 2 of 12: loss 0.1235, monitored loss 1.000, OA 0.5000, kappa 0.5000, F -, learning rate 0.1, 1.0 s"
    )
    assert "monitored loss -, OA -, kappa -, F -" in as_line(epoch(1, **undefined), epochs=1)
