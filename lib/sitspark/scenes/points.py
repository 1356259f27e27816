"""Some pixels of a grid, where not all are wanted."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sitspark.grid import Window


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Some pixels of a grid: rows and columns int64 (n,). Equal to themselves alone: what is found of them is kept."""

    rows: npt.NDArray[np.int64]
    cols: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def inside(self, window: Window) -> npt.NDArray[np.bool_]:
        """Which of them lie in a window, bool (n,)."""
        found: npt.NDArray[np.bool_] = (
            (self.rows >= window.row)
            & (self.rows < window.stop_row)
            & (self.cols >= window.col)
            & (self.cols < window.stop_col)
        )
        return found

    def shifted(self, rows: int, cols: int) -> "Points":
        """The same ones, counted from another origin."""
        return Points(self.rows + rows, self.cols + cols)

    def __getitem__(self, some: npt.NDArray[np.bool_]) -> "Points":
        return Points(self.rows[some], self.cols[some])
