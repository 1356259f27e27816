"""One landscape as different agencies deliver it: read by each layout, it is the same ground."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sitspark.errors import SitsparkError
from sitspark.grid import Grid
from sitspark.location import Location
from sitspark.scenes.cube import Cube, read_cube
from sitspark.scenes.inspect import inspect_product
from sitspark.scenes.layouts import Selection
from sitspark.scenes.listing import list_archive
from sitspark.scenes.product import Scene
from sitspark.settings import ScenesSettings
from sitspark.simulate import Landscape, Simulation, simulate
from sitspark.simulate.stac import describe

# across 25 January 2022, when ESA's reflectances got an offset
LANDSCAPE: dict[str, Any] = {"tiles": 1, "size": 192, "dates": 12, "start": date(2021, 9, 1), "seed": 2, "polygons": 4}
LAYOUTS = ("theia_l2a", "sen2cor_l2a", "landsat_c2_l2")


@pytest.fixture(scope="module")
def simulations(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Simulation]:
    folder = tmp_path_factory.mktemp("deliveries")
    return {name: simulate(folder / name, Landscape(**LANDSCAPE, layout=name), workers=1) for name in LAYOUTS}


def settings_of(folder: Location, layout: str) -> ScenesSettings:
    return ScenesSettings.model_validate({"folder": folder, "layout": layout})


def scenes_of(settings: ScenesSettings) -> list[Scene]:
    selection, scenes = Selection.of(settings), []
    for product in list_archive(settings).products:
        assert product.left_out is None
        found = inspect_product(product.source, selection)
        assert found.crs is not None, found.problem
        scenes.append(Scene(product.scene_id, product.name.tile, product.name.acquired, found.crs, found.assets))
    return scenes


def cube_of(settings: ScenesSettings, grid: Grid) -> Cube:
    """All dates, also those without a clear pixel: of these nothing is dropped before it is compared."""
    selection = Selection.of(settings)
    return read_cube(scenes_of(settings), grid, layout=selection.layout, bands=selection.bands, interpolator="nearest")


def folder_of(simulation: Simulation) -> Location:
    return Location.of(simulation.scenes_folder)


def test_sen2cor_and_theia_show_the_same_ground_before_and_after_the_offset(simulations: dict[str, Simulation]) -> None:
    grid = Landscape(**LANDSCAPE).grid_of("31TCJ")
    theia, safe = (cube_of(settings_of(folder_of(simulations[name]), name), grid) for name in LAYOUTS[:2])
    products = list_archive(settings_of(folder_of(simulations["sen2cor_l2a"]), "sen2cor_l2a")).products
    names = {product.name.processing_baseline for product in products}
    assert names == {"03.01", "04.00"}
    assert set(safe.days) <= set(theia.days) and len(safe.days) > 8
    theia_days = theia.days.tolist()
    for date_, day in enumerate(safe.days.tolist()):
        if theia_days.count(day) != 1 or safe.days.tolist().count(day) != 1:
            continue  # a pass in two products
        own = theia_days.index(day)
        # SCL is of 20 m, so that it excludes at least what the masks of 10 m do
        assert not (safe.valid[date_] & ~theia.valid[own] & 1).any()
        both = (safe.valid[date_] & theia.valid[own]) == 1
        wanted = theia.reflectance[own][:, both]
        with_offset = day >= (date(2022, 1, 25) - date(1970, 1, 1)).days
        # without an offset the lowest reflectance that can be stored is 1
        assert (safe.reflectance[date_][:, both] == (wanted if with_offset else np.maximum(wanted, 1))).all()


def test_landsat_shows_the_means_of_the_finer_pixels(simulations: dict[str, Simulation]) -> None:
    fine = Landscape(**LANDSCAPE).grid_of("31TCJ")
    coarse = Grid(fine.crs, fine.left, fine.top, 30, 64, 64)
    theia = cube_of(settings_of(folder_of(simulations["theia_l2a"]), "theia_l2a"), fine)
    landsat = cube_of(settings_of(folder_of(simulations["landsat_c2_l2"]), "landsat_c2_l2"), coarse)
    compared = 0
    for date_, day in enumerate(landsat.days.tolist()):
        own = np.flatnonzero(theia.days == day)
        if len(own) != 1:
            continue
        whole = theia.valid[own[0]].reshape(64, 3, 64, 3).all(axis=(1, 3)) & (landsat.valid[date_] == 1)
        # Theia's B4 and Landsat's are both red
        mean = theia.reflectance[own[0], 2].astype(float).reshape(64, 3, 64, 3).mean(axis=(1, 3))
        # stored in steps of 0.275, and rounded once more
        assert np.abs(landsat.reflectance[date_, 3][whole] - mean[whole]).max(initial=0) <= 0.14 + 0.5 + 1e-6
        compared += whole.sum()
    assert compared > 2000


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_stac_catalogue_gives_the_cube_of_its_products(simulations: dict[str, Simulation], layout: str) -> None:
    folder, native = simulations[layout], settings_of(folder_of(simulations[layout]), layout)
    catalogue = describe(folder, layout)
    selection = Selection.of(native)
    masks = {name: {"file": name, **_rule(name)} for name in selection.layout.masks}
    names = {"red": selection.layout.red, "nir": selection.layout.nir, "swir": selection.layout.swir}
    description = {"sensor": selection.layout.sensor, "bands": {b: b for b in selection.bands}, "masks": masks} | names
    tree = {"folder": catalogue, "layout": "stac", "description": description}
    settings = ScenesSettings.model_validate(tree)
    assert all(product.source.is_described for product in list_archive(settings).products)
    resolution = 30 if layout == "landsat_c2_l2" else 10
    grid = Grid("EPSG:32631", 300_000, 4_900_020, resolution, 64, 64)
    own, found = cube_of(native, grid), cube_of(settings, grid)
    assert (own.days == found.days).all() and (own.valid == found.valid).all()
    seen = np.repeat(own.valid[:, None], len(selection.bands), axis=1) == 1
    assert (own.reflectance[seen] == found.reflectance[seen]).all()


def _rule(mask: str) -> dict[str, Any]:
    rules: dict[str, dict[str, Any]] = {"SCL": {"invalid": [0, 1, 3, 8, 9, 10]}, "QA_PIXEL": {"bits": [0, 1, 2, 3, 4]}}
    return rules.get(mask, {"valid": [0]})


@pytest.mark.parametrize("layout", LAYOUTS[1:])
def test_packed_products_are_the_same(simulations: dict[str, Simulation], layout: str, tmp_path: Path) -> None:
    packed = simulate(tmp_path, Landscape(**LANDSCAPE, layout=layout, packed=True), workers=1)
    again = simulate(tmp_path, Landscape(**LANDSCAPE, layout=layout, packed=True), workers=1)
    assert again.reused and packed.scenes == 12
    grid = Grid("EPSG:32631", 300_000, 4_900_020, 30, 20, 20)
    first, second = (cube_of(settings_of(folder_of(s), layout), grid) for s in (simulations[layout], packed))
    assert (first.reflectance == second.reflectance).all() and (first.valid == second.valid).all()
    with pytest.raises(SitsparkError, match="leave --packed out"):
        describe(packed, layout)


def test_a_layout_that_is_not_known_is_refused() -> None:
    with pytest.raises(SitsparkError, match="one of the layouts theia_l2a, sen2cor_l2a, landsat_c2_l2, not modis"):
        Landscape(layout="modis")
    with pytest.raises(SitsparkError, match="SRE reflectances are Theia's; sen2cor_l2a has none"):
        Landscape(layout="sen2cor_l2a", sre=True)
