import numpy as np
import pytest
import torch

from sitspark.errors import SitsparkError
from sitspark.models.networks.layout import Layout
from sitspark.models.networks.own import OwnNetwork
from sitspark.models.networks.own_code import OwnCode
from sitspark.models.statistics import Statistics

from .own_nets import EXAMPLE, changed, own
from .spaces import SPACES, features_of, peaks

FEATURES = len(SPACES["gap-filled"])


def network_of(code: OwnCode, kind: str = "gap-filled") -> OwnNetwork:
    return OwnNetwork(code, Layout.of(SPACES[kind]), 3)


def test_features_come_standardised() -> None:
    features = features_of(SPACES["gap-filled"], 200)
    network = network_of(changed("return self.layers(features)", "return features[:, :3]"))
    network.take(Statistics.of_features(features))
    given = network(torch.from_numpy(features))
    np.testing.assert_allclose(given.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(given.std(0, correction=0), 1, atol=1e-4)


def test_parameters_come_by_name() -> None:
    network = network_of(own(parameters='{"width": 7}'))
    assert network.weights == (FEATURES + 1) * 7 + (7 + 1) * 3


@pytest.mark.parametrize("kind", SPACES)
def test_the_example_learns_from_series(kind: str) -> None:
    features, late = peaks(SPACES[kind], 512)
    torch.manual_seed(0)
    network = network_of(own(EXAMPLE, "MyNet", '{"width": 16}'), kind).train()
    network.take(Statistics.of_features(features))
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(60):
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(torch.from_numpy(features)), torch.from_numpy(late))
        loss.backward()
        optimiser.step()
    assert (network.eval()(torch.from_numpy(features)).argmax(1).numpy() == late).mean() > 0.95


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (own("import nothing_like_it"), r"network\.module: /elsewhere/net\.py can't be loaded \(line 1: No module named 'noth"),
        (own("class Net(:"), r"net\.py can't be loaded \(line 1: invalid syntax\); correct it$"),
        (own("x = 1"), r"network\.class: /elsewhere/net\.py has no class Net; correct the name, or add it$"),
        (own("def Net(layout, classes): return None"), "has no class Net"),
        (own(class_name="net"), r"has no class net; did you mean Net\?$"),
        (changed("class Net(nn.Module)", "class Net"), r"Net of .* doesn't derive from torch\.nn\.Module; write class Net\(nn"),
        (own(parameters='{"widht": 3}'), r"Net of /elsewhere/net\.py has no parameter widht .*; did you mean width\?$"),
        (changed("width=4", "width"), r"Net of .* asks for width; give it under training\.network\.parameters, or a default$"),
        (changed("layout, classes, width=4", "classes"), r"Net of .* takes \(classes\), and should take \(layout, classes\)$"),
        (changed("def forward(self, f", "def forwrd(self, f"), r"Net of .* has no method forward; docs/networks\.md"),
        (
            changed("self, features", "self, features, rest"),
            r"forward that takes \(features, rest\), and should take \(features\)$",
        ),
        (changed("super().__init__()", "raise OSError('no such table')"), r"can't be built \(line 5: OSError: no such table\)"),
        (changed("class Net(nn.Module):", "class Net(nn.Module):\n    eats = 'pixels'"), "Net of .* eats 'pixels'; set its"),
        (changed("self.layers(features)", "self.layer(features)"), r"fails \(line 8: AttributeError.*'layer'"),
        (changed("self.layers(features)", "self.layers(features)[:, :2]"), r"gives float32 of shape \(4, 2\) for 4 samp"),
        (changed("self.layers(features)", "self.layers(features).argmax(1)"), r"gives int64 of shape \(4,\)"),
        (changed("return self.layers(features)", "pass"), r"gives NoneType for 4 samples and 3 classes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_faults_are_told_with_class_and_module(code: OwnCode, sentence: str) -> None:
    with pytest.raises(SitsparkError, match=sentence):
        network_of(code)(torch.zeros(4, FEATURES))
