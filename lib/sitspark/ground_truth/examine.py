"""Judging a file of labelled features without imagery: what is wrong with each, and what of it can be kept.

A *fault* rejects its feature; a *remark* doesn't. Each step is written once to a folder and read from there, so that a
million polygons need no more memory than a thousand.
"""

import functools
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from sitspark.ground_truth.clean import READ, REPAIR
from sitspark.ground_truth.crs_range import beyond_range
from sitspark.ground_truth.overlaps import Overlaps, box_of, losers, shared_ground
from sitspark.ground_truth.pixels import Pixels
from sitspark.ground_truth.twins import box_key, twins
from sitspark.spark import location, pattern

FAULTS = (
    "null geometry",
    "empty geometry",
    "unreadable geometry",
    "coordinates out of range",
    "no label",
    "unknown label",
    "duplicate",
    "conflicting duplicate",
    "no area",
    "overlap",
)
REMARKS = (
    "invalid",
    "multi-part",
    "repeated part",
    "holes",
    "sliver",
    "no pixel centre",
    "outside the imagery",
)
_SHAPE = "ST_GeomFromWKB(wkb)"
# filters may be evaluated in any order, and what can't be read is never touched
_SOUND_SHAPE = "case when what is null then ST_Force_2D(ST_GeomFromWKB(wkb)) end"
_FEATURE = ("number", "name", "label", "what", "reason")


@dataclass(frozen=True, slots=True)
class Rules:
    """What features are compared with.

    `crs` is that of the features; `codes` those of the nomenclature, None where there is none; `tolerance` how many pixels two
    polygons of different labels may share; `imagery` its outline as WKB in the features' CRS, where it is known.
    """

    crs: str
    pixels: Pixels
    codes: Collection[int] | None = None
    tolerance: float = 1.0
    overlaps: Overlaps = "drop"
    imagery: bytes | None = None


@dataclass(frozen=True, slots=True)
class Examination:
    """Every feature is kept or rejected, whole.

    `features`: number, name, label, code, wkb. `kept`: number, name, code, part, wkb, the valid single geometries in order.
    `rejected`, `remarks`: number, name, label, what (one of FAULTS, or of REMARKS), reason.
    """

    features: DataFrame
    kept: DataFrame
    rejected: DataFrame
    remarks: DataFrame


def examine(
    features: DataFrame, rules: Rules, scratch: Path, *, on_step: Callable[[str], None] = lambda _: None
) -> Examination:
    """Judge features (number, name, label, code, wkb, problem); `scratch`, a folder, takes what is found on the way.

    `name` is what the user calls a feature, `code` its label as a whole number, or null. `on_step` is told what begins.
    """
    spark = features.sparkSession
    on_step("geometries and labels")
    judged = _kept_in(scratch / "judged", spark, _judge(features, rules))
    sound = judged.where("what is null")
    alone = judged.where("what is not null").select(*_FEATURE)
    keep_first = rules.overlaps != "drop"
    on_step("duplicates")
    same = _kept_in(scratch / "twins", spark, twins(_labelled(sound), "number", keep_first=keep_first, geometry=_SOUND_SHAPE))
    unique = sound.join(same, "number", "left_anti")
    on_step("repair and single parts")
    written = _kept_in(scratch / "pieces", spark, _pieces(unique, rules))
    present = written.select("number").distinct()
    flat = unique.join(present, "number", "left_anti").withColumns(
        {"what": F.lit("no area"), "reason": F.lit("no area is left after repair")}
    )
    on_step("overlaps")
    lost = _kept_in(scratch / "conflicts", spark, _conflicts(written, rules))
    # parts of several features may be one and the same, though the features aren't
    repeated = _kept_in(
        scratch / "repeated",
        spark,
        twins(_labelled(written.join(lost, "number", "left_anti")), "piece_id", keep_first=True, geometry=_SHAPE),
    )
    left = written.join(lost, "number", "left_anti").join(repeated, "piece_id", "left_anti")
    kept = left.select("number", "name", "code", "part", "wkb").orderBy("number", "part")
    of_others = repeated.selectExpr("piece_id div 1000000 number", "first div 1000000 other").groupBy("number").agg(
        F.min("other").alias("other")
    )  # fmt: skip
    gone = of_others.join(left.select("number").distinct(), "number", "left_anti")
    names = judged.select(F.col("number").alias("other"), F.col("name").alias("other_name"))

    def told(frame: DataFrame, what: Column, reason: Column) -> DataFrame:
        named = frame.join(names, "other").join(judged.select("number", "name", "label"), "number")
        return named.select("number", "name", "label", what.alias("what"), reason.alias("reason"))

    duplicate = F.concat(F.lit("duplicate of feature "), "other_name")
    rejected = [
        alone,
        told(
            same.withColumnRenamed("first", "other"),
            F.when(F.col("conflict"), "conflicting duplicate").otherwise("duplicate"),
            F.when(F.col("conflict"), "same geometry as a feature of another label").otherwise(duplicate),
        ),
        flat.select(*_FEATURE),
        told(lost, F.lit("overlap"), F.concat(F.lit("overlaps feature "), "other_name", F.lit(" of another label"))),
        told(gone, F.lit("duplicate"), duplicate),
    ]
    partly = of_others.join(gone, "number", "left_anti")
    part = told(partly, F.lit("repeated part"), F.concat(F.lit("a part is also one of feature "), "other_name"))
    remarks = [*_remarks(judged, written, rules), part]
    return Examination(
        judged.select("number", "name", "label", "code", "wkb"),
        kept,
        functools.reduce(DataFrame.unionByName, rejected),
        functools.reduce(DataFrame.unionByName, remarks),
    )


def _kept_in(folder: Path, spark: SparkSession, frame: DataFrame) -> DataFrame:
    frame.write.mode("overwrite").parquet(location(folder))
    return spark.read.parquet(pattern(folder))


def _labelled(frame: DataFrame) -> DataFrame:
    return frame.withColumn("label", F.col("code"))


def _judge(features: DataFrame, rules: Rules) -> DataFrame:
    """Add what is wrong with each feature alone, what is to be remarked of it, and the key of its bounding box."""
    known = ", ".join(map(str, sorted(rules.codes))) if rules.codes else None
    unknown = f"code is null or code not in ({known})" if known else "code is null"
    what = f"""
        case when wkb is null then 'null geometry'
             when problem is not null then problem
             when ST_IsEmpty(geometry) then 'empty geometry'
             when {beyond_range(rules.crs)} then 'coordinates out of range'
             when label is null or trim(label) = '' then 'no label'
             when {unknown} then 'unknown label' end"""
    reason = f"""
        case what when 'unknown label' then concat('label ', label, ' is not in the nomenclature')
                  when 'coordinates out of range' then 'coordinates beyond the range of {rules.crs}'
                  else what end"""
    areal = "what is null and ST_Dimension(geometry) = 2"
    return (
        features.withColumn("geometry", F.expr(READ))
        .withColumn("what", F.expr(what))
        .withColumn("reason", F.expr(reason))
        .withColumn(
            "invalid", F.expr("case when what is null and not ST_IsValid(geometry) then ST_IsValidReason(geometry) end")
        )
        .withColumn("parts", F.expr("case when what is null then ST_NumGeometries(geometry) else 0 end"))
        .withColumn("holes", F.expr(f"case when {areal} then ST_NRings(geometry) - parts else 0 end"))
        .withColumn("box", F.expr(f"case when what is null then {box_key('geometry')} end"))
        .select(*_FEATURE, "code", "invalid", "parts", "holes", "box", "wkb")
    )


def _pieces(features: DataFrame, rules: Rules) -> DataFrame:
    """The valid single polygons (of points the points) of features, as WKB, and how they lie in the pixels."""
    shapes = features.withColumn("geometry", F.expr(_SOUND_SHAPE))
    repaired = shapes.withColumn("geometry", F.expr(REPAIR.replace("ST_IsValid(geometry)", "invalid is null")))
    single = repaired.withColumn(
        "parts",
        F.expr("ST_Dump(case when ST_Dimension(geometry) = 0 then geometry else ST_CollectionExtract(geometry, 3) end)"),
    ).select("number", "name", "code", F.posexplode("parts").alias("part", "geometry"))
    pixels = rules.pixels
    measured = (
        single.withColumn("on_grid", F.expr(pixels.on_grid("geometry", rules.crs)))
        .withColumn("area_m2", F.expr("ST_Area(on_grid)"))
        .withColumn("point", F.expr("ST_Dimension(geometry) = 0"))
        .where("point or (ST_Area(geometry) > 0 and not ST_IsEmpty(geometry))")
        .withColumn("girth", F.expr("ST_Perimeter(on_grid)"))
    )
    return measured.select(
        "number",
        "name",
        "code",
        "part",
        F.expr("number * 1000000 + part").alias("piece_id"),
        "area_m2",
        F.expr(f"not point and {pixels.narrower('on_grid')}").alias("narrow"),
        F.expr(f"point or {pixels.holds_a_centre('on_grid')}").alias("centred"),
        F.expr(box_key("geometry")).alias("box"),
        *(F.expr(side).alias(name) for name, side in box_of("geometry").items()),
        F.expr("ST_AsBinary(geometry)").alias("wkb"),
    )


def _conflicts(pieces: DataFrame, rules: Rules) -> DataFrame:
    """The features that overlaps of labels reject: number, other."""
    named = _labelled(pieces).withColumnRenamed("number", "polygon_id")
    polygons = named.select("polygon_id", "piece_id", "label", "area_m2", *box_of(""), "wkb")
    pixels = rules.pixels
    pairs = shared_ground(
        polygons,
        more_than=rules.tolerance * pixels.resolution**2,
        area=lambda geometry: f"ST_Area({pixels.on_grid(geometry, rules.crs)})",
        planar=rules.crs == pixels.crs,
        geometry=_SHAPE,
    )
    # small ones share less than the tolerance though they are the same
    same = twins(_labelled(pieces), "piece_id", keep_first=True, geometry=_SHAPE).where("conflict")
    equal = same.selectExpr("first div 1000000 a", "piece_id div 1000000 b").distinct()
    pairs = pairs.select("a", "b").union(equal).distinct()
    return losers(pairs, polygons, rules.overlaps).withColumnRenamed("polygon_id", "number")


def _remarks(judged: DataFrame, pieces: DataFrame, rules: Rules) -> list[DataFrame]:
    """What is to be said of features that aren't faulty by themselves."""
    sound = judged.where("what is null")
    whole = pieces.groupBy("number").agg(F.every("narrow").alias("narrow"), F.some("centred").alias("centred"))
    size = f"{rules.pixels.resolution:g} m"
    placed = sound.join(whole, "number")
    cases = [
        (sound, "invalid is not null", "invalid", F.col("invalid")),
        (sound, "parts > 1", "multi-part", F.concat(F.col("parts").cast("string"), F.lit(" parts"))),
        (sound, "holes > 0", "holes", F.concat(F.col("holes").cast("string"), F.expr("if(holes = 1, ' hole', ' holes')"))),
        (placed, "narrow", "sliver", F.lit(f"narrower than a pixel of {size}")),
        (placed, "not centred", "no pixel centre", F.lit(f"holds no centre of a pixel of {size}")),
    ]
    if rules.imagery is not None:
        outline = f"ST_GeomFromWKB(unhex('{rules.imagery.hex()}'))"
        outside = f"not ST_Intersects({_SOUND_SHAPE}, {outline})"
        cases.append((sound, outside, "outside the imagery", F.lit("outside the imagery")))
    return [
        frame.where(condition).select("number", "name", "label", F.lit(what).alias("what"), reason.alias("reason"))
        for frame, condition, what, reason in cases
    ]
