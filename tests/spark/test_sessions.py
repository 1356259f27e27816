"""The session: made or provided, in UTC whatever the machine's clock says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock, Timeout
from pyspark.sql import SparkSession

from sitspark import spark as sessions
from sitspark.settings import SparkSettings


def test_a_session_that_exists_already_counts_days_in_utc(spark: SparkSession) -> None:
    spark.conf.set("spark.sql.session.timeZone", "America/New_York")
    sessions.session(SparkSettings())
    assert spark.conf.get("spark.sql.session.timeZone") == "UTC"


def test_a_session_that_exists_already_gets_the_functions_that_it_lacks(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = spark.newSession()
    other.sql("drop temporary function if exists st_subdivideexplode")
    assert not other.catalog.functionExists("ST_SubDivideExplode")
    monkeypatch.setattr(SparkSession, "getActiveSession", lambda: other)
    found = sessions.session(SparkSettings()).sql("select ST_Area(ST_GeomFromText('POLYGON ((0 0, 2 0, 2 1, 0 0))')) as area")
    assert found.collect()[0].area == 1
    assert other.catalog.functionExists("ST_SubDivideExplode")


def test_the_period_of_the_imagery_does_not_depend_on_the_time_zone_of_the_machine(tmp_path: Path) -> None:
    """Landsat scenes are of midnight in UTC: west of Greenwich that is the evening before."""
    script = (
        "import datetime, pandas as pd\n"
        "from pathlib import Path\n"
        "from sitspark.spark import session\n"
        "from sitspark.settings import SparkSettings, GridSettings, ScenesSettings\n"
        "from sitspark.marks import Marks\n"
        "from sitspark.scenes.listing import list_archive\n"
        "from sitspark.scenes.catalogue import catalogue\n"
        "from sitspark.scenes.layouts import Selection\n"
        "from sitspark.scenes.chunk_plan import coverage\n"
        "spark = session(SparkSettings(master='local[1]', driver_memory='1g'), log=Path('spark.log'))\n"
        f"folder = Path({str(Path(__file__).parents[1] / 'data' / 'landsat8_new_york' / 'scenes')!r})\n"
        "settings = ScenesSettings(folder=folder, layout='landsat_c1_l1')\n"
        "here = Path()\n"
        "scenes = catalogue(spark, list_archive(settings), Selection.of(settings), scratch=here, marks=Marks(here))\n"
        "found = coverage(scenes, GridSettings(resolution=3000), leading='landsat8').period\n"
        "print('period', found.first, found.last)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"TZ": "America/New_York"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert "period 2018-01-06 2018-12-17" in answer.stdout, answer.stderr[-2000:]


@pytest.mark.parametrize("fetched", [False, True])
def test_who_starts_while_the_jars_are_missing_is_alone(fetched: bool, tmp_path: Path) -> None:
    if fetched:
        (tmp_path / "jars").mkdir()
        for name in (
            "org.apache.sedona_sedona-spark-shaded-4.0_2.13-1.8.0.jar",
            "org.datasyslab_geotools-wrapper-1.8.1-33.1.jar",
        ):
            (tmp_path / "jars" / name).touch()
    with sessions.alone_while_fetching(tmp_path, sessions.PACKAGES):
        second = FileLock(tmp_path / "sitspark.lock")
        if fetched:
            second.acquire(timeout=0)
        else:
            with pytest.raises(Timeout):
                second.acquire(timeout=0)


def test_a_session_that_knows_no_delta_is_refused_with_what_it_lacks(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path\n"
        "from sitspark.errors import SitsparkError\n"
        "from sitspark.spark import session\n"
        "from sitspark.settings import SparkSettings\n"
        "settings = SparkSettings(master='local[1]', driver_memory='1g')\n"
        "session(settings, log=Path('spark.log'))\n"
        "try:\n"
        "    session(settings, delta=True)\n"
        "except SitsparkError as error:\n"
        "    print('refused:', error)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300
    )
    assert f"{sessions.DELTA} --conf spark.sql.extensions=" in answer.stdout, answer.stderr[-2000:]
    assert answer.stderr == ""


def test_a_session_runs_as_many_tasks_at_a_time_as_it_has_cores(spark: SparkSession) -> None:
    assert sessions.tasks_at_a_time(spark) == spark.sparkContext.defaultParallelism == 2
