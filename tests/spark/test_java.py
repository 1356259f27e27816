"""Java is found or provided, and starts with classes that were kept ready."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from sitspark import java


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


def test_a_session_maps_the_classes_that_the_installation_has_kept(spark: SparkSession) -> None:
    assert java.CLASS_ARCHIVE.is_file(), "make it: python -m sitspark.class_archive"
    gateway: Any = spark.sparkContext._gateway
    maps = Path(f"/proc/{gateway.proc.pid}/maps")
    if not maps.exists():
        pytest.skip("the system doesn't tell what a process holds")
    assert str(java.CLASS_ARCHIVE) in maps.read_text()


def test_a_java_that_the_classes_are_not_of_starts_as_ever_and_says_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(java, "CLASS_ARCHIVE", tmp_path / "spark.jsa")
    assert java.archive_options() == ()
    java.CLASS_ARCHIVE.write_bytes(b"of another Java")
    monkeypatch.delenv("JAVA_TOOL_OPTIONS")  # of which a JVM tells
    command = [java.java_home() / "bin" / "java", *java.archive_options(), *java.LATE_OPTIMISING, "-version"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert str(java.CLASS_ARCHIVE) in str(command) and answer.stdout == ""
    assert all("version" in line or "build" in line for line in answer.stderr.splitlines())


def test_options_that_are_asked_for_come_last(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The JVM takes the last of two."""
    monkeypatch.setattr(java, "CLASS_ARCHIVE", tmp_path / "none.jsa")
    assert java.jvm_options("") == " ".join(java.LATE_OPTIMISING)
    assert java.jvm_options("-Xss4m").endswith(" -Xss4m")
    java.CLASS_ARCHIVE.touch()
    assert java.jvm_options("-Xss4m").startswith(f"-XX:SharedArchiveFile={java.CLASS_ARCHIVE} ")
