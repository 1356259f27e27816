"""A map that a user names on the command line: a raster of classes, or the folder of a run."""

from dataclasses import dataclass
from pathlib import Path

from sitspark.errors import SitsparkError
from sitspark.workflow.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class GivenMap:
    """Where the raster lies; and of a run its folder, and its nomenclature where that is still there."""

    raster: Path
    run: RunFolder | None = None
    nomenclature: Path | None = None


def run_around(raster: Path) -> RunFolder | None:
    """The run that has drawn a raster, where it lies in the run's folder."""
    # RUN/maps/MODEL/classification.tif
    above = raster.resolve().parents
    run = RunFolder(above[2]) if len(above) > 2 else None
    return run if run is not None and run.record_file.exists() else None


def given_map(path: Path) -> GivenMap:
    """A file is a raster; of a run the map is taken as it is after all that was done to it.

    Raises SitsparkError for a folder that is no run, and for a run without a map.
    """
    if not path.is_dir():
        return GivenMap(path)
    run = RunFolder(path)
    if not run.record_file.exists():
        raise SitsparkError(f"{path} is no run: it holds no run.json; name the folder of a run, or a GeoTIFF of classes")
    records = run.records()
    if "mosaic" not in records:
        raise SitsparkError(f"{path}: the run has no map yet; sitspark classify SETTINGS draws it")
    folder: str = records["mosaic"].facts["map"]
    name: str = records["regularise"].facts["map"] if "regularise" in records else "classification.tif"
    told = run.settings().get("classes", {}).get("nomenclature")
    nomenclature = Path(told) if told and Path(told).is_file() else None
    return GivenMap(run.path / folder / name, run, nomenclature)
