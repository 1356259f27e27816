"""Ctrl-C at awkward moments: it is never lost, and comes when the block lets it."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable

import pytest

from sitspark import interrupts


class Finalised:
    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def lost_in_a_finaliser() -> None:
    Finalised()


def lost_in_a_bare_except() -> None:
    with contextlib.suppress(BaseException):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("lose", [lost_in_a_finaliser, lost_in_a_bare_except])
def test_an_interrupt_that_was_swallowed_comes_again(lose: Callable[[], None]) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interrupts.insisted():
        lose()
        time.sleep(30)
    assert signal.getsignal(signal.SIGINT) is before


def test_nothing_comes_after_the_block() -> None:
    with interrupts.insisted():
        lost_in_a_bare_except()
    time.sleep(1.5)


def test_an_interrupt_waits_for_the_end_of_the_block(capfd: pytest.CaptureFixture[str]) -> None:
    reached = False
    with pytest.raises(KeyboardInterrupt), interrupts.deferred("wait"):
        signal.raise_signal(signal.SIGINT)
        reached = True
    assert reached and capfd.readouterr().out == "wait\n"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_interrupt_that_a_strange_handler_turned_into_an_error_is_an_interrupt(error: type[BaseException]) -> None:
    """As pyspark's handler does, which uses a connection that is waiting for an answer."""

    def strange(_number: int, _frame: object) -> None:
        raise error("in the handler")

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interrupts.deferred("wait"):
        signal.signal(signal.SIGINT, strange)
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts.deferred("wait"):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_are_left_alone() -> None:
    ended = []

    def work() -> None:
        with interrupts.deferred("wait"):
            ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended == [True]
