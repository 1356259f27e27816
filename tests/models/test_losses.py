import numpy as np
import pytest
import torch

from sitspark.models.losses import losses
from sitspark.settings import LossSettings

SCORES = torch.tensor([[2.0, 0.0, -1.0], [0.0, 0.0, 0.0], [-3.0, 1.0, 4.0]])
POSITIONS = torch.tensor([0, 1, 0])


def probabilities() -> np.ndarray:
    exponential = np.exp(SCORES.double().numpy())
    return exponential / exponential.sum(1, keepdims=True)


def of_the_label() -> np.ndarray:
    return probabilities()[np.arange(3), POSITIONS.numpy()]


def test_cross_entropy_is_minus_the_logarithm_of_the_probability() -> None:
    np.testing.assert_allclose(losses(SCORES, POSITIONS, LossSettings()), -np.log(of_the_label()), rtol=1e-6)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_weighs_by_what_is_missing_to_one(gamma: float) -> None:
    found = losses(SCORES, POSITIONS, LossSettings(kind="focal", gamma=gamma))
    right = of_the_label()
    np.testing.assert_allclose(found, -((1 - right) ** gamma) * np.log(right), rtol=1e-5)


def test_smoothing_spreads_a_share_of_the_label_over_all_classes() -> None:
    found = losses(SCORES, POSITIONS, LossSettings(label_smoothing=0.3))
    wanted = 0.7 * np.eye(3)[POSITIONS.numpy()] + 0.1
    np.testing.assert_allclose(found, -(wanted * np.log(probabilities())).sum(1), rtol=1e-5)


def test_a_sample_without_doubt_has_a_finite_gradient() -> None:
    scores = torch.tensor([[200.0, -200.0]], requires_grad=True)
    losses(scores, torch.tensor([0]), LossSettings(kind="focal", gamma=0.5)).sum().backward()
    assert scores.grad is not None and scores.grad.isfinite().all()
