"""What of an archive is read: what is asked for, one product an acquisition, and not too much missing."""

import itertools
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitspark.errors import SitsparkError
from sitspark.location import Location
from sitspark.scenes import landsat, sen2cor, theia
from sitspark.scenes.archive import Archive, Listed
from sitspark.scenes.choice import choose, judge, remarks
from sitspark.scenes.folders import search
from sitspark.scenes.left_out import Judgement, LeftOut, Reason
from sitspark.scenes.listing import list_archive
from sitspark.scenes.product import Contents, DeliveredLayout, ProductName, Source, StoredFile
from sitspark.settings import ScenesSettings

THEIA = "SENTINEL2A_20180103-105429-123_L2A_T31TCJ_C_"
ESA = "S2A_MSIL2A_20220130T105259_"
NAME = f"{THEIA}V2-2"
LANDSAT_NAME = "LC08_L1TP_013032_20180131_20180207_01_T1"
USGS = "LC08_L2SP_013032_20180131_"


def listed(path: Path, layout: DeliveredLayout = theia.L2A) -> Listed:
    source = Source.delivered(Location(str(path)))
    name = layout.recognise(source.scene_id)
    assert name is not None
    return Listed(source, name)


def judged(products: Iterable[Listed], settings: ScenesSettings) -> list[Listed]:
    archive = Archive.of(products)
    judge(archive, settings)
    return list(archive.products)


def test_products_are_found_in_both_shapes_of_an_archive(tmp_path: Path) -> None:
    other = NAME.replace("0103", "0203")
    third = NAME.replace("31TCJ", "31TDJ")
    for folder in (f"31TCJ/{other}", NAME, f"31TDJ/{third}", "31TDJ/notes", f"a/b/{NAME}", f"{LANDSAT_NAME}"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / NAME.replace("SENTINEL2A", "SENTINEL2B")).write_text("a file is no product")
    (tmp_path / "31TCJ" / NAME).write_text("nor here")
    found = Archive.of(search(Location.of(tmp_path), theia.L2A)).products
    assert [p.source.location.below(Location.of(tmp_path)) for p in found] == [f"31TCJ/{other}", f"31TDJ/{third}", NAME]
    assert [p.name.tile for p in found] == ["31TCJ", "31TDJ", "31TCJ"]
    assert [p.scene_id for p in Archive.of(search(Location.of(tmp_path), landsat.C1_L1)).products] == [LANDSAT_NAME]


def test_what_could_be_a_product_and_is_not_recognised_is_told(tmp_path: Path) -> None:
    """Another level, another layout: folders and archive files, but no other files."""
    other = NAME.replace("L2A", "L1C")
    for folder in (f"31TCJ/{NAME}", f"31TCJ/{other}", LANDSAT_NAME, "31TDJ/empty"):
        (tmp_path / folder).mkdir(parents=True)
    for file in ("31TCJ/LC08.tar", "readme.txt", "31TCJ/notes.txt"):
        (tmp_path / file).touch()
    strangers = Archive.of(search(Location.of(tmp_path), theia.L2A)).strangers
    found = [place.below(Location.of(tmp_path)) for place in strangers]
    assert found == ["31TCJ/LC08.tar", f"31TCJ/{other}", "31TDJ", LANDSAT_NAME]


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({}, Reason.NO_DATE),
        ({"start": "2018-01-01", "end": "2018-12-31"}, Reason.NO_DATE),
        ({"exclude": [NAME.replace("0103", "0230")]}, Reason.NAMED),
    ],
)
def test_a_product_whose_date_does_not_exist_is_left_out_as_faulty(tmp_path: Path, keys: dict, reason: Reason) -> None:
    """A typing error in a name shall count, not vanish among what is no product; excluding it by name settles it."""
    no_day = NAME.replace("0103", "0230")
    for name in (NAME, no_day):
        (tmp_path / "31TCJ" / name).mkdir(parents=True)
    settings = ScenesSettings(folder=tmp_path, **keys)
    found = list_archive(settings)
    assert [p.scene_id for p in found.products] == [NAME, no_day] and not found.strangers
    assert [p.scene_id for p in found.wanted] == [NAME]
    left_out = list(found.products)[1].left_out
    assert left_out is not None and left_out.reason is reason
    assert Judgement.of(2, {left_out.reason: 1}, settings).stops is (reason is Reason.NO_DATE)
    if reason is Reason.NO_DATE:
        place = tmp_path / "31TCJ" / no_day
        assert left_out.sentence == f"{no_day}: the date in its name doesn't exist, {place} is misnamed"


def test_an_archive_of_dates_that_do_not_exist_is_told_with_them(tmp_path: Path) -> None:
    no_day = NAME.replace("0103", "0230")
    (tmp_path / no_day).mkdir()
    with pytest.raises(SitsparkError, match=f"none of 1 product can be used: {no_day}: the date in its name doesn't exist"):
        list_archive(ScenesSettings(folder=tmp_path))
    with pytest.raises(SitsparkError, match=r"^scenes.exclude \(1 of them\): of 1 product none is left"):
        list_archive(ScenesSettings(folder=tmp_path, exclude=[no_day]))


def test_a_product_is_not_searched_for_products(tmp_path: Path) -> None:
    (tmp_path / NAME / NAME).mkdir(parents=True)
    assert len(Archive.of(search(Location.of(tmp_path), theia.L2A)).products) == 1


def test_a_folder_that_can_not_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "31TCJ").mkdir()
    (tmp_path / "lost+found").mkdir()
    listed = os.scandir

    def closed(folder: Path):
        if folder != tmp_path:
            raise PermissionError(13, "Permission denied", str(folder))
        return listed(folder)

    monkeypatch.setattr(os, "scandir", closed)
    with pytest.raises(SitsparkError, match=r"31TCJ can't be listed \(Permission denied\); make it readable"):
        list(search(Location.of(tmp_path), theia.L2A))
    (tmp_path / "31TCJ").rmdir()
    assert list(search(Location.of(tmp_path), theia.L2A)) == []


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
def test_the_newest_processing_is_read(tmp_path: Path, layout: DeliveredLayout, paths: list[str], read: str) -> None:
    products = []
    for name in paths:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch() if path.suffix in (".zip", ".tar") else path.mkdir()
        products.append(listed(path, layout))
    for order in (products, products[::-1]):
        archive = Archive.of(order)
        judge(archive, ScenesSettings(folder=tmp_path))
        assert [product.address for product in archive.wanted] == [str(tmp_path / read)]
        others = list(archive.left_out)
        assert len(others) == 1
        assert all(o.reason is Reason.DUPLICATE and f"{tmp_path / read} is read" in o.sentence for o in others)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (f"{THEIA}V2-2", f"{THEIA}V2-2".replace("105429", "105443")),  # two acquisitions of one day
        (f"{THEIA}V2-2", f"{THEIA}V2-2".replace("SENTINEL2A", "SENTINEL2B")),
        (f"{THEIA}V2-2", f"{THEIA}V2-2".replace("31TCJ", "31TDJ")),
    ],
)
def test_other_acquisitions_are_all_read(first: str, second: str) -> None:
    products = [listed(Path(name)) for name in (first, second)]
    assert judged(products, ScenesSettings(folder=Path())) == products


@pytest.mark.parametrize(
    ("chosen", "reason", "words"),
    [
        ({"start": "2018-01-03", "end": "2018-01-03"}, None, ""),
        ({"start": "2018-01-04"}, Reason.DATE, "is of 2018-01-03, before scenes.start (2018-01-04)"),
        ({"end": "2018-01-02"}, Reason.DATE, "is of 2018-01-03, after scenes.end (2018-01-02)"),
        ({"exclude": [f"{THEIA}V2-2"]}, Reason.NAMED, "is named in scenes.exclude"),
        ({"exclude": [f"{THEIA}V2-2.zip"]}, Reason.NAMED, "is named in scenes.exclude"),
        ({"exclude": [f"{THEIA}V2-1"]}, None, ""),
    ],
)
def test_what_is_not_asked_for_is_left_out(chosen: dict, reason: Reason | None, words: str) -> None:
    product = listed(Path(f"{THEIA}V2-2.zip"))
    (found,) = judged([product], ScenesSettings(folder=Path(), **chosen))
    assert found.left_out == (None if reason is None else LeftOut(reason, f"{THEIA}V2-2: {words}"))


def test_what_is_not_asked_for_replaces_nothing() -> None:
    """The newest processing is excluded by name: the one before it is read."""
    old, new = listed(Path(f"{THEIA}V1-9")), listed(Path(f"{THEIA}V2-2"))
    found = judged([old, new], ScenesSettings(folder=Path(), exclude=[f"{THEIA}V2-2"]))
    assert [product.left_out is None for product in found] == [True, False]


DAMAGED, CRS, NO_DATE, DATE = Reason.DAMAGED, Reason.CRS, Reason.NO_DATE, Reason.DATE


@pytest.mark.parametrize(
    ("total", "left_out", "settings", "stops"),
    [
        (10, [], {}, False),
        (10, [], {"on_problem": "fail"}, False),
        (10, [DAMAGED], {}, False),  # a tenth, as scenes.max_left_out allows
        (10, [DAMAGED], {"on_problem": "fail"}, True),
        (10, [DATE] * 9, {}, False),
        (10, [DATE] * 9, {"on_problem": "fail"}, False),
        (10, [DAMAGED, CRS], {}, True),
        (10, [DAMAGED, NO_DATE], {}, True),
        (20, [DAMAGED, CRS], {}, False),
        (20, [DAMAGED, CRS, DATE], {}, True),  # two of nineteen that were asked for
        (2, [DAMAGED, CRS], {"max_left_out": 1}, False),
    ],
)
def test_a_run_stops_where_too_much_is_faulty(total: int, left_out: list[Reason], settings: dict, stops: bool) -> None:
    assert Judgement.of(total, Counter(left_out), ScenesSettings(folder=Path(), **settings)).stops is stops


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"start": "2019-01-01"}, "scenes.start (2019-01-01): of 2 products from 2018-01-03 to 2018-02-03 none is left"),
        ({"end": "2017-01-01", "exclude": ["x"]}, "scenes.end (2017-01-01): of 2 products"),
        (
            {"exclude": [NAME], "start": "2018-01-01", "end": "2018-01-31"},
            "scenes.start (2018-01-01), scenes.end (2018-01-31), scenes.exclude (1 of them): of 2 products",
        ),
        ({"tiles": ["31TXX"]}, "scenes.tiles: no product of tile 31TXX in /archive; it has 31TCJ"),
        ({"tiles": ["T31TCJ"]}, "scenes.tiles: no product of tile T31TCJ in /archive; it has 31TCJ; did you mean 31TCJ?"),
    ],
)
def test_where_nothing_is_left_the_settings_that_did_it_are_named(keys: dict, words: str) -> None:
    found = Archive.of([listed(Path(NAME)), listed(Path(NAME.replace("0103", "0203")))])
    with pytest.raises(SitsparkError) as caught:
        choose(found, ScenesSettings(folder=Path("/archive"), **keys))
    assert str(caught.value).startswith(words)


def test_excluded_names_that_nothing_has_are_told() -> None:
    """A misspelt name would let the product in unnoticed."""
    settings = ScenesSettings(folder=Path("/archive"), exclude=[NAME, f"{NAME}.zip", "SENTINEL"])
    found = Archive.of([listed(Path(f"/archive/{NAME}.zip")), Location("/archive/31TCJ/notes")])
    assert remarks(found, settings) == [
        "1 entry of /archive is no theia_l2a product: 31TCJ/notes",
        "scenes.exclude: no product is called SENTINEL",
    ]


@st.composite
def names(draw: st.DrawFn) -> ProductName:
    text = st.text(max_size=4)
    time = st.none() | st.datetimes(min_value=datetime(1972, 7, 23), timezones=st.just(UTC))
    orbit, baseline = st.none() | st.integers(1, 233), st.none() | text
    return ProductName(draw(text), draw(text), draw(text), draw(time), draw(orbit), draw(baseline), draw(text), draw(text))


@settings(deadline=None, max_examples=50)
@given(
    named=st.lists(names(), max_size=6),
    files=st.none() | st.dictionaries(st.sampled_from("AB"), st.builds(StoredFile, st.text(max_size=5), st.floats(0.1, 9))),
    clouds=st.none() | st.floats(0, 100),
    reason=st.none() | st.sampled_from(list(Reason)),
)
def test_an_archive_gives_back_what_was_found(
    named: list[ProductName], files: dict[str, StoredFile] | None, clouds: float | None, reason: Reason | None
) -> None:
    contents = None if files is None else Contents(files, clouds)
    left_out = reason and LeftOut(reason, "because")
    products = [
        Listed(Source(f"{i}", Location(f"/a/{i}"), contents, "state"), name, left_out, "c") for i, name in enumerate(named)
    ]
    archive = Archive.of(itertools.chain(products, [Location("/a/other")]))
    for _ in range(2):
        assert list(archive.products) == products and list(archive.strangers) == [Location("/a/other")]
    assert len(archive.wanted) == len(list(archive.wanted)) == (len(products) if reason is None else 0)
    rows = [row for batch in archive.batches() for row in batch.to_pylist()]
    assert [(row["scene_id"], row["acquired"]) for row in rows] == [(p.scene_id, p.name.acquired) for p in products]


def test_products_of_an_archive_are_in_the_order_of_their_addresses_however_they_were_found() -> None:
    products = [listed(Path(f"/{folder}/{NAME}")) for folder in "cab"]
    assert [product.address[1] for product in Archive.of(products).products] == ["a", "b", "c"]


@pytest.mark.parametrize("count", [0, 1, 5])
def test_the_fingerprint_of_an_archive_follows_from_each_wanted_product(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the batches in which products are asked."""
    products = [listed(Path(f"/{letter}/{NAME.replace('31TCJ', f'31TC{letter}')}")) for letter in "ABCDE"[:count]]
    whole = []
    for rows in (1, 2, 1000):
        monkeypatch.setattr("sitspark.scenes.archive._ROWS", rows)
        archive = Archive.of(products[::-1])
        whole.append(archive.fingerprint(lambda source: f"print of {source.location}"))
        found = [row for batch in archive.batches() for row in batch.to_pylist()]
        assert [row["fingerprint"] for row in found] == [f"print of {product.address}" for product in products]
        assert len(found) == count
    assert len(set(whole)) == 1
    for product in products:
        others = {other.address: f"print of {other.address}" for other in products if other is not product}
        assert archive.fingerprint(lambda source, known=others: known.get(source.location.address, "new")) != whole[0]


def test_days_and_tiles_are_those_of_wanted_products() -> None:
    near = listed(Path(NAME))
    far = listed(Path(NAME.replace("31TCJ", "31TDJ").replace("0103", "0203")))
    gone = replace(listed(Path(NAME.replace("0103", "0303"))), left_out=LeftOut(Reason.NAMED, ""))
    archive = Archive.of([near, far, gone])
    assert archive.tiles == {"31TCJ": 1, "31TDJ": 1}
    assert archive.days_of(["31TCJ"]) == (date(2018, 1, 3),)
    assert archive.days_of(archive.tiles) == (date(2018, 1, 3), date(2018, 2, 3))
    assert [product.scene_id for product in archive.wanted_of("31TDJ")] == [far.scene_id]


def test_only_products_of_the_wanted_tiles_are_kept() -> None:
    archive = Archive.of([listed(Path(NAME)), listed(Path(NAME.replace("31TCJ", "31TDJ")))])
    choose(archive, ScenesSettings(folder=Path("/archive"), tiles=["31TDJ"]))
    assert [product.name.tile for product in archive.products] == ["31TDJ"]


def test_an_archive_of_many_products_is_not_held_in_memory() -> None:
    """Eighty megabytes of products, and what is said of them, in a process of its own: the memory of SQLite counts too."""
    script = """
import resource
from datetime import UTC, datetime
from pathlib import Path
from sitspark.location import Location
from sitspark.scenes.archive import Archive, Listed
from sitspark.scenes.choice import judge
from sitspark.scenes.product import ProductName, Source
from sitspark.settings import ScenesSettings

def judged(count):
    name = ProductName("s", "p", "t", datetime(2018, 1, 1, tzinfo=UTC))
    archive = Archive.of(Listed(Source(str(i), Location(f"/a/{i}"), None, "x" * 2000), name) for i in range(count))
    judge(archive, ScenesSettings(folder=Path("/a")))
    assert sum(product.left_out is None for product in archive.products) == 1
    archive.fingerprint(lambda source: source.state[:4])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

few = judged(2000)
print(judged(40_000) - few)
"""
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert float(answer.stdout) < 40  # MB; 8 were seen


def test_a_path_that_is_no_text_is_told(tmp_path: Path) -> None:
    """Of old disks: a stranger is told as it is, a product can't be in a table."""
    (tmp_path / NAME).mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xe9ziers")).mkdir()
    found = list_archive(ScenesSettings(folder=tmp_path))
    assert [place.name for place in found.strangers] == ["b\\xe9ziers"] and len(found.wanted) == 1
    inner = Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xe9ziers"), NAME)
    inner.mkdir()
    with pytest.raises(SitsparkError, match=r"b.*ziers/SENTINEL2A\S+: its name isn't UTF-8; rename it"):
        list_archive(ScenesSettings(folder=tmp_path))


def test_a_list_that_finds_no_room_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / NAME).mkdir()

    def full(found: Iterable[Listed]) -> Archive:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Archive, "of", full)
    with pytest.raises(SitsparkError, match=r"temporary file \(database or disk is full\); set SQLITE_TMPDIR to a folder"):
        list_archive(ScenesSettings(folder=tmp_path))
