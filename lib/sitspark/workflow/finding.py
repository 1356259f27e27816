"""What a check tells."""

from dataclasses import dataclass

PRODUCT = "product"  # the subject of findings on what is left out


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what is right, what is wrong, or a `loss` with which a run can go on."""

    subject: str
    sentence: str
    wrong: bool
    loss: bool = False
