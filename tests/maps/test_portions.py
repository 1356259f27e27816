"""Portions of features: the same numbers, made when they are used or ahead."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from sitspark.kernels.feature_space import FeatureSpace
from sitspark.maps.portions import Portion, portions, portions_ahead
from sitspark.maps.views import ReadChunk
from sitspark.models.inference import BLOCK

from .chunks import SPACE, made_up_chunk

Made = Callable[[ReadChunk, FeatureSpace], Iterator[Portion]]


@pytest.mark.parametrize(("height", "width"), [(1, 1), (32, 32), (100, 97), (128, 96)])
@pytest.mark.parametrize("views", [1, 2])
@pytest.mark.parametrize("made", [portions, portions_ahead])
def test_portions_are_the_features_of_all_views(height: int, width: int, views: int, made: Made) -> None:
    chunk = made_up_chunk(height, width, views=views)
    expected = [np.concatenate([f[: p.stop - p.start].copy() for p, f in view.blocks(SPACE)]) for view in chunk.views]
    found = [np.full((height * width, len(SPACE)), np.nan, np.float32) for _ in range(views)]
    places = []
    for place, features in made(chunk, SPACE):
        places.append(place)
        for kept, of_view in zip(found, features, strict=True):
            assert of_view.shape == (BLOCK, len(SPACE))
            kept[place] = of_view[: place.stop - place.start]
    assert [place.start for place in places] == list(range(0, height * width, BLOCK))
    for kept, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(kept, wanted)


def test_what_the_thread_takes_is_added_to_what_was_spent() -> None:
    chunk = made_up_chunk(128, 96)
    for _ in portions_ahead(chunk, SPACE):
        pass
    assert chunk.spent.cpu_seconds > 0
