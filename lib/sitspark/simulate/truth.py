"""Writing what is true of a landscape: the class map, and the names and colours of its classes."""

from pathlib import Path

import numpy as np
import rasterio
from rasterio.windows import Window as RasterWindow

from sitspark.classes import Nomenclature
from sitspark.grid import Window
from sitspark.simulate.ground import ground
from sitspark.simulate.landscape import Landscape

BLOCK = 256


def write_legend(nomenclature: Nomenclature, folder: Path) -> None:
    """Write nomenclature.txt (`name:code` a line) and colours.txt (`code red green blue` a line)."""
    names = "".join(f"{entry.name}:{entry.code}\n" for entry in nomenclature)
    colours = "".join("{} {} {} {}\n".format(entry.code, *entry.colour) for entry in nomenclature)
    (folder / "nomenclature.txt").write_text(names, encoding="utf-8")
    (folder / "colours.txt").write_text(colours, encoding="utf-8")


def write_truth(landscape: Landscape, nomenclature: Nomenclature, path: Path) -> None:
    """Write the true class map on the grid of the whole area: uint8 codes, 0 outside all tiles, with a colour table."""
    area = landscape.area
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=1,
        dtype="uint8",
        nodata=0,
        crs=area.crs,
        transform=area.transform,
        height=area.height,
        width=area.width,
        tiled=True,
        blockxsize=BLOCK,
        blockysize=BLOCK,
        compress="deflate",
    ) as file:
        file.write_colormap(1, {0: (0, 0, 0, 0), **{entry.code: (*entry.colour, 255) for entry in nomenclature}})
        for row in range(0, area.height, BLOCK):
            strip = Window(row, 0, min(BLOCK, area.height - row), area.width)
            seen = np.zeros((strip.height, strip.width), bool)
            for extent in landscape.extents.values():
                seen[extent.intersection(strip).shifted(-row, 0).slices] = True
            codes = np.where(seen, ground(landscape, strip).codes, 0)
            file.write(codes, 1, window=RasterWindow(0, row, strip.width, strip.height))
