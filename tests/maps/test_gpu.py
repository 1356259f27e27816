"""Drawing a chunk on a GPU, where there is one: --noconftest -o addopts= runs it without Spark."""

import numpy as np
import pytest
import torch

from sitspark.maps.chunk import rasters_of
from sitspark.maps.drawing import Drawing, Rasters, Speaker
from sitspark.maps.products import CONFIDENCE, VALIDITY, classification
from sitspark.models.arithmetic import Arithmetic
from sitspark.models.gpu import Device
from sitspark.models.inference import Classifier
from sitspark.models.networks.bank import build
from sitspark.models.networks.base import Network
from sitspark.models.statistics import Statistics

from ..models.networks.spaces import features_of
from .chunks import SPACE, made_up_chunk

CODES = tuple(range(1, 6))

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def drawn(network: Network, device: Device, *, views: int) -> Rasters:
    chunk, wanted = made_up_chunk(300, 211, views=views), (classification(CODES), CONFIDENCE, VALIDITY)
    model = Classifier.of(network, CODES, arithmetic=Arithmetic(device=device))
    weight = None if views == 1 else np.full(300 * 211, 0.5, np.float32)
    speakers = [Speaker(model, view, weight) for view in range(views)]
    return rasters_of(chunk, SPACE, [Drawing.of(speakers, "mean", 300 * 211, wanted)], wanted, None)[0]


@pytest.mark.parametrize("views", [1, 2])
def test_a_gpu_draws_the_map_of_the_processor(views: int) -> None:
    torch.manual_seed(0)
    network = build("mlp", SPACE, len(CODES)).eval()
    network.take(Statistics.of_features(features_of(SPACE, 500)))
    here, there, again = (drawn(network, device, views=views) for device in ("cpu", "cuda", "cuda"))
    for name, values in there.items():
        np.testing.assert_array_equal(values, again[name])
    # where two classes are equally likely the last digit decides
    assert (here["classification"] != there["classification"]).mean() < 1e-3
    assert np.abs(here["confidence"].astype(int) - there["confidence"]).max() <= 1
    np.testing.assert_array_equal(here["validity"], there["validity"])
