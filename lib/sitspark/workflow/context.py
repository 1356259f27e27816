"""What the stages of one run share: settings, folder, voice, and what follows from them; Spark starts when first needed."""

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from typing import Any

import shapely
from pyspark.sql import DataFrame, SparkSession
from rich.console import Console
from shapely.geometry.base import BaseGeometry

from sitspark import spark as sessions
from sitspark.classes import Nomenclature
from sitspark.errors import SitsparkError
from sitspark.features.from_settings import recipe_of
from sitspark.features.functions import CustomFunctions
from sitspark.features.recipe import Recipe
from sitspark.grid import Grid, TileWindows, Window
from sitspark.ground_truth.regions import NamedRegion, read_regions
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.maps.products import Product, products_of
from sitspark.marks import Marks
from sitspark.models.networks.own_code import OwnCode
from sitspark.parts import is_delta
from sitspark.samples.grounds import Grounds
from sitspark.samples.long_table import sensors_of_table
from sitspark.scenes.archive import Archive
from sitspark.scenes.catalogue import CATALOGUE_VERSION
from sitspark.scenes.chunk_plan import Coverage, chunk_plan
from sitspark.scenes.inspect import inspect_product
from sitspark.scenes.listing import list_archive
from sitspark.scenes.outline import to_geographic
from sitspark.scenes.reading import Reading
from sitspark.scenes.region import Region, read_region
from sitspark.scenes.sensors import ArchiveSensor, reading_of, sensors_of
from sitspark.settings import GroundTruthSettings, ObservationsSettings, Settings
from sitspark.settings.training import OwnNetworkSettings
from sitspark.timegrid import Period
from sitspark.workflow.foreseen import Cost
from sitspark.workflow.keys import digest, plan_key, state_of
from sitspark.workflow.progress import Voice
from sitspark.workflow.run_folder import RunFolder, StageRecord
from sitspark.workflow.tables import PLAIN, read_table, write_table, write_version


@dataclass(frozen=True)
class Context:
    """One run at work."""

    settings: Settings
    folder: RunFolder
    voice: Voice

    @staticmethod
    def of(settings: Settings, console: Console) -> "Context":
        """The run of these settings, which speaks to this console."""
        return Context(settings, RunFolder(settings.output), Voice(console))

    @cached_property
    def spark(self) -> SparkSession:
        """The session."""
        return sessions.session(self.settings.spark, log=self.folder.log, delta=self.versioned)

    @property
    def versioned(self) -> bool:
        """Whether tables without geometry are Delta tables."""
        return self.settings.tables.format == "delta"

    @cached_property
    def nomenclature(self) -> Nomenclature:
        """The classes."""
        return Nomenclature.read(self.settings.classes.nomenclature, self.settings.classes.colours)

    @cached_property
    def sensors(self) -> tuple[ArchiveSensor, ...]:
        """The sensors of the imagery, first the leading one, whose tiles divide the map."""
        return sensors_of(self.settings)

    @property
    def leading(self) -> ArchiveSensor:
        """The sensor whose tiles divide the map."""
        return self.sensors[0]

    @property
    def truth(self) -> GroundTruthSettings:
        """The settings of the labelled polygons, in a run that has imagery."""
        assert self.settings.ground_truth is not None
        return self.settings.ground_truth

    @property
    def table_settings(self) -> ObservationsSettings:
        """The settings of the table of samples, in a run that starts from one."""
        assert self.settings.observations is not None
        return self.settings.observations

    def naming(self, sensor: ArchiveSensor) -> str:
        """The end of a phrase that says of which sensor something is, where there are several."""
        return f" of {sensor.name}" if len(self.sensors) > 1 else ""

    @cached_property
    def archives(self) -> dict[str, Archive]:
        """The products of the wanted tiles of each sensor; archives are listed once a command."""
        # a search for another sensor is one around the tiles
        around = self.region
        if around is None and len(self.sensors) > 1 and self.tile_extents:
            around = Region(shapely.union_all(list(self.tile_extents.values())).wkb, "EPSG:4326")
        others = {sensor.name: _listed(sensor, around) for sensor in self.sensors[1:]}
        return {self.leading.name: self._leading_archive, **others}

    @cached_property
    def _leading_archive(self) -> Archive:
        return _listed(self.leading, self.region)

    @cached_property
    def tile_extents(self) -> dict[str, BaseGeometry]:
        """The outline (longitude, latitude) of the first usable product of each tile."""
        found: dict[str, BaseGeometry] = {}
        for product in self._leading_archive.wanted:
            if product.name.tile in found:
                continue
            inspected = inspect_product(product.source, self.leading.selection)
            if inspected.left_out is None and inspected.crs is not None:
                found[product.name.tile] = to_geographic(shapely.box(*inspected.assets[0].bounds), inspected.crs)
        return found

    @cached_property
    def fingerprints_of_archives(self) -> dict[str, str]:
        """A hash for each sensor over what its rows in the scenes table follow from; its archive has it of each product."""
        return {sensor.name: self._fingerprint(sensor) for sensor in self.sensors}

    def _fingerprint(self, sensor: ArchiveSensor) -> str:
        scenes = sensor.settings
        chosen = scenes.layout, scenes.reflectance, scenes.max_cloud_cover
        read = digest(CATALOGUE_VERSION, sensor.name, sensor.selection.names, *chosen)
        return self.archives[sensor.name].fingerprint(lambda source: digest(state_of(source), read))

    def facts(self, stage: str) -> dict[str, Any]:
        """What a finished stage left for the later ones."""
        return self.folder.records()[stage].facts

    def planned(self, stage: str) -> Cost | None:
        """What `sitspark plan` foresaw of a stage under the present settings; None where it didn't."""
        return self.folder.planned(stage, plan_key(self.settings))

    def beside(self, stage: str) -> str:
        """What stands beside the time that a stage of the driver took: the time that was planned for it, if any was."""
        planned = self.planned(stage)
        return "" if planned is None else f" ({planned.seconds:.1f} s planned)"

    def table(self, name: str) -> DataFrame:
        """A table of the run."""
        return read_table(self.spark, self.folder.table(name))

    def write(self, name: str, frame: DataFrame, *, key: str) -> None:
        """Write a table without geometry in the format of the settings; its history notes settings, and the stage's key."""
        target = self.folder.table(name)
        if self.versioned:
            note = {"key": key, "settings": self.settings.model_dump(mode="json")}
            write_version(frame, target, note=json.dumps(note, ensure_ascii=False))
        else:
            write_table(frame, target)

    def in_place(self, record: StageRecord) -> bool:
        """Whether all that a stage published is there as it was written, its tables in the format of the settings."""
        tables = [self.folder.table(name) for name in PLAIN if f"tables/{name}" in record.outputs]
        return self.folder.in_place(record) and all(is_delta(table) == self.versioned for table in tables)

    @property
    def coverage(self) -> Coverage:
        """The output grid and the tiles on it, as the scenes stage found them."""
        return coverage_from(self.facts("scenes")["coverage"])

    @cached_property
    def region(self) -> Region | None:
        """The region of interest as it was given."""
        source = self.settings.grid.region
        return None if source is None else read_region(source)

    @cached_property
    def ground(self) -> Region | None:
        """The region in the CRS of the output grid."""
        return self.region.to(self.coverage.grid.crs) if self.region else None

    @property
    def named_regions(self) -> tuple[NamedRegion, ...]:
        """The regions of the ground truth, where it has some."""
        truth = self.truth
        return read_regions(truth.regions, truth.region_field) if truth.regions and truth.region_field else ()

    @property
    def regions_on_grid(self) -> dict[str, Region]:
        """The regions by their names, in the CRS of the output grid."""
        crs = self.coverage.grid.crs
        return {region.name: region.ground.to(crs) for region in self.named_regions}

    @property
    def grounds(self) -> Grounds:
        """The grounds of the models: regions, tiles, or all of it for one."""
        per = self.settings.training.model_per
        if per == "region":
            return Grounds.of_regions(self.regions_on_grid)
        return Grounds(tuple(sorted(self.coverage.tiles))) if per == "tile" else Grounds()

    @property
    def reading(self) -> Reading:
        """How imagery is read."""
        return reading_of(self.settings, self.sensors, self.coverage, self.ground)

    @property
    def products(self) -> tuple[Product, ...]:
        """The rasters of the map."""
        return products_of(self.settings.map, self.nomenclature, self.feature_space.names)

    @property
    def feature_space(self) -> FeatureSpace:
        """What a feature vector holds."""
        return self.recipe.space

    @property
    def recipe(self) -> Recipe:
        """How features are made of what is read."""
        table, functions = self.settings.observations, self.custom_functions
        if table is None:
            layers = tuple(self.settings.features.static)
            return recipe_of(self.settings, self.sensors, self.acquired, layers, functions=functions)
        static = self.facts("observations")["static"]
        return recipe_of(self.settings, sensors_of_table(table), self.acquired, static, functions=functions)

    @cached_property
    def custom_functions(self) -> CustomFunctions | None:
        """The user's functions, read once: a change of the file while a run is at work is one for the next run."""
        custom = self.settings.custom_features
        return CustomFunctions.read(custom) if custom else None

    @cached_property
    def own_network(self) -> OwnCode | None:
        """The user's network, read once like the functions."""
        network = self.settings.training.network
        return OwnCode.read(network) if isinstance(network, OwnNetworkSettings) else None

    @property
    def own_code(self) -> str | None:
        """The hash of the text of the user's network: what models may run."""
        return self.own_network.sha256 if self.own_network else None

    @property
    def acquired(self) -> dict[str, tuple[date, ...]]:
        """The days on which each sensor saw anything, as the stage found them that reads imagery or table."""
        if self.settings.observations is None:
            return self.coverage.acquired
        return days_from(self.facts("observations")["acquired"])

    @property
    def period(self) -> Period:
        """From the first to the last acquisition of all sensors, of which there are some."""
        days = self.acquired.values()
        return Period(min(own[0] for own in days), max(own[-1] for own in days))

    def plan(self) -> DataFrame:
        """The chunks of the output grid with the tiles whose scenes are read in them for samples."""
        return self._plan(every_tile=self.reading.merged)

    def plan_of_map(self) -> DataFrame:
        """The chunks of the output grid with the tiles whose scenes are read in them for the map."""
        return self._plan(every_tile=self.settings.grid.overlap != "owner")

    def _plan(self, *, every_tile: bool) -> DataFrame:
        padding = self.reading.padding * self.coverage.grid.resolution
        return chunk_plan(
            self.table("chunks"), self.table("scenes"), leading=self.leading.name, every_tile=every_tile, padding=padding
        )

    @contextlib.contextmanager
    def marked(self, name: str, total: int, unit: str) -> Iterator[Marks]:
        """Marks for the workers of a stage, and meanwhile a bar that counts them."""
        marks = Marks(self.folder.scratch / f"marks-{name}")
        shutil.rmtree(marks.folder, ignore_errors=True)
        marks.folder.mkdir(parents=True)
        with self.voice.watch(name, total, unit, marks.total):
            yield marks


def _listed(sensor: ArchiveSensor, region: Region | None) -> Archive:
    try:
        return list_archive(sensor.settings, region)
    except SitsparkError as error:
        raise SitsparkError(sensor.told(str(error))) from None


def coverage_facts(covered: Coverage) -> dict[str, Any]:
    """A coverage as JSON-like facts."""
    grid = covered.grid
    return {
        "crs": grid.crs,
        "left": grid.left,
        "top": grid.top,
        "resolution": grid.resolution,
        "height": grid.height,
        "width": grid.width,
        "tiles": {tile: asdict(windows) for tile, windows in covered.tiles.items()},
        "acquired": days_facts(covered.acquired),
        "overlap_margin": covered.overlap_margin,
    }


def coverage_from(facts: dict[str, Any]) -> Coverage:
    """Read back what `coverage_facts` wrote."""
    grid = Grid(facts["crs"], facts["left"], facts["top"], facts["resolution"], facts["height"], facts["width"])
    return Coverage(
        grid,
        {tile: TileWindows(Window(**windows["reach"]), Window(**windows["core"])) for tile, windows in facts["tiles"].items()},
        days_from(facts["acquired"]),
        facts["overlap_margin"],
    )


def days_facts(acquired: Mapping[str, Sequence[date]]) -> dict[str, list[str]]:
    """The days of each sensor as JSON-like facts."""
    return {sensor: [day.isoformat() for day in days] for sensor, days in acquired.items()}


def days_from(facts: Mapping[str, Sequence[str]]) -> dict[str, tuple[date, ...]]:
    """Read back what `days_facts` wrote."""
    return {sensor: tuple(map(date.fromisoformat, days)) for sensor, days in facts.items()}
