"""Reading ahead: a thread makes the next items while the last one is used."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_S = TypeVar("_S")
_T = TypeVar("_T")


def ahead(items: Iterable[_T], depth: int = 1) -> Generator[_T, None, None]:
    """The same items in their order, of which up to `depth` are made before they are asked for, in a thread of their own.

    An error of the thread is raised here; a caller that stops early ends it after the item that it is at.
    """
    made: queue.SimpleQueue[tuple[bool, _T | BaseException | None]] = queue.SimpleQueue()
    # taken before an item is made: one that waited for a place in a queue would be held beside those in it
    places = threading.Semaphore(depth)
    stopped = threading.Event()

    def work() -> None:
        try:
            source = iter(items)
            while places.acquire() and not stopped.is_set():
                made.put((False, next(source)))
        except StopIteration:
            made.put((True, None))
        except BaseException as error:
            made.put((True, error))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            last, value = made.get()
            if last:
                if isinstance(value, BaseException):
                    raise value
                return
            places.release()
            yield value  # type: ignore[misc]  # what isn't last is an item
            del value  # what was used is let go before the next one is waited for
    finally:
        stopped.set()
        places.release()
        thread.join()


def mapped(function: Callable[[_S], _T], items: Iterable[_S], *, threads: int) -> Generator[_T, None, None]:
    """What the function makes of each item, in their order, of which up to `threads` are made at once, and no more ahead."""
    with ThreadPoolExecutor(threads) as pool:
        pending: deque[Future[_T]] = deque()
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) > threads:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
