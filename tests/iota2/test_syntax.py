"""The mapping syntax: what iota2's own parser accepts, and clear refusals of what would be evaluated or guessed."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitspark.errors import SitsparkError
from sitspark.iota2.names import keys_of
from sitspark.iota2.syntax import parse

SOURCE = Path("job.cfg")


def test_every_key_has_its_line_also_one_with_dots_or_out_of_a_text() -> None:
    text = (
        "chain :\n{\n  output_path : '/data/run'\n}\narg_train :\n"
        "{ sample_selection : {'sampler' : 'random',\n  'strategy.constant.nb' : 10}\n  options : '-classifier.rf.max 5'\n}\n"
        "alone : 1\n"
    )
    assert {key.written: key.line for key in keys_of(parse(text, source=SOURCE))} == {
        "chain.output_path": 3,
        "arg_train.sample_selection.sampler": 6,
        "arg_train.sample_selection.strategy.constant.nb": 7,
        "arg_train.options -classifier.rf.max": 8,
        "alone": 10,
    }


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", {}),
        ("# nothing\n\n", {}),
        ("chain :\n{\n  output_path : '/data/run'\n}\n", {"chain": {"output_path": "/data/run"}}),
        ("a: {b = 1, c: 2,}", {"a": {"b": 1, "c": 2}}),
        ("a: {'strategy.constant.nb': 100000}", {"a": {"strategy.constant.nb": 100000}}),
        ("a: [1, -2.5, 1e-5, .5, 0.00001]", {"a": [1, -2.5, 1e-5, 0.5, 1e-5]}),
        ('a: ["B2"\n "B3",\n\n "B4" ]', {"a": ["B2", "B3", "B4"]}),
        ("a: True\nb: false\nc: None\nd: null", {"a": True, "b": False, "c": None, "d": None}),
        ("a: periodic # a bare word\nb: 31TCJ", {"a": "periodic", "b": "31TCJ"}),
        ("a: \"it's # no comment\"\nb: '''two\nlines'''", {"a": "it's # no comment", "b": "two\nlines"}),
        (r"a: 'tab\t, quote\', back\\slash'", {"a": "tab\t, quote', back\\slash"}),
        ("a: {b: {c: [{d: 1}, {d: 2}]}}", {"a": {"b": {"c": [{"d": 1}, {"d": 2}]}}}),
        ("a: 007\n", {"a": 7}),
        ("a: '`ls` ${home}' # `comment`", {"a": "`ls` ${home}"}),
    ],
)
def test_reads(text: str, tree: dict[str, Any]) -> None:
    assert parse(text, source=SOURCE) == tree


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\nb: `os.system('ls')`", r"job\.cfg, line 2: '`' makes iota2 evaluate"),
        ("a: ${b}", r"line 1: '\$\{' makes iota2 evaluate"),
        ("@include 'other.cfg'", "line 1: '@' makes iota2 evaluate"),
        ("chain {\n}", "line 1: a colon is missing after 'chain'"),
        ("a: {b: 1 c: 2}", "line 1: a comma or a new line is missing before c"),
        ('a: ["B2" "B3"]', 'line 1: a comma or a new line is missing before "B3"'),
        ("a: {b: 1\n\nb: 2}", "line 3: 'b' is already given on line 1"),
        ("a: {\nb: 1\n", "line 3: a closing '}' is missing"),
        ("a: [1,\n2", "line 2: a closing ']' is missing"),
        ("a: ['B2', 'B3'\nb: 1", "line 2: a closing ']' is missing before the key 'b'"),
        ("a:\n", "line 2: a value is missing"),
        ("1.5: 2", "line 1: a key is a word or a quoted text, not 1.5"),
        ("a: 'open\nb: 2", "line 1: ''' is not expected here; is a quote missing"),
        (r"a: 'C:\data'", r"line 1: .* holds a backslash that stands for nothing"),
        (r"a: '\x1'", r"line 1: .* holds a backslash that stands for nothing"),
        ("a: }", "line 1: a value is missing before '}'"),
        ("a: 1}", "line 1: a comma or a new line is missing before }"),
        ("a: 'b' + 'c'", r"line 1: '\+' is not expected here"),
    ],
)
def test_refuses_with_the_line(text: str, sentence: str) -> None:
    with pytest.raises(SitsparkError, match=sentence):
        parse(text, source=SOURCE)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(tree=st.dictionaries(st.text(), VALUES))
@settings(max_examples=100, deadline=None)
def test_whatever_python_would_write_is_read_back(tree: dict[str, Any]) -> None:
    body = repr(tree)[1:-1]
    assert parse(body, source=SOURCE) == tree


@given(text=st.text(alphabet="ab1{}[]:=,'\"\n\\#.`$ ", max_size=30))
@settings(max_examples=500, deadline=None)
def test_any_text_is_read_or_refused_in_one_sentence(text: str) -> None:
    try:
        assert isinstance(parse(text, source=SOURCE), dict)
    except SitsparkError as error:
        assert str(error).startswith("job.cfg, line ")
