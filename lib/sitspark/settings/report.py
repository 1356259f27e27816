"""What the report shows."""

from typing import Self

from pydantic import Field, model_validator

from sitspark.settings.section import Section


class PlaceSettings(Section):
    """A place of interest."""

    name: str = Field(min_length=1, description="What it is called on the page.")
    lon: float = Field(ge=-180, le=180, description="Degrees of longitude of its middle.")
    lat: float = Field(ge=-90, le=90, description="Degrees of latitude of its middle.")


class ReportSettings(Section):
    """The page that sums up a run."""

    places: tuple[PlaceSettings, ...] = Field(
        (), description="Places of the map that the page shows closely, and `cross-validate --maps` on the map of each fold."
    )
    place_size: float = Field(2, gt=0, le=20, description="Side of what is shown of a place, kilometres.")
    disputed_places: int = Field(
        3, ge=0, le=12, description="How many places are shown beside them where the maps of the folds disagree most."
    )

    @model_validator(mode="after")
    def _names_tell_places_apart(self) -> Self:
        names = [place.name for place in self.places]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"has two places called {twice[0]}; give each a name of its own")
        return self
