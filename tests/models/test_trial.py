import pytest

from sitspark.errors import SitsparkError
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.models.networks.own_code import OwnCode
from sitspark.models.trial import try_own

from .networks.own_nets import EXAMPLE, changed, own
from .networks.spaces import SPACES

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
    try_own(own(), SPACES[kind], 3)
    try_own(own(EXAMPLE, "MyNet"), SPACES[kind], 3)


def test_two_names_of_one_weight_are_no_fault() -> None:
    try_own(own(TIED), SPACES["gap-filled"], 3)


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
        try_own(code, SPACES["gap-filled"], 3)


def test_a_network_of_series_needs_some() -> None:
    with pytest.raises(SitsparkError, match="MyNet learns from series"):
        try_own(own(EXAMPLE, "MyNet"), FeatureSpace((), static=("elevation",)), 3)
