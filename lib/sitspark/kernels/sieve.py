"""The sieve: components of a map of classes below a smallest size join the neighbour with which they share most border."""

import numba
import numpy as np
import numpy.typing as npt

from sitspark.kernels.components import components

_OPEN, _SETTLED, _UNKNOWN = 0, 1, 2


@numba.njit(nogil=True, cache=True)
def sieve(
    classes: npt.NDArray[np.uint16], smallest: npt.NDArray[np.int64], cut: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.bool_]]:
    """Give each component that is too small the class with which it has the longest border, in rounds.

    `classes` (rows, columns) are positions from 1, 0 takes no part and stays; `smallest` is the least number of pixels of a
    component by position. In each round those that meet components that are large enough, or have joined one, join the class
    with the longest border, of equal ones the first; those that meet none wait, and stay where none ever comes.

    `cut` says at which sides (top, bottom, left, right) the map goes on outside. What is known of the window is exact: the
    second result, (rows, columns), tells which pixels have the class that the whole map would give them.
    """
    labels, count = components(classes)
    state, now = _begin(classes, labels, count, smallest, cut)
    keys = _borders(labels, state, count)
    keys.sort()
    owners, neighbours, lengths = _counted(keys, count)
    first = np.searchsorted(owners, np.arange(count + 2))
    votes = np.zeros(smallest.size, np.int64)
    waiting = np.flatnonzero(state == _OPEN)
    while waiting.size:
        state_after = np.zeros(waiting.size, np.int8)
        for i in range(waiting.size):
            own = waiting[i]
            state_after[i], now[own] = _decide(
                now[own], neighbours[first[own] : first[own + 1]], lengths[first[own] : first[own + 1]], state, now, votes
            )
        state[waiting] = state_after
        left = waiting[state_after == _OPEN]
        if left.size == waiting.size:
            break
        waiting = left
    sieved, exact = np.zeros_like(classes), np.ones(classes.shape, np.bool_)
    for r in range(classes.shape[0]):
        for c in range(classes.shape[1]):
            sieved[r, c] = now[labels[r, c]]
            exact[r, c] = state[labels[r, c]] != _UNKNOWN
    return sieved, exact


@numba.njit(nogil=True, cache=True)
def _begin(
    classes: npt.NDArray[np.uint16],
    labels: npt.NDArray[np.int32],
    count: int,
    smallest: npt.NDArray[np.int64],
    cut: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.uint16]]:
    """The state and class of each component; one that a side cuts may be larger than is seen."""
    rows, cols = labels.shape
    pixels = np.zeros(count + 1, np.int64)
    now = np.zeros(count + 1, np.uint16)
    reaches_out = np.zeros(count + 1, np.bool_)
    for r in range(rows):
        for c in range(cols):
            own = labels[r, c]
            pixels[own] += 1
            now[own] = classes[r, c]
            at_side = (r == 0 and cut[0]) or (r == rows - 1 and cut[1]) or (c == 0 and cut[2]) or (c == cols - 1 and cut[3])
            if at_side:
                reaches_out[own] = True
    state = np.zeros(count + 1, np.int8)
    state[0] = _SETTLED
    for own in range(1, count + 1):
        if pixels[own] >= smallest[now[own]]:
            state[own] = _SETTLED
        elif reaches_out[own]:
            state[own] = _UNKNOWN
    return state, now


@numba.njit(nogil=True, cache=True)
def _borders(labels: npt.NDArray[np.int32], state: npt.NDArray[np.int8], count: int) -> npt.NDArray[np.int64]:
    """For each edge between an open component and another the number of the pair: own * (count + 1) + other."""
    rows, cols = labels.shape
    keys = np.zeros(0, np.int64)
    for _ in range(2):  # count, then fill
        n = 0
        for r in range(rows):
            for c in range(cols):
                for down in range(2):
                    y, x = r + down, c + 1 - down
                    if y == rows or x == cols:
                        continue
                    a, b = np.int64(labels[r, c]), np.int64(labels[y, x])
                    if a == b or a == 0 or b == 0:
                        continue
                    for own, other in ((a, b), (b, a)):
                        if state[own] == _OPEN:
                            if keys.size:
                                keys[n] = own * (count + 1) + other
                            n += 1
        if keys.size == 0:
            keys = np.zeros(n, np.int64)
    return keys


@numba.njit(nogil=True, cache=True)
def _counted(
    keys: npt.NDArray[np.int64], count: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Component, neighbour and length of the border, once a pair, from sorted keys."""
    begins = np.ones(keys.size, np.bool_)
    begins[1:] = keys[1:] != keys[:-1]
    starts = np.flatnonzero(begins)
    n = starts.size
    owners, neighbours, lengths = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64)
    for i in range(n):
        key = keys[starts[i]]
        owners[i], neighbours[i] = key // (count + 1), key % (count + 1)
        lengths[i] = (starts[i + 1] if i + 1 < n else keys.size) - starts[i]
    return owners, neighbours, lengths


@numba.njit(nogil=True, cache=True)
def _decide(
    own: int,
    neighbours: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    state: npt.NDArray[np.int8],
    now: npt.NDArray[np.uint16],
    votes: npt.NDArray[np.int64],
) -> tuple[int, int]:
    """The state and class of an open component of class `own` after a round; `votes` is zero before and after."""
    for neighbour in neighbours:
        if state[neighbour] == _UNKNOWN:
            return _UNKNOWN, own
    best = 0
    for i in range(neighbours.size):
        if state[neighbours[i]] == _SETTLED:
            joined = now[neighbours[i]]
            votes[joined] += lengths[i]
    for i in range(neighbours.size):
        if state[neighbours[i]] == _SETTLED:
            joined = now[neighbours[i]]
            if best == 0 or votes[joined] > votes[best] or (votes[joined] == votes[best] and joined < best):
                best = joined
    for neighbour in neighbours:
        votes[now[neighbour]] = 0
    return (_OPEN, own) if best == 0 else (_SETTLED, best)
