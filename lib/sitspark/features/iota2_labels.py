"""Labels of features as modules written for iota2 import them, for machines without iota2."""

import importlib.util
import sys
from dataclasses import dataclass
from types import ModuleType


@dataclass(frozen=True, slots=True)
class I2Label:
    """The name of a feature of a sensor."""

    sensor_name: str
    feat_name: str | int

    def __str__(self) -> str:
        return f"{self.sensor_name}_{self.feat_name}".lower()


@dataclass(frozen=True, slots=True)
class I2TemporalLabel:
    """The name of a feature of a sensor at a date, as 20180321."""

    sensor_name: str
    feat_name: str
    date: str

    def __str__(self) -> str:
        return f"{self.sensor_name}_{self.feat_name}_{self.date}".lower()


def make_importable() -> None:
    """Let `from iota2.learning.utils import I2Label, I2TemporalLabel` work where iota2 isn't installed."""
    if "iota2" in sys.modules or importlib.util.find_spec("iota2") is not None:
        return
    for name in ("iota2", "iota2.learning", "iota2.learning.utils"):
        module = ModuleType(name)
        module.__path__ = []  # a package, to Python
        sys.modules[name] = module
    vars(sys.modules["iota2.learning.utils"]).update(I2Label=I2Label, I2TemporalLabel=I2TemporalLabel)
