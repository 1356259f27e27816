"""Ctrl-C at awkward moments: it is never lost, and comes when the block lets it."""

import signal
import threading
import time

import pytest

from sitspark import interrupts


class Finalised:
    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_inside_a_finaliser_is_raised_after_it() -> None:
    with pytest.raises(KeyboardInterrupt), interrupts.kept():
        Finalised()
        time.sleep(5)


def test_an_interrupt_waits_for_the_end_of_the_block() -> None:
    reached = False
    with pytest.raises(KeyboardInterrupt), interrupts.deferred():
        signal.raise_signal(signal.SIGINT)
        reached = True
    assert reached


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_interrupt_that_a_strange_handler_turned_into_an_error_is_an_interrupt(error: type[BaseException]) -> None:
    """As pyspark's handler does, which uses a connection that is waiting for an answer."""

    def strange(_number: int, _frame: object) -> None:
        raise error("in the handler")

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interrupts.deferred():
        signal.signal(signal.SIGINT, strange)
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts.deferred():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_are_left_alone() -> None:
    ended = []

    def work() -> None:
        with interrupts.deferred():
            ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended == [True]
