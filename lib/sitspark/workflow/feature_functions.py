"""SQL functions that know where a series stands in the features of a run.

They are expressions, so that Spark optimises them with the query. They hold in one session and for the features of one run.
"""

from sitspark.kernels.feature_space import FeatureSpace, Series
from sitspark.sql import quoted

NAMES = ("series", "series_dates", "value_at", "ndvi_at")


def feature_functions(space: FeatureSpace) -> tuple[str, ...]:
    """The statements that make the functions.

    A name of a series may be in any case; one that doesn't exist stops the query with a sentence that lists those that do.

    * series(features, name): the values, array<float>
    * series_dates(name): their dates, array<date>
    * value_at(features, name, day): linear between the dates, null before the first and after the last; double
    * ndvi_at(features, day): value_at(features, 'ndvi', day)
    """
    entries = (
        f"{quoted(name)}, named_struct('dates', {dates_array(series)}, "
        f"'positions', array({', '.join(map(str, series.positions))}))"
        for name, series in space.series.items()
    )
    unknown = quoted(f"is no series of this run; there are {', '.join(dict.fromkeys(s.name for s in space.series.values()))}")
    # without a name there is nothing, as with any function of SQL
    found = f"if(name is null, null, coalesce(map({', '.join(entries)})[lower(name)], raise_error(name || ' ' || {unknown})))"
    low, high = (f"get(features, get(positions, {place}))" for place in ("i", "least(i + 1, size(dates) - 1)"))
    before, after = "get(dates, i)", "get(dates, least(i + 1, size(dates) - 1))"
    share = f"if({before} = day, 0D, datediff(day, {before}) / datediff({after}, {before}))"
    bodies = {
        "series(features array<float>, name string) returns array<float>": (
            f"transform({found}.positions, position -> get(features, position))"
        ),
        "series_dates(name string) returns array<date>": f"{found}.dates",
        "value_at(features array<float>, name string, day date) returns double": (
            f"(select if(i < 0 or day > element_at(dates, -1), null, {low} + {share} * ({high} - {low})) from "
            "(select positions, dates, cast(size(filter(dates, other -> other <= day)) as int) - 1 as i from "
            f"(select found.* from (select {found} as found))))"
        ),
        "ndvi_at(features array<float>, day date) returns double": "value_at(features, 'ndvi', day)",
    }
    return tuple(f"create or replace temporary function {head} return {body}" for head, body in bodies.items())


def dates_array(series: Series) -> str:
    """The dates of a series as SQL."""
    dates = ", ".join(f"date'{day}'" for day in series.dates)
    return f"array({dates})"
