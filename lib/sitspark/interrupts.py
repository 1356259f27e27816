"""Ctrl-C: kept where Python would lose it, deferred where it would do harm."""

import contextlib
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Protocol

_PAUSE = 0.02  # seconds until a lost interrupt is sent again: a finaliser has long ended then


class _Unraisable(Protocol):
    exc_type: type[BaseException]
    exc_value: BaseException | None
    exc_traceback: TracebackType | None


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Raise again an interrupt that came while a finaliser ran, where Python prints and forgets it."""
    usual = sys.unraisablehook

    def again(unraisable: _Unraisable) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            # from another thread, and so after the finaliser; a signal also ends a wait in the system
            main = threading.main_thread().ident
            threading.Timer(_PAUSE, signal.pthread_kill, (main, signal.SIGINT)).start()
        else:
            usual(unraisable)  # type: ignore[arg-type]  # the class is private

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = usual


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Let an interrupt wait for the end of the block, whatever handlers the block puts in place; none of them stays.

    Does nothing outside the main thread, and where the signal is ignored, as in a shell's background job.
    """
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if ignored or threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    handler = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    # the system's own note of the signal, which no handler can take away
    wakeup = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        signal.set_wakeup_fd(wakeup)
        interrupted = _received(reader, signal.SIGINT)
        reader.close()
        writer.close()
        if interrupted:
            raise KeyboardInterrupt


def _received(reader: socket.socket, number: signal.Signals) -> bool:
    try:
        return number in reader.recv(4096)
    except BlockingIOError:
        return False
