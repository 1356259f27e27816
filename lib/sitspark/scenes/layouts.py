"""The layouts by their names in the settings."""

from sitspark.scenes import landsat, theia
from sitspark.scenes.product import Layout

LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in (theia.LAYOUT, landsat.LAYOUT)}
