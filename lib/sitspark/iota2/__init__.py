"""For those who come from iota2: its configuration files read as settings of a run, and what was not carried over."""

from sitspark.iota2.config import Carried, Converted, LeftOut, read_cfg, settings_from_cfg

__all__ = ["Carried", "Converted", "LeftOut", "read_cfg", "settings_from_cfg"]
