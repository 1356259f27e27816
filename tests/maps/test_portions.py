"""Portions of features: the same numbers however many pixels a classifier takes at once."""

import numpy as np
import pytest

from sitspark.maps.portions import portions
from sitspark.models.inference import BLOCK

from .chunks import SPACE, made_up_chunk


@pytest.mark.parametrize(("height", "width"), [(1, 1), (32, 32), (100, 97), (128, 96)])
@pytest.mark.parametrize("views", [1, 2])
@pytest.mark.parametrize("batch", [BLOCK, 2 * BLOCK, 5 * BLOCK])
def test_features_do_not_hang_on_the_size_of_portions(height: int, width: int, views: int, batch: int) -> None:
    chunk = made_up_chunk(height, width, views=views)
    expected = [np.concatenate([f[: p.stop - p.start].copy() for p, f in view.blocks(SPACE)]) for view in chunk.views]
    found = [np.full((height * width, len(SPACE)), np.nan, np.float32) for _ in range(views)]
    places = []
    for place, features in portions(chunk, SPACE, batch=batch):
        places.append(place)
        for kept, of_view in zip(found, features, strict=True):
            assert of_view.shape == (batch, len(SPACE))
            kept[place] = of_view[: place.stop - place.start]
    assert [place.start for place in places] == list(range(0, height * width, batch))
    for kept, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(kept, wanted)


def test_what_the_thread_takes_is_added_to_what_was_spent() -> None:
    chunk = made_up_chunk(128, 96)
    for _ in portions(chunk, SPACE, batch=2 * BLOCK):
        pass
    assert chunk.spent.cpu_seconds > 0
