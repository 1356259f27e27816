"""Settings of a run that starts from a table of samples: what they need, and what would be ignored beside them."""

from pathlib import Path

import pytest

from sitspark.errors import SitsparkError
from sitspark.settings import Settings
from sitspark.settings_file import read_settings

MINIMAL = """\
output: run
observations:
  file: series.parquet
  sample: plot
  date: day
  label: crop
  bands: {B4: red, B8: nir}
classes:
  nomenclature: names.csv
"""


@pytest.fixture
def read(tmp_path: Path):
    def write_and_read(text: str) -> Settings:
        path = tmp_path / "run.yaml"
        path.write_text(text, encoding="utf-8")
        return read_settings(path)

    return write_and_read


def test_neither_scenes_nor_ground_truth_are_needed(read, tmp_path: Path) -> None:
    settings = read(MINIMAL)
    assert settings.scenes is None and settings.ground_truth is None and settings.archives == ()
    assert settings.observations.file == tmp_path / "series.parquet"
    assert (settings.observations.sample, settings.observations.ratio, settings.observations.scale) == (("plot",), 0.75, 1e-4)


def test_what_chooses_no_pixels_is_of_any_samples(read) -> None:
    chosen = read(MINIMAL + "samples:\n  min_clear_dates: 3\n  quality: {}\n  augmentation: {method: smote}\n").samples
    assert chosen.min_clear_dates == 3 and chosen.quality is not None and chosen.augmentation is not None


@pytest.mark.parametrize(
    ("added", "sentence"),
    [
        ("scenes:\n  folder: archive\n", r"has scenes, which would be ignored: a run that starts from a table"),
        ("ground_truth: {file: a.shp, label_field: code}\n", r"has ground_truth, which would be ignored"),
        ("other_sensors: [{folder: archive}]\n", r"has other_sensors, which would be ignored"),
        ("grid: {resolution: 20}\nsamples: {per_class: 5}\n", r"has grid, samples.per_class, which would be ignored"),
        ("map: {products: [probability]}\n", r"has map, which would be ignored"),
        ("accuracy: {design: random}\n", r"has accuracy, which would be ignored"),
        ("features: {static: {dem: dem.tif}}\n", r"has features.static, which would be ignored"),
        ("custom_features: {module: f.py, functions: [f], padding: 1}\n", r"has custom_features.padding, which would be"),
        ("  red: B3\n", r"line 2: observations has red: B3, which is none of its bands \(B4, B8\)"),
        ("  fold: tile\n  fold_count: 3\n", r"observations has fold_count, which would be ignored; the column fold"),
        ("  lon: x\n", r"observations has lon without lat; add observations.lat"),
        ("  ratio: 1\n", r"observations.ratio should be less than 1"),
        ("  static: dem\n", r"observations.static should be a list of columns, or all"),
        (
            "  other_sensors: [{bands: {VV: vv}}]\n",
            r"observations has two sensors named own; say observations.other_sensors",
        ),
        ("  other_sensors: [{sensor: s1}]\n", r"observations has other_sensors.0 without bands; name its columns"),
        (
            "  other_sensors: [{bandz: {}}]\n",
            r"other_sensors.0.bandz is no known key; did you mean observations.oth",
        ),
        ("  filler: none\n  step: 3\n", r"line 2: observations has step, which the filler none doesn't use"),
        ("  nodatum: 0\n", r"observations.nodatum is no known key; did you mean observations.nodata\?"),
    ],
)
def test_what_is_wrong_or_would_be_ignored_is_refused(read, added: str, sentence: str) -> None:
    text = MINIMAL.replace("classes:", f"{added}classes:") if added.startswith("  ") else MINIMAL + added
    with pytest.raises(SitsparkError, match=sentence):
        read(text)


@pytest.mark.parametrize(
    ("gone", "sentence"),
    [
        (("file",), r"observations.file is missing; add it \(Parquet file"),
        (("label",), r"observations.label is missing; add it \(Column of the class"),
        (("sample",), r"observations has date without sample; add observations.sample"),
        (("date",), r"observations has bands without date; add observations.date"),
        (("bands",), r"observations has date without bands; add observations.bands"),
        (("date", "bands"), r"observations has neither bands nor static, so that there is nothing to learn from"),
    ],
)
def test_what_is_needed_is_asked_for_alone(read, gone: tuple[str, ...], sentence: str) -> None:
    lines = [line for line in MINIMAL.splitlines() if line.strip().partition(":")[0] not in gone]
    with pytest.raises(SitsparkError, match=sentence) as caught:
        read("\n".join(lines) + "\n")
    assert "scenes" not in str(caught.value)


@pytest.mark.parametrize(
    ("added", "sentence"),
    [
        ("  scale: 1\n", r"observations has scale, which would be ignored without bands; leave it out"),
        ("time_series: {step: 5}\n", r"has time_series, which would be ignored"),
        ("features: {indices: []}\n", r"has features, which would be ignored"),
        ("samples: {min_clear_dates: 2}\n", r"has samples.min_clear_dates, which would be ignored"),
    ],
)
def test_what_is_of_series_is_refused_where_there_are_none(read, added: str, sentence: str) -> None:
    text = MINIMAL.replace("  date: day\n", "").replace("bands: {B4: red, B8: nir}", "static: all")
    assert read(text).observations.static == "all"
    with pytest.raises(SitsparkError, match=sentence):
        read(text.replace("classes:", f"{added}classes:") if added.startswith("  ") else text + added)
