"""What is told of a user's functions before they are called."""

from collections.abc import Callable
from typing import Any

import pytest

from sitspark.user_module import refusal


@pytest.mark.parametrize(
    ("called", "parameters", "told"),
    [
        (lambda patch: None, {}, None),
        (lambda patch, radius=1: None, {"radius": 2}, None),
        (lambda *given, **named: None, {"anything": 2}, None),
        (lambda patch, *more, radius: None, {"radius": 2}, None),
        (min, {}, None),  # which doesn't say what it takes
        (lambda: None, {}, "takes (), and should take (patch)"),
        (lambda patch, radius: None, {}, "asks for radius; give it under key, or a default"),
        (lambda patch, *more, radius: None, {}, "asks for radius; give it under key, or a default"),
        (lambda patch, radius=1: None, {"radios": 2}, "has no parameter radios (key); did you mean radius?"),
        (lambda patch: None, {"radius": 2}, "has no parameter radius (key)"),
        (lambda patch: None, {"patch": 2}, "has no parameter patch (key)"),
        (lambda patch, radius: None, None, "takes (patch, radius), and should take (patch)"),
    ],
)
def test_why_a_function_cant_be_called(called: Callable[..., Any], parameters: dict[str, Any] | None, told: str | None) -> None:
    assert refusal(called, ("patch",), parameters, key="key") == told
