import threading
import time
from collections.abc import Iterator

import pytest

from sitspark.ahead import ahead, mapped


def counting(made: list[int], last: int) -> Iterator[int]:
    for number in range(last):
        made.append(number)
        yield number


def test_items_come_in_their_order() -> None:
    assert list(ahead(counting([], 100), 3)) == list(range(100))


def test_an_error_comes_after_the_items_before_it() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    came = ahead(failing())
    assert next(came) == 1
    with pytest.raises(ValueError, match="broken"):
        next(came)


def test_no_more_is_made_than_asked_for() -> None:
    made: list[int] = []
    came = ahead(counting(made, 100), 2)
    next(came)
    time.sleep(0.3)
    # the one used, and two ahead
    assert len(made) == 3
    came.close()


def test_stopping_early_ends_the_thread() -> None:
    before = threading.active_count()
    came = ahead(counting([], 10**9))
    next(came)
    came.close()
    assert threading.active_count() == before


@pytest.mark.parametrize("threads", [1, 3])
def test_what_is_made_of_items_comes_in_their_order(threads: int) -> None:
    made: list[int] = []

    def slow(number: int) -> int:
        made.append(number)
        time.sleep(0.01 * (number % 3))
        return number * number

    came = mapped(slow, range(40), threads=threads)
    assert [next(came) for _ in range(3)] == [0, 1, 4]
    assert len(made) <= 3 + threads
    assert list(came) == [number * number for number in range(3, 40)]


def test_an_error_of_a_thread_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        list(mapped(lambda number: 1 // number, [2, 1, 0, 1], threads=2))
