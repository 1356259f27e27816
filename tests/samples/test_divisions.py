"""What further runs of a cross-validation train on: as dense in what was set aside before as in the rest."""

import pytest

from sitspark.samples.divisions import kept_shares


@pytest.mark.parametrize(
    ("train", "aside", "expected"),
    [
        pytest.param((100, 400), (100, 200), 0.5, id="set aside twice as densely"),
        pytest.param((100, 100), (50, 50), 1.0, id="all are taken"),
        pytest.param((100, 200), (40, 100), 1.0, id="set aside less densely: none is made up"),
        pytest.param((0, 100), (40, 100), 0.0, id="none trains"),
        pytest.param((100, 200), (0, 0), 1.0, id="nothing is set aside"),
    ],
)
def test_the_share_that_is_kept_makes_densities_equal(train: tuple[int, int], aside: tuple[int, int], expected: float) -> None:
    """Pairs are pixels chosen, and available."""
    chosen, available = ({(7, "train"): train[i], (7, "validation"): aside[i]} for i in (0, 1))
    assert kept_shares(chosen, available) == {7: expected}
