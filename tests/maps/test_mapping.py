"""Files that say which codes of a map stand for which classes of a reference."""

from pathlib import Path

import pytest

from sitspark.errors import SitsparkError
from sitspark.maps.mapping import read_mapping

NAMES = {10: "crop", 20: "broad-leaved forest"}


def mapping(folder: Path, text: str, *, name: str = "codes.csv", names: dict[int, str] | None = None) -> dict[int, int | None]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_mapping(path, names)


@pytest.mark.parametrize(
    ("name", "text", "names"),
    [
        pytest.param("codes.csv", "1,10\n2,10\n3,20\n4,\n", None, id="CSV"),
        pytest.param(
            "codes.csv", "map,reference\n# crops\n1,10\n\n2,10\n3,20\n4,\n", None, id="headings, remarks, empty lines"
        ),
        pytest.param("codes.txt", "\ufeff1;10\n2 ; 10.0\n3;20\n4;\n", None, id="as spreadsheets write it"),
        pytest.param("codes.csv", "1,crop\n2,10\n3,broad-leaved forest\n4,\n", NAMES, id="names"),
        pytest.param("codes.csv", "1,10\n2,10\n3,20\n4,\n1,10\n", NAMES, id="the same line twice"),
        pytest.param("codes.yaml", "1: 10\n2: 10\n3: 20\n4:\n", None, id="YAML"),
        pytest.param("codes.yml", "{1: crop, 2: crop, 3: broad-leaved forest, 4: null}", NAMES, id="YAML of names"),
    ],
)
def test_every_form_says_the_same(tmp_path: Path, name: str, text: str, names: dict[int, str] | None) -> None:
    assert mapping(tmp_path, text, name=name, names=names) == {1: 10, 2: 10, 3: 20, 4: None}


@pytest.mark.parametrize(
    ("name", "text", "names", "sentence"),
    [
        pytest.param("m.csv", "1,10\nx,10\n", None, r"m\.csv, line 2: 'x' is no code of a map", id="no code"),
        pytest.param("m.csv", "1,10\n1.5,10\n", None, r"line 2: '1\.5' is no code of a map", id="a fraction"),
        pytest.param("m.csv", "1,10\n2\n", None, r"line 2: '2' has not two fields", id="one field"),
        pytest.param("m.csv", "1,10,crop\n", None, r"line 1: '1,10,crop' has not two fields", id="three fields"),
        pytest.param("m.csv", "1,10\n# again\n1,20\n", None, r"line 3: code 1 stands for another class further up", id="twice"),
        pytest.param(
            "m.csv", "1,crop\n", None, r"'crop' is no class of the reference; --nomenclature FILE", id="name, no names"
        ),
        pytest.param("m.csv", "1,corp\n", NAMES, r"'corp' is no class of the reference; did you mean crop\?", id="misspelt"),
        pytest.param("m.csv", "1,30\n", NAMES, r"line 1: the nomenclature has no class 30", id="no such class"),
        pytest.param(
            "m.csv", "map,reference\n", None, r"m\.csv: names no code; write 'map code,reference code'", id="headings"
        ),
        pytest.param("m.csv", "", None, r"m\.csv: names no code", id="empty"),
        pytest.param("m.yaml", "[1, 2]", None, r"m\.yaml: names no code; write 'map code: reference code'", id="YAML list"),
        pytest.param("m.yaml", "1: [", None, r"m\.yaml: is no YAML", id="broken YAML"),
        pytest.param("m.yaml", "crop: 1\n", None, r"m\.yaml, crop: 'crop' is no code of a map", id="YAML the wrong way round"),
    ],
)
def test_what_cannot_be_meant_is_said_with_its_place(
    tmp_path: Path, name: str, text: str, names: dict[int, str] | None, sentence: str
) -> None:
    with pytest.raises(SitsparkError, match=sentence):
        mapping(tmp_path, text, name=name, names=names)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SitsparkError, match=r"--mapping: .*none\.csv can't be read \(No such file"):
        read_mapping(tmp_path / "none.csv", None)
    (tmp_path / "latin.csv").write_bytes("1,forêt\n".encode("latin-1"))
    with pytest.raises(SitsparkError, match=r"latin\.csv: is not UTF-8 text"):
        read_mapping(tmp_path / "latin.csv", None)
