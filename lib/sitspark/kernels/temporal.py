"""Statistics over time of a gap-filled series: what it was in the whole period."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

_MEAN, _DEVIATION, _LEAST, _MOST, _AMPLITUDE, _QUANTILE, _WEIGHTED = range(7)
_PLAIN = {"mean": _MEAN, "std": _DEVIATION, "min": _LEAST, "max": _MOST, "amplitude": _AMPLITUDE}
_QUANTILE_NAME = re.compile(r"q(\d{1,2}|100)")
_HARMONIC_NAME = re.compile(r"harmonic([1-9])")
YEAR = 365.25  # days: the period of the first harmonic
# of the columns of a harmonic fit; beyond it (a period much shorter than a year) coefficients are noise that cancels out
_WORST_CONDITION = 30.0


@dataclass(frozen=True, slots=True)
class Statistics:
    """Statistics as the kernel takes them: what each is, its parameter, and its weights of the dates where it is a sum.

    kinds int64 (n,), parameters float64 (n,), weights float64 (n, dates).
    """

    kinds: npt.NDArray[np.int64]
    parameters: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]


def is_statistic(name: str) -> bool:
    """Whether a name is that of a statistic: mean, std, min, max, amplitude, q0 to q100, harmonic1 to harmonic9."""
    return name in _PLAIN or _QUANTILE_NAME.fullmatch(name) is not None or _HARMONIC_NAME.fullmatch(name) is not None


def names_of(statistics: Sequence[str]) -> tuple[str, ...]:
    """The name of each number that statistics give: harmonicN gives two for each of its orders."""
    names: list[str] = []
    for statistic in statistics:
        harmonic = _HARMONIC_NAME.fullmatch(statistic)
        orders = range(1, int(harmonic[1]) + 1) if harmonic else ()
        names += [f"{statistic}_{part}{order}" for order in orders for part in ("cos", "sin")] if harmonic else [statistic]
    return tuple(names)


def statistics_of(names: Sequence[str], days: npt.NDArray[np.int32]) -> Statistics:
    """Prepare statistics for series at some days.

    mean, std (of the population), min, max, amplitude (max - min), qP (quantile of P per cent, linear between neighbours, as
    numpy's), harmonicN (the cosine and sine coefficients of orders 1 to N of a year, fitted together with a constant by
    least squares). Raises ValueError, in words that end a sentence, for a harmonic that so few days don't determine.
    """
    kinds: list[int] = []
    parameters: list[float] = []
    weights: list[npt.NDArray[np.float64]] = []
    nothing = np.zeros(len(days))
    for name in names:
        quantile, harmonic = _QUANTILE_NAME.fullmatch(name), _HARMONIC_NAME.fullmatch(name)
        if harmonic:
            rows = _harmonic_weights(days, int(harmonic[1]))
            kinds += [_WEIGHTED] * len(rows)
            parameters += [0.0] * len(rows)
            weights += list(rows)
        else:
            kinds.append(_QUANTILE if quantile else _PLAIN[name])
            parameters.append(int(quantile[1]) / 100 if quantile else 0.0)
            weights.append(nothing)
    return Statistics(np.array(kinds, np.int64), np.array(parameters), np.array(weights).reshape(len(kinds), len(days)))


def _harmonic_weights(days: npt.NDArray[np.int32], orders: int) -> npt.NDArray[np.float64]:
    """What each day adds to each coefficient, float64 (2 x orders, days)."""
    angle = 2 * np.pi * days.astype(np.float64) / YEAR
    waves = [wave(order * angle) for order in range(1, orders + 1) for wave in (np.cos, np.sin)]
    design = np.stack([np.ones(len(days)), *waves], axis=1)
    if len(days) < design.shape[1] or np.linalg.cond(design) > _WORST_CONDITION:
        raise ValueError(
            f"asks for harmonic{orders}, whose {design.shape[1]} coefficients {len(days)} dates over "
            f"{int(days[-1] - days[0])} days don't determine; lower the order, or widen the period"
        )
    weights: npt.NDArray[np.float64] = np.linalg.pinv(design)[1:]
    return weights


@numba.njit(nogil=True, cache=True, error_model="numpy")
def summarise(
    series: npt.NDArray[np.float32],
    first: int,
    stride: int,
    kinds: npt.NDArray[np.int64],
    parameters: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
    out: npt.NDArray[np.float32],
    at: int,
) -> None:
    """Write the statistics of one series of each pixel into its row of `out`, float32 (pixels, ...), from number `at` on.

    series float32 (pixels, ...), of which the one in question has every `stride`-th number from `first` on; the rest as in
    `Statistics`.
    """
    steps = weights.shape[1]
    values, ordered = np.empty(steps, np.float32), np.empty(steps, np.float32)
    by_rank = (kinds == _QUANTILE).any()
    for p in range(series.shape[0]):
        total, least, most = 0.0, np.inf, -np.inf
        for k in range(steps):
            value = series[p, first + k * stride]
            values[k] = value
            total += value
            least, most = min(least, value), max(most, value)
        mean = total / steps
        if by_rank:
            ordered[:] = values
            ordered.sort()
        for i in range(kinds.shape[0]):
            kind = kinds[i]
            found = 0.0
            if kind == _MEAN:
                found = mean
            elif kind == _DEVIATION:
                for k in range(steps):
                    found += (values[k] - mean) ** 2
                found = np.sqrt(found / steps)
            elif kind == _LEAST:
                found = least
            elif kind == _MOST:
                found = most
            elif kind == _AMPLITUDE:
                found = most - least
            elif kind == _QUANTILE:
                place = parameters[i] * (steps - 1)
                low = int(place)
                high = min(low + 1, steps - 1)
                found = ordered[low] + (np.float64(ordered[high]) - ordered[low]) * (place - low)
            else:
                for k in range(steps):
                    found += weights[i, k] * values[k]
            out[p, at + i] = found
