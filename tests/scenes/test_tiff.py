"""Reading blocks without GDAL gives GDAL's numbers, or leaves the file to GDAL."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from sitspark.grid import Window
from sitspark.kernels.predictor import undo_differences
from sitspark.scenes.tiff import BlockCache, BlockFile

HEIGHT, WIDTH = 70, 90
TILES = {"tiled": True, "blockxsize": 32, "blockysize": 16}
STRIPS = {"blockysize": 16}  # the last one is shorter


def write(path: Path, dtype: str = "int16", **options: object) -> np.ndarray:
    limits = np.iinfo(dtype)
    values = np.random.default_rng(1).integers(limits.min, limits.max, (HEIGHT, WIDTH), endpoint=True).astype(dtype)
    values[:20] = 7
    profile = {"driver": "GTiff", "height": HEIGHT, "width": WIDTH, "count": 1, "dtype": dtype} | options
    with rasterio.open(path, "w", **profile) as raster:
        raster.write(np.broadcast_to(values, (profile["count"], HEIGHT, WIDTH)))
    return values


def read(file: BlockFile, window: Window, cache: BlockCache | None = None) -> np.ndarray:
    out = np.full((window.height, window.width), 99, file.header.dtype)
    file.read(window, out, cache=cache or BlockCache())
    return out


KINDS = [
    {**blocks, "dtype": dtype, **packing}
    for blocks, dtype, packing in itertools.product(
        (TILES, STRIPS, {"blockysize": HEIGHT}),
        ("uint8", "uint16", "int16"),
        ({}, {"compress": "deflate"}, {"compress": "deflate", "predictor": 2}, {"compress": "deflate", "bigtiff": "yes"}),
    )
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: " ".join(str(value) for value in kind.values()))
def test_the_usual_kinds_are_read_as_gdal_reads_them(tmp_path: Path, kind: dict) -> None:
    values = write(tmp_path / "a.tif", **kind)
    file = BlockFile.open(tmp_path / "a.tif")
    assert file is not None
    for window in (Window(0, 0, HEIGHT, WIDTH), Window(5, 7, 40, 50), Window(69, 89, 1, 1), Window(16, 32, 16, 32)):
        assert np.array_equal(read(file, window), values[window.slices])


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> tuple[BlockFile, np.ndarray]:
    path = tmp_path_factory.mktemp("tiff") / "a.tif"
    values = write(path, compress="deflate", predictor=2, **TILES)
    file = BlockFile.open(path)
    assert file is not None
    return file, values


@settings(deadline=None)
@given(st.tuples(st.integers(0, HEIGHT - 1), st.integers(0, WIDTH - 1)), st.data(), st.integers(0, 5000))
def test_any_window_with_any_room_in_the_cache(
    image: tuple[BlockFile, np.ndarray], first: tuple[int, int], data: st.DataObject, most: int
) -> None:
    file, values = image
    shape = data.draw(st.tuples(st.integers(1, HEIGHT - first[0]), st.integers(1, WIDTH - first[1])))
    cache = BlockCache()
    cache.allow(most)
    for window in (Window(*first, *shape), Window(0, 0, HEIGHT, WIDTH), Window(*first, *shape)):
        assert np.array_equal(read(file, window, cache), values[window.slices])


@pytest.mark.parametrize(
    "kind",
    [
        {"compress": "lzw"},
        {"compress": "zstd"},
        {"dtype": "float32", "compress": "deflate"},
        {"dtype": "float32", "compress": "deflate", "predictor": 3},
        {"dtype": "int32"},
        {"count": 2, "interleave": "band"},
        {"count": 2, "interleave": "pixel"},
        {"endianness": "big"},
        {"sparse_ok": True, "compress": "deflate", **TILES},
    ],
    ids=lambda kind: " ".join(str(value) for value in kind.values()),
)
def test_all_other_kinds_are_left_to_gdal(tmp_path: Path, kind: dict) -> None:
    profile = {"driver": "GTiff", "height": HEIGHT, "width": WIDTH, "count": 1, "dtype": "int16"} | kind
    with rasterio.open(tmp_path / "a.tif", "w", **profile) as raster:
        if "sparse_ok" not in kind:
            raster.write(np.ones((profile["count"], HEIGHT, WIDTH), profile["dtype"]))
    assert BlockFile.open(tmp_path / "a.tif") is None


def test_a_large_plain_strip_is_left_to_gdal(tmp_path: Path) -> None:
    """It is one block to us, and rows to GDAL."""
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", height=900, width=900, count=1, dtype="int16", blockysize=900
    ) as raster:
        raster.write(np.ones((1, 900, 900), np.int16))
    assert BlockFile.open(tmp_path / "a.tif") is None


@pytest.mark.parametrize("length", [0, 3, 8, 12, 100])
def test_a_file_that_ends_in_its_header_is_left_to_gdal(tmp_path: Path, length: int) -> None:
    write(tmp_path / "a.tif", compress="deflate")
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "b.tif").write_bytes(content[:length])
    assert BlockFile.open(tmp_path / "b.tif") is None


@pytest.mark.parametrize("harm", ["overwritten", "cut short", "one bit"])
def test_a_damaged_block_is_an_error_and_never_numbers(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "a.tif"
    write(path, compress="deflate", predictor=2, **TILES)
    file = BlockFile.open(path)
    assert file is not None
    row, col = np.unravel_index(file.header.offsets.argmax(), file.header.offsets.shape)
    start, size = int(file.header.offsets.max()), int(file.header.sizes[row, col])
    content = bytearray(path.read_bytes())
    if harm == "overwritten":
        content[start : start + size] = bytes(size)
    elif harm == "cut short":
        del content[start + size // 2 :]
    else:
        content[start + size // 2] ^= 16
    path.write_bytes(content)
    block = Window(int(row) * 16, int(col) * 32, 1, 1)
    with pytest.raises(OSError, match=r"block \d, \d is (damaged|cut short)"):
        read(file, block)


def test_a_block_beyond_the_window_is_decoded_once_while_there_is_room(
    image: tuple[BlockFile, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, _ = image
    decoded: list[tuple[int, int]] = []
    decode = BlockFile._decode
    monkeypatch.setattr(
        BlockFile, "_decode", lambda self, *place, **more: (decoded.append(place[:2]), decode(self, *place, **more))[1]
    )
    cache = BlockCache()
    cache.allow(4 * 16 * 32 * 2)
    for window in (Window(8, 16, 16, 32), Window(8, 48, 16, 32), Window(16, 32, 16, 32)):
        read(file, window, cache)
    # two by two blocks, then two new ones, then a block that is known
    assert decoded == [(0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (1, 2)]


def test_chunks_that_reach_into_their_neighbours_by_the_rim_decode_each_block_once(
    image: tuple[BlockFile, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without room for blocks: of those above and before the rims are known, of one below two rows are unpacked."""
    file, values = image
    whole: list[tuple[int, int]] = []
    decode = BlockFile._decode

    def noted(self: BlockFile, row: int, col: int, inside: Window, out: np.ndarray, *, rows: int | None = None) -> None:
        if rows is None:
            whole.append((row, col))
        decode(self, row, col, inside, out, rows=rows)

    monkeypatch.setattr(BlockFile, "_decode", noted)
    cache = BlockCache()
    down, across = file.header.sizes.shape
    for row in range(down):
        for col in range(across):
            block = Window(row * 16, col * 32, 16, 32)
            # nothing to the right, which would have to be kept until it is its turn
            window = Window(block.row - 2, block.col - 2, 20, 34).intersection(Window(0, 0, HEIGHT, WIDTH))
            assert np.array_equal(read(file, window, cache), values[window.slices])
    assert sorted(whole) == [(row, col) for row in range(down) for col in range(across)]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, HEIGHT - 1), st.integers(0, WIDTH - 1)), min_size=1, max_size=6), st.integers(0, 3))
def test_wanted_blocks_are_read_and_no_others(
    image: tuple[BlockFile, np.ndarray], pixels: list[tuple[int, int]], edge: int
) -> None:
    file, values = image
    window = Window(edge, edge, HEIGHT - 2 * edge, WIDTH - 2 * edge)
    wanted = np.zeros(file.header.sizes.shape, np.bool_)
    for row, col in pixels:
        wanted[row // 16, col // 32] = True
    out = np.full((window.height, window.width), 77, values.dtype)
    file.read(window, out, cache=BlockCache(), wanted=wanted)
    inside = np.kron(wanted, np.ones((16, 32), np.bool_))[:HEIGHT, :WIDTH][window.slices]
    assert np.array_equal(out[inside], values[window.slices][inside]) and (out[~inside] == 77).all()


@settings(deadline=None)  # compiling takes longer
@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from(["uint8", "uint16", "int16"]), st.data())
def test_differences_are_summed_modulo_the_type(rows: int, cols: int, dtype: str, data: st.DataObject) -> None:
    rng = np.random.default_rng(rows * 10 + cols)
    limits = np.iinfo(dtype)
    differences = rng.integers(limits.min, limits.max, (rows, cols), endpoint=True).astype(dtype)
    row, col = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, cols - 1))
    out = np.empty((rows - row, cols - col), dtype)
    undo_differences(differences, row, col, out)
    assert np.array_equal(out, np.cumsum(differences, axis=1, dtype=dtype)[row:, col:])
