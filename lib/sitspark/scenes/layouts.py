"""The layouts by their names in the settings, and what is read of their products."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sitspark.errors import SitsparkError
from sitspark.scenes import landsat, sen2cor, theia
from sitspark.scenes.container import Container
from sitspark.scenes.described import DAY
from sitspark.scenes.mask_rules import AllBut, AnyBit, AnyOf, MaskRule
from sitspark.scenes.product import Contents, DeliveredLayout, Layout
from sitspark.settings import DescriptionSettings, MaskSettings, ScenesSettings

DELIVERED: Mapping[str, DeliveredLayout] = {
    layout.name: layout for layout in (theia.L2A, theia.L3A, sen2cor.LAYOUT, landsat.C2_L2, landsat.C1_L1)
}


def layout_of(settings: ScenesSettings) -> Layout:
    """The layout that the settings name, with the classes that they exclude, or as they describe it."""
    layout = DELIVERED.get(settings.layout)
    if layout is None:
        return _described(settings.layout, settings.description)
    if "SCL" in layout.masks:
        return replace(layout, masks={"SCL": AnyOf(settings.invalid_scl)})
    return layout


def _described(name: str, description: DescriptionSettings) -> Layout:
    masks = {mask: _rule(rule) for mask, rule in description.masks.items()}
    bands = tuple(description.bands)
    day = None if description.day is None else DAY
    return Layout(name, description.sensor, bands, masks, description.red, description.nir, description.swir, day=day)


def _rule(mask: MaskSettings) -> MaskRule:
    if mask.bits is not None:
        return AnyBit(sum(1 << bit for bit in mask.bits))
    return AllBut(mask.valid) if mask.valid is not None else AnyOf(mask.invalid or ())


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
        """Masks, the file of days where there is one, and bands."""
        days = () if self.layout.day is None else (self.layout.day,)
        return (*self.layout.masks, *days, *self.bands)

    def kind_of(self, name: str) -> str:
        """What a file is: mask, day or band."""
        return "mask" if name in self.layout.masks else "day" if name == self.layout.day else "band"

    def contents(self, product: Container, known: Contents | None) -> Contents:
        """Where the files of a product lie: as its listing tells, else as the product itself does.

        Raises SitsparkError for a product whose metadata don't tell.
        """
        if known is None and isinstance(self.layout, DeliveredLayout):
            return self.layout.contents(product, self.names, self.reflectance)
        return (known or Contents({})).only(self.names, self.kind_of)
