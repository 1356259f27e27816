from dataclasses import replace

import numpy as np
import pytest
import torch

from sitspark.models.inference import Classifier
from sitspark.models.job import TrainingJob
from sitspark.models.model import Model
from sitspark.models.networks.mlp import Mlp
from sitspark.models.statistics import Statistics

from .tables import CODES, Table

PIXELS = 2500


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    return np.random.default_rng(0).normal(2000, 500, (PIXELS, 481)).astype(np.float32)


@pytest.fixture(scope="module")
def classifier(features: np.ndarray) -> Classifier:
    torch.manual_seed(0)
    network = Mlp(481, 23)
    network.standardise.take(Statistics(PIXELS, features.mean(0, np.float64), features.std(0, np.float64)))
    return Classifier.of(network, tuple(range(1, 24)))


@pytest.mark.parametrize("size", [1, 7, 31, 256, 1000, 1023, 1024])
def test_a_pixel_gets_the_same_bits_in_any_company(classifier: Classifier, features: np.ndarray, size: int) -> None:
    order = np.random.default_rng(size).permutation(PIXELS)[:300]
    position, probability = classifier.classify(features)
    parts = [classifier.classify(features[order[i : i + size]]) for i in range(0, len(order), size)]
    np.testing.assert_array_equal(np.concatenate([p for p, _ in parts]), position[order])
    np.testing.assert_array_equal(np.concatenate([p for _, p in parts]), probability[order])


def test_the_class_is_the_most_probable_one(classifier: Classifier, features: np.ndarray) -> None:
    position, probability = classifier.classify(features)
    probabilities = classifier.probabilities(features)
    assert (position.dtype, probability.dtype, probabilities.dtype) == (np.int64, np.float32, np.float32)
    np.testing.assert_array_equal(position, probabilities.argmax(1))
    np.testing.assert_array_equal(probability, probabilities.max(1))
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)


def test_no_pixel_gives_no_class(classifier: Classifier) -> None:
    position, probability = classifier.classify(np.empty((0, 481), np.float32))
    assert len(position) == len(probability) == 0


def test_a_written_model_classifies_as_the_trained_network(table: Table, trained: TrainingJob) -> None:
    classifier = Classifier.load(trained.folder)
    assert classifier.codes.tolist() == list(CODES)
    with torch.inference_mode():
        model = Model.load(trained.folder)
        expected = (model.network(torch.from_numpy(table.features)) / model.card.temperature).softmax(1).numpy()
    np.testing.assert_allclose(classifier.probabilities(table.features), expected, atol=1e-4)


@pytest.mark.parametrize("temperature", [0.05, 0.7, 3.0, 20.0])
def test_a_temperature_changes_probabilities_and_no_class(
    classifier: Classifier, features: np.ndarray, temperature: float
) -> None:
    scaled = replace(classifier, temperature=temperature)
    position, probability = classifier.classify(features)
    again, other = scaled.classify(features)
    np.testing.assert_array_equal(again, position)
    np.testing.assert_array_equal(other, scaled.probabilities(features).max(1))
    assert ((other > probability) == (temperature < 1)).all()
    powers = classifier.probabilities(features).astype(np.float64) ** (1 / temperature)
    np.testing.assert_allclose(scaled.probabilities(features), powers / powers.sum(1, keepdims=True), rtol=1e-3, atol=1e-6)
