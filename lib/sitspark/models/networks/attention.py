"""What the networks with attention share: weights over valid dates alone, and an encoding of days."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def masked_softmax(scores: Tensor, valid: Tensor) -> Tensor:
    """Softmax over the last dimension, in which invalid places get exactly 0; all of them where none is valid.

    `scores` (..., dates), `valid` bool that broadcasts to them.
    """
    lowest = torch.finfo(scores.dtype).min  # -inf would make rows without a valid date NaN
    return scores.masked_fill(~valid, lowest).softmax(-1) * valid


def masked_mean(values: Tensor, valid: Tensor) -> Tensor:
    """Mean over the valid dates of values (n, dates, width), valid bool (n, dates); 0 where there is none."""
    kept = values * valid.unsqueeze(-1)
    return kept.sum(1) / valid.sum(1, keepdim=True).clamp(min=1)


def masked_max(values: Tensor, valid: Tensor) -> Tensor:
    """Maximum over the valid dates of values (n, dates, width), valid bool (n, dates); 0 where there is none."""
    lowest = torch.finfo(values.dtype).min
    highest = values.masked_fill(~valid.unsqueeze(-1), lowest).amax(1)
    return highest * valid.any(1, keepdim=True)


def day_encoding(days: Sequence[int], width: int, *, period: float) -> Tensor:
    """Sines and cosines of days, float32 (days, width) (Vaswani et al. 2017, with days for positions).

    Column 2i is sin(day / period ** (2i / width)), column 2i + 1 the cosine of the same.
    """
    column = np.arange(width)
    angle = np.array(days, np.float64)[:, None] / period ** (2 * (column // 2) / width)
    return torch.from_numpy(np.where(column % 2 == 0, np.sin(angle), np.cos(angle)).astype(np.float32))
