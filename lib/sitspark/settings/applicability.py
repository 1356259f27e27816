"""How the area of applicability is found."""

from pydantic import Field

from sitspark.settings.section import Section


class ApplicabilitySettings(Section):
    """The area of applicability (Meyer and Pebesma 2021): where pixels are like the training samples."""

    samples: int = Field(
        20_000, ge=100, description="Training samples that it is found from, of each class about as many; they are in memory."
    )
    dimensions: int = Field(
        24, ge=1, le=256, description="Directions in feature space that pixels are compared in: more take longer and err less."
    )
    cells: int = Field(
        1000, ge=1, description="Cells that the samples are gathered in; a pixel is compared with those of the two nearest."
    )
