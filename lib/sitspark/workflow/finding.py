"""What a check tells."""

from dataclasses import dataclass

PRODUCT = "product"  # the subject of findings on what is left out


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: the sentence of what is right, of what is wrong, or of a `loss` with which a run can go on."""

    subject: str
    sentence: str
    wrong: bool
    loss: bool = False
