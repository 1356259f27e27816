"""How it is found out which dates and bands a model needs."""

from pydantic import Field

from sitspark.settings.section import Section


class ImportanceSettings(Section):
    """Permutation importance of dates and bands, on samples set aside."""

    samples: int = Field(
        2000, ge=1, description="Samples set aside that are classified again and again, of each class about as many."
    )
    repeats: int = Field(3, ge=1, description="Permutations of each date, band and further feature.")
