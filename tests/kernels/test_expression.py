"""Band arithmetic as text: equal to numpy's, and nothing else gets through."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitspark.kernels.expression import compiled, evaluate

PLACES = {"B4": 0, "B8": 1, "B11": 2}
SEEN = ("sqrt", "abs", "exp", "log", "min", "max")


def value(text: str, bands: np.ndarray) -> np.ndarray:
    """bands float32 (dates, 3), reflectance x 10 000."""
    program = compiled(text, PLACES)
    out, stack = np.empty(len(bands), np.float32), np.empty((program.depth, len(bands)), np.float32)
    evaluate(program.code, program.constants, np.ascontiguousarray(bands, np.float32).ravel(), 3, stack, out)
    return out


def by_numpy(text: str, bands: np.ndarray) -> np.ndarray:
    """The same text as Python evaluates it on arrays, in double precision."""
    names = {name: bands[:, place].astype(float) * 1e-4 for name, place in PLACES.items()}
    functions = {name: getattr(np, {"min": "minimum", "max": "maximum"}.get(name, name)) for name in SEEN}
    with np.errstate(all="ignore"):
        found = eval(text, {"__builtins__": {}}, names | functions) + np.zeros(len(bands))
    return np.where(np.isfinite(found), found, 0)


@st.composite
def expressions(draw: st.DrawFn, depth: int = 4) -> str:
    if depth == 0 or draw(st.booleans()):
        return draw(st.sampled_from([*PLACES, "0.5", "2", "7.5"]))
    kind = draw(st.sampled_from(["binary", "unary", "call", "pair"]))
    left = draw(expressions(depth=depth - 1))
    if kind == "unary":
        return f"(-{left})"
    if kind == "call":
        return f"{draw(st.sampled_from(['sqrt', 'abs']))}({left})"
    right = draw(expressions(depth=depth - 1))
    if kind == "pair":
        return f"{draw(st.sampled_from(['min', 'max']))}({left}, {right})"
    return f"({left} {draw(st.sampled_from('+-*'))} {right})"


@given(expressions(), st.integers(0, 2**32 - 1))
@settings(max_examples=200, deadline=None)
def test_any_expression_is_what_numpy_makes_of_it(text: str, seed: int) -> None:
    bands = np.random.default_rng(seed).integers(-200, 9000, (7, 3)).astype(float)
    np.testing.assert_allclose(value(text, bands), by_numpy(text, bands), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("(B8-B4)/(B8+B4)", (0.4 - 0.1) / 0.5),
        ("2.5*(B8-B4)/(B8+6*B4-7.5*B11+1)", 2.5 * 0.3 / (0.4 + 0.6 - 1.5 + 1)),
        ("1.5*(B8-B4)/(B8+B4+0.5)", 0.45),
        ("(2*B8+1-sqrt((2*B8+1)**2-8*(B8-B4)))/2", (1.8 - np.sqrt(1.8**2 - 2.4)) / 2),
        ("B8/B4-1", 3.0),
        ("-B4**2", -0.01),
        ("2**-1", 0.5),
        ("B8-B4-B11", 0.1),
        ("B8/B4/B11", 20.0),
        ("exp(log(B8))", 0.4),
        ("max(B4, min(B8, B11))", 0.2),
        ("+B4", 0.1),
    ],
)
def test_usual_indices_by_hand(text: str, wanted: float) -> None:
    """Red 0.1, near infrared 0.4, short-wave infrared 0.2."""
    assert value(text, np.array([[1000, 4000, 2000]]))[0] == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize(
    "text", ["1/(B4-B4)", "log(B4-B4)", "sqrt(0-B8)", "log(0-1)", "(0-B8)**0.5", "(B4-B4)/(B4-B4)", "1e30*1e30"]
)
def test_what_has_no_finite_value_is_zero(text: str) -> None:
    assert value(text, np.array([[1000, 4000, 2000]])).tolist() == [0]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("B8 +", "is no expression: 'B8 +' (invalid syntax)"),
        ("(B8", "is no expression: '(B8' ('(' was never closed, at character 1)"),
        ("", "is no expression"),
        ("B5/B4", "names B5, which is no band that is read (B4, B8, B11)"),
        ("__import__('os').system('ls')", "holds"),
        ("B4.real", "holds 'B4.real'"),
        ("B4 if B8 else B11", "holds"),
        ("B4 > B8", "holds 'B4 > B8'"),
        ("(lambda: 1)()", "holds"),
        ("[B4][0]", "holds"),
        ("sqrt(B4, B8)", "gives sqrt 2 values, it takes 1"),
        ("max(B4)", "gives max 1 values, it takes 2"),
        ("pow(B4, 2)", "holds 'pow(B4, 2)'"),
        ("sqrt(x=B4)", "holds"),
        ("'text'", "holds"),
        ("True", "holds 'True'"),
        ("B4*1" + "0" * 400, "holds a number that is too large"),
        ("B4 // B8", "holds 'B4 // B8'"),
        ("(" * 400 + "B4" + ")" * 400, "is no expression"),
        ("B4" + "+B4" * 400, "has 1202 characters, more than 1000"),
    ],
)
def test_anything_else_is_refused_in_words(text: str, sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        compiled(text, PLACES)
    assert str(caught.value).startswith(sentence.split(" (B4")[0]) and sentence in str(caught.value)


def test_the_depth_of_the_stack_is_what_the_program_needs() -> None:
    assert compiled("B4", PLACES).depth == 1
    assert compiled("B4+B8+B11", PLACES).depth == 2
    assert compiled("B4+(B8+(B11+B4))", PLACES).depth == 4
