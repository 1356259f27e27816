"""What the stage `trust` says of a model's confidence."""

from dataclasses import replace

from sitspark.workflow.trust import worse_in_words

from ..accuracy.plausible import confidence


def test_a_calibration_that_did_harm_is_told_with_both_errors_and_the_setting() -> None:
    better = confidence()
    assert better.calibrated is not None and not better.is_worse_calibrated
    worse = replace(better, plain=better.calibrated, calibrated=better.plain)
    assert worse.is_worse_calibrated and not replace(worse, calibrated=None).is_worse_calibrated
    off, plain = (100 * (diagram.error or 0) for diagram in (better.plain, better.calibrated))
    told = worse_in_words(worse)
    assert f"off by {off:.1f} points on the samples set aside, and by {plain:.1f} without it; training.calibrate: false" in told
