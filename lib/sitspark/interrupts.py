"""Ctrl-C: insisted on where Python or a library would lose it, deferred where it would do harm."""

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from types import FrameType

_PAUSE = 1.0  # seconds between two reminders: what is tidied up on the way out takes less


def _is_ours() -> bool:
    """Whether this thread gets signals, and they are not ignored as in a shell's background job."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    return in_main_thread and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN


@contextlib.contextmanager
def insisted() -> Iterator[None]:
    """Send an interrupt again every second until the block ends: a finaliser or a bare `except:` may have swallowed it."""
    if not _is_ours():
        yield
        return
    main, ended = threading.get_ident(), threading.Event()

    def remind() -> None:
        while not ended.wait(_PAUSE):
            signal.pthread_kill(main, signal.SIGINT)

    reminder = threading.Thread(target=remind, daemon=True)

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if ended.is_set():
            return
        if reminder.ident is None:
            reminder.start()
        raise KeyboardInterrupt

    handler = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        ended.set()
        if reminder.ident is not None:
            reminder.join()
        signal.signal(signal.SIGINT, handler)


@contextlib.contextmanager
def deferred(remark: str) -> Iterator[None]:
    """Let an interrupt wait for the end of the block, whatever handlers the block puts in place; none of them stays.

    Who interrupts gets the remark on standard output.
    """
    if not _is_ours():
        yield
        return
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    # the handler may run in the middle of a print: it writes past Python's buffers, which can't be entered twice
    handler = signal.signal(signal.SIGINT, lambda _number, _frame: os.write(1, f"{remark}\n".encode()))
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
            signal.raise_signal(signal.SIGINT)


def _received(reader: socket.socket, number: signal.Signals) -> bool:
    try:
        return number in reader.recv(4096)
    except BlockingIOError:
        return False
