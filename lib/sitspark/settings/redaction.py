"""Settings as they may be passed on: without credentials."""

import re
from collections.abc import Mapping
from typing import Any

# Spark's own default of spark.redaction.regex
_SECRET = re.compile(r"(?i)secret|password|token|access[.]?key")


def redacted(settings: Mapping[str, Any]) -> dict[str, Any]:
    """JSON-like settings with the values of secret keys replaced, at any depth."""
    return {
        key: "(redacted)" if _SECRET.search(key) else redacted(value) if isinstance(value, Mapping) else value
        for key, value in settings.items()
    }
