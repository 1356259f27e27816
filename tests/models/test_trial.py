from typing import Any

import pytest

from sitspark.errors import SitsparkError
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.models.networks.own_code import OwnCode
from sitspark.models.trial import try_own
from sitspark.settings import TrainingSettings

from .networks.own_nets import EXAMPLE, FLAT, changed, own
from .networks.spaces import SPACES

TRAINING = TrainingSettings.model_validate({})
TIED = """
from torch import nn
class Net(nn.Module):
    def __init__(self, layout, classes):
        super().__init__()
        self.first = nn.Linear(len(layout.names), classes)
        self.second = self.first
    def forward(self, features):
        return self.first(features) + self.second(features)
"""


@pytest.mark.parametrize("kind", SPACES)
def test_the_example_and_a_plain_network_pass(kind: str) -> None:
    try_own(own(), SPACES[kind], 3, training=TRAINING)
    try_own(own(EXAMPLE, "MyNet"), SPACES[kind], 3, training=TRAINING)


def test_two_names_of_one_weight_are_no_fault() -> None:
    try_own(own(TIED), SPACES["gap-filled"], 3, training=TRAINING)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (changed("self.layers(features)", "self.layers(features) / 0 * 0"), "gives scores that aren't finite"),
        (changed("self.layers(features)", "self.layers(features).detach()"), r"can't be trained and written \(RuntimeError"),
        (changed("self.layers(features)", "self.layers[2](features[:, :4])"), r"weights that no score hangs on \(layers\.0\.w"),
        (changed("self.layers(features)", "self.layers(features - features.mean(0))"), "gives a sample other scores alone"),
        (changed("width=4", "*, wide, width=4"), "Net of .* asks for wide; give it under"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_network_that_would_fail_later_fails_now(code: OwnCode, sentence: str) -> None:
    with pytest.raises(SitsparkError, match=sentence):
        try_own(code, SPACES["gap-filled"], 3, training=TRAINING)


def test_a_network_of_series_needs_some() -> None:
    with pytest.raises(SitsparkError, match="MyNet learns from series"):
        try_own(own(EXAMPLE, "MyNet"), FeatureSpace((), static=("elevation",)), 3, training=TRAINING)


@pytest.mark.parametrize(
    ("normalised", "training", "sentence"),
    [
        ("nn.BatchNorm1d(width)", {"batch_size": 4}, None),
        (
            "nn.BatchNorm1d(width)",
            {"batch_size": 2},
            r"can't be trained on 1 sample \(Expected more than 1 .*batches of 2 in 1 proc",
        ),
        (
            "nn.BatchNorm1d(width)",
            {"batch_size": 4, "processes": 2},
            r"batches of 4 in 2 processes may leave .* take BatchNorm of",
        ),
        ("nn.LayerNorm(width)", {"batch_size": 1, "processes": 2}, None),
    ],
)
def test_a_network_is_tried_on_the_smallest_share_of_a_batch(
    normalised: str, training: dict[str, Any], sentence: str | None
) -> None:
    code, settings = changed("nn.ReLU()", normalised), TrainingSettings.model_validate(training)
    if sentence is None:
        try_own(code, SPACES["gap-filled"], 3, training=settings)
    else:
        with pytest.raises(SitsparkError, match=sentence):
            try_own(code, SPACES["gap-filled"], 3, training=settings)


def test_the_normalisation_of_all_processes_takes_any_share() -> None:
    text = FLAT.replace(
        "from torch import nn", "from torch import nn\nfrom sitspark.models.networks.batch_norm import BatchNorm"
    )
    code = changed("nn.ReLU()", "BatchNorm(width)", text)
    try_own(code, SPACES["gap-filled"], 3, training=TrainingSettings.model_validate({"batch_size": 1}))
