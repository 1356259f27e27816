"""The nomenclature: both text forms, QGIS's colour map, and sentences that name file and line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sitspark.classes import LandCoverClass, Nomenclature, read_names
from sitspark.errors import SitsparkError

Read = Callable[..., Nomenclature]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def write_and_read(names: str | bytes, colours: str | bytes) -> Nomenclature:
        for name, text in (("names.txt", names), ("colours.txt", colours)):
            (tmp_path / name).write_bytes(text.encode() if isinstance(text, str) else text)
        return Nomenclature.read(tmp_path / "names.txt", tmp_path / "colours.txt")

    return write_and_read


NAMES = "Forêt de feuillus:31\nwater:4\n"
QGIS = """# QGIS Generated Color Map Export File
INTERPOLATION:INTERPOLATED
4,0,0,255,255,open water
31,0,156,0,255,Forêt de feuillus
"""


def test_iota2_forms_in_the_order_of_codes(read: Read) -> None:
    classes = read(NAMES, "31 0 156 0\n4 0 0 255\n99 1 2 3\n")
    assert list(classes) == [LandCoverClass(4, "water", (0, 0, 255)), LandCoverClass(31, "Forêt de feuillus", (0, 156, 0))]
    assert (len(classes), classes.codes) == (2, (4, 31))
    assert (classes.name_of(31), classes.name_of(5)) == ("Forêt de feuillus", "5")


def test_colour_map_exported_by_qgis_gives_the_same(read: Read) -> None:
    assert read(NAMES, QGIS) == read(NAMES, "31 0 156 0\n4 0 0 255\n")


@pytest.mark.parametrize(
    "names",
    [
        "\ufeffwater:4\n",  # a byte-order mark, as Windows' editor writes
        "water:4\r\n",
        "\n# comment\n  water : 4  \n\n",
        "water:4",
    ],
)
def test_marks_comments_and_line_ends_do_not_matter(read: Read, names: str) -> None:
    assert [(c.code, c.name) for c in read(names, "\ufeff4\t0  0 255\r\n")] == [(4, "water")]


def test_a_name_may_hold_colons(read: Read) -> None:
    assert read("crops: winter:1", "1 0 0 0").name_of(1) == "crops: winter"


@pytest.mark.parametrize(
    "text",
    [
        "code,name,red,green,blue\n31,Forêt de feuillus,0,156,0\n4,water,0,0,255\n",
        "4,water,#0000FF\n31,Forêt de feuillus,#009c00\n",
        'code;name;colour\n# a comment\n31;"Forêt de feuillus";#009c00\n4;water;#0000ff\n',
    ],
)
def test_a_nomenclature_in_csv_holds_its_colours(tmp_path: Path, text: str) -> None:
    path = tmp_path / "classes.csv"
    path.write_text("\ufeff" + text, encoding="utf-8")
    classes = Nomenclature.read(path, None)
    assert list(classes) == [LandCoverClass(4, "water", (0, 0, 255)), LandCoverClass(31, "Forêt de feuillus", (0, 156, 0))]
    assert read_names(path) == {31: "Forêt de feuillus", 4: "water"}
    (tmp_path / "colours.txt").write_text("4 1 2 3\n")
    assert Nomenclature.read(path, tmp_path / "colours.txt").classes[0].colour == (1, 2, 3)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("c.txt", "water:4\n", r"c.txt: holds no colours; name a file of them under classes.colours, or write CSV"),
        ("c.csv", "4,water\n", r"c.csv: holds no colours"),
        ("c.csv", "4,water,#0000ff\n5,crop\n", r"c.csv: no colour for class 5 \(crop\); add a line 'code,name,red,green,blue'"),
        ("c.csv", "code,name\nwater\n", r"c.csv, line 2: 'water' is not of the form 'code,name,red,green,blue'"),
        ("c.csv", "code,name\n4,\n", r"c.csv, line 2: '4,' is not of the form"),
        ("c.csv", "4,water,#00ff\n", r"c.csv, line 1: .* has no colour of the form 'red,green,blue' or '#rrggbb'"),
        ("c.csv", "4,water,0,0,256\n", r"c.csv, line 1: a colour has three values of 0-255"),
        ("c.csv", "4,a,1,2,3\n4,b,1,2,3\n", r"c.csv, line 2: code 4 is already 'a'"),
        ("c.csv", "code,name\n", r"c.csv: holds no class"),
    ],
)
def test_a_nomenclature_without_colours_is_named(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SitsparkError, match=sentence):
        Nomenclature.read(tmp_path / name, None)


def test_hex_colour() -> None:
    assert LandCoverClass(1, "a", (255, 0, 10)).hex_colour == "#ff000a"


@pytest.mark.parametrize(
    ("names", "colours", "sentence"),
    [
        ("a:1\nwater\n", "1 0 0 0", r"names.txt, line 2: 'water' is not of the form 'class name:code'"),
        ("# x\na:one\n", "1 0 0 0", r"names.txt, line 2: 'a:one' is not of the form 'class name:code'"),
        (":1\n", "1 0 0 0", r"names.txt, line 1: ':1' is not of the form"),
        ("a:²\n", "1 0 0 0", r"names.txt, line 1: 'a:²' is not of the form"),
        ("a:-1\n", "1 0 0 0", r"names.txt, line 1: 'a:-1' is not of the form"),
        ("a:1\n\nb:1\n", "1 0 0 0", r"names.txt, line 3: code 1 is already 'a'"),
        ("a:1\nb:0\n", "1 0 0 0\n0 0 0 0", r"names.txt, line 2: class codes lie within 1-65535, not 0"),
        ("a:65536\n", "65536 0 0 0", r"names.txt, line 1: class codes lie within 1-65535, not 65536"),
        ("# nothing\n", "1 0 0 0", r"names.txt: holds no class"),
        ("a:1\nb:2\nc:3\n", "1 0 0 0\n", r"colours.txt: no colour for class 2 \(b\), 3 \(c\); add a line"),
        ("a:1\n", "1 0 0\n", r"colours.txt, line 1: '1 0 0' is not of the form 'code red green blue'"),
        ("a:1\n", "\n1 0 0 red\n", r"colours.txt, line 2: '1 0 0 red' is not of the form"),
        ("a:1\n", "1 0 ² 0\n", r"colours.txt, line 1: '1 0 ² 0' is not of the form"),
        ("a:1\n", "1 0 256 0\n", r"colours.txt, line 1: a colour has three values of 0-255, not '1 0 256 0'"),
        (b"for\xeat:1\n", "1 0 0 0", r"names.txt: is not UTF-8 text \(.* at byte 3\); save it as UTF-8"),
    ],
)
def test_a_wrong_line_is_named(read: Read, names: str | bytes, colours: str, sentence: str) -> None:
    with pytest.raises(SitsparkError, match=sentence):
        read(names, colours)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.txt", tmp_path):
        with pytest.raises(SitsparkError, match=f"^{path}: no such file; name it in the settings under classes$"):
            Nomenclature.read(path, path)


@pytest.mark.parametrize(
    ("codes", "sentence"), [([2, 1], "ascending"), ([1, 1], "ascending"), ([0], "1-65535"), ([65536], "0 means")]
)
def test_a_nomenclature_is_ascending_and_in_range(codes: list[int], sentence: str) -> None:
    with pytest.raises(SitsparkError, match=sentence):
        Nomenclature(tuple(LandCoverClass(code, "x", (0, 0, 0)) for code in codes))
