"""What the stage `trust` says of a model's confidence."""

from dataclasses import replace

from sitspark.workflow.trust import _confidence_in_words

from ..accuracy.plausible import confidence


def test_confidence_that_calibration_made_worse_is_told_with_the_setting() -> None:
    better = confidence()
    assert better.calibrated is not None
    worse = replace(better, plain=better.calibrated, calibrated=better.plain)
    told = "without calibration (training.calibrate: false)"
    assert told not in _confidence_in_words(better)
    assert f"and by {100 * (worse.plain.error or 0):.1f} {told}" in _confidence_in_words(worse)
    assert told not in _confidence_in_words(replace(worse, calibrated=None))
