"""What settings say of features: for all sensors, and for one of them alone."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from sitspark.errors import SitsparkError
from sitspark.features.from_settings import recipe_of
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.kernels.filling import Linear, Median, Unfilled, Whittaker
from sitspark.scenes.sensors import sensors_of
from sitspark.settings import Settings
from sitspark.settings_file import parse_settings

ACQUIRED = {
    "sentinel2": (date(2018, 1, 3), date(2018, 1, 18), date(2018, 3, 2)),
    "landsat8": (date(2018, 1, 7), date(2018, 2, 8), date(2018, 3, 12)),
}


def settings_of(landsat: dict[str, Any], **changed: Any) -> Settings:
    tree = {
        "output": "out",
        "scenes": {"folder": "theia", "bands": ["B4", "B8"]},
        "other_sensors": [{"folder": "landsat", "layout": "landsat_c2_l2", "bands": ["B4", "B5"]} | landsat],
        "time_series": {"step": 20},
        "features": {"indices": ["ndvi"]},
        "classes": {"nomenclature": "names.csv"},
        "ground_truth": {"file": "polygons.shp", "label_field": "code"},
    }
    return parse_settings(tree | changed, source=Path("settings.yaml"))


def space_of(landsat: dict[str, Any], **changed: Any) -> FeatureSpace:
    settings = settings_of(landsat, **changed)
    return recipe_of(settings, sensors_of(settings), ACQUIRED, (), functions=None).space


def test_one_sensor_is_gap_filled_and_the_other_is_there_as_statistics_alone() -> None:
    own = {"series": "none", "statistics": {"ndvi": ["mean", "q90"]}, "filler": "median", "step": "month"}
    landsat, sentinel = space_of(own).sensors
    assert landsat.names == ("ndvi_mean", "ndvi_q90")
    assert (landsat.filler, landsat.grid.step, len(landsat.grid)) == (Median(), "month", 3)
    # nothing of it is said of the other
    assert (sentinel.filler, sentinel.grid.step, sentinel.statistics) == (Linear(), 20, ())
    assert sentinel.names[:2] == ("b4_20180103", "b8_20180103") and len(sentinel) == 3 * 3


def test_one_sensor_is_raw_and_relative_while_the_other_is_smoothed() -> None:
    smoothed = {"step": 10, "filler": "whittaker", "smoothness": 3}
    landsat, sentinel = space_of({"filler": "none", "relative": True}, time_series=smoothed).sensors
    assert (landsat.filler, landsat.relative, landsat.grid.dates) == (Unfilled(), True, ACQUIRED["landsat8"])
    assert (sentinel.filler, sentinel.relative) == (Whittaker(3), False)


def test_an_own_filler_has_numbers_of_its_own() -> None:
    smoothed = {"step": 5, "filler": "whittaker", "smoothness": 3}
    assert [sensor.filler for sensor in space_of({}, time_series=smoothed).sensors] == [Whittaker(3), Whittaker(3)]
    own = space_of({"filler": "whittaker"}, time_series=smoothed)
    assert [sensor.filler for sensor in own.sensors] == [Whittaker(10), Whittaker(3)]


def test_one_sensor_has_no_statistics_where_all_others_do() -> None:
    chosen = {"indices": ["ndvi"], "statistics": {"ndvi": ["std"]}}
    landsat, sentinel = space_of({"statistics": {}}, features=chosen).sensors
    assert (landsat.statistics, sentinel.statistics) == ((), (("ndvi", ("std",)),))


@pytest.mark.parametrize(
    ("landsat", "changed", "sentence"),
    [
        ({"smoothness": 3}, {}, r"other_sensors.0 has smoothness without a filler; add filler: whittaker"),
        ({"filler": "linear", "window": 5}, {}, r"other_sensors.0 has window, which isn't of the filler linear"),
        ({"filler": "none", "step": 5}, {}, r"other_sensors.0 has step, which the filler none doesn't use"),
        ({"series": "indices", "relative": True}, {}, r"other_sensors.0 has relative, .* series: indices leaves them out"),
        (
            {"relative": True},
            {"features": {"series": "indices", "indices": ["ndvi"]}},
            r"other_sensors.0 \(landsat8\): relative: is of bands, and features.series: indices leaves them out",
        ),
        (
            {"statistics": {"B9": ["mean"]}},
            {},
            r"other_sensors.0 \(landsat8\): features.statistics: B9 is no band",
        ),
    ],
)
def test_what_contradicts_itself_is_told_with_the_sensor(landsat: dict, changed: dict, sentence: str) -> None:
    with pytest.raises(SitsparkError, match=sentence):
        space_of(landsat, **changed)
