"""A map as polygons, one for each connected part of a class (floor 2), block by block; parts are joined across blocks."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely
from rasterio.features import shapes

from sitspark.classes import Nomenclature
from sitspark.grid import Grid, Window
from sitspark.ground_truth.write import Layer, write_vector
from sitspark.kernels.components import components
from sitspark.maps.areas import pixel_hectares
from sitspark.maps.reading import blocks, opened, read

FILES = {"gpkg": "polygons.gpkg", "geoparquet": "polygons.parquet"}  # of a map, by their format
SIDE = 1024  # pixels of a block's side

Geometries = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Sources:
    """What polygons are made of: the map's classes, the confidence of the classifier, and, where the map is regularised, the
    classes that the classifier gave.
    """

    classes: Path
    confidence: Path
    original: Path | None


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """Parts of classes: code, outline in pixels of the map, number of pixels, sum of the confidence of those that kept their
    class, pixels by original class (parts, positions of classes from 1).
    """

    code: npt.NDArray[np.int64]
    outline: Geometries
    pixels: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float64]
    original: npt.NDArray[np.int64]

    def chosen(self, which: npt.NDArray[np.generic]) -> "_Parts":
        return _Parts(self.code[which], self.outline[which], self.pixels[which], self.confidence[which], self.original[which])

    @staticmethod
    def joined(parts: Sequence["_Parts"]) -> "_Parts":
        """One part of all of them, which are of one class and meet."""
        outline = np.empty(1, np.object_)
        outline[0] = shapely.union_all(np.concatenate([part.outline for part in parts]))
        return _Parts(
            parts[0].code[:1],
            outline,
            np.concatenate([part.pixels for part in parts]).sum(keepdims=True),
            np.concatenate([part.confidence for part in parts]).sum(keepdims=True),
            np.concatenate([part.original for part in parts]).sum(axis=0, keepdims=True),
        )


def vectorise(
    sources: Sources,
    grid: Grid,
    out: Path,
    *,
    nomenclature: Nomenclature,
    simplify: float = 0,
    side: int = SIDE,
    told: Callable[[int], object] = lambda _pixels: None,
) -> int:
    """Write the parts of a map on `grid` as polygons into `out`, and give their number; the format follows from its suffix.

    Attributes are code, name, area_ha (of the pixels), confidence (mean, per cent, of the pixels that the classifier gave the
    class; null where it gave none), and of a regularised map for each class share_<code>: the per cent of the pixels that the
    classifier gave it. `simplify` is in pixels: the side of the triangles
    that borders may lose; borders stay those of both neighbours, and where they cross the lines between blocks they stay as
    they are. `told` gets the pixels of each block that is done.

    Memory is that of a block, and of the parts that reach from the blocks so far into the next row of them: these aren't
    bounded. Raises SitsparkError where a raster can't be read or the file can't be written.
    """
    schema = _schema(nomenclature if sources.original is not None else Nomenclature(()))

    def tables() -> Iterator[pa.Table]:
        for parts in _complete(sources, grid, nomenclature, simplify, side, told):
            yield _table(parts, schema, grid, nomenclature)

    return write_vector(tables(), schema, out, Layer(grid.crs, "Polygon"))


def _complete(
    sources: Sources, grid: Grid, nomenclature: Nomenclature, simplify: float, side: int, told: Callable[[int], object]
) -> Iterator[_Parts]:
    """The parts of the map, each whole and once, as soon as the blocks that hold them are done."""
    waiting = _Waiting()
    above_code, above_number = np.zeros(grid.width, np.int64), np.zeros(grid.width, np.int64)
    left_code, left_number = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for window in blocks(grid.window, side):
        block = _Block.of(sources, window, nomenclature, simplify)
        cut = np.zeros(len(block.parts.code) + 1, np.bool_)
        if window.row > 0:
            cut[block.labels[0]] = True
        if window.stop_row < grid.height:
            cut[block.labels[-1]] = True
        if window.col > 0:
            cut[block.labels[:, 0]] = True
        if window.stop_col < grid.width:
            cut[block.labels[:, -1]] = True
        yield block.parts.chosen(~cut[1:] & (block.parts.code > 0))
        number = waiting.add(block.parts, cut)
        columns = slice(window.col, window.stop_col)
        if window.row > 0:
            _meet(waiting, above_code[columns], above_number[columns], block.codes[0], number[block.labels[0]])
        if window.col > 0:
            _meet(waiting, left_code, left_number, block.codes[:, 0], number[block.labels[:, 0]])
        left_code, left_number = block.codes[:, -1], number[block.labels[:, -1]]
        above_code[columns], above_number[columns] = block.codes[-1], number[block.labels[-1]]
        if window.stop_col == grid.width:
            goes_on = above_number if window.stop_row < grid.height else np.zeros(0, np.int64)
            yield from waiting.complete(np.unique(goes_on).tolist())
        told(window.pixels)


def _meet(
    waiting: "_Waiting",
    code: npt.NDArray[np.int64],
    number: npt.NDArray[np.int64],
    other_code: npt.NDArray[np.int64],
    other_number: npt.NDArray[np.int64],
) -> None:
    """Join the parts of two rows of pixels that lie beside each other, where the classes are the same."""
    same = (code == other_code) & (code > 0)
    for one, other in np.unique(np.stack([number[same], other_number[same]], axis=1), axis=0).tolist():
        waiting.join(one, other)


class _Waiting:
    """Parts of parts that blocks cut, and which of them are one."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}
        self._held: dict[int, list[_Parts]] = {}
        self._numbers = 0

    def add(self, parts: _Parts, cut: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Hold those that are cut, and number them: a number for each label, 0 for those that aren't."""
        number = np.zeros(cut.size, np.int64)
        for label in np.flatnonzero(cut).tolist():
            if parts.code[label - 1] == 0:
                continue
            self._numbers += 1
            number[label] = self._first[self._numbers] = self._numbers
            self._held[self._numbers] = [parts.chosen(np.array([label - 1]))]
        return number

    def join(self, one: int, other: int) -> None:
        """Two numbers are of one part."""
        first, second = sorted((self._root(one), self._root(other)))
        if first != second:
            self._first[second] = first
            self._held[first] += self._held.pop(second)

    def complete(self, going_on: Sequence[int]) -> Iterator[_Parts]:
        """Let go of all parts that none of these numbers is of."""
        kept = {self._root(number) for number in going_on if number > 0}
        for first in [first for first in self._held if first not in kept]:
            yield _Parts.joined(self._held.pop(first))
        self._first = {number: self._root(number) for number in self._first if self._root(number) in kept}

    def _root(self, number: int) -> int:
        while self._first[number] != number:
            number = self._first[number]
        return number


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """The parts of a block, and where they are: labels from 1, position of the part + 1; what isn't classified has some too."""

    codes: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int32]
    parts: _Parts

    @staticmethod
    def of(sources: Sources, window: Window, nomenclature: Nomenclature, simplify: float) -> "_Block":
        codes = _read(sources.classes, window)
        # what isn't classified takes part, so that its borders are simplified too
        labels, count = components((codes + 1).astype(np.uint32))
        flat, of_part = labels.ravel(), np.zeros(count, np.int64)
        of_part[flat - 1] = codes.ravel()
        sure = _read(sources.confidence, window)
        classes = len(nomenclature) + 1
        original = np.zeros((count, classes), np.int64)
        if sources.original is not None:
            given = _read(sources.original, window)
            sure[given != codes] = 0  # of the class that the pixel had before
            position = np.searchsorted([0, *nomenclature.codes], given.ravel())
            pairs = np.bincount((flat.astype(np.int64) - 1) * classes + position, minlength=count * classes)
            original = pairs.reshape(count, classes)
        confidence = np.bincount(flat, sure.ravel(), count + 1)[1:].astype(np.float64)
        outlines = _outlines(labels, count, simplify)
        corner = np.array([window.col, window.row])
        placed = shapely.transform(outlines, lambda xy: xy + corner)
        return _Block(codes, labels, _Parts(of_part, placed, np.bincount(flat, minlength=count + 1)[1:], confidence, original))


def _read(path: Path, window: Window) -> npt.NDArray[np.int64]:
    with opened(path) as source:
        pixels: npt.NDArray[np.int64] = read(source, window)[0].astype(np.int64)
    return pixels


def _outlines(labels: npt.NDArray[np.int32], count: int, simplify: float) -> Geometries:
    """The outline of each label from 1, in pixels of the window (column, row)."""
    points: list[tuple[float, float]] = []
    rings, polygons, order = [0], [0], []
    for shape, label in shapes(labels, connectivity=4):
        for ring in shape["coordinates"]:
            points += ring
            rings.append(len(points))
        polygons.append(len(rings) - 1)
        order.append(int(label) - 1)
    found = shapely.from_ragged_array(shapely.GeometryType.POLYGON, np.array(points), (np.array(rings), np.array(polygons)))
    if simplify > 0:
        # neighbours need the same vertices: all corners of pixels; those on the block's edge stay
        found = shapely.coverage_simplify(shapely.segmentize(found, 1.0), simplify, simplify_boundary=False)
    outlines = np.empty(count, np.object_)
    outlines[order] = found
    return outlines


def _schema(shares: Nomenclature) -> pa.Schema:
    return pa.schema(
        [
            ("code", pa.int32()),
            ("name", pa.string()),
            ("area_ha", pa.float64()),
            ("confidence", pa.float32()),
            *((f"share_{c.code}", pa.float32()) for c in shares),
            ("geometry", pa.binary()),
        ]
    )


def _mean_confidence(parts: _Parts, nomenclature: Nomenclature) -> pa.Array:
    """The mean over the pixels that the classifier gave the class; null where there is none."""
    kept = parts.pixels
    if parts.original.any():
        kept = parts.original[np.arange(len(parts.code)), np.searchsorted([0, *nomenclature.codes], parts.code)]
    mean = np.divide(parts.confidence, kept, out=np.zeros(len(kept)), where=kept > 0)
    return pa.array(mean, pa.float32(), mask=kept == 0)


def _table(parts: _Parts, schema: pa.Schema, grid: Grid, nomenclature: Nomenclature) -> pa.Table:
    step = np.array([grid.resolution, -grid.resolution])
    outlines = shapely.transform(parts.outline, lambda xy: xy * step + (grid.left, grid.top))
    shares = 100 * parts.original / parts.pixels[:, np.newaxis]
    columns = {
        "code": parts.code,
        "name": [nomenclature.name_of(code) for code in parts.code.tolist()],
        "area_ha": parts.pixels * pixel_hectares(grid),
        "confidence": _mean_confidence(parts, nomenclature),
        **{f"share_{c.code}": shares[:, position] for position, c in enumerate(nomenclature, 1)},
        "geometry": shapely.to_wkb(outlines),
    }
    arrays = (columns[field.name] for field in schema)
    typed = zip(arrays, schema.types, strict=True)
    return pa.table([a if isinstance(a, pa.Array) else pa.array(a, kind) for a, kind in typed], schema=schema)
