"""Texts of networks as users write them."""

from pathlib import Path

from sitspark.models.networks.own_code import OwnCode

EXAMPLE = (Path(__file__).parents[3] / "conf" / "my_net.py").read_text(encoding="utf-8")

FLAT = """
from torch import nn
class Net(nn.Module):
    def __init__(self, layout, classes, width=4):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(len(layout.names), width), nn.ReLU(), nn.Linear(width, classes))
    def forward(self, features):
        return self.layers(features)
"""


def own(text: str = FLAT, class_name: str = "Net", parameters: str = "{}") -> OwnCode:
    return OwnCode("/elsewhere/net.py", text, class_name, parameters)


def changed(old: str, new: str, text: str = FLAT) -> OwnCode:
    assert old in text
    return own(text.replace(old, new))
