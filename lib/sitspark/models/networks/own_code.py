"""The text of a network of the user's own (without torch: settings and checks read it too)."""

import hashlib
from dataclasses import dataclass

from sitspark.settings.training import OwnNetworkSettings
from sitspark.user_module import as_json, text_of

MODULE_KEY = "training.network.module"


@dataclass(frozen=True, slots=True)
class OwnCode:
    """A class of a Python text, and what it is built with, as JSON text; `path` is where the text is from, for messages."""

    path: str
    text: str
    class_name: str
    parameters: str

    @staticmethod
    def read(settings: OwnNetworkSettings) -> "OwnCode":
        """Read the module; raises SitsparkError where there is none, or a parameter is no plain value."""
        parameters = as_json(settings.class_name, settings.parameters, key="training.network.parameters")
        return OwnCode(str(settings.module), text_of(settings.module, key=MODULE_KEY), settings.class_name, parameters)

    @property
    def sha256(self) -> str:
        """The hash of the text in UTF-8: models say by it whose code they are of."""
        return hashlib.sha256(self.text.encode()).hexdigest()
