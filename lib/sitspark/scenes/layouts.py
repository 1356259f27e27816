"""The layouts by their names in the settings, and what is read of their products."""

from dataclasses import dataclass, replace

from sitspark.errors import SitsparkError
from sitspark.scenes import landsat, sen2cor, theia
from sitspark.scenes.container import Container
from sitspark.scenes.mask_rules import AnyOf
from sitspark.scenes.product import Contents, Layout
from sitspark.settings import ScenesSettings

LAYOUTS: dict[str, Layout] = {
    layout.name: layout for layout in (theia.L2A, theia.L3A, sen2cor.LAYOUT, landsat.C2_L2, landsat.C1_L1)
}


def layout_of(settings: ScenesSettings) -> Layout:
    """The layout that the settings name, with the classes that they exclude."""
    layout = LAYOUTS[settings.layout]
    if "SCL" in layout.masks:
        return replace(layout, masks={"SCL": AnyOf(settings.invalid_scl)})
    return layout


@dataclass(frozen=True, slots=True)
class Selection:
    """What of a product is read: masks and `bands` of its layout, of one kind of reflectance (Theia), up to so many clouds.

    `max_cloud_cover` is in per cent.
    """

    layout: Layout
    bands: tuple[str, ...]
    reflectance: str = "FRE"
    max_cloud_cover: float = 100

    @staticmethod
    def of(settings: ScenesSettings) -> "Selection":
        """What the settings ask for: all bands of the layout unless they choose some.

        Raises SitsparkError for a band that the layout doesn't have.
        """
        layout = layout_of(settings)
        for band in settings.bands:
            if band not in layout.bands:
                raise SitsparkError(f"scenes.bands: {settings.layout} has no band {band}; it has {', '.join(layout.bands)}")
        return Selection(layout, settings.bands or layout.bands, settings.reflectance, settings.max_cloud_cover)

    @property
    def names(self) -> tuple[str, ...]:
        """Masks and bands."""
        return (*self.layout.masks, *self.bands)

    def contents(self, product: Container) -> Contents:
        """Where the files of a product lie; raises SitsparkError for one whose metadata don't tell."""
        return self.layout.contents(product, self.names, self.reflectance)
