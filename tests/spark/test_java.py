"""Java is found or provided, and starts with classes that were kept ready."""

import subprocess
from pathlib import Path
from typing import Any

import pyspark
import pytest
from pyspark.sql import SparkSession

from sitspark import class_archive, java
from sitspark.errors import SitsparkError


def test_without_java_a_packaged_one_is_provided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    packaged = java.java_home() / "bin" / "java"
    command = ["/bin/sh", str(packaged), "--add-modules=jdk.incubator.vector", "-version"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0 and 'version "17' in answer.stderr


def test_an_old_java_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / "bin" / "java"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_402\"' >&2\n")
    old.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")
    assert java.java_home() != tmp_path


needs_archive = pytest.mark.skipif(not java.CLASS_ARCHIVE.is_file(), reason="python -m sitspark.class_archive makes it")


@needs_archive
def test_a_session_maps_the_classes_that_the_installation_has_kept(spark: SparkSession) -> None:
    gateway: Any = spark.sparkContext._gateway
    maps = Path(f"/proc/{gateway.proc.pid}/maps")
    if not maps.exists():
        pytest.skip("the system doesn't tell what a process holds")
    assert str(java.CLASS_ARCHIVE) in maps.read_text()


@needs_archive
@pytest.mark.parametrize(("silent", "words"), [(java.SILENT, ""), ((), "Unable to use shared archive")])
def test_a_jvm_that_the_classes_are_not_of_starts_as_ever_and_says_nothing(
    monkeypatch: pytest.MonkeyPatch, silent: tuple[str, ...], words: str
) -> None:
    """Without what keeps it silent it would say so on the user's terminal."""
    monkeypatch.delenv("JAVA_TOOL_OPTIONS", raising=False)  # of which a JVM tells
    other_jars = next(Path(pyspark.__file__).parent.glob("jars/scala-library*.jar"))
    jvm = java.java_home() / "bin" / "java"
    command = [
        jvm,
        f"-XX:SharedArchiveFile={java.CLASS_ARCHIVE}",
        *silent,
        *java.LATE_OPTIMISING,
        "-cp",
        other_jars,
        "-version",
    ]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert words in answer.stdout and bool(words) == bool(answer.stdout)


def test_options_of_the_user_come_last(spark: SparkSession) -> None:
    """The JVM takes the last of two; those that a site has set are kept."""
    found = str(spark.conf.get("spark.driver.defaultJavaOptions"))
    assert found.endswith(" ".join([*java.LATE_OPTIMISING, "-Dsitspark.of=suite"]))
    gateway: Any = spark.sparkContext._gateway
    assert gateway.jvm.System.getProperty("sitspark.of") == "suite"


def test_the_place_of_the_archive_may_have_blanks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(java, "CLASS_ARCHIVE", tmp_path / "my place.jsa")
    assert java.default_options() == " ".join(java.LATE_OPTIMISING)
    java.CLASS_ARCHIVE.touch()
    assert java.default_options().startswith(f'-XX:SharedArchiveFile="{java.CLASS_ARCHIVE}" ')


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where an archive of old lies, and what a killed maker has left behind."""
    archive = tmp_path / "share" / "spark.jsa"
    (archive.parent / "spark.jsa.making.old").mkdir(parents=True)
    archive.write_text("of old")
    monkeypatch.setattr(class_archive, "CLASS_ARCHIVE", archive)
    return archive


def test_an_archive_takes_the_place_of_the_one_before(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    def written(draft: Path) -> int:
        assert not place.exists()  # a JVM that maps one writes none
        draft.write_text("new")
        return 0

    monkeypatch.setattr(class_archive, "_written_by_a_session", written)
    assert class_archive.make() == place
    assert place.read_text() == "new"
    assert {file.name for file in place.parent.iterdir()} <= {"spark.jsa", "spark.lock"}


@pytest.mark.parametrize(("code", "content"), [(0, None), (137, "half of it")])
def test_what_a_jvm_did_not_end_well_is_no_archive(
    monkeypatch: pytest.MonkeyPatch, place: Path, code: int, content: str | None
) -> None:
    def written(draft: Path) -> int:
        if content is not None:
            draft.write_text(content)
        return code

    monkeypatch.setattr(class_archive, "_written_by_a_session", written)
    with pytest.raises(SitsparkError, match=f"wrote no archive of its classes .it ended with code {code}"):
        class_archive.make()
    assert not place.exists() and {file.name for file in place.parent.iterdir()} <= {"spark.lock"}
