"""What a check tells."""

from dataclasses import dataclass

PRODUCT = "product"  # the subject of findings on what is left out


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what is right, or the sentence of what is wrong."""

    subject: str
    sentence: str
    wrong: bool
