"""The layouts by their names in the settings."""

from dataclasses import replace

from sitspark.scenes import landsat, sen2cor, theia
from sitspark.scenes.mask_rules import AnyOf
from sitspark.scenes.product import Layout
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
