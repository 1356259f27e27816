"""STAC: what items say of their files, catalogues on disk, over HTTP and in a bucket, searches in an API."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from sitspark.errors import SitsparkError
from sitspark.location import Location
from sitspark.scenes import stac
from sitspark.scenes.archive import Archive, Listed
from sitspark.scenes.choice import remarks
from sitspark.scenes.cube import read_cube
from sitspark.scenes.described import Place
from sitspark.scenes.inspect import inspect_product
from sitspark.scenes.layouts import Selection
from sitspark.scenes.left_out import Reason
from sitspark.scenes.listing import list_archive
from sitspark.scenes.product import Header, Scene, StoredFile
from sitspark.scenes.region import Region
from sitspark.settings import ScenesSettings
from tests import servers

from .products import grid_of, noise, write_theia
from .rearranged import as_stac, item_of

BLUE = {"href": "./B02.tif", "roles": ["data"]}
BAND = {"name": "blue"}
MGRS = ("mgrs:utm_zone", "mgrs:latitude_band", "mgrs:grid_square")
HEADER = {"proj:shape": [20, 30], "proj:transform": [10, 0, 300000, 0, -10, 4900020, 0, 0, 1]}


def item(properties: dict[str, Any] | None = None, **assets: dict[str, Any]) -> dict[str, Any]:
    own = {"datetime": "2022-02-03T10:11:12.5Z", "platform": "landsat-8"} | (properties or {})
    return {"type": "Feature", "id": "scene", "collection": "c", "properties": own, "assets": assets, "links": []}


def settings_of(folder: Path | str, **description: Any) -> ScenesSettings:
    described = {"bands": {"B2": "blue"}} | description
    return ScenesSettings.model_validate({"folder": folder, "layout": "stac", "description": described})


def listed(tmp_path: Path, described: dict[str, Any], **description: Any) -> Listed:
    (tmp_path / "items.json").write_text(json.dumps({"type": "FeatureCollection", "features": [described]}))
    (product,) = Archive.of(stac.search(settings_of(tmp_path / "items.json", **description), None)).products
    return product


def stored(tmp_path: Path, described: dict[str, Any], **description: Any) -> StoredFile:
    product = listed(tmp_path, described, **description)
    assert product.source.contents is not None, product.left_out
    return product.source.contents.files["B2"]


@pytest.mark.parametrize(
    ("asset", "description", "scale", "offset", "nodata"),
    [
        ({}, {}, 1, 0, None),
        ({"raster:bands": [{"scale": 2.75e-5, "offset": -0.2, "nodata": 0}]}, {}, 0.275, -2000, 0),
        ({"bands": [{"raster:scale": 0.001, "raster:offset": 0.1}], "nodata": 65535}, {}, 10, 1000, 65535),
        ({"raster:scale": 0.001, "nodata": "nan"}, {}, 10, 0, "nan"),
        ({"raster:bands": [{"scale": 0.5, "offset": 9, "nodata": 0}]}, {"scale": 1, "offset": 0, "nodata": -1}, 10_000, 0, -1),
    ],
    ids=["nothing", "raster 1.1", "STAC 1.1", "of the asset", "settings go first"],
)
def test_scale_offset_and_nodata_are_the_items(
    tmp_path: Path, asset: dict[str, Any], description: dict[str, Any], scale: float, offset: float, nodata: float | str | None
) -> None:
    found = stored(tmp_path, item(blue=BLUE | asset), **description)
    assert (found.scale, found.offset) == (scale, offset)
    assert np.isnan(found.nodata) if nodata == "nan" else found.nodata == nodata  # type: ignore[arg-type]


SENTINEL = {"constellation": "sentinel-2"}
OFFSET = {"raster:bands": [{"scale": 1e-4, "offset": -0.1}]}


@pytest.mark.parametrize(
    ("properties", "asset", "description", "offset"),
    [
        ({}, OFFSET, {}, -1000),
        ({"earthsearch:boa_offset_applied": True}, OFFSET, {}, 0),
        ({"earthsearch:boa_offset_applied": False}, OFFSET, {}, -1000),
        ({"earthsearch:boa_offset_applied": True}, OFFSET, {"offset": -0.1}, -1000),
        ({"s2:processing_baseline": "03.01"}, {}, {}, 0),
        ({}, {"raster:bands": [{"scale": 1e-4}]}, {}, 0),
        ({"s2:processing_baseline": "05.09"}, {}, {"offset": -0.1}, -1000),
        ({"s2:processing_baseline": "05.09"}, {}, {}, None),
        ({"processing:version": "unknown"}, {}, {}, None),
        ({}, {}, {}, None),
        ({"s2:processing_baseline": "05.09"}, {}, {"scale": 1e-4}, None),
        ({"constellation": None, "platform": "S2A", "s2:processing_baseline": "05.09"}, {}, {}, None),
        ({"constellation": None, "platform": None}, {}, {"sensor": "sentinel2"}, None),
        ({"constellation": None, "platform": None, "s2:datatake_id": "x"}, {}, {}, None),
        ({"constellation": None, "platform": "S2A", "s2:processing_baseline": "02.12"}, {}, {}, 0),
    ],
)
def test_the_offset_of_sentinel_2_is_never_guessed(
    tmp_path: Path, properties: dict[str, Any], asset: dict[str, Any], description: dict[str, Any], offset: float | None
) -> None:
    product = listed(tmp_path, item(SENTINEL | properties, blue=BLUE | asset), **description)
    if offset is None:
        assert product.left_out is not None and product.left_out.reason is Reason.DAMAGED
        assert "doesn't say whether its reflectances have an offset; set scenes.description.offset" in product.left_out.sentence
    else:
        assert product.source.contents is not None
        assert product.source.contents.files["B2"].offset == offset


@pytest.mark.parametrize(
    ("assets", "place", "file", "number"),
    [
        ({"blue": BLUE}, "blue", "B02.tif", 1),
        ({"blue": BLUE}, "blue:2", "B02.tif", 2),
        ({"B02": BLUE | {"eo:bands": [{"name": "x", "common_name": "blue"}]}}, "blue", "B02.tif", 1),
        ({"B02": BLUE | {"bands": [{"name": "x"}, {"eo:common_name": "blue"}]}}, "blue", "B02.tif", 2),
        (
            {"visual": {"href": "v.tif", "eo:bands": [{"name": "blue"}]}, "B02": BLUE | {"eo:bands": [{"name": "blue"}]}},
            "blue",
            "B02.tif",
            1,
        ),
        ({"all": BLUE, "thumbnail": {"href": "t.png"}, "xml": {"href": "m.xml", "roles": ["metadata"]}}, 3, "B02.tif", 3),
        (
            {"b60": {"href": "b60.tif", "gsd": 60, "bands": [{"name": "blue"}]}, "b10": BLUE | {"gsd": 10, "bands": [BAND]}},
            "blue",
            "B02.tif",
            1,
        ),
    ],
    ids=["key", "key and number", "common name", "second band", "no picture", "number", "the finest"],
)
def test_a_band_is_found_by_key_name_common_name_or_number(
    tmp_path: Path, assets: dict[str, Any], place: str | int, file: str, number: int
) -> None:
    product = listed(tmp_path, item(**assets), bands={"B2": place})
    assert product.source.contents is not None
    found = product.source.contents.files.get("B2")
    assert found is not None and (found.member, found.number) == (str(tmp_path / file), number)


def test_a_name_that_no_item_has_is_the_fault_of_the_settings(tmp_path: Path) -> None:
    features = [item(green=BLUE) | {"id": name} for name in ("a", "b")]
    with pytest.raises(SitsparkError, match=r"B2 is 'blue', and no product has such an asset; they have green; correct"):
        list_archive(written(tmp_path, *features))
    # where some have it, the others are faulty
    features.append(item({"grid:code": "MGRS-31TCJ"}, blue=BLUE) | {"id": "c"})
    assert len(list_archive(written(tmp_path, *features)).products) == 3


@pytest.mark.parametrize(
    ("assets", "place", "words"),
    [
        ({"a": BLUE, "b": BLUE}, 2, "2 may be a band of a, b; name the asset too, as a:2"),
        ({"a": BLUE | {"bands": [BAND]}, "b": BLUE | {"bands": [BAND]}}, "blue", "blue is a band of a, b; name the asset"),
        ({"blue": {"href": "https://x/B02.tif?sv=1&sig=abc"}}, "blue", "holds credentials in its address, https://x/B02.tif"),
        ({"blue": {"href": "ftp://x/B02.tif"}}, "blue", "ftp:// can't be read"),
        ({"blue": BLUE | {"nodata": "none"}}, "blue", "the item's nodata is 'none', which is no number"),
        ({"blue": BLUE | {"raster:bands": [{"scale": "x"}]}}, "blue", "the item's scale is 'x', which is no number"),
    ],
)
def test_an_item_of_which_a_band_can_not_be_told_is_left_out(
    tmp_path: Path, assets: dict[str, Any], place: str | int, words: str
) -> None:
    product = listed(tmp_path, item(**assets), bands={"B2": place})
    assert product.left_out is not None and product.left_out.reason is Reason.DAMAGED
    assert words in product.left_out.sentence and "abc" not in product.left_out.sentence


@pytest.mark.parametrize(
    ("properties", "asset", "known"),
    [
        ({"proj:epsg": 32631}, HEADER | {"raster:bands": [{"data_type": "int16", "nodata": 0}]}, True),
        ({"proj:code": "EPSG:32631"}, HEADER | {"data_type": "int16", "nodata": 0}, True),
        ({"proj:code": "EPSG:32631"} | HEADER, {"bands": [{"data_type": "int16", "nodata": 0}]}, True),
        ({"proj:code": "EPSG:32631"}, HEADER | {"data_type": "int16"}, False),  # nodata stands in the file
        ({"proj:code": "EPSG:32631"}, HEADER | {"data_type": "cint16", "nodata": 0}, False),
        ({"proj:code": "EPSG:32631"}, HEADER | {"data_type": "int16", "nodata": 0, "proj:transform": [1, 2, 3]}, False),
        ({"proj:epsg": 32631}, {"raster:bands": [{"data_type": "int16"}]}, False),  # no shape
        ({"proj:epsg": 32631}, HEADER, False),  # no data type
        ({"proj:wkt2": "PROJCS[]"}, HEADER | {"data_type": "int16"}, False),
        ({"proj:code": "EPSG:99999"}, HEADER | {"data_type": "int16", "nodata": 0}, False),
    ],
)
def test_a_header_is_known_where_the_item_has_all_of_it(
    tmp_path: Path, properties: dict[str, Any], asset: dict[str, Any], known: bool
) -> None:
    found = stored(tmp_path, item(properties, blue=BLUE | asset)).header
    expected = Header("EPSG:32631", 20, 30, (10, 0, 300000, 0, -10, 4900020), "int16", 512, 512)
    assert found == (expected if known else None)


def written(tmp_path: Path, *features: dict[str, Any]) -> ScenesSettings:
    (tmp_path / "items.json").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return settings_of(tmp_path / "items.json")


def test_items_of_one_second_at_other_places_are_no_duplicates(tmp_path: Path) -> None:
    """As of a mosaic in tiles that no property names."""
    boxes = {"west": [0, 0, 1, 1], "east": [1, 0, 2, 1], "again": [1, 0, 2, 1]}
    features = [item(blue=BLUE) | {"id": name, "bbox": box} for name, box in boxes.items()]
    products = list_archive(written(tmp_path, *features)).products
    assert [p.scene_id for p in products if p.left_out is not None] == ["east"]


def test_ids_that_come_again_get_the_name_of_their_collection(tmp_path: Path) -> None:
    tiles = [{"grid:code": f"MGRS-31TC{letter}"} for letter in "JKL"]
    features = [item(own, blue=BLUE) for own in tiles]
    features[1]["collection"] = "other"
    products = list_archive(written(tmp_path, *features)).products
    assert [p.scene_id for p in products][:2] == ["c/scene", "other/scene"]
    (left_out,) = [p.left_out for p in products if p.left_out is not None]
    assert left_out.sentence == "c/scene: another item of the collection has this id"


def test_an_item_without_a_collection_keeps_its_name(tmp_path: Path) -> None:
    features = [item({"grid:code": f"MGRS-31TC{letter}"}, blue=BLUE) for letter in "JK"]
    features[0]["collection"] = None
    assert {p.scene_id for p in list_archive(written(tmp_path, *features)).products} == {"scene", "c/scene"}


def test_of_items_of_one_name_the_first_by_address_stays(tmp_path: Path) -> None:
    """However many there are, and in whatever order they are read: more than are read at a time."""
    links = []
    for number in range(40):
        own = item({"grid:code": f"MGRS-31TC{number}"}, blue=BLUE) | {"id": f"item {min(number, 38)}"}
        (tmp_path / f"{number:02d}.json").write_text(json.dumps(own))
        links.append({"rel": "item", "href": f"./{number:02d}.json"})
    (tmp_path / "catalog.json").write_text(json.dumps({"type": "Catalog", "id": "x", "links": links[::-1]}))
    products = list_archive(settings_of(tmp_path / "catalog.json")).products
    assert len(products) == 40
    assert [p.address.rpartition("/")[2] for p in products if p.left_out is not None] == ["39.json#item 38"]


def test_items_without_any_asset_are_refused_with_the_name(tmp_path: Path) -> None:
    with pytest.raises(SitsparkError, match=r"B2 is 'blue', and no product has such an asset; they have none"):
        list_archive(written(tmp_path, item() | {"assets": {}}))


def test_an_orbit_of_too_many_digits_is_none(tmp_path: Path) -> None:
    product = listed(tmp_path, item({"sat:relative_orbit": 10**25}, blue=BLUE))
    assert product.name.relative_orbit is None


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ({"s2:processing_baseline": "02.06"}, {"s2:processing_baseline": "03.00", "datetime": "2022-02-03T10:11:12.1Z"}),
        ({"processing:version": "9.0"}, {"processing:version": "10.0"}),
        ({"processing:datetime": "2023-01-01T00:00:00Z"}, {"processing:datetime": "2024-01-01T00:00:00Z"}),
        ({"created": "2023-01-01T00:00:00Z"}, {"updated": "2023-01-02T00:00:00Z"}),
    ],
)
def test_of_one_acquisition_the_newest_processing_is_read(tmp_path: Path, older: dict[str, Any], newer: dict[str, Any]) -> None:
    tile = {"grid:code": "MGRS-31TCJ"}
    features = [item(tile | newer, blue=BLUE) | {"id": "new"}, item(tile | older, blue=BLUE) | {"id": "a_old"}]
    products = list_archive(written(tmp_path, *features)).products
    assert {p.scene_id: p.left_out is None for p in products} == {"new": True, "a_old": False}


@pytest.mark.parametrize(
    ("bbox", "region", "meets"),
    [
        ([179.5, -18, -179.5, -17], (179.8, -17.5, 179.9, -17.4), True),
        ([179.5, -18, -179.5, -17], (-179.9, -17.5, -179.8, -17.4), True),
        ([179.5, -18, -179.5, -17], (0, -17.5, 1, -17.4), False),
        ([0, 0, 100, 1, 1, 200], (0.5, 0.5, 2, 2), True),  # with heights
        (None, (0.5, 0.5, 2, 2), True),
    ],
)
def test_boxes_may_cross_the_antimeridian(
    tmp_path: Path, bbox: list[float] | None, region: tuple[float, ...], meets: bool
) -> None:
    settings = written(tmp_path, item(blue=BLUE) | {"bbox": bbox})
    found = Archive.of(stac.search(settings, Region(shapely.to_wkb(shapely.box(*region)), "EPSG:4326")))
    assert len(found.products) == meets


def test_numbers_may_be_written_as_text(tmp_path: Path) -> None:
    product = listed(tmp_path, item({"eo:cloud_cover": "12.5", "sat:relative_orbit": "51", "processing:version": 4}, blue=BLUE))
    assert product.source.contents is not None and product.source.contents.cloud_cover == 12.5
    assert (product.name.relative_orbit, product.name.processing_baseline) == (51, "4")


def test_a_file_that_is_not_as_its_item_says_is_told(theia: Path, tmp_path: Path) -> None:
    """A 20 m band that the item calls one of 10 m, and a band that the file doesn't have."""
    tree = as_stac(theia, tmp_path / "stac")
    path = next((tmp_path / "stac").glob("SENTINEL*.json"))
    for changed, words in (
        (
            {"proj:shape": [32, 32], "proj:transform": [5, 0, 300000, 0, -5, 4900020]},
            "it holds 16 x 16 pixels of int16, not 32",
        ),
        (
            {"raster:bands": [OFFSET["raster:bands"][0] | {"data_type": "uint16", "nodata": 0}]},
            "of int16, not 16 x 16 of uint16",
        ),
    ):
        described = json.loads(path.read_text())
        whole = json.dumps(described)
        described["assets"]["B4"] |= changed
        path.write_text(json.dumps(described))
        with pytest.raises(SitsparkError, match=f"B4: .*{words}"):
            cube_of(ScenesSettings.model_validate(tree))
        path.write_text(whole)


@pytest.mark.parametrize(
    ("properties", "tile"),
    [
        ({"grid:code": "MGRS-31TCJ"}, "31TCJ"),
        ({"s2:mgrs_tile": "31TCJ"}, "31TCJ"),
        ({"mgrs:utm_zone": 7, "mgrs:latitude_band": "T", "mgrs:grid_square": "CJ"}, "07TCJ"),
        ({"landsat:wrs_path": "13", "landsat:wrs_row": "032"}, "013032"),
        ({}, "c"),
    ],
)
def test_the_tile_goes_by_many_names(tmp_path: Path, properties: dict[str, Any], tile: str) -> None:
    product = listed(tmp_path, item(properties, blue=BLUE))
    assert product.name.tile == tile
    assert product.name.acquired.isoformat() == "2022-02-03T10:11:12.500000+00:00"


@pytest.mark.parametrize(
    ("text", "place"),
    [("blue", Place("blue")), ("data:3", Place("data", 3)), ("a:b", Place("a:b")), (2, Place(None, 2))],
)
def test_a_place_is_a_name_a_number_or_both(text: str | int, place: Place) -> None:
    assert Place.of(text) == place


@pytest.fixture
def theia(tmp_path: Path) -> Path:
    """Two tiles, three products."""
    for tile, when in (("31TCJ", "20180103-105429"), ("31TCJ", "20180113-105429"), ("31TDJ", "20180103-105430")):
        write_theia(tmp_path / "theia" / tile, {name: noise(16, 16) for name in THEIA_BANDS}, tile=tile, when=when)
    return tmp_path / "theia"


THEIA_BANDS = ("B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B11", "B12")


def cube_of(settings: ScenesSettings) -> Any:
    selection = Selection.of(settings)
    scenes = []
    for product in list_archive(settings).products:
        found = inspect_product(product.source, selection)
        assert found.crs is not None, found.problem
        scenes.append(Scene(product.scene_id, product.name.tile, product.name.acquired, found.crs, found.assets))
    return read_cube(scenes, grid_of(16, 16), layout=selection.layout, bands=selection.bands, interpolator="cubic")


@pytest.mark.parametrize("with_headers", [True, False])
@pytest.mark.parametrize("where", ["disk", "folder", "web", "s3"])
def test_a_catalogue_gives_the_cube_of_its_archive(
    theia: Path, tmp_path: Path, request: pytest.FixtureRequest, where: str, with_headers: bool
) -> None:
    expected = cube_of(ScenesSettings.model_validate({"folder": theia}))
    tree = as_stac(theia, tmp_path / "stac", with_headers=with_headers)
    if where == "folder":
        tree["folder"] = str(tmp_path / "stac")
    if where == "s3":
        bucket = request.getfixturevalue("bucket")
        servers.upload(tmp_path, tmp_path.name)
        tree["folder"] = f"{bucket}/{tmp_path.name}/stac"
    with servers.web(tmp_path, servers.free_port()) as address:
        if where == "web":
            tree["folder"] = f"{address}/stac/catalog.json"
        found = cube_of(ScenesSettings.model_validate(tree))
    for name in ("reflectance", "valid", "days"):
        assert np.array_equal(getattr(found, name), getattr(expected, name))


def test_files_are_opened_only_where_the_item_does_not_describe_them(theia: Path, tmp_path: Path) -> None:
    """A file that is cut short is believed to be as its item says; without a header in the item it is opened and found out."""
    trees = {True: as_stac(theia, tmp_path / "with"), False: as_stac(theia, tmp_path / "without", with_headers=False)}
    band = next(theia.glob("*/*/*_FRE_B4.tif"))
    band.write_bytes(band.read_bytes()[:100])
    for tree, problem in ((trees[True], False), (trees[False], True)):
        settings = ScenesSettings.model_validate(tree)
        problems = [inspect_product(p.source, Selection.of(settings)).problem for p in list_archive(settings).products]
        assert any(problems) is problem


def searches(folder: Path) -> list[dict[str, Any]]:
    """What the API of `servers.web` was asked for since the last look."""
    log = folder / servers.ASKED
    asked = [json.loads(line) for line in log.read_text().splitlines()]
    log.unlink()
    return asked


def test_a_search_asks_for_collections_dates_region_and_clouds_page_by_page(theia: Path, tmp_path: Path) -> None:
    port = servers.free_port()
    products = sorted(theia.glob("*/*"))
    items = [item_of(product, root=theia, base=f"http://127.0.0.1:{port}/theia") for product in products]
    items[1]["properties"]["eo:cloud_cover"] = 80
    (tmp_path / servers.ITEMS).write_text(json.dumps(items))
    tree = {"layout": "stac", "description": as_stac(theia, tmp_path / "static")["description"]}
    with servers.web(tmp_path, port) as address:
        tree["folder"] = f"{address}/stac"
        everything = list_archive(ScenesSettings.model_validate(tree))
        assert sorted(p.scene_id for p in everything.products) == sorted(p.name for p in products)
        assert len(searches(tmp_path)) == 2  # pages of two
        expected = cube_of(ScenesSettings.model_validate({"folder": theia}))
        assert np.array_equal(cube_of(ScenesSettings.model_validate(tree)).reflectance, expected.reflectance)
        searches(tmp_path)
        narrow = tree | {"collections": ["theia"], "start": "2018-01-01", "end": "2018-01-31", "max_cloud_cover": 50}
        region = Region(shapely.to_wkb(shapely.box(*items[0]["bbox"])), "EPSG:4326")
        few = list_archive(ScenesSettings.model_validate(narrow), region)
        assert len(few.products) == 2
        (asked,) = searches(tmp_path)
        assert asked["collections"] == ["theia"] and asked["datetime"] == "2018-01-01T00:00:00Z/2018-01-31T23:59:59Z"
        assert asked["query"] == {"eo:cloud_cover": {"lte": 50}} and asked["bbox"] == pytest.approx(items[0]["bbox"])
        with pytest.raises(SitsparkError, match="has no item of the wanted collections, dates and region"):
            list_archive(ScenesSettings.model_validate(tree | {"collections": ["landsat"]}))


def test_a_server_that_is_asked_by_addresses_alone_gives_all_its_pages(theia: Path, tmp_path: Path) -> None:
    port = servers.free_port()
    products = sorted(theia.glob("*/*"))
    items = [item_of(product, root=theia, base=f"http://127.0.0.1:{port}/theia") for product in products]
    (tmp_path / servers.ITEMS).write_text(json.dumps(items))
    description = as_stac(theia, tmp_path / "static")["description"]
    with servers.web(tmp_path, port) as address:
        for place in ("old", "old/collections/theia", "old/collections/theia/items?limit=2"):
            tree = {"layout": "stac", "folder": f"{address}/{place}", "description": description}
            found = list_archive(ScenesSettings.model_validate(tree))
            assert sorted(p.scene_id for p in found.products) == sorted(p.name for p in products), place


def test_a_static_catalogue_is_narrowed_by_collection_and_region(theia: Path, tmp_path: Path) -> None:
    tree = as_stac(theia, tmp_path / "stac")
    settings = ScenesSettings.model_validate(tree)
    assert len(list_archive(settings).products) == 3
    far = Region(shapely.to_wkb(shapely.box(50, 50, 51, 51)), "EPSG:4326")
    for other, region in ((settings, far), (settings.model_copy(update={"collections": ("landsat",)}), None)):
        with pytest.raises(SitsparkError, match="has no item"):
            list_archive(other, region)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "doesn't exist"),
        ("{", "is no JSON"),
        ('{"type": "Map"}', "is no STAC document"),
        ('{"type": "Catalog", "links": [{"rel": "child", "href": "./gone.json"}]}', "gone.json doesn't exist"),
        ('{"type": "Catalog", "links": [{"rel": "child"}, 3]}', "has no item of the wanted collections"),
    ],
)
def test_a_catalogue_that_can_not_be_read_is_a_sentence(tmp_path: Path, content: str | None, words: str) -> None:
    if content is not None:
        (tmp_path / "catalog.json").write_text(content)
    with pytest.raises(SitsparkError, match=words):
        list_archive(settings_of(tmp_path / "catalog.json"))


def test_a_server_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(SitsparkError, match=r"scenes.folder: http://127.0.0.1:1/stac can't be read"):
        list_archive(settings_of("http://127.0.0.1:1/stac"))


@pytest.mark.parametrize(
    "broken",
    [
        {"assets": {"blue": None}},
        {"assets": ["blue"]},
        {"assets": {"x": {"href": "x.tif", "eo:bands": ["blue"]}}},
        {"properties": {"datetime": "2022-02-03T10:11:12Z"} | dict.fromkeys(MGRS, "x")},
        {"properties": None},
    ],
)
def test_one_item_that_is_none_does_not_close_the_archive(tmp_path: Path, broken: dict[str, Any]) -> None:
    found = list_archive(written(tmp_path, item(blue=BLUE), item(blue=BLUE) | {"id": "odd"} | broken))
    assert [p.scene_id for p in found.products] == ["scene"] and [s.address[-3:] for s in found.strangers] == ["odd"]


def test_items_without_id_or_time_are_strangers(tmp_path: Path) -> None:
    features = [item(blue=BLUE), item(blue=BLUE) | {"id": None}, item({"datetime": None}, blue=BLUE) | {"id": "x"}]
    found = list_archive(written(tmp_path, *features))
    assert [p.scene_id for p in found.products] == ["scene"]
    assert list(found.strangers) == [Location(f"{tmp_path}/items.json#"), Location(f"{tmp_path}/items.json#x")]
    strangers, no_masks = remarks(found, written(tmp_path, *features))
    assert strangers.startswith("2 entries of ") and "are no stac product" in strangers
    assert no_masks == "scenes.description.masks: there are none, so that clouds count as clear ground"


def test_the_address_of_an_item_is_its_own(tmp_path: Path) -> None:
    features = [item({"grid:code": f"MGRS-{name}"}, blue=BLUE) | {"id": name} for name in ("a", "b")]
    products = list_archive(written(tmp_path, *features)).products
    assert [p.source.location for p in products] == [Location(f"{tmp_path}/items.json#{name}") for name in ("a", "b")]


def test_catalogues_that_lead_to_each_other_are_read_once(theia: Path, tmp_path: Path) -> None:
    tree = as_stac(theia, tmp_path / "stac")
    catalog = tmp_path / "stac" / "catalog.json"
    document = json.loads(catalog.read_text())
    document["links"] += [{"rel": "child", "href": "./catalog.json"}, document["links"][-1]]
    catalog.write_text(json.dumps(document))
    assert len(list_archive(ScenesSettings.model_validate(tree)).products) == 3


def test_an_asset_without_address_leaves_its_item_out(tmp_path: Path) -> None:
    product = listed(tmp_path, item(blue={"roles": ["data"]}))
    assert product.left_out is not None and "asset blue has no href" in product.left_out.sentence
