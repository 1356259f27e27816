"""One acquisition, one product."""

from pathlib import Path

import pytest

from sitspark.scenes import landsat, sen2cor, theia
from sitspark.scenes.duplicates import superseded
from sitspark.scenes.product import Layout, product_name

THEIA = "SENTINEL2A_20180103-105429-123_L2A_T31TCJ_C_"
ESA = "S2A_MSIL2A_20220130T105259_"
USGS = "LC08_L2SP_013032_20180131_"


@pytest.mark.parametrize(
    ("layout", "paths", "read"),
    [
        pytest.param(theia.L2A, [f"{THEIA}V1-9", f"{THEIA}V2-2"], f"{THEIA}V2-2", id="a later version"),
        pytest.param(theia.L2A, [f"{THEIA}V10-0", f"{THEIA}V9-9"], f"{THEIA}V10-0", id="versions are numbers"),
        pytest.param(theia.L2A, [f"b/{THEIA}V2-2", f"a/{THEIA}V2-2"], f"a/{THEIA}V2-2", id="in two folders"),
        pytest.param(theia.L2A, [f"{THEIA}V2-2.zip", f"z/{THEIA}V2-2"], f"z/{THEIA}V2-2", id="packed and unpacked"),
        pytest.param(
            sen2cor.LAYOUT,
            [f"{ESA}N0500_R051_T31TCJ_20230101T000000.SAFE", f"{ESA}N0400_R051_T31TCJ_20240101T000000.SAFE"],
            f"{ESA}N0500_R051_T31TCJ_20230101T000000.SAFE",
            id="a later baseline",
        ),
        pytest.param(
            landsat.C2_L2, [f"{USGS}20200902_02_T1", f"{USGS}20210101_02_T1.tar"], f"{USGS}20210101_02_T1.tar", id="a later day"
        ),
    ],
)
def test_the_newest_processing_is_read(tmp_path: Path, layout: Layout, paths: list[str], read: str) -> None:
    products = []
    for name in paths:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch() if path.suffix in (".zip", ".tar") else path.mkdir()
        recognised = layout.recognise(product_name(path))
        assert recognised is not None
        products.append((path, recognised))
    for listed in (products, products[::-1]):
        found = superseded(listed)
        assert set(found) == {path for path, _ in products} - {tmp_path / read}
        assert all(f"{tmp_path / read} is read" in sentence for sentence in found.values())


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (f"{THEIA}V2-2", f"{THEIA}V2-2".replace("105429", "105443")),  # two acquisitions of one day
        (f"{THEIA}V2-2", f"{THEIA}V2-2".replace("SENTINEL2A", "SENTINEL2B")),
        (f"{THEIA}V2-2", f"{THEIA}V2-2".replace("31TCJ", "31TDJ")),
    ],
)
def test_other_acquisitions_are_all_read(first: str, second: str) -> None:
    products = [(Path(name), theia.recognise(name)) for name in (first, second)]
    assert superseded(products) == {}  # type: ignore[arg-type]  # both are recognised
