import numpy as np
import pytest

from sitspark.scenes.buffers import Buffers


def test_arrays_lie_side_by_side() -> None:
    buffers = Buffers()
    first, second = buffers.empty((3, 5), np.uint8), buffers.empty((2, 4), np.int16)
    first[:], second[:] = 1, -7
    assert (first == 1).all() and (second == -7).all()
    assert (first.shape, first.dtype, second.shape, second.dtype) == ((3, 5), np.uint8, (2, 4), np.int16)


@pytest.mark.parametrize("shape", [(3, 5), (1, 1), (0, 5)])
def test_the_same_memory_is_taken_again_each_in_its_turn(shape: tuple[int, ...]) -> None:
    """By smaller arrays too, of any type, each aligned as its type asks for."""
    buffers = Buffers()
    before = [buffers.empty((3, 5), np.uint8), buffers.empty((3, 5), np.int16)]
    buffers.restart()
    after = [buffers.empty(shape, np.uint8), buffers.empty(shape, np.int16)]
    assert all(array.flags.aligned and array.flags.c_contiguous for array in after)
    if all(shape):
        assert [[np.shares_memory(old, new) for old in before] for new in after] == [[True, False], [False, True]]


def test_a_larger_array_gets_fresh_memory_which_is_kept() -> None:
    buffers = Buffers()
    buffers.empty((10,), np.uint8)
    buffers.restart()
    larger = buffers.empty((1000,), np.uint8)
    assert larger.base is not None and larger.base.size == 1000
    buffers.restart()
    assert np.shares_memory(buffers.empty((10,), np.uint8), larger)
