"""Settings: every problem is a sentence with file, line and key; overrides; the reference page and the shipped examples."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from sitspark.errors import SitsparkError
from sitspark.settings import Settings, SparkSettings
from sitspark.settings_file import known_keys, parse_settings, read_settings, reference_page

ROOT = Path(__file__).parent.parent
MINIMAL = """\
output: run
scenes:
  folder: archive
classes:
  nomenclature: names.txt
  colours: colours.txt
ground_truth:
  file: polygons.shp
  label_field: code
"""


@pytest.fixture
def read(tmp_path: Path):
    def write_and_read(text: str, *overrides: str) -> Settings:
        path = tmp_path / "run.yaml"
        path.write_text(text, encoding="utf-8")
        return read_settings(path, overrides=overrides)

    return write_and_read


def test_defaults_are_those_of_the_reference_job(read) -> None:
    settings = read(MINIMAL)
    assert (settings.scenes.layout, settings.scenes.reflectance, settings.grid.interpolator) == ("theia_l2a", "FRE", "cubic")
    assert (settings.grid.overlap, settings.grid.overlap_margin, settings.time_series.step) == ("owner", 600, 10)
    assert settings.features.indices == {"ndvi": None, "ndwi": None, "brightness": None}
    assert (settings.ground_truth.ratio, settings.samples.sampler, settings.samples.per_class) == (0.75, "periodic", 100_000)


def test_paths_are_relative_to_the_settings_file(read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    monkeypatch.setenv("HOME", "/home/someone")
    text = MINIMAL.replace("archive", "../archive").replace("names.txt", "/data/names.txt").replace(": colours", ": ~/colours")
    settings = read(text, "output=elsewhere/run")
    assert settings.output == tmp_path / "elsewhere" / "run"
    assert settings.scenes.folder.path == tmp_path.parent / "archive"
    assert settings.classes.nomenclature == Path("/data/names.txt")
    assert settings.classes.colours == Path("/home/someone/colours.txt")


def test_dates_are_dates(read) -> None:
    settings = read(MINIMAL + "time_series:\n  start: 2018-01-01\n  end: '2018-12-31'\n", "scenes.start=2017-12-01")
    assert (settings.time_series.start, settings.time_series.end) == (date(2018, 1, 1), date(2018, 12, 31))
    assert settings.scenes.start == date(2017, 12, 1)


@pytest.mark.parametrize(
    ("added", "sentence"),
    [
        # unknown keys
        ("training:\n  epoch: 3\n", "line 11: training.epoch is no known key; did you mean training.epochs?"),
        ("trainin:\n  epochs: 3\n", "line 10: trainin is no known key; did you mean training?"),
        ("chunk_size: 64\n", "line 10: chunk_size is no known key; did you mean grid.chunk_size?"),
        ("epochs: 3\n", "line 10: epochs is no known key; did you mean training.epochs?"),
        (
            "samples:\n  per_model:\n    alps: {samplr: random}\n",
            "line 12: samples.per_model.alps.samplr is no known key; did you mean samples.per_model.alps.sampler?",
        ),
        (
            "features:\n  static:\n    dem: {file: a.tif, interpolatr: cubic}\n",
            "line 12: features.static.dem.interpolatr is no known key; did you mean features.static.dem.interpolator?",
        ),
        ("zzz: 3\n", "line 10: zzz is no known key; see docs/settings.md"),
        # wrong types
        ("training:\n  epochs: ten\n", "line 11: training.epochs should be a whole number"),
        ("training:\n  epochs: ten\n", "not 'ten' (Passes over the training samples.)"),
        ("training: 5\n", "line 10: training is a section with keys of its own, not 5 (The model"),
        ("training:\n  epochs: 5.5\n", "line 11: training.epochs should be a whole number, not 5.5 (Passes"),
        ("training:\n  calibrate: maybe\n", "line 11: training.calibrate should be true or false, not 'maybe'"),
        ("training:\n  learning_rate: fast\n", "line 11: training.learning_rate should be a number, not 'fast'"),
        ("grid:\n  chunk_size: [1]\n", "line 11: grid.chunk_size should be a whole number, not [1]"),
        ("time_series:\n  start: 2018-06-31\n", "line 11: time_series.start should be a valid date"),
        ("time_series:\n  start: soon\n", "not 'soon' (First date (YYYY-MM-DD); null: each sensor's earliest acquisition.)"),
        # out of range
        ("grid:\n  chunk_size: 15\n", "line 11: grid.chunk_size should be greater than or equal to 16, not 15"),
        ("seed: -1\n", "line 10: seed should be greater than or equal to 0, not -1"),
        ("training:\n  monitor_share: 1\n", "line 11: training.monitor_share should be less than 1, not 1"),
        ("grid:\n  resolution: 0\n", "line 11: grid.resolution should be greater than 0, not 0"),
        ("grid:\n  interpolator: lanczos\n", "should be 'nearest', 'bilinear' or 'cubic', not 'lanczos'"),
        (
            "features:\n  statistics: [mean]\n",
            "line 11: features.statistics should give each series a list, as {ndvi: [mean, std]}",
        ),
        (
            "features:\n  statistics: {ndvi: [median]}\n",
            "line 11: features.statistics has median for ndvi; choose of mean, std, min, max, amplitude, q0 to q100",
        ),
        (
            "features:\n  series: indices\n  relative: true\n",
            "features has relative, which is of bands, and series: indices leaves them out; drop one of them",
        ),
        (
            "features:\n  indices: [ndvi, evi]\n",
            "line 11: features.indices has evi, which is none of ndvi, ndwi, brightness; say what it is, as "
            '{evi: "(B8-B5)/(B8+B5)"}',
        ),
        (
            "training:\n  optimiser: {weight_decay: [0.1, 0.2]}\n",
            "to try several, write training.search.try: {optimiser.weight_decay: [0.1, 0.2]}",
        ),
        # what validators of this project find, with its key too
        ("grid: {crs: nonsense}\n", "line 10: grid.crs should be a known CRS, as EPSG:2154, not 'nonsense'"),
        (
            "grid: {crs: 4326}\n",
            "line 10: grid.crs should be a projected CRS with an EPSG code, in metres, as EPSG:2154, not 4326",
        ),
        ("grid: {region: [1, 2, 3]}\n", "line 10: grid.region should be a file of polygons, or [left, bottom, right, top]"),
        ("grid: {region: [a, b, c, d]}\n", "line 10: grid.region should be a file of polygons"),
        # order of dates
        ("time_series: {start: 2018-02-01, end: 2018-01-31}\n", "time_series.end (2018-01-31) lies before time_series.start"),
        # not YAML
        ("a: [1\n", "line 10: not valid YAML: what begins there isn't closed"),
        ("a: [1,\nb: 2\n", "line 10: not valid YAML: what begins there isn't closed, or isn't well formed ("),
        ("a: 'x\nb: 2\n", "line 10: not valid YAML: what begins there isn't closed, or isn't well formed ("),
        ("training:\n  epochs:15\n  seed: 2\n", "line 11: not valid YAML: 'epochs:15' needs a blank after its colon"),
        ("training:\n  seed: 2\n  epochs:15\n", "line 12: not valid YAML: 'epochs:15' needs a blank after its colon"),
        ("training:\n  epochs:15  # few\n\n  # and\n  seed: 2\n", "line 11: not valid YAML: 'epochs:15' needs a blank"),
        ("scenes:\n  folder:../s\n  start: 2\n", "line 11: not valid YAML: 'folder:../s' needs a blank after its colon"),
        ("scenes:\n  b4:5\n  start: 2\n", "line 11: not valid YAML: 'b4:5' needs a blank after its colon"),
        ("scenes:\n  https://a.b/c\n  start: 2\n", "line 12: not valid YAML: mapping values are not allowed here; keys of"),
        ("scenes:\n  - a:b\n  start: 2\n", "line 12: not valid YAML: expected <block end>"),
        ("training:\n  epochs: 1\n   seed: 2\n", "line 12: not valid YAML: mapping values are not allowed here; keys of a"),
        ("\tb: 1\n", "line 10: not valid YAML: found character '\\t' that cannot start any token; indent by blanks"),
        ("output: other\n", 'line 10: not valid YAML: found duplicate key "output"'),
        ("a: \x07\n", "not valid YAML: unacceptable character #x0007"),
    ],
)
def test_a_problem_is_a_sentence_with_file_line_and_key(read, tmp_path: Path, added: str, sentence: str) -> None:
    with pytest.raises(SitsparkError) as caught:
        read(MINIMAL + added)
    assert str(caught.value).startswith(str(tmp_path / "run.yaml"))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_period_of_scenes_that_ends_before_it_starts(read) -> None:
    text = MINIMAL.replace("  folder: archive\n", "  folder: archive\n  start: 2018-03-01\n  end: 2018-02-28\n")
    with pytest.raises(SitsparkError, match=r"scenes.end \(2018-02-28\) lies before scenes.start \(2018-03-01\)"):
        read(text)


@pytest.mark.parametrize(
    ("gone", "sentence"),
    [
        ("output: run\n", r"output is missing; add it \(Folder of the run"),
        ("  label_field: code\n", r"ground_truth.label_field is missing; add it \(Field that holds the class code"),
        ("scenes:\n  folder: archive\n", r"scenes is missing; add it \(Which imagery is read.\)"),
        ("  folder: archive\n", r"scenes is missing; add it \(Which imagery is read.\)"),
        (
            "ground_truth:\n  file: polygons.shp\n  label_field: code\n",
            r"ground_truth is missing; add it \(The labelled polygons",
        ),
    ],
)
def test_a_missing_key_is_named_with_its_meaning(read, gone: str, sentence: str) -> None:
    with pytest.raises(SitsparkError, match=sentence):
        read(MINIMAL.replace(gone, ""))


def test_an_empty_path_is_named(read) -> None:
    with pytest.raises(SitsparkError, match=r"line 1: output should be a path, not empty"):
        read(MINIMAL.replace("output: run", "output:"))


def test_every_problem_is_told_at_once(read) -> None:
    with pytest.raises(SitsparkError) as caught:
        read(MINIMAL.replace("output: run\n", "") + "seed: x\ntraining:\n  epochs: 0\n  zzz: 1\n")
    for part in ("output is missing", "seed should be", "training.epochs should be", "training.zzz is no known key"):
        assert part in str(caught.value)


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just a text\n", "# only comments\n"])
def test_a_file_without_settings(read, text: str) -> None:
    with pytest.raises(SitsparkError, match=r"run.yaml: holds no settings; start from conf/demo.yaml"):
        read(text)


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "image.tif").write_bytes(b"II*\x00\xff\xfe")
    for name, sentence in (("absent.yaml", "no such settings file"), ("", "is a folder"), ("image.tif", "is not a text file")):
        with pytest.raises(SitsparkError, match=sentence):
            read_settings(tmp_path / name)


def test_an_empty_section_means_its_defaults(read) -> None:
    assert read(MINIMAL + "grid:\n  # chunk_size: 64\n").grid == read(MINIMAL).grid


def test_overrides_win_and_are_read_as_yaml(read) -> None:
    settings = read(
        MINIMAL + "training:\n  epochs: 7\n  batch_size: 9\n",
        "training.epochs=5",
        "samples.per_class=null",
        "scenes.tiles=[31TCJ, 31TCK]",
        "features.indices=[]",
        " seed = 3",
        "training.epochs=6",
    )
    assert (settings.training.epochs, settings.training.batch_size, settings.seed) == (6, 9, 3)
    assert settings.samples.per_class is None
    assert settings.scenes.tiles == ("31TCJ", "31TCK")
    assert settings.features.indices == {}


@pytest.mark.parametrize("begun", ["", "grid:\n", "grid: {}\n", "grid:\n  overlap: merge\n"])
def test_an_override_creates_its_section(read, begun: str) -> None:
    assert read(MINIMAL + begun, "grid.chunk_size=64").grid.chunk_size == 64


def test_spark_properties_keep_their_dots_and_become_text(read) -> None:
    settings = read(
        MINIMAL + "spark:\n  config:\n    spark.executor.cores: 4\n    spark.speculation: true\n",
        "spark.config.spark.sql.shuffle.partitions=8",
    )
    assert settings.spark.config == {
        "spark.executor.cores": "4",
        "spark.speculation": "true",
        "spark.sql.shuffle.partitions": "8",
    }


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("training.epochs", "--set training.epochs: write it as key=value, for example --set training.epochs=5"),
        ("=5", "--set =5: write it as key=value"),
        (" =5", "--set =5: write it as key=value"),
        (".epochs=5", "--set .epochs=5: write it as key=value"),
        ("training.=5", "--set training.=5: write it as key=value"),
        ("output.x=5", "--set output.x=5: output is a value, not a section"),
        ("training.epochs=[1,", "--set training.epochs=[1,: '[1,' is not a value in YAML"),
        ("training.epochs=abc", "training.epochs should be a whole number"),
        ("training.epochs=", "training.epochs should be a whole number, not empty"),
        ("scenes.tiles=31TCJ", "scenes.tiles should be a list, as [31TCJ], not '31TCJ'"),
        ("training.epoch=5", "training.epoch is no known key; did you mean training.epochs?"),
        ("grid.chunk_size=1", "grid.chunk_size should be greater than or equal to 16, not 1"),
        ("scenes.start=2018-06-31", "scenes.start should be a valid date"),
    ],
)
def test_a_wrong_override_is_a_sentence(read, override: str, sentence: str) -> None:
    with pytest.raises(SitsparkError) as caught:
        read(MINIMAL, override)
    assert sentence in str(caught.value)


def test_settings_survive_their_own_json(read, tmp_path: Path) -> None:
    """What a run folder keeps can be read back as settings."""
    settings = read(MINIMAL, "scenes.start=2018-01-01", "samples.per_class=null", "spark.config.spark.x=1")
    assert parse_settings(settings.model_dump(mode="json"), source=tmp_path / "run.json") == settings


def test_every_key_has_a_sentence() -> None:
    assert len(known_keys()) > 35
    for key, sentence in known_keys().items():
        assert sentence and sentence.rstrip(")").endswith((".", "iota2's")), key


def test_the_reference_page_is_up_to_date() -> None:
    """If this fails: python -m sitspark.settings_file > docs/settings.md."""
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == reference_page()
    assert all(f"| `{key}` |" in page for key in known_keys())


def test_the_reference_page_is_printed_by_the_module() -> None:
    printed = subprocess.run([sys.executable, "-m", "sitspark.settings_file"], capture_output=True, text=True, check=True)
    assert printed.stdout == reference_page()


@pytest.mark.parametrize("path", sorted((ROOT / "conf").glob("*.yaml")), ids=lambda path: path.name)
def test_the_shipped_examples_parse(path: Path) -> None:
    settings = read_settings(path)
    assert settings.output.is_relative_to(ROOT)


def test_the_demonstration_and_new_york_are_shipped() -> None:
    assert {"demo.yaml", "l8_new_york.yaml"} <= {path.name for path in (ROOT / "conf").glob("*.yaml")}
    new_york = read_settings(ROOT / "conf" / "l8_new_york.yaml")
    assert all(
        path and path.exists()
        for path in (new_york.scenes.folder.path, new_york.classes.nomenclature, new_york.ground_truth.file)
    )


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epoch=2", r"--set training\.epoch=2: training\.epoch is no known key; did you mean training\.epochs\?"),
        ("trainning.epochs=3", r"^--set trainning\.epochs=3: trainning is no known key; did you mean training\?"),
        ("grid.chunk_size=abc", r"--set grid\.chunk_size=abc: grid\.chunk_size should be a whole number"),
        # rules of whole sections, and of all settings
        ("samples.percent=5", r"demo.yaml, line \d+ with --set samples.percent=5: samples has percent, which isn't of the str"),
        ("time_series.window=5", r"demo.yaml, line \d+ with --set time_series.window=5: time_series has window, which isn't"),
        (
            "scenes.start=2030-01-01 --set scenes.end=2029-01-01",
            "yaml with --set scenes.start=2030-01-01 --set scenes.end",
        ),
    ],
)
def test_a_faulty_override_is_not_laid_on_the_file(override: str, message: str) -> None:
    overrides = ["seed=1", *override.split(" --set ")]
    with pytest.raises(SitsparkError, match=message) as caught:
        read_settings(ROOT / "conf" / "demo.yaml", overrides=overrides)
    assert "seed" not in str(caught.value)


def test_what_spark_hides_in_its_logs_is_written_nowhere(tmp_path: Path) -> None:
    config = {"spark.hadoop.fs.s3a.secret.key": "x1", "spark.hadoop.fs.s3a.access.key": "x2", "spark.executor.memory": "2g"}
    spark = SparkSettings(config=config)
    assert spark.config["spark.hadoop.fs.s3a.secret.key"] == "x1"
    written = spark.model_dump_json()
    assert "x1" not in written and "x2" not in written and '"spark.executor.memory":"2g"' in written


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("other_sensors.0.step=45", None),
        ("other_sensors.1.step=45", "1 is none of 1, which are numbered from 0"),
        ("other_sensors.step=45", "name a key of one of these, as other_sensors.0.step"),
        ("other_sensors.0.stepp=45", "other_sensors.0.stepp is no known key; did you mean other_sensors.0.step?"),
        ("other_sensors.0.step=x", "other_sensors.0.step should be a number of days from 1 on, month or dekad, not 'x'"),
        ("features.static.dem.fill=nan", "should be a finite number"),
        ("scenes.folder=https://user:word@host/x", "scenes.folder holds credentials in its address, https://host/x"),
    ],
)
def test_sections_in_lists_and_mappings_are_set_by_number_and_name(override: str, words: str | None) -> None:
    path = ROOT / "conf" / "two_sensors.yaml"
    overrides = [override, "features.static.dem.file=dem.tif"]
    if words is None:
        settings = read_settings(path, overrides=overrides)
        assert settings.other_sensors[0].step == 45 and str(settings.features.static["dem"].file).endswith("conf/dem.tif")
    else:
        with pytest.raises(SitsparkError) as caught:
            read_settings(path, overrides=overrides)
        assert words in str(caught.value) and "word@" not in str(caught.value)


@pytest.mark.parametrize("written", ["EPSG:2154", "epsg:2154", "2154", "'2154'"])
def test_equal_crs_are_equal_texts(read, written: str) -> None:
    assert read(f"{MINIMAL}grid: {{crs: {written}}}\n").grid.crs == "EPSG:2154"
