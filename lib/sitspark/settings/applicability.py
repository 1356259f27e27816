"""How the area of applicability is found."""

from pydantic import Field

from sitspark.settings.section import Section


class ApplicabilitySettings(Section):
    """The area of applicability (Meyer and Pebesma 2021): where pixels are like the training samples."""

    samples: int = Field(
        20_000, ge=100, description="Training samples that it is found from, of each class about as many; they are in memory."
    )
    representatives: int = Field(
        2000, ge=10, description="Samples that stand for these when a pixel is compared: more take longer and err less."
    )
    dimensions: int = Field(
        16, ge=1, le=256, description="Directions in feature space that they are compared in: more take longer and err less."
    )
