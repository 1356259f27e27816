from math import log

import numpy as np
import torch

from sitspark.models.networks.attention import day_encoding, masked_max, masked_mean, masked_softmax

VALID = torch.tensor([[True, False, True], [False, False, False]])


def test_invalid_places_get_no_weight_at_all() -> None:
    weights = masked_softmax(torch.tensor([[0.0, 99.0, log(3)], [1.0, 2.0, 3.0]]), VALID)
    torch.testing.assert_close(weights, torch.tensor([[0.25, 0, 0.75], [0, 0, 0]]))
    assert (weights[~VALID] == 0).all()


def test_mean_and_maximum_are_of_valid_dates() -> None:
    values = torch.tensor([[[1.0], [50.0], [3.0]], [[7.0], [8.0], [9.0]]])
    assert masked_mean(values, VALID).tolist() == [[2.0], [0.0]]
    assert masked_max(values, VALID).tolist() == [[3.0], [0.0]]
    assert masked_max(-values, VALID).tolist() == [[-1.0], [0.0]]


def test_days_are_sines_and_cosines_of_ever_longer_periods() -> None:
    encoding = day_encoding((1, 100), 4, period=100)
    expected = [[np.sin(d), np.cos(d), np.sin(d / 10), np.cos(d / 10)] for d in (1, 100)]
    torch.testing.assert_close(encoding, torch.tensor(expected, dtype=torch.float32))


def test_an_odd_width_ends_with_a_sine() -> None:
    encoding = day_encoding((2,), 3, period=8)
    torch.testing.assert_close(encoding, torch.tensor([[np.sin(2), np.cos(2), np.sin(2 / 4)]], dtype=torch.float32))
