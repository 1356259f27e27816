"""Decision trees at work: where pixels end up in many trees, and what the trees together say of them.

A step down a tree waits for memory, not for arithmetic, and all here serves to wait less: a node is of 8 bytes; the nodes
that follow each other on a path lie together; some pixels go down a tree side by side, without a branch, so that their
waits overlap; and their values of one feature are neighbours.
"""

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

_LANES = 32  # pixels that go down a tree side by side: the best of 8 to 64 on AMD Zen 5
_BLOCK = 1024  # pixels that go through one tree after the other: features of some 2 MB, which caches hold
_LEVELS = 3  # levels of a tree whose nodes lie together


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """Trees as falling through them likes it.

    `nodes`, uint32 (nodes, 2), are a threshold (the bits of a float32) and, in one number, the place of the left child in its
    tree and below it, in `feature_bits` bits, the feature that is compared; the right child follows the left one. A leaf is its
    own left child, with an infinite threshold. `leaves`, int32 (nodes,), are the numbers of leaves, 0 elsewhere. The nodes of
    tree t are those from `ends[t]` to `ends[t + 1]`, int64 (trees + 1,).
    """

    nodes: npt.NDArray[np.uint32]
    leaves: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int64]
    feature_bits: int

    @staticmethod
    def packed(
        feature: npt.NDArray[np.int32],
        threshold: npt.NDArray[np.float64],
        left: npt.NDArray[np.int32],
        right: npt.NDArray[np.int32],
        leaf: npt.NDArray[np.int32],
        ends: npt.NDArray[np.int64],
    ) -> "Trees":
        """Pack trees; all arrays but the last have an entry a node, the root of each tree first.

        A pixel whose `feature` is at most `threshold` goes `left`, else `right` (places in the tree; -1: a leaf, whose number
        is in `leaf`). Raises ValueError for trees of too many nodes and features to name both in 32 bits.
        """
        bits = max(int(feature.max(initial=0)).bit_length(), 1)
        if bits + int(np.diff(ends).max(initial=1)).bit_length() > 32:
            raise ValueError(f"trees of {np.diff(ends).max()} nodes of {int(feature.max()) + 1} features are too large")
        inner = left >= 0
        nodes, leaves = np.empty((len(left), 2), np.uint32), np.zeros(len(left), np.int32)
        below = np.where(inner, _float32_below(threshold), np.float32(np.inf)).view(np.uint32)
        _pack(np.where(inner, feature, 0), below, left, right, leaf, ends, np.uint32(bits), nodes, leaves)
        return Trees(nodes, leaves, ends, bits)


@dataclass(frozen=True, slots=True, eq=False)
class Leaves:
    """What leaves say, by their numbers: leaf i has the values from `ends[i]` to `ends[i + 1]`, of the classes there.

    `ends` int64 (leaves + 1,), `classes` int32, `values` float64. A class that isn't named has 0, as most have in most leaves.
    """

    ends: npt.NDArray[np.int64]
    classes: npt.NDArray[np.int32]
    values: npt.NDArray[np.float64]

    @staticmethod
    def of(rows: npt.NDArray[np.float64]) -> "Leaves":
        """Those that say the values of rows, (leaves, classes)."""
        leaf, classes = np.nonzero(rows)
        ends = np.concatenate([[0], np.cumsum(np.bincount(leaf, minlength=len(rows)))])
        return Leaves(ends.astype(np.int64), classes.astype(np.int32), rows[leaf, classes])


def sums_of_leaves(features: npt.NDArray[np.float32], trees: Trees, leaves: Leaves, classes: int) -> npt.NDArray[np.float64]:
    """The sum over trees of what the leaf says that each pixel falls into, float64 (n, classes).

    `features` are float32 (n, features), finite. Summed in the order of the trees, as scikit-learn and LightGBM do, so that the
    sums are theirs bit for bit.
    """
    summed = np.zeros((len(features), classes))
    bits = np.uint32(trees.feature_bits)
    _add(features, trees.nodes.ravel(), trees.leaves, trees.ends, bits, leaves.ends, leaves.classes, leaves.values, summed)
    return summed


def _float32_below(threshold: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """The greatest float32 that is at most each threshold: a float32 is at most this where it is at most the threshold."""
    with np.errstate(over="ignore"):
        near = threshold.astype(np.float32)
    below: npt.NDArray[np.float32] = np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)
    return below


@numba.njit(nogil=True, cache=True)
def _pack(
    feature: npt.NDArray[np.int32],
    threshold: npt.NDArray[np.uint32],
    left: npt.NDArray[np.int32],
    right: npt.NDArray[np.int32],
    leaf: npt.NDArray[np.int32],
    ends: npt.NDArray[np.int64],
    bits: np.uint32,
    nodes: npt.NDArray[np.uint32],
    leaves: npt.NDArray[np.int32],
) -> None:
    """Fill `nodes` and `leaves`: the children of a node together, and so those of the next levels below it."""
    for tree in range(len(ends) - 1):
        begin, count = ends[tree], ends[tree + 1] - ends[tree]
        place = np.zeros(count, np.uint32)
        waiting, heads = np.zeros(count, np.int64), 1  # nodes whose children have no place yet: first the root
        placed = np.uint32(1)
        level = np.empty(1 << _LEVELS, np.int64)
        while heads > 0:
            heads -= 1
            level[0], width = waiting[heads], 1
            for _ in range(_LEVELS):
                below = np.empty(1 << _LEVELS, np.int64)
                wide = 0
                for i in range(width):
                    child = left[begin + level[i]]
                    if child >= 0:
                        place[child] = placed
                        place[right[begin + level[i]]] = placed + np.uint32(1)
                        placed += np.uint32(2)
                        below[wide], below[wide + 1] = child, right[begin + level[i]]
                        wide += 2
                level, width = below, wide
            for i in range(width):
                waiting[heads] = level[i]
                heads += 1
        for i in range(count):
            at = begin + place[i]
            inner = left[begin + i] >= 0
            child = place[left[begin + i]] if inner else place[i]
            nodes[at, 0] = threshold[begin + i]
            nodes[at, 1] = (child << bits) | np.uint32(feature[begin + i])
            leaves[at] = 0 if inner else leaf[begin + i]


@numba.njit(nogil=True, cache=True)
def _add(
    features: npt.NDArray[np.float32],
    nodes: npt.NDArray[np.uint32],
    leaves: npt.NDArray[np.int32],
    ends: npt.NDArray[np.int64],
    bits: np.uint32,
    leaf_ends: npt.NDArray[np.int64],
    classes: npt.NDArray[np.int32],
    values: npt.NDArray[np.float64],
    summed: npt.NDArray[np.float64],
) -> None:
    """Add what each tree's leaf says to `summed` (n, classes)."""
    pixels = len(features)
    thresholds = nodes.view(np.float32)
    strips = np.zeros((_BLOCK // _LANES, features.shape[1] * _LANES), np.float32)
    at = np.empty(_LANES, np.uint32)
    for first in range(0, pixels, _BLOCK):
        count = min(_BLOCK, pixels - first)
        used = -(-count // _LANES)
        _turn_round(features[first : first + count], strips)
        for tree in range(len(ends) - 1):
            begin, end = ends[tree], ends[tree + 1]
            for strip in range(used):
                _fall(strips[strip], nodes[2 * begin : 2 * end], thresholds[2 * begin : 2 * end], bits, at)
                for lane in range(min(_LANES, count - strip * _LANES)):
                    leaf = leaves[begin + at[lane]]
                    total = summed[first + strip * _LANES + lane]
                    for i in range(leaf_ends[leaf], leaf_ends[leaf + 1]):
                        total[classes[i]] += values[i]


@numba.njit(nogil=True, cache=True)
def _turn_round(features: npt.NDArray[np.float32], strips: npt.NDArray[np.float32]) -> None:
    """Features (n, features) in strips of lanes, (strips, features x lanes): the values of a feature side by side.

    A lane without a pixel keeps what it has, which nobody reads.
    """
    for some in range(0, features.shape[1], 16):  # a line of the cache
        stop = min(some + 16, features.shape[1])
        for pixel in range(len(features)):
            strip, lane = strips[pixel // _LANES], pixel % _LANES
            for feature in range(some, stop):
                strip[feature * _LANES + lane] = features[pixel, feature]


@numba.njit(nogil=True, cache=True)
def _fall(
    strip: npt.NDArray[np.float32],
    nodes: npt.NDArray[np.uint32],
    thresholds: npt.NDArray[np.float32],
    bits: np.uint32,
    at: npt.NDArray[np.uint32],
) -> None:
    """The place of the leaf in one tree that each lane of a strip ends in, into `at`; `thresholds` are `nodes` as floats."""
    of_feature = (np.uint32(1) << bits) - np.uint32(1)
    for lane in range(_LANES):
        at[lane] = 0
    moved = np.uint32(1)
    while moved != 0:
        # who has arrived stays: so it is asked every second level only
        for _ in range(2):
            moved = np.uint32(0)
            for lane in range(_LANES):
                # unsigned places: signed ones might count from the end
                node = np.uint64(at[lane]) * np.uint64(2)
                link = nodes[node + np.uint64(1)]
                value = strip[np.uint64(link & of_feature) * np.uint64(_LANES) + np.uint64(lane)]
                child = (link >> bits) + np.uint32(value > thresholds[node])
                moved |= child ^ at[lane]
                at[lane] = child
