import numpy as np
import pytest

from sitspark.scenes.arena import Arena


def test_arrays_lie_side_by_side_in_one_memory() -> None:
    arena = Arena()
    arena.restart(1000)
    first, second = arena.empty((3, 5), np.uint8), arena.empty((2, 4), np.int16)
    first[:], second[:] = 1, -7
    assert first.base is second.base is not None
    assert (first == 1).all() and (second == -7).all()
    assert (first.shape, first.dtype, second.shape, second.dtype) == ((3, 5), np.uint8, (2, 4), np.int16)


def test_the_same_memory_is_taken_again() -> None:
    arena = Arena()
    arena.restart(1000)
    before = arena.empty((10,), np.int32)
    before[:] = 3
    for size in (1000, 10):
        arena.restart(size)
        assert np.shares_memory(arena.empty((10,), np.int32), before)


def test_more_is_taken_when_more_is_asked_for() -> None:
    arena = Arena()
    for size in (100, 10_000):
        arena.restart(size)
        assert arena.empty((size,), np.uint8).base.size == size


@pytest.mark.parametrize("room", [0, 100])
def test_what_has_no_room_gets_memory_of_its_own(room: int) -> None:
    arena = Arena()
    arena.restart(room)
    small, large = arena.empty((room // 2,), np.uint8), arena.empty((50, 4), np.int16)
    small[:], large[:] = 1, 2
    assert (small == 1).all() and (large == 2).all()
    assert not np.shares_memory(small, large)
