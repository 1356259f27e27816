"""Reading the blocks of the GeoTIFFs that agencies deliver, in half of GDAL's time: deflate by igzip, straight to its place.

One band of integers, packed by deflate or not at all, whole pixels differenced or not, in tiles or strips: what Theia and
the USGS write, and most tools after them. All else is GDAL's to read (TIFF 6.0; BigTIFF as libtiff has it).
"""

import os
import struct
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from isal.igzip_lib import IsalError
from isal.isal_zlib import decompress, decompressobj

from sitspark.grid import Window
from sitspark.kernels.predictor import undo_differences

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _FILL_ORDER = 256, 257, 258, 259, 266
_STRIP_OFFSETS, _SAMPLES, _STRIP_ROWS, _STRIP_SIZES = 273, 277, 278, 279
_PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_SIZES, _SAMPLE_FORMAT = 317, 322, 323, 324, 325, 339
_NUMBERS = {3: "H", 4: "I", 16: "Q"}  # SHORT, LONG, LONG8 of the specification, as struct has them
_DTYPES = {(8, 1): "uint8", (16, 1): "uint16", (16, 2): "int16"}  # bits a sample, sample format
_PLAIN, _DEFLATE = (1,), (8, 32946)
_LARGE = 2**20  # bytes; of a block that isn't packed
_FEW_ENTRIES = 4096  # of a directory: more is no image


@dataclass(frozen=True, slots=True)
class TiffHeader:
    """Where the blocks of an image lie in its file, and how they are packed. Offsets and sizes: int64 (rows, columns)."""

    dtype: str
    height: int
    width: int
    block_height: int
    block_width: int
    offsets: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    deflated: bool
    differenced: bool

    @staticmethod
    def of(file: BinaryIO) -> "TiffHeader | None":
        """Read the header; None for a kind of file that is left to GDAL."""
        try:
            tags = _directory(file)
            return None if tags is None else _header(tags)
        except (struct.error, ValueError, OverflowError, MemoryError):
            return None

    def rows_of(self, block_row: int) -> int:
        """The rows of pixels that are stored for a row of blocks: tiles are whole, the last strip isn't."""
        if self.block_width < self.width or self.offsets.shape[1] > 1:
            return self.block_height
        return min(self.block_height, self.height - block_row * self.block_height)


def _directory(file: BinaryIO) -> Mapping[int, tuple[int, ...]] | None:
    """The numbers of the first image's directory; None for what isn't a little-endian TIFF."""
    start = file.read(16)
    if start[:4] == b"II*\0":
        (at,) = struct.unpack_from("<I", start, 4)
        count_form, entry_form, inline = "<H", "<HHI4s", 4
    elif start[:4] == b"II+\0":
        (at,) = struct.unpack_from("<Q", start, 8)
        count_form, entry_form, inline = "<Q", "<HHQ8s", 8
    else:
        return None
    file.seek(at)
    (count,) = struct.unpack(count_form, file.read(struct.calcsize(count_form)))
    if count > _FEW_ENTRIES:
        return None
    entries = list(struct.iter_unpack(entry_form, file.read(count * struct.calcsize(entry_form))))
    found = {}
    for tag, kind, number, value in entries:
        if kind not in _NUMBERS:
            continue
        form = f"<{number}{_NUMBERS[kind]}"
        size = struct.calcsize(form)
        if size > inline:
            file.seek(int.from_bytes(value, "little"))
            value = file.read(size)
        found[tag] = struct.unpack(form, value[:size])
    return found


def _header(tags: Mapping[int, tuple[int, ...]]) -> TiffHeader | None:
    def only(tag: int, default: int) -> int:
        values = tags.get(tag, (default,))
        return values[0] if len(values) == 1 else -1

    dtype = _DTYPES.get((only(_BITS, 1), only(_SAMPLE_FORMAT, 1)))
    compression, predictor = only(_COMPRESSION, 1), only(_PREDICTOR, 1)
    usual = only(_SAMPLES, 1) == 1 and only(_FILL_ORDER, 1) == 1 and predictor in (1, 2)
    if dtype is None or compression not in (*_PLAIN, *_DEFLATE) or not usual:
        return None
    height, width = only(_HEIGHT, 0), only(_WIDTH, 0)
    if _TILE_OFFSETS in tags:
        block_height, block_width = only(_TILE_HEIGHT, 0), only(_TILE_WIDTH, 0)
        offsets, sizes = tags[_TILE_OFFSETS], tags.get(_TILE_SIZES, ())
    else:
        block_height, block_width = min(only(_STRIP_ROWS, height), height), width
        offsets, sizes = tags.get(_STRIP_OFFSETS, ()), tags.get(_STRIP_SIZES, ())
    if min(height, width, block_height, block_width) <= 0:
        return None
    # GDAL reads the rows that it needs of a plain strip, however large it is
    if compression in _PLAIN and block_height * block_width * np.dtype(dtype).itemsize > _LARGE:
        return None
    shape = -(-height // block_height), -(-width // block_width)
    # blocks of size 0 were never written: GDAL knows what stands for them
    if not len(offsets) == len(sizes) == shape[0] * shape[1] or min(sizes) == 0:
        return None
    return TiffHeader(
        dtype,
        height,
        width,
        block_height,
        block_width,
        np.array(offsets, np.int64).reshape(shape),
        np.array(sizes, np.int64).reshape(shape),
        compression in _DEFLATE,
        # differences of unpacked blocks aren't foreseen
        predictor == 2 and compression in _DEFLATE,
    )


Key = tuple[int, int, int]  # of a file, and of a block in it
# pixels at the lower and the right edge of a block that are kept longer than the block: as far as interpolation reaches
RIM = 2
_RIMS_BYTES = 64 * 2**20  # of rims: those of a row of blocks over a tile, of a year of dates


class BlockCache:
    """Decoded blocks by the file and place that they come from, the one used last at the end; none until some are allowed.

    Of blocks that are dropped, and of those that lie wholly in a window, the rims stay: their neighbours need nothing else.
    """

    def __init__(self) -> None:
        self._blocks = _Shelf(0)
        self._rims = _Shelf(_RIMS_BYTES)

    def get(self, key: Key, inside: Window) -> npt.NDArray[np.generic] | None:
        """A part of a block that is still there."""
        block = self._blocks.get(key)
        if block is not None:
            return block[0][inside.slices]
        rims = self._rims.get(key)
        if rims is None:
            return None
        lower, right = rims
        rows, cols = right.shape[0], lower.shape[1]
        if inside.row >= rows - RIM:
            return lower[inside.row - rows + len(lower) :][: inside.height, inside.col : inside.stop_col]
        if inside.col >= cols - RIM:
            return right[inside.row : inside.stop_row, inside.col - cols + right.shape[1] :][:, : inside.width]
        return None

    def put(self, key: Key, block: npt.NDArray[np.generic]) -> None:
        """Keep a block, and drop those that were used longest ago."""
        self._blocks.put(key, (block,))
        self.put_rims(key, block)

    def put_rims(self, key: Key, block: npt.NDArray[np.generic]) -> None:
        """Keep the rims of a block alone."""
        self._rims.put(key, (block[-RIM:].copy(), block[:, -RIM:].copy()))

    def allow(self, most: int) -> None:
        """Hold at most so many bytes of blocks from now on."""
        self._blocks.allow(most)


class _Shelf:
    """Arrays by their keys, as many as there is room for; those used longest ago are dropped."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._bytes = 0
        self._held: OrderedDict[Key, tuple[npt.NDArray[np.generic], ...]] = OrderedDict()

    def get(self, key: Key) -> tuple[npt.NDArray[np.generic], ...] | None:
        found = self._held.get(key)
        if found is not None:
            self._held.move_to_end(key)
        return found

    def put(self, key: Key, arrays: tuple[npt.NDArray[np.generic], ...]) -> None:
        self._bytes -= sum(array.nbytes for array in self._held.pop(key, ()))
        self._held[key] = arrays
        self._bytes += sum(array.nbytes for array in arrays)
        self._trim()

    def allow(self, most: int) -> None:
        self._most = most
        self._trim()

    def _trim(self) -> None:
        while self._bytes > self._most and self._held:
            _, oldest = self._held.popitem(last=False)
            self._bytes -= sum(array.nbytes for array in oldest)


class BlockFile:
    """An open file whose blocks can be read without GDAL."""

    _opened = 0  # numbers files, so that blocks of one that was written again are not taken for the new one's

    def __init__(self, descriptor: int, header: TiffHeader) -> None:
        self.header = header
        self._descriptor = descriptor
        BlockFile._opened += 1
        self._number = BlockFile._opened

    @staticmethod
    def open(path: Path) -> "BlockFile | None":
        """Open a file; None for a kind that is left to GDAL. Raises OSError where it can't be opened."""
        with path.open("rb") as file:
            header = TiffHeader.of(file)
            return None if header is None else BlockFile(os.dup(file.fileno()), header)

    def __del__(self) -> None:
        os.close(self._descriptor)

    def read(
        self,
        window: Window,
        out: npt.NDArray[np.generic],
        *,
        cache: BlockCache,
        wanted: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Fill `out` (rows, columns; of the file's dtype) with a window inside the image.

        With `wanted` (block rows, block columns) only blocks that are True are read, and the rest of `out` stays as it is.
        Blocks that reach beyond the window are kept in the cache: its neighbours need them; but of those
        into which it reaches by `RIM` rows from above, no more is unpacked. Raises OSError for a damaged block.
        """
        size = self.header
        for row in range(window.row // size.block_height, -(-window.stop_row // size.block_height)):
            for col in range(window.col // size.block_width, -(-window.stop_col // size.block_width)):
                if wanted is not None and not wanted[row, col]:
                    continue
                block = Window(row * size.block_height, col * size.block_width, size.block_height, size.block_width)
                part = window.intersection(block)
                target = out[part.shifted(-window.row, -window.col).slices]
                inside = part.shifted(-block.row, -block.col)
                key = (self._number, row, col)
                known = cache.get(key, inside)
                if known is not None:
                    target[:] = known
                elif part == block.intersection(Window(0, 0, size.height, size.width)):
                    self._decode(row, col, inside, target)
                    if size.block_width < size.width or size.block_height < size.height:
                        cache.put_rims(key, target)
                # what a window only reaches into from above: its own chunk unpacks it whole, with its checksum
                elif inside.stop_row <= RIM and block.row > window.row:
                    self._decode(row, col, inside, target, rows=inside.stop_row)
                else:
                    kept = np.empty((size.rows_of(row), size.block_width), size.dtype)
                    self._decode(row, col, Window(0, 0, *kept.shape), kept)
                    cache.put(key, kept)
                    target[:] = kept[inside.slices]

    def _decode(self, row: int, col: int, inside: Window, out: npt.NDArray[np.generic], *, rows: int | None = None) -> None:
        """Unpack a part of a block straight to its place; of a block its first `rows` are enough (None: all are needed)."""
        size = self.header
        shape = (rows or size.rows_of(row), size.block_width)
        wanted = shape[0] * shape[1] * np.dtype(size.dtype).itemsize
        try:
            plain = self._unpacked(row, col, wanted) if rows is None else self._begin(row, col, wanted)
        except IsalError as error:  # type: ignore[misc]  # its stubs name no exception
            raise OSError(f"block {row}, {col} is damaged: {error}") from None
        if len(plain) < wanted:
            raise OSError(f"block {row}, {col} is cut short")
        block = np.frombuffer(plain, size.dtype, shape[0] * shape[1]).reshape(shape)
        if size.differenced:
            undo_differences(block, inside.row, inside.col, out)
        else:
            out[:] = block[inside.slices]

    def _unpacked(self, row: int, col: int, wanted: int) -> bytes:
        """A block of so many bytes; fewer where the file ends before."""
        packed = os.pread(self._descriptor, int(self.header.sizes[row, col]), int(self.header.offsets[row, col]))
        return decompress(packed, bufsize=wanted) if self.header.deflated else packed

    def _begin(self, row: int, col: int, wanted: int) -> bytes:
        """The first bytes of a block, read as far as they need it; fewer where the file ends before."""
        at = int(self.header.offsets[row, col])
        if not self.header.deflated:
            return os.pread(self._descriptor, wanted, at)
        stop, plain, unpack = at + int(self.header.sizes[row, col]), b"", decompressobj().decompress
        # packed they are hardly ever longer
        while len(plain) < wanted and (packed := os.pread(self._descriptor, min(wanted, stop - at), at)):
            plain += unpack(packed, max_length=wanted - len(plain))
            at += len(packed)
        return plain
