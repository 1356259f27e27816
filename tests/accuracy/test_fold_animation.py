"""The animation of fold maps: a frame a map, in the colours of the classes."""

import io

import numpy as np
from PIL import Image

from sitspark.accuracy.fold_animation import animation
from sitspark.classes import LandCoverClass, Nomenclature

NOMENCLATURE = Nomenclature(
    (
        LandCoverClass(3, "water $x$", (0, 0, 200)),
        LandCoverClass(7, "wood", (0, 120, 0)),
        LandCoverClass(9, "moor", (200, 0, 0)),
    )
)


def frames(gif: bytes) -> list[np.ndarray]:
    with Image.open(io.BytesIO(gif)) as image:
        found = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            found.append(np.asarray(image.convert("RGB"), int))
        return found


def share_of(frame: np.ndarray, colour: tuple[int, int, int]) -> float:
    return float((abs(frame - colour).max(axis=2) < 12).mean())


def test_each_map_is_a_frame_in_its_colours() -> None:
    water, wood = np.full((40, 60), 3, np.uint8), np.full((40, 60), 7, np.uint8)
    half = water.copy()
    half[:, 30:] = 7
    found = frames(animation({"without a": water, "without b": wood, "without c": half}, NOMENCLATURE))
    assert len(found) == 3 and len({frame.shape for frame in found}) == 1
    blue, green = (0, 0, 200), (0, 120, 0)
    assert share_of(found[0], blue) > 0.3 > 0.05 > share_of(found[0], green) > 0  # the legend has both
    assert share_of(found[1], green) > 0.3 and abs(share_of(found[2], green) - share_of(found[2], blue)) < 0.02
    assert share_of(found[0], (200, 0, 0)) == 0  # nowhere on the maps


def test_the_same_maps_give_the_same_bytes() -> None:
    maps = {"a": np.eye(20, dtype=np.uint8) * 3, "b": np.eye(20, dtype=np.uint8) * 9}
    assert animation(maps, NOMENCLATURE) == animation(maps, NOMENCLATURE)
