"""Band arithmetic as text, as (B8 - B5) / (B8 + B5): parsed by a whitelist, run by a stack machine, never by Python."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

REFLECTANCE = np.float32(1e-4)  # of a stored unit: expressions see reflectances of 0 to 1

_BAND, _NUMBER, _ADD, _SUBTRACT, _MULTIPLY, _DIVIDE, _POWER, _NEGATE, _ROOT, _ABS, _EXP, _LOG, _LEAST, _MOST = range(14)
_OPERATORS = {ast.Add: _ADD, ast.Sub: _SUBTRACT, ast.Mult: _MULTIPLY, ast.Div: _DIVIDE, ast.Pow: _POWER}
_FUNCTIONS = {
    "sqrt": (_ROOT, 1),
    "abs": (_ABS, 1),
    "exp": (_EXP, 1),
    "log": (_LOG, 1),
    "min": (_LEAST, 2),
    "max": (_MOST, 2),
}
_LARGEST = float(np.finfo(np.float32).max)
_LONGEST = 1000  # characters; nested deeper than Python's own parser goes is no index


@dataclass(frozen=True, slots=True)
class Program:
    """An expression for a stack machine: its instructions, numbers, and the depth of the stack that it takes.

    code int64 (n, 2): operation, and band or number; constants float32 (m,).
    """

    code: npt.NDArray[np.int64]
    constants: npt.NDArray[np.float32]
    depth: int


def compiled(text: str, places: Mapping[str, int]) -> Program:
    """Compile an expression over bands that have these places in a series.

    Numbers, names, + - * / **, parentheses, sqrt, abs, exp, log, min and max of two. Raises ValueError, in words that end a
    sentence, for anything else.
    """
    steps: list[tuple[int, int]] = []
    numbers: list[float] = []

    def put(node: ast.expr) -> int:
        """Append what computes a node; gives the depth of the stack that it takes."""
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                if abs(value) > _LARGEST:
                    raise ValueError("holds a number that is too large")
                numbers.append(float(value))
                steps.append((_NUMBER, len(numbers) - 1))
                return 1
            case ast.Name(id=name):
                if name not in places:
                    raise ValueError(f"names {name}, which is no band that is read ({', '.join(places)})")
                steps.append((_BAND, places[name]))
                return 1
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _then(_NEGATE, put(operand))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return put(operand)
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
                return _then(_OPERATORS[type(operator)], put(left), put(right))
            case ast.Call(func=ast.Name(id=function), args=arguments, keywords=[]) if function in _FUNCTIONS:
                operation, takes = _FUNCTIONS[function]
                if len(arguments) != takes:
                    raise ValueError(f"gives {function} {len(arguments)} values, it takes {takes}")
                return _then(operation, *(put(argument) for argument in arguments))
        raise ValueError(
            f"holds {ast.unparse(node)!r}; use numbers, bands, + - * / **, parentheses and {', '.join(_FUNCTIONS)}"
        )

    def _then(operation: int, *depths: int) -> int:
        steps.append((operation, 0))
        return max(depth + before for before, depth in enumerate(depths))

    depth = put(_parsed(text).body)
    return Program(np.array(steps, np.int64).reshape(-1, 2), np.array(numbers, np.float32), depth)


def _parsed(text: str) -> ast.Expression:
    if len(text) > _LONGEST:
        raise ValueError(f"has {len(text)} characters, more than {_LONGEST}")
    try:
        tree: Any = ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        at = f", at character {error.offset}" if error.offset else ""
        raise ValueError(f"is no expression: {text!r} ({error.msg}{at})") from None
    except (ValueError, RecursionError, MemoryError):
        raise ValueError(f"is no expression: {text!r}") from None
    assert isinstance(tree, ast.Expression)
    return tree


# no 'nnan' and 'ninf': what has no finite value is looked for
@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract", "arcp", "nsz"})
def evaluate(
    code: npt.NDArray[np.int64],
    constants: npt.NDArray[np.float32],
    filled: npt.NDArray[np.float32],
    bands: int,
    stack: npt.NDArray[np.float32],
    out: npt.NDArray[np.float32],
) -> None:
    """Run a program for one pixel at all dates: filled float32 (dates x bands) x 10 000, out float32 (dates,).

    `stack` is memory, float32 (depth, dates). What has no finite value, as a quotient of 0 or the root of a negative number,
    is 0.
    """
    steps = out.shape[0]
    top = -1
    for i in range(code.shape[0]):
        operation, place = code[i, 0], code[i, 1]
        if operation == _BAND:
            top += 1
            for k in range(steps):
                stack[top, k] = filled[k * bands + place] * REFLECTANCE
            continue
        if operation == _NUMBER:
            top += 1
            stack[top, :] = constants[place]
            continue
        if operation < _NEGATE or operation > _LOG:
            top -= 1
        for k in range(steps):
            a = stack[top, k]
            if operation == _NEGATE:
                a = -a
            elif operation == _ROOT:
                a = np.sqrt(a)
            elif operation == _ABS:
                a = abs(a)
            elif operation == _EXP:
                a = np.exp(a)
            elif operation == _LOG:
                a = np.log(a)
            elif operation == _ADD:
                a += stack[top + 1, k]
            elif operation == _SUBTRACT:
                a -= stack[top + 1, k]
            elif operation == _MULTIPLY:
                a *= stack[top + 1, k]
            elif operation == _DIVIDE:
                a /= stack[top + 1, k]
            elif operation == _POWER:
                a = a ** stack[top + 1, k]
            else:
                # what has no value has no least and no most either
                other = stack[top + 1, k]
                is_kept = a <= other if operation == _LEAST else a >= other
                if a == a and not is_kept:
                    a = other
            stack[top, k] = a
    for k in range(steps):
        value = stack[0, k]
        out[k] = value if np.isfinite(value) else np.float32(0)
