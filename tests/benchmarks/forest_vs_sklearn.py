"""The evaluator of trees against scikit-learn's and LightGBM's own: the same models and pixels, one thread, in one process.

    python tests/benchmarks/forest_vs_sklearn.py [--samples 40000] [--pixels 16384] [--pairs 7]

Fits to synthetic series of 37 dates of 13 values (481 features) of 23 classes that overlap: a forest of 100 trees grown to the
end, one of the defaults, and LightGBM's defaults. Then predicts turn by turn and gives pixels a CPU second: min, median, max,
and the ratios of the pairs. Pixels come in blocks of 1024, as a map's do, for both sides and, for scikit-learn and LightGBM,
all at once too, which suits them better. Results are compared bit by bit. Ends with a line of JSON.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier

from sitspark.models.baselines.base import Baseline, LearningSet, Task, random_state
from sitspark.models.baselines.boosting import Boosting, library
from sitspark.models.baselines.forest import Forest
from sitspark.settings.baselines import ForestSettings, LightgbmSettings

_BLOCK = 1024
_CLASSES, _DATES, _VALUES = 23, 37, 13
_SEED = 0

Features = npt.NDArray[np.float32]
Predict = Callable[[Features], npt.NDArray[np.float64]]


def series(count: int, *, seed: int) -> LearningSet:
    """Annual waves of each class and value, with variation within the class, and noise."""
    random = np.random.default_rng(seed)
    of_class = np.random.default_rng(_SEED).normal(0, 1, (_CLASSES, _VALUES, 3))
    phase = 2 * np.pi * np.arange(_DATES) / _DATES
    waves = np.stack([np.ones(_DATES), np.cos(phase), np.sin(phase)])
    positions = random.integers(0, _CLASSES, count)
    coefficients = of_class[positions] + random.normal(0, 1.3, (count, _VALUES, 3))
    values = 1500 + 300 * np.einsum("nvk,kd->ndv", coefficients, waves) + random.normal(0, 80, (count, _DATES, _VALUES))
    features = np.rint(values).reshape(count, -1).astype(np.float32)
    return LearningSet(features, positions, np.ones(count, np.float32))


def fitted(kind: type[Baseline], settings: ForestSettings | LightgbmSettings, samples: LearningSet) -> Baseline:
    none = LearningSet(samples.features[:0], samples.positions[:0], samples.weights[:0])
    return kind.fitted(settings, samples, none, Task(_CLASSES, _SEED, threads=1, progress=lambda _done: None))


def in_blocks(predict: Predict) -> Predict:
    return lambda features: np.concatenate([predict(features[i : i + _BLOCK]) for i in range(0, len(features), _BLOCK)])


def forest_pair(samples: LearningSet, **settings: int | None) -> tuple[Predict, Predict]:
    """scikit-learn's predict_proba and ours of the same forest."""
    ours = fitted(Forest, ForestSettings.model_validate({"kind": "random_forest"} | settings), samples)
    theirs = RandomForestClassifier(random_state=random_state(_SEED), n_jobs=1, **settings)
    theirs.fit(samples.features, samples.positions, sample_weight=samples.weights)
    return theirs.predict_proba, ours.probabilities


def boosting_pair(samples: LearningSet) -> tuple[Predict, Predict]:
    """LightGBM's raw scores and ours of the same model."""
    ours = fitted(Boosting, LightgbmSettings.model_validate({"kind": "lightgbm", "trees": 100}), samples)
    assert isinstance(ours, Boosting)
    theirs = library().Booster(model_str=ours.text)
    return lambda features: np.asarray(theirs.predict(features, raw_score=True, num_threads=1)), ours.scores


def speeds(ways: dict[str, Predict], features: Features, pairs: int) -> dict[str, list[float]]:
    """Pixels a CPU second of each way, turn by turn; a first round that isn't counted compiles and compares."""
    results = [predict(features) for predict in ways.values()]
    assert all(np.array_equal(result, results[0]) for result in results), "results differ"
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(pairs):
        for name, predict in ways.items():
            started = time.process_time()
            predict(features)
            found[name].append(len(features) / (time.process_time() - started))
    return found


def spread(values: list[float]) -> list[float]:
    return [min(values), statistics.median(values), max(values)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=40_000)
    parser.add_argument("--pixels", type=int, default=16_384)
    parser.add_argument("--pairs", type=int, default=7)
    asked = parser.parse_args()
    samples, pixels = series(asked.samples, seed=1), series(asked.pixels, seed=2).features
    models = {
        "forest to the end": forest_pair(samples, max_depth=None, min_samples_leaf=1),
        "forest of the defaults": forest_pair(samples, max_depth=25, min_samples_leaf=5),
        "lightgbm, 100 rounds": boosting_pair(samples),
    }
    told = {}
    for name, (theirs, ours) in models.items():
        found = speeds({"theirs": in_blocks(theirs), "theirs, at once": theirs, "ours": in_blocks(ours)}, pixels, asked.pairs)
        for way, values in found.items():
            print(f"{name:<24} {way:<16} " + "  ".join(f"{value:9,.0f}" for value in spread(values)) + "  pixels a CPU second")
        told[name] = {way: spread(values) for way, values in found.items()}
        for way in ("theirs", "theirs, at once"):
            ratios = spread([a / b for a, b in zip(found["ours"], found[way], strict=True)])
            print(f"{name:<24} ours / {way:<16} " + "  ".join(f"{ratio:5.2f}" for ratio in ratios))
            told[name][f"ours / {way}"] = ratios
    print(json.dumps(told))


if __name__ == "__main__":
    main()
