"""How the accuracy of a map is judged."""

from typing import Literal

from pydantic import Field

from sitspark.settings.section import Section


class AccuracySettings(Section):
    """What the polygons that measure a map stand for."""

    design: Literal["polygons", "stratified", "random"] = Field(
        "polygons",
        description="How the polygons (or points) set aside or kept for testing were drawn: polygons, for convenience; "
        "stratified, at random within each class of the map; random, from the whole map. Of the last two each is one sample of "
        "the area estimates, and their errors are those of that design.",
    )
