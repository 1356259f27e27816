"""The text of an iota2 configuration file as nested mappings.

iota2 reads its files with the package `config`, which evaluates what stands in backticks, includes other files and,
since 0.5, refuses the bare words that older files hold. This parser reads the mapping syntax alone, evaluates nothing,
and says on which line it stopped.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from sitspark.errors import SitsparkError

_TOKEN = re.compile(
    r"""
      (?P<space>[ \t\r\f]+ | \#[^\n]* | \\\n)
    | (?P<newline>\n)
    | (?P<string>\"{3}(?:\\.|[^\\])*?\"{3} | '{3}(?:\\.|[^\\])*?'{3} | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*')
    | (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))
    | (?P<word>\w+)
    | (?P<mark>[{}\[\]:=,])
    """,
    re.VERBOSE | re.DOTALL,
)
_WORDS = {"True": True, "true": True, "False": False, "false": False, "None": None, "null": None}
_EVALUATED = ("`", "${", "@")
_BAD_ESCAPE = re.compile(r"""(?<!\\)(?:\\\\)*\\[^\\'"abfnrtv0-7xuUN\n]""")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


class Entries(dict[str, Any]):
    """A mapping of the file, and the line of each of its keys."""

    def __init__(self, found: Mapping[str, Any], lines: Mapping[str, int]) -> None:
        super().__init__(found)
        self.lines = lines


def parse(text: str, *, source: Path) -> Entries:
    """The mapping that the text holds: str, int, float, bool, None, list and dict, bare words as str.

    Raises SitsparkError with file and line for anything else: an expression in backticks, a substitution, an include,
    two values without a comma between them, a key that is given twice.
    """
    parser = _Parser(_tokens(text, source), source)
    return parser.entries(until="end")


def _tokens(text: str, source: Path) -> list[_Token]:
    tokens, position, line = [], 0, 1
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            _refuse(text, position, line, source)
        kind = match.lastgroup or ""
        if kind != "space":
            tokens.append(_Token(kind, match.group(), line))
        line += match.group().count("\n")
        position = match.end()
    tokens.append(_Token("end", "the end of the file", line))
    return tokens


def _refuse(text: str, position: int, line: int, source: Path) -> NoReturn:
    for mark in _EVALUATED:
        if text.startswith(mark, position):
            raise SitsparkError(
                f"{source}, line {line}: '{mark}' makes iota2 evaluate, substitute or include something, which is not "
                "done here; write the value itself"
            )
    raise SitsparkError(f"{source}, line {line}: '{text[position]}' is not expected here; is a quote missing?")


class _Parser:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[_Token], source: Path) -> None:
        self._tokens = iter(tokens)
        self._source = source
        self._token = next(self._tokens)

    def entries(self, *, until: str) -> Entries:
        """`key : value` or `key = value`, with commas or new lines between them, up to the closing mark."""
        found: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for token in self._items(until):
            key = _string(token, self._source) if token.kind == "string" else token.text
            if token.kind not in ("string", "word"):
                self._fail(f"a key is a word or a quoted text, not {token.text}", token)
            if key in found:
                self._fail(f"'{key}' is already given on line {lines[key]}; keep one of them", token)
            if self._token.text not in (":", "="):
                self._fail(f"a colon is missing after '{key}'", token)
            self._advance()
            self._skip_lines()
            found[key], lines[key] = self._value(self._advance()), token.line
        return Entries(found, lines)

    def _value(self, token: _Token) -> Any:
        if token.text == "{" and token.kind == "mark":
            return self.entries(until="}")
        if token.text == "[" and token.kind == "mark":
            return [self._value(item) for item in self._items("]")]
        if token.kind == "string":
            return _string(token, self._source)
        if token.kind == "number":
            return int(token.text) if token.text.lstrip("+-").isdigit() else float(token.text)
        if token.kind == "word":
            return _WORDS.get(token.text, token.text)
        self._fail(f"a value is missing before {token.text!r}", token)

    def _items(self, until: str) -> Iterator[_Token]:
        """The first token of every item; the caller takes the rest of the item before it goes on."""
        while True:
            self._skip_lines()
            token = self._advance()
            if until in (token.kind, token.text) and token.kind in ("mark", "end"):
                return
            if token.kind == "end":
                self._fail(f"a closing '{until}' is missing", token)
            yield token
            if self._token.text == "," and self._token.kind == "mark":
                self._advance()
            elif until == "]" and self._token.text in (":", "="):
                self._fail(f"a closing ']' is missing before the key '{token.text}'", token)
            elif self._token.kind not in ("newline", "end") and self._token.text != until:
                self._fail(f"a comma or a new line is missing before {self._token.text}", self._token)

    def _skip_lines(self) -> None:
        while self._token.kind == "newline":
            self._advance()

    def _advance(self) -> _Token:
        token = self._token
        self._token = next(self._tokens, token)
        return token

    def _fail(self, what: str, token: _Token) -> NoReturn:
        raise SitsparkError(f"{self._source}, line {token.line}: {what}")


def _string(token: _Token, source: Path) -> str:
    try:
        if _BAD_ESCAPE.search(token.text):
            raise ValueError(token.text)
        return str(ast.literal_eval(token.text))
    except (SyntaxError, ValueError):
        raise SitsparkError(
            f"{source}, line {token.line}: {token.text} holds a backslash that stands for nothing; write / instead"
        ) from None
