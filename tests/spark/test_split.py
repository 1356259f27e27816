"""Units go to one side as a whole; the split hangs on seed and units alone; folds cover what they leave out in turn."""

from collections import Counter, defaultdict
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sitspark.errors import SitsparkError
from sitspark.grid import Grid, Territory, Window
from sitspark.ground_truth.division import Choices, divide
from sitspark.ground_truth.placing import Ground
from sitspark.ground_truth.regions import read_regions
from sitspark.ground_truth.split import split
from sitspark.ground_truth.told import count_told, read_told, read_weights, refuse_strange_weights
from sitspark.settings import GroundTruthSettings

GRID = Grid("EPSG:32631", 300_000, 5_000_000, 10, 1000, 1000)
GROUND = Ground(GRID, [Territory("west", Window(0, 0, 1000, 500)), Territory("east", Window(0, 500, 1000, 500))])

Square = tuple[int, int, float, float]  # id, label, metres right of and below the grid's corner


def outline(x: float, y: float, side: float = 40) -> shapely.Polygon:
    return shapely.box(300_000 + x, 5_000_000 - y - side, 300_000 + x + side, 5_000_000 - y)


def scattered(count: int, *, classes: int = 3, seed: int = 0) -> list[Square]:
    places = np.random.default_rng(seed).uniform(0, 9900, (count, 2))
    return [(i, 1 + i % classes, float(x), float(y)) for i, (x, y) in enumerate(places)]


def pieces(spark: SparkSession, squares: list[Square], *, partitions: int = 2) -> DataFrame:
    rows = [
        (i, f"{i}_0", label, bytearray(shapely.to_wkb(outline(x, y))), "west" if x + 20 < 5000 else "east")
        for i, label, x, y in squares
    ]
    frame = spark.createDataFrame(rows, "polygon_id bigint, piece_id string, label int, wkb binary, tile string")
    return (
        frame.repartition(partitions)
        .withColumn("geometry", F.expr("ST_GeomFromWKB(wkb)"))
        .selectExpr("polygon_id", "piece_id", "label", "ST_Area(geometry) area_m2", "geometry", "tile")
    )


def choices(regions: Path | None = None, told: DataFrame | None = None, seed: int = 0, **truth: object) -> Choices:
    named = {} if regions is None else {"regions": regions, "region_field": "name"}
    settings = GroundTruthSettings(file=Path("polygons.gpkg"), label_field="code", **named, **truth)  # type: ignore[arg-type]
    return Choices(settings, 0.2, seed, () if regions is None else read_regions(regions, "name"), told)


def divided(spark: SparkSession, squares: list[Square], how: Choices, *, partitions: int = 2) -> dict[int, tuple]:
    rows = divide(pieces(spark, squares, partitions=partitions), GROUND, how).select(
        "polygon_id", "split", "monitored", "fold", "label"
    )
    found = {row.polygon_id: tuple(row)[1:] for row in rows.collect()}
    assert set(found) == {square[0] for square in squares}
    return found


@pytest.fixture
def halves(tmp_path: Path) -> Path:
    """Two regions in degrees, north and south, that leave the lowest fifth of the grid to none."""
    bands = [shapely.box(300_000, 4_996_000, 310_000, 5_000_000), shapely.box(300_000, 4_992_000, 310_000, 4_996_000)]
    path = tmp_path / "regions.gpkg"
    geopandas.GeoDataFrame({"name": ["north", "south"]}, geometry=bands, crs="EPSG:32631").to_crs(4326).to_file(path)
    return path


def whole(frame: DataFrame) -> DataFrame:
    return frame.selectExpr("*", "polygon_id unit", "'' stratum")


def sets_of(frame: DataFrame, **options: float) -> list[tuple[str, bool]]:
    chosen = {"ratio": 0.75, "monitor_share": 0.2, "seed": 0} | options
    return [(row.split, row.monitored) for row in split(whole(frame), **chosen).collect()]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("count", "train", "monitored"), [(1, 1, 0), (2, 2, 0), (3, 2, 0), (4, 3, 1), (20, 15, 3), (40, 30, 6)]
)
def test_each_class_is_split_at_the_ratio(spark: SparkSession, count: int, train: int, monitored: int) -> None:
    """n_train = max(1, round(n x 0.75)), half up; of these round(n_train x 0.2) choose the epoch, never all."""
    sets = sets_of(spark.range(count).selectExpr("id polygon_id", "5 label"))
    assert sum(name == "train" for name, _ in sets) == train
    assert sum(chosen for _, chosen in sets) == monitored
    assert all(name == "train" for name, chosen in sets if chosen)


@pytest.mark.parametrize("ratio", [0.01, 0.5, 0.99])
def test_the_ratio_holds_in_classes_of_any_size(spark: SparkSession, ratio: float) -> None:
    sizes = range(1, 13)
    rows = [(100 * n + i, n) for n in sizes for i in range(n)]
    found = split(whole(spark.createDataFrame(rows, "polygon_id bigint, label int")), ratio=ratio, monitor_share=0.2, seed=0)
    train = Counter(row.label for row in found.where("split = 'train'").collect())
    assert train == {n: max(1, int(n * ratio + 0.5)) for n in sizes}


UNITS: dict[str, dict] = {
    "polygon": {},
    "piece": {"split_unit": "piece"},
    "block": {"split_unit": "block", "block_size": 1.5},
    "distance": {"split_unit": "distance", "distance": 300.0},
    "block folds": {"folds": "block", "fold_count": 3, "block_size": 2.0},
    "random folds": {"folds": "random", "fold_count": 4},
}


@pytest.mark.parametrize("unit", UNITS)
def test_neither_partitions_nor_the_order_of_rows_change_a_split(spark: SparkSession, unit: str) -> None:
    squares = scattered(120)
    once = divided(spark, squares, choices(**UNITS[unit]))
    assert divided(spark, squares[::-1], choices(**UNITS[unit]), partitions=7) == once


def test_another_seed_draws_others(spark: SparkSession) -> None:
    one, other = (divided(spark, scattered(60), choices(seed=seed, **UNITS["random folds"])) for seed in (0, 1))
    for column in range(3):
        assert {i: sets[column] for i, sets in one.items()} != {i: sets[column] for i, sets in other.items()}


@pytest.mark.parametrize("unit", ["polygon", "piece", "block"])
def test_a_polygon_of_another_class_changes_nothing(spark: SparkSession, unit: str) -> None:
    squares = scattered(90)
    once = divided(spark, squares, choices(**UNITS[unit]))
    more = divided(spark, [*squares, *((1000 + i, 9, x, y) for i, _, x, y in scattered(20, seed=5))], choices(**UNITS[unit]))
    assert {i: more[i] for i in once} == once


def test_polygons_of_one_class_and_block_stay_together(spark: SparkSession) -> None:
    squares = scattered(200, classes=2)
    found = divided(spark, squares, choices(**UNITS["block"]))
    sides: dict[tuple, set] = defaultdict(set)
    for i, label, x, y in squares:
        block = int((300_020 + x) // 1500), int((5_000_000 - y - 20) // 1500)
        sides[label, block].add(found[i][:2])
    assert all(len(sides_of_one) == 1 for sides_of_one in sides.values())
    for label in (1, 2):
        own = [next(iter(s))[0] for (of, _), s in sides.items() if of == label]
        assert own.count("train") == round(0.75 * len(own))
    # one hash of a block for all classes: most blocks are on one side for both
    both = [sides[1, block] == sides[2, block] for _, block in sides if (1, block) in sides and (2, block) in sides]
    assert sum(both) / len(both) > 0.6


def test_pieces_are_drawn_tile_by_tile_and_lose_no_ground(spark: SparkSession) -> None:
    """Twelve polygons across the border of two tiles: a unit in each, and some on two sides."""
    squares = [(i, 1, 4980.0, 300.0 * i) for i in range(12)]
    rows = divide(pieces(spark, squares), GROUND, choices(split_unit="piece")).collect()
    assert Counter(row.polygon_id for row in rows) == dict.fromkeys(range(12), 2)
    assert {row.tile for row in rows} == {row.fold for row in rows} == {"west", "east"}
    assert len({row.piece_id for row in rows}) == 24
    assert sum(row.area_m2 for row in rows) == pytest.approx(12 * 1600)
    train = Counter(row.tile for row in rows if row.split == "train")
    assert train == {"west": 9, "east": 9}
    sides = defaultdict(set)
    for row in rows:
        sides[row.polygon_id].add(row.split)
    assert any(len(side) == 2 for side in sides.values())


@pytest.mark.parametrize("distance", [60.0, 300.0])
def test_nothing_is_validated_closer_than_the_distance(spark: SparkSession, distance: float) -> None:
    squares = scattered(150)
    found = divided(spark, squares, choices(split_unit="distance", distance=distance))
    plain = divided(spark, squares, choices())
    shapes = {i: outline(x, y) for i, _, x, y in squares}
    train = shapely.STRtree([shapes[i] for i in shapes if found[i][0] == "train"])
    for i, (name, *_) in found.items():
        near = train.query(shapes[i], predicate="dwithin", distance=distance)
        close = any(shapely.distance(shapes[i], train.geometries[n]) < distance for n in near)
        expected = plain[i][0] if plain[i][0] == "train" or not close else "buffer"
        assert name == expected
    assert {"train", "validation", "buffer"} == {sets[0] for sets in found.values()}


def test_the_distance_is_found_without_comparing_all_with_all(spark: SparkSession, capsys: pytest.CaptureFixture[str]) -> None:
    divide(pieces(spark, scattered(9)), GROUND, choices(split_unit="distance", distance=50.0)).explain()
    plan = capsys.readouterr().out
    assert "DistanceJoin" in plan or "BroadcastIndexJoin" in plan or "RangeJoin" in plan
    assert "CartesianProduct" not in plan and "BroadcastNestedLoopJoin" not in plan


def test_the_split_is_drawn_within_regions(spark: SparkSession, halves: Path) -> None:
    squares = [(i, 1, 100.0 * i, 1000.0 if i < 8 else 5000.0) for i in range(20)]
    found = divided(spark, squares, choices(halves))
    north, south = ([found[i][0] for i in part] for part in (range(8), range(8, 20)))
    assert (north.count("train"), south.count("train")) == (6, 9)


def test_a_fold_for_each_region_and_none_outside_of_all(spark: SparkSession, halves: Path) -> None:
    """Rows reach from the north to the south; of a polygon on the border the larger part counts."""
    squares = [(0, 1, 0.0, 100.0), (1, 1, 0.0, 3970.0), (2, 1, 0.0, 3990.0), (3, 1, 0.0, 7000.0), (4, 1, 0.0, 9000.0)]
    found = divided(spark, squares, choices(halves, folds="region"))
    assert [found[i][2] for i in range(5)] == ["north", "north", "south", "south", None]


@pytest.mark.parametrize("count", [2, 3, 12])
def test_random_folds_share_out_each_class(spark: SparkSession, count: int) -> None:
    found = divided(spark, scattered(90), choices(folds="random", fold_count=count))
    for label in (1, 2, 3):
        sizes = Counter(fold for _, _, fold, of in found.values() if of == label)
        assert len(sizes) == count and max(sizes.values()) - min(sizes.values()) <= 1
    assert {fold for _, _, fold, _ in found.values()} == {f"fold-{i:0{len(str(count))}d}" for i in range(1, count + 1)}


def test_random_folds_keep_blocks_whole(spark: SparkSession) -> None:
    squares = scattered(120, classes=1)
    found = divided(spark, squares, choices(split_unit="block", block_size=2, folds="random", fold_count=3))
    folds = defaultdict(set)
    for i, _, x, y in squares:
        folds[int((300_020 + x) // 2000), int((5_000_000 - y - 20) // 2000)].add(found[i][2])
    assert len(folds) > 20 and all(len(own) == 1 for own in folds.values())


def test_block_folds_are_whole_blocks_of_all_classes(spark: SparkSession) -> None:
    squares = scattered(200)
    found = divided(spark, squares, choices(**UNITS["block folds"]))
    folds = defaultdict(set)
    for i, _, x, y in squares:
        folds[int((300_020 + x) // 2000), int((5_000_000 - y - 20) // 2000)].add(found[i][2])
    assert all(len(own) == 1 for own in folds.values())
    dealt = Counter(next(iter(own)) for own in folds.values())
    assert set(dealt) == {"fold-1", "fold-2", "fold-3"} and max(dealt.values()) - min(dealt.values()) <= 1


def written(folder: Path, values: list, suffix: str) -> GroundTruthSettings:
    shapes = [outline(100.0 * i, 0) for i in range(len(values))]
    frame = geopandas.GeoDataFrame({"code": 1, "part": values}, geometry=shapes, crs="EPSG:32631")
    path = folder / f"polygons{suffix}"
    frame.to_parquet(path) if suffix == ".parquet" else frame.to_file(path)
    return GroundTruthSettings(file=path, label_field="code", split_unit="column", split_field="part")


@pytest.mark.parametrize("suffix", [".gpkg", ".shp", ".parquet"])
def test_the_split_of_the_users_own_field(spark: SparkSession, tmp_path: Path, suffix: str) -> None:
    truth = written(tmp_path, ["train", "train", " validation ", "test", "train", "train", "train"], suffix)
    assert count_told(truth) == {"train": 5, "validation": 1, "test": 1}
    told = read_told(spark, truth, tmp_path / "told")
    first = min(row.polygon_id for row in told.collect())  # a GeoPackage counts from 1
    squares = [(first + i, 1, 100.0 * i, 0.0) for i in range(7)]
    how = Choices(truth, 0.2, 0, (), told)
    found = [sets[:2] for _, sets in sorted(divided(spark, squares, how).items())]
    assert [name for name, _ in found] == ["train", "train", "validation", "test", "train", "train", "train"]
    assert [name for name, monitored in found if monitored] == ["train"]


@pytest.mark.parametrize("suffix", [".gpkg", ".shp", ".parquet"])
def test_the_weights_of_the_users_own_field(spark: SparkSession, tmp_path: Path, suffix: str) -> None:
    truth = written(tmp_path, [1, 0.25, 0], suffix).model_copy(update={"weight_field": "part"})
    found = sorted((row.polygon_id, row.weight) for row in read_weights(spark, truth, tmp_path / "weights").collect())
    first = found[0][0]
    assert found == [(first, 1.0), (first + 1, 0.25), (first + 2, 0.0)]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1, -0.5, 1], "-0.5"),
        ([1, float("inf"), 1], "inf"),
        (["1", "much", "1"], "'much'"),
        (["1", None, "1"], "empty"),
    ],
)
def test_what_is_no_weight_is_named(spark: SparkSession, tmp_path: Path, values: list, said: str) -> None:
    truth = written(tmp_path, values, ".gpkg").model_copy(update={"weight_field": "part"})
    sentence = rf"weight_field: \S+polygons\.gpkg, feature 2: 'part' is {said}, and a weight is a number from 0 on; correct it"
    with pytest.raises(SitsparkError, match=sentence):
        refuse_strange_weights(truth)
    with pytest.raises(SitsparkError, match=sentence):
        read_weights(spark, truth, tmp_path / "weights")


@pytest.mark.parametrize(("value", "said"), [("learn", "'learn'"), (None, "empty"), ("", "empty")])
def test_another_value_of_that_field_is_named(spark: SparkSession, tmp_path: Path, value: str | None, said: str) -> None:
    truth = written(tmp_path, ["train", value, "test"], ".gpkg")
    sentence = rf"polygons\.gpkg, feature 2: 'part' is {said}, none of train, validation, test; correct it"
    with pytest.raises(SitsparkError, match=sentence):
        count_told(truth)
    with pytest.raises(SitsparkError, match=sentence):
        read_told(spark, truth, tmp_path / "told")
