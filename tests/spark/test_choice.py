"""Choosing pixels: counts are exact for every strategy, and nothing hangs on chunks, partitions or the order of rows."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely
from pyspark.sql import DataFrame, SparkSession

from sitspark.classes import LandCoverClass, Nomenclature
from sitspark.errors import SitsparkError
from sitspark.grid import Grid
from sitspark.kernels.sampling import hashes
from sitspark.marks import Marks
from sitspark.samples.choice import Choice, choose, quotas_of
from sitspark.samples.chunk_pixels import ChunkPixels, Group, Quota
from sitspark.samples.grounds import Grounds, refuse_unknown_models
from sitspark.samples.pieces import pieces_by_chunk
from sitspark.samples.rules import Rule, Rules
from sitspark.samples.strategy import Strategy
from sitspark.scenes.region import Region
from sitspark.settings import SamplesSettings
from sitspark.settings_file import read_settings

GRID = Grid("EPSG:32631", 300_000, 5_000_000, 10, 90, 120)
CLASSES = Nomenclature(tuple(LandCoverClass(code, f"class {code}", (code, 0, 0)) for code in (1, 2, 3)))


def polygon_rows() -> list[tuple[Any, ...]]:
    """Discs and rings of three classes in two splits; some overlap, some reach beyond the grid."""
    rng = np.random.default_rng(5)
    rows = []
    for number in range(40):
        x, y, radius = rng.uniform(0, 1200), rng.uniform(0, 900), rng.uniform(5, 130)
        disc = shapely.Point(GRID.left + x, GRID.top - y).buffer(radius)
        outline = disc.difference(disc.centroid.buffer(radius / 3)) if number % 3 == 0 else disc
        label = int(rng.choice([1, 1, 1, 2, 2, 3]))
        split = "validation" if number % 4 == 0 else "train"
        rows.append((number, f"{number}_0", label, "t", "t", split, False, outline.area, shapely.to_wkb(outline)))
    return rows


ROWS = polygon_rows()


def polygons(spark: SparkSession, partitions: int = 2) -> DataFrame:
    schema = "polygon_id bigint, piece_id string, label int, tile string, fold string, split string, monitored boolean,"
    frame = spark.createDataFrame(ROWS, f"{schema} area_m2 double, wkb binary").repartition(partitions)
    return frame.selectExpr("* except (wkb)", "ST_GeomFromWKB(wkb) as geometry")


def plan(spark: SparkSession, height: int, width: int) -> DataFrame:
    """Chunks of two tiles, left and right, as the chunk plan has them."""
    rows = []
    for row in range(0, GRID.height, height):
        for col in range(0, GRID.width, width):
            tile = "t1" if col < GRID.width // 2 else "t2"
            size = min(height, GRID.height - row), min(width, GRID.width - col)
            rows.append((f"{tile}_r{row}_c{col}", tile, row, col, *size))
    return spark.createDataFrame(rows, "chunk_id string, tile string, row int, col int, height int, width int")


def chosen(
    spark: SparkSession,
    tmp_path: Path,
    *,
    chunk: tuple[int, int] = (90, 60),
    partitions: int = 2,
    seed: int = 0,
    clear: Path | None = None,
    grounds: Grounds = Grounds(),
    **keys: Any,
) -> Choice:
    settings = SamplesSettings(**keys)
    pieces = pieces_by_chunk(polygons(spark, partitions), plan(spark, *chunk), GRID, shrink=settings.shrink)
    marks = Marks(tmp_path)
    rules = Rules.of(settings, CLASSES)
    return choose(pieces, GRID, settings, rules=rules, codes=(1, 2, 3), seed=seed, marks=marks, clear=clear, grounds=grounds)


def ids(found: Choice) -> list[int]:
    return sorted(row.sample_id for row in found.pixels.select("sample_id").collect())


def everything(**options: bool) -> list[dict[str, Any]]:
    """All labelled pixels in the order (tile, row, column), from one chunk that is the whole grid."""
    pieces = pa.table(
        {
            **{
                name: [row[i] for row in ROWS]
                for i, name in enumerate(("polygon_id", "piece_id", "label", "tile", "fold", "split", "monitored"))
            },
            "wkb": [row[8] for row in ROWS],
            "chunk_id": ["all"] * len(ROWS),
            **{
                name: [value] * len(ROWS)
                for name, value in zip(("row", "col", "height", "width"), (0, 0, 90, 120), strict=True)
            },
        }
    )
    rows = ChunkPixels.of(pieces, GRID, touched=options.get("touched", False), grounds=Grounds()).table().to_pylist()
    return sorted(rows, key=lambda row: (row["col"] >= 60, row["row"], row["col"]))


def available() -> Counter[Group]:
    return Counter(Group(row["label"], row["split"]) for row in everything())


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        ({"per_class": 37}, {1: 37, 2: 37, 3: 37, 4: 37}),
        ({"per_class": 10**6}, dict.fromkeys((1, 2, 3, 4), 10**6)),
        ({"per_class": None}, {1: 1000, 2: 103, 3: 5, 4: 0}),
        ({"strategy": "all"}, {1: 1000, 2: 103, 3: 5, 4: 0}),
        ({"strategy": "percent", "percent": 12.5}, {1: 125, 2: 13, 3: 1, 4: 0}),  # 12.875 and 0.625, rounded half up
        ({"strategy": "total", "total": 554}, {1: 500, 2: 52, 3: 3, 4: 0}),  # half of each
        ({"strategy": "total", "total": 2216}, {1: 2000, 2: 206, 3: 10, 4: 0}),
        ({"strategy": "smallest"}, {1: 5, 2: 5, 3: 5, 4: 5}),
        ({"strategy": "byclass", "by_class": {"class 2": 11, 1: 5, "3": 9}}, {1: 5, 2: 11, 3: 9, 4: 0}),
    ],
    ids=str,
)
def test_what_each_strategy_asks_for(keys: dict, wanted: dict[int, int]) -> None:
    assert Strategy.of(SamplesSettings(**keys), CLASSES).asked({1: 1000, 2: 103, 3: 5, 4: 0}) == wanted


def test_a_strategy_is_applied_to_each_split_by_itself() -> None:
    one, two, aside = Group(1, "train"), Group(2, "train"), Group(1, "validation")
    quotas = quotas_of({one: 50, two: 20, aside: 7}, Rules(Rule(Strategy("smallest"))))
    assert quotas == {one: Quota(20, 50), two: Quota(20, 20), aside: Quota(7, 7)}


def test_what_is_asked_of_a_class_without_a_pixel_is_told(spark: SparkSession, tmp_path: Path) -> None:
    settings = SamplesSettings(strategy="byclass", by_class={1: 5, 4: 500})
    classes = Nomenclature((*CLASSES, LandCoverClass(4, "class 4", (4, 0, 0))))
    pieces, rules = pieces_by_chunk(polygons(spark), plan(spark, 90, 60), GRID), Rules.of(settings, classes)
    found = choose(pieces, GRID, settings, rules=rules, codes=classes.codes, seed=0, marks=Marks(tmp_path))
    assert found.quotas[Group(4, "train")] == found.quotas[Group(4, "validation")] == Quota(500, 0)
    assert (found.quotas[Group(4, "train")].wanted, found.quotas[Group(1, "train")].wanted) == (0, 5)


@pytest.mark.parametrize("sampler", ["periodic", "random"])
def test_exactly_what_is_asked_for_is_chosen(spark: SparkSession, tmp_path: Path, sampler: str) -> None:
    found = chosen(spark, tmp_path, sampler=sampler, strategy="percent", percent=12.5)
    rows = found.pixels.select("label", "split", "sample_id").collect()
    there = {group: quota for group, quota in found.quotas.items() if quota.available}
    assert there == {group: Quota(int(0.5 + 0.125 * n), n) for group, n in available().items()}
    assert Counter(Group(row.label, row.split) for row in rows) == {group: quota.wanted for group, quota in there.items()}
    assert len({row.sample_id for row in rows}) == len(rows)


def test_by_class_takes_what_is_asked_of_each_and_nothing_of_the_others(spark: SparkSession, tmp_path: Path) -> None:
    found = chosen(spark, tmp_path, strategy="byclass", by_class={"class 2": 11, 1: 5})
    assert {(row.label, row.split): row["count"] for row in found.pixels.groupBy("label", "split").count().collect()} == {
        (label, split): count for label, count in ((1, 5), (2, 11)) for split in ("train", "validation")
    }


@pytest.mark.parametrize(
    "keys", [{}, {"jitter": 7}, {"sampler": "random"}, {"per_polygon": 9}, {"per_polygon": 9, "sampler": "random"}], ids=str
)
def test_the_choice_does_not_depend_on_chunks_and_partitions(spark: SparkSession, tmp_path: Path, keys: dict) -> None:
    first = ids(chosen(spark, tmp_path, per_class=60, **keys))
    assert ids(chosen(spark, tmp_path, per_class=60, chunk=(32, 20), partitions=7, **keys)) == first


def test_periodic_takes_every_nth_in_the_order_of_tile_row_and_column(spark: SparkSession, tmp_path: Path) -> None:
    expected = []
    for group, count in available().items():
        own = [row["sample_id"] for row in everything() if Group(row["label"], row["split"]) == group]
        wanted = min(50, count)
        expected += [own[k * count // wanted] for k in range(wanted)]
    assert ids(chosen(spark, tmp_path, per_class=50, chunk=(32, 20))) == sorted(expected)


def test_random_takes_the_smallest_hashes(spark: SparkSession, tmp_path: Path) -> None:
    expected = []
    for group, count in available().items():
        own = np.array([row["sample_id"] for row in everything() if Group(row["label"], row["split"]) == group])
        expected += own[np.argsort(hashes(own, 4))[: min(50, count)]].tolist()
    assert ids(chosen(spark, tmp_path, per_class=50, sampler="random", seed=4)) == sorted(expected)


def test_random_and_jitter_follow_the_seed(spark: SparkSession, tmp_path: Path) -> None:
    for keys in ({"sampler": "random"}, {"jitter": 5}):
        one, again, other = (ids(chosen(spark, tmp_path, per_class=40, seed=seed, **keys)) for seed in (1, 1, 2))
        assert one == again != other


@pytest.mark.parametrize("most", [1, 25])
def test_no_polygon_has_more_pixels_than_allowed_and_small_ones_keep_theirs(
    spark: SparkSession, tmp_path: Path, most: int
) -> None:
    found = chosen(spark, tmp_path, per_class=None, per_polygon=most, chunk=(32, 20))
    counts = Counter(row.polygon_id for row in found.pixels.select("polygon_id").collect())
    assert counts == {p: min(n, most) for p, n in Counter(row["polygon_id"] for row in everything()).items()}


def test_touched_pixels_are_more_than_centres(spark: SparkSession, tmp_path: Path) -> None:
    found = ids(chosen(spark, tmp_path, per_class=None, touched=True, chunk=(32, 20)))
    assert found == sorted(row["sample_id"] for row in everything(touched=True))
    assert len(found) > len(everything())


def test_shrinking_keeps_pixels_off_the_edge(spark: SparkSession, tmp_path: Path) -> None:
    found = chosen(spark, tmp_path, per_class=None, shrink=25).pixels.select("polygon_id", "row", "col").collect()
    outlines = {row[0]: shapely.from_wkb(row[8]) for row in ROWS}
    centres = [shapely.Point(GRID.left + 10 * (r.col + 0.5), GRID.top - 10 * (r.row + 0.5)) for r in found]
    assert len(found) > 100
    assert all(outlines[r.polygon_id].exterior.distance(centre) > 24.5 for r, centre in zip(found, centres, strict=True))


def test_contested_pixels_are_counted_once(spark: SparkSession, tmp_path: Path) -> None:
    x, y = np.meshgrid(GRID.left + 10 * (np.arange(120) + 0.5), GRID.top - 10 * (np.arange(90) + 0.5))
    claims = [
        np.any([shapely.contains_xy(shapely.from_wkb(row[8]), x, y) for row in ROWS if row[2] == label], axis=0)
        for label in (1, 2, 3)
    ]
    assert chosen(spark, tmp_path, chunk=(32, 20)).contested == np.count_nonzero(np.sum(claims, axis=0) > 1)


def test_polygons_of_many_vertices_have_the_same_pixels_when_they_are_cut(spark: SparkSession, tmp_path: Path) -> None:
    """One star of 4 000 vertices over all chunks."""
    angle = np.linspace(0, 2 * np.pi, 4000, endpoint=False)
    radius = 300 + 100 * np.sin(50 * angle)
    star = shapely.Polygon(np.column_stack([GRID.left + 600 + radius * np.cos(angle), GRID.top - 450 + radius * np.sin(angle)]))
    row = (1, "1_0", 1, "t", "t", "train", False, star.area, bytearray(shapely.to_wkb(star)))
    frame = spark.createDataFrame(
        [row], polygons(spark).selectExpr("* except (geometry)", "cast(null as binary) as wkb").schema
    )
    settings, marks = SamplesSettings(per_class=None), Marks(tmp_path)
    found = []
    for chunk in ((90, 60), (17, 20)):
        pieces = pieces_by_chunk(
            frame.selectExpr("* except (wkb)", "ST_GeomFromWKB(wkb) as geometry"), plan(spark, *chunk), GRID
        )
        assert max(len(row.wkb) for row in pieces.select("wkb").collect()) < len(row[8])
        found.append(
            ids(choose(pieces, GRID, settings, rules=Rules(Rule(Strategy("all"))), codes=(1, 2, 3), seed=0, marks=marks))
        )
    x, y = np.meshgrid(GRID.left + 10 * (np.arange(120) + 0.5), GRID.top - 10 * (np.arange(90) + 0.5))
    assert found[0] == found[1] == np.flatnonzero(shapely.contains_xy(star, x, y).ravel()).tolist()


def test_without_a_pixel_nothing_is_chosen(spark: SparkSession, tmp_path: Path) -> None:
    for sampler in ("periodic", "random"):
        found = chosen(spark, tmp_path, shrink=500, sampler=sampler)
        assert set(found.quotas.values()) == {Quota(100_000, 0)} and not found.pixels.count()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"class 9": 4}, "samples.by_class: 'class 9' is neither a code nor a name"),
        ({"class 1": 4, 1: 5}, "samples.by_class: class 1 is named twice"),
        ("no.csv", "samples.by_class: .*no.csv can't be read"),
        ("bad.csv", "samples.by_class: line 2 of .*bad.csv should be a class and a number, as 'wheat,500', not '2,5 m'"),
    ],
)
def test_by_class_that_cannot_be_understood_is_told(tmp_path: Path, given: Any, message: str) -> None:
    (tmp_path / "bad.csv").write_text("1,5\n2,5 m\n")
    by_class = given if isinstance(given, dict) else tmp_path / given
    with pytest.raises(SitsparkError, match=message):
        Strategy.of(SamplesSettings(strategy="byclass", by_class=by_class), CLASSES)


@pytest.mark.parametrize("heading", ["", "# class,count\n", "class,count\n"])
def test_by_class_is_read_from_a_csv_file(tmp_path: Path, heading: str) -> None:
    (tmp_path / "counts.csv").write_text(f"{heading}class 1,5\n3, 7\n")
    strategy = Strategy.of(SamplesSettings(strategy="byclass", by_class=tmp_path / "counts.csv"), CLASSES)
    assert strategy.asked({1: 100, 2: 100, 3: 4}) == {1: 5, 2: 0, 3: 7}


@pytest.mark.parametrize("keys", [{"sampler": "periodic"}, {"sampler": "random", "per_polygon": 4}], ids=str)
def test_pixels_with_too_few_clear_dates_do_not_count(spark: SparkSession, tmp_path: Path, keys: dict) -> None:
    """Numbers are exact among those that are clear enough, wherever chunks end."""
    enough = np.random.default_rng(2).random((90, 120)) < 0.6
    every = ids(chosen(spark, tmp_path, strategy="all"))
    found = []
    for height, width in ((90, 60), (25, 30)):
        folder = tmp_path / f"clear-{height}"
        folder.mkdir()
        for row in plan(spark, height, width).collect():
            np.save(folder / f"{row.chunk_id}.npy", enough[row.row : row.row + height, row.col : row.col + width])
        choice = chosen(spark, tmp_path, chunk=(height, width), clear=folder, per_class=50, **keys)
        found.append(ids(choice))
        assert len(found[-1]) == sum(quota.wanted for quota in choice.quotas.values())
    clear = {pixel for pixel in every if enough.ravel()[pixel]}
    assert found[0] == found[1] and set(found[0]) <= clear
    if "per_polygon" not in keys:
        assert sum(quota.available for quota in choice.quotas.values()) == len(clear)


def lakes() -> Grounds:
    """Two regions, one of them a disc over chunks of both tiles; most of the grid is nobody's."""
    disc = shapely.Point(GRID.left + 600, GRID.top - 450).buffer(320)
    corner = shapely.box(GRID.left, GRID.top - 400, GRID.left + 500, GRID.top)  # overlaps the disc, which comes first
    return Grounds.of_regions(
        {"disc": Region(shapely.to_wkb(disc), GRID.crs), "corner": Region(shapely.to_wkb(corner), GRID.crs)}
    )


def ground_of(row: Any, grounds: Grounds) -> str:
    """As one would say it of a pixel by hand."""
    if not grounds.regions:
        return "t1" if row["col"] < 60 else "t2"
    centre = shapely.Point(GRID.left + 10 * (row["col"] + 0.5), GRID.top - 10 * (row["row"] + 0.5))
    names = zip(grounds.names, grounds.regions, strict=True)
    return next((name for name, region in names if region.outline.contains(centre)), "")


@pytest.mark.parametrize("sampler", ["periodic", "random"])
@pytest.mark.parametrize("grounds", [Grounds(("t1", "t2")), lakes()], ids=["tiles", "regions"])
def test_each_model_has_as_many_as_the_strategy_asks_of_its_own_ground(
    spark: SparkSession, tmp_path: Path, sampler: str, grounds: Grounds
) -> None:
    there = Counter(Group(row["label"], row["split"], ground_of(row, grounds)) for row in everything())
    found = chosen(spark, tmp_path, sampler=sampler, per_class=30, grounds=grounds)
    rows = found.pixels.select("label", "split", "row", "col").collect()
    taken = Counter(Group(row.label, row.split, ground_of(row, grounds)) for row in rows)
    assert {group: quota.available for group, quota in found.quotas.items() if quota.available} == there
    # no model learns from what lies in none of the regions
    assert taken == {group: min(30, count) for group, count in there.items() if group.ground}
    named = {(group.label, group.split, group.ground) for group in found.quotas if group.ground}
    assert named == {(c, s, g) for c in (1, 2, 3) for s in ("train", "validation") for g in grounds.names}


def test_the_choice_of_each_model_does_not_depend_on_chunks_and_partitions(spark: SparkSession, tmp_path: Path) -> None:
    own = {"disc": {"sampler": "random", "per_class": 20}, "corner": {"strategy": "percent", "percent": 40}}
    keys: dict[str, Any] = {"per_class": 60, "jitter": 3, "grounds": lakes(), "per_model": own}
    first = ids(chosen(spark, tmp_path, **keys))
    assert ids(chosen(spark, tmp_path, chunk=(32, 20), partitions=7, **keys)) == first


def test_a_model_has_a_sampler_and_a_strategy_of_its_own(spark: SparkSession, tmp_path: Path) -> None:
    """That of the others stays what it is without it."""
    grounds = lakes()
    own = {"disc": {"sampler": "random", "strategy": "smallest"}}
    found = chosen(spark, tmp_path, per_class=30, grounds=grounds, per_model=own, seed=4)
    alike = chosen(spark, tmp_path, per_class=30, grounds=grounds, seed=4)
    taken: dict[Group, list[int]] = {}
    for row in found.pixels.select("label", "split", "row", "col", "sample_id").collect():
        taken.setdefault(Group(row.label, row.split, ground_of(row, grounds)), []).append(row.sample_id)
    pixels: dict[Group, list[int]] = {}
    for row in everything():
        pixels.setdefault(Group(row["label"], row["split"], ground_of(row, grounds)), []).append(row["sample_id"])
    for split in ("train", "validation"):
        of_disc = {group: ids for group, ids in pixels.items() if (group.split, group.ground) == (split, "disc")}
        fewest = min(map(len, of_disc.values()))
        for group, members in of_disc.items():
            known = np.array(members)
            assert sorted(taken[group]) == sorted(known[np.argsort(hashes(known, 4))[:fewest]].tolist())
    others = {row["sample_id"] for row in everything() if ground_of(row, grounds) == "corner"}
    assert set(ids(found)) & others == set(ids(alike)) & others


@pytest.mark.parametrize("key", ["per_model", "augmentation.models"])
def test_a_model_that_is_not_there_is_told(key: str) -> None:
    example = Path(__file__).parent.parent.parent / "conf" / "demo.yaml"
    value = {"per_model": "{disk: {per_class: 5}}", "augmentation.models": "[disc, disk]"}[key]
    made = ["samples.augmentation.method=replicate"] if key == "augmentation.models" else []
    settings = read_settings(example, overrides=["training.model_per=tile", *made, f"samples.{key}={value}"])
    with pytest.raises(
        SitsparkError, match=rf"samples.{key}: 'disk' is no tile of this run \(disc, corner\); did you mean disc"
    ):
        refuse_unknown_models(settings, lakes().names)
