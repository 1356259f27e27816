"""A table of samples in a file, Parquet or CSV, with series (a row a sample and date) or without; in parts, without Spark."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from sitspark.classes import Nomenclature
from sitspark.errors import SitsparkError, some
from sitspark.ground_truth.codes import whole_number
from sitspark.scenes.layouts import Selection
from sitspark.scenes.product import NODATA, Layout
from sitspark.scenes.sensors import Sensor
from sitspark.settings import ObservationsSettings, TableSensorSettings

_PARQUET, _CSV = (".parquet", ".geoparquet"), ".csv"
_BLOCK = 65_536  # rows in memory at a time: some tens of MB
_EXACT = 2**53  # whole numbers up to this are exact as floating-point ones
_INT16 = np.iinfo(np.int16)
_NUMBERS = tuple(f"observations.{key}" for key in ("static", "lon", "lat", "weight"))  # keys of columns of numbers

# what `read_part` gives, as Spark writes types; absent is null
ROWS = """sample string, polygon string, fold string, said string, label int, acquired date, lon double, lat double,
    weight double, series array<struct<valid: boolean, reflectance: array<smallint>>>, static array<float>"""

_NO_ACQUISITION = pa.array([], pa.struct([("valid", pa.bool_()), ("reflectance", pa.list_(pa.int16()))]))


@dataclass(frozen=True, slots=True)
class Labels:
    """The class code of each value of a label column, by the value's text; whole numbers are told apart by value."""

    codes: Mapping[str, int]

    @staticmethod
    def of(settings: ObservationsSettings, nomenclature: Nomenclature) -> "Labels":
        """As the settings translate them, else codes and names of the nomenclature.

        Raises SitsparkError for a translation into no class.
        """
        known = {c.name: c.code for c in nomenclature} | {str(c.code): c.code for c in nomenclature}
        if not settings.labels:
            return Labels(known)
        wrong = [str(meant) for meant in settings.labels.values() if str(meant) not in known]
        if wrong:
            raise SitsparkError(
                f"observations.labels: {some(wrong)} is no class of classes.nomenclature; give its code or name"
            )
        return Labels({_plain(value): known[str(meant)] for value, meant in settings.labels.items()})

    def codes_of(self, values: pa.Array) -> pa.Array:
        """The codes (int32) of values (string); null for an absent value and one without a class."""
        found = values.dictionary_encode()
        known = pa.array([self.codes.get(_plain(value)) for value in found.dictionary.to_pylist()], pa.int32())
        return known.take(found.indices)


def _plain(value: str) -> str:
    number = whole_number(value, largest=_EXACT)
    return value if number is None else str(number)


def sensors_of_table(settings: ObservationsSettings) -> tuple[Sensor, ...]:
    """The sensors whose series the table holds, in its order."""
    keys = ("observations", *(f"observations.other_sensors.{number}" for number in range(len(settings.other_sensors))))
    return tuple(_sensor(key, own) for key, own in zip(keys, settings.sensors, strict=False))


def _sensor(key: str, own: TableSensorSettings) -> Sensor:
    bands = tuple(own.bands)
    return Sensor(key, Selection(Layout("table", own.sensor, bands, {}, own.red, own.nir, own.swir), bands), own)


def columns_of(settings: ObservationsSettings) -> tuple[str, ...]:
    """The columns that are read, of the file's own names, each once."""
    return tuple(dict.fromkeys(column for _, column in _keys(settings)))


def named(settings: ObservationsSettings) -> ObservationsSettings:
    """The settings with the names of the static columns where they ask for all; raises SitsparkError as `inspect` does."""
    if settings.static != "all":
        return settings
    others = settings.model_copy(update={"static": ()})
    schema, known = _schema(settings), set(columns_of(others))
    found = tuple(field.name for field in schema if _is_number(field.type) and field.name not in known)
    if not found:
        raise SitsparkError(
            f"observations.static: {settings.file} has no numbers in columns that no other key names; it has "
            f"{some(schema.names, most=12)}; name columns"
        )
    return settings.model_copy(update={"static": found})


def inspect(settings: ObservationsSettings) -> int | None:
    """Look at the head of the file; gives the number of its rows, None for CSV, which doesn't tell.

    Raises SitsparkError for a file that can't be read, that has no rows, that lacks a column or has one of a type that
    can't hold what it is said to.
    """
    schema = _schema(settings)
    for key, column in _keys(settings):
        if column not in schema.names:
            raise SitsparkError(
                f"{key}: {settings.file} has no column '{column}'; it has {some(schema.names, most=12)}; correct the name"
            )
        numeric = ".bands." in key or key in _NUMBERS
        kind = schema.field(column).type
        told = kind.value_type if pa.types.is_dictionary(kind) else kind
        if numeric and not _is_number(kind):
            raise SitsparkError(f"{key}: column '{column}' of {settings.file} is {kind}, not numbers; name another column")
        if key == "observations.date" and not (_is_time(told) or _is_text(told)):
            raise SitsparkError(
                f"{key}: column '{column}' of {settings.file} is {kind}, not dates; name another column, or write YYYY-MM-DD"
            )
        if pa.types.is_nested(kind) or pa.types.is_binary(kind):
            raise SitsparkError(f"{key}: column '{column}' of {settings.file} is {kind}; name a column of texts or numbers")
    rows: int | None = None
    if settings.file.suffix != _CSV:
        rows = pq.read_metadata(settings.file).num_rows
    if rows == 0:
        raise SitsparkError(f"observations.file: {settings.file} has no rows; name another file")
    return rows


def parts_of(settings: ObservationsSettings) -> int:
    """The parts in which the file can be read: its row groups; one of a CSV file."""
    return 1 if settings.file.suffix == _CSV else pq.read_metadata(settings.file).num_row_groups


def read_part(settings: ObservationsSettings, labels: Labels, part: int) -> Iterator[pa.RecordBatch]:
    """The rows of a part, in batches of the columns `ROWS`.

    `series` has one entry a sensor: `reflectance` is x 10 000, clipped to int16; `valid` is false where a band has no data,
    and that has NODATA; null where the row has values of other sensors alone. `said` is
    the label as the table has it; `static` is null where one of its values is absent. Raises SitsparkError for a text where
    a CSV file should have a number, and for a weight that is no finite number from 0 on.
    """
    number = _first_row(settings, part)
    try:
        for batch in _batches(settings, part):
            if batch.num_rows:
                yield _as_rows(batch, settings, labels, number)
                number += batch.num_rows
    except pa.ArrowInvalid as error:
        raise SitsparkError(f"observations.file: {settings.file} can't be read: {error}; correct it") from None


def _first_row(settings: ObservationsSettings, part: int) -> int:
    """The number in the file of the first row of a part."""
    if part == 0:
        return 0
    metadata = pq.read_metadata(settings.file)
    return sum(metadata.row_group(before).num_rows for before in range(part))


def _batches(settings: ObservationsSettings, part: int) -> Iterator[pa.RecordBatch]:
    columns = list(columns_of(settings))
    if settings.file.suffix != _CSV:
        with pq.ParquetFile(settings.file) as file:
            yield from file.iter_batches(_BLOCK, row_groups=[part], columns=columns)
        return
    of_bands = (column for own in settings.sensors for column in own.bands.values())
    numbers = {*of_bands, *settings.static, settings.lon, settings.lat, settings.weight}
    convert = pyarrow.csv.ConvertOptions(
        include_columns=columns,
        column_types={column: pa.float64() if column in numbers else pa.string() for column in columns},
        strings_can_be_null=True,
    )
    yield from pyarrow.csv.open_csv(settings.file, parse_options=_dialect(settings), convert_options=convert)


def _dialect(settings: ObservationsSettings) -> pyarrow.csv.ParseOptions:
    with settings.file.open(encoding="utf-8-sig", errors="replace") as file:
        headings = file.readline()
    return pyarrow.csv.ParseOptions(delimiter=";" if headings.count(";") > headings.count(",") else ",")


def _schema(settings: ObservationsSettings) -> pa.Schema:
    file = settings.file
    if not file.is_file():
        raise SitsparkError(f"observations.file: {file} is no file; correct the path")
    if file.suffix not in (*_PARQUET, _CSV):
        raise SitsparkError(f"observations.file: {file} should end in {', '.join(_PARQUET)} or {_CSV}; rename or convert it")
    try:
        if file.suffix == _CSV:
            return pyarrow.csv.open_csv(file, parse_options=_dialect(settings)).schema
        return pq.read_schema(file)
    except pa.ArrowInvalid as error:
        raise SitsparkError(f"observations.file: {file} can't be read as {file.suffix[1:]} ({error}); correct it") from None


def _keys(settings: ObservationsSettings) -> list[tuple[str, str]]:
    """The keys of the settings that name columns, each with its column."""
    single = [(key, getattr(settings, key)) for key in ("date", "label", "polygon", "fold", "lon", "lat", "weight")]
    found = [*(("sample", column) for column in settings.sample), *((key, column) for key, column in single if column)]
    for sensor, own in zip(sensors_of_table(settings), settings.sensors, strict=True):
        part = sensor.key.removeprefix("observations").removeprefix(".")
        found += [(".".join(filter(None, (part, "bands", band))), column) for band, column in own.bands.items()]
    found += [("static", column) for column in settings.static]
    return [(f"observations.{key}", column) for key, column in found]


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _is_time(kind: pa.DataType) -> bool:
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _as_rows(batch: pa.RecordBatch, settings: ObservationsSettings, labels: Labels, first: int) -> pa.RecordBatch:
    def texts(column: str | None) -> pa.Array:
        return pa.nulls(batch.num_rows, pa.string()) if column is None else _texts(batch[column])

    def numbers(column: str | None) -> pa.Array:
        return pa.nulls(batch.num_rows, pa.float64()) if column is None else batch[column].cast(pa.float64())

    static = _stored(batch, list(settings.static))
    said = texts(settings.label)
    numbered = pa.array(np.arange(first, first + batch.num_rows)).cast(pa.string())
    samples = [texts(column) for column in settings.sample] or [numbered]
    return pa.RecordBatch.from_pydict(
        {
            "sample": samples[0] if len(samples) == 1 else pc.binary_join_element_wise(*samples, "/"),
            "polygon": texts(settings.polygon),
            "fold": texts(settings.fold),
            "said": said,
            "label": labels.codes_of(said),
            "acquired": pa.nulls(batch.num_rows, pa.date32()) if settings.date is None else _days(batch[settings.date]),
            "lon": numbers(settings.lon),
            "lat": numbers(settings.lat),
            "weight": _weights(numbers(settings.weight), settings, first),
            "series": _series(batch, settings.sensors),
            "static": pc.if_else(pa.array(_there(static, settings).all(axis=1)), _lists(static.astype(np.float32)), None),
        }
    )


def _weights(weights: pa.Array, settings: ObservationsSettings, first: int) -> pa.Array:
    """Themselves; raises SitsparkError with the row for one that is no finite number from 0 on."""
    if settings.weight is not None:
        found = weights.to_numpy(zero_copy_only=False)
        strange = ~(np.isfinite(found) & (found >= 0))
        if strange.any():
            place = int(strange.argmax())
            value = weights[place].as_py()
            raise SitsparkError(
                f"observations.weight: {settings.file}, row {first + place + 1}: '{settings.weight}' is "
                f"{'empty' if value is None else value}, and a weight is a number from 0 on; correct it, or take the row out"
            )
    return weights


def _stored(batch: pa.RecordBatch, columns: Sequence[str]) -> npt.NDArray[np.float64]:
    """The values of columns, float64 (rows, columns); NaN for an absent one."""
    values = np.empty((batch.num_rows, len(columns)))
    for place, column in enumerate(columns):
        values[:, place] = batch[column].cast(pa.float64()).to_numpy(zero_copy_only=False)
    return values


def _there(stored: npt.NDArray[np.float64], settings: TableSensorSettings) -> npt.NDArray[np.bool_]:
    """Where stored values are data."""
    there: npt.NDArray[np.bool_] = np.isfinite(stored)
    return there if settings.nodata is None else there & (stored != settings.nodata)


def _series(batch: pa.RecordBatch, sensors: Sequence[TableSensorSettings]) -> pa.ListArray:
    """What each row has of each sensor, as `ROWS` says."""
    stored = [_stored(batch, list(own.bands.values())) for own in sensors]
    there = [_there(values, own) for values, own in zip(stored, sensors, strict=True)]
    seen = np.array([of_sensor.any(axis=1) for of_sensor in there], np.bool_).reshape(len(sensors), batch.num_rows)
    # a row without any value is an acquisition without data of all of them
    is_of = seen | ~seen.any(axis=0)
    acquisitions = [_NO_ACQUISITION]
    for number, own in enumerate(sensors):
        whole, reflectance = there[number].all(axis=1), _reflectance(stored[number], there[number], own)
        fields = [pa.array(whole), _lists(reflectance)]
        acquisitions.append(pa.StructArray.from_arrays(fields, ["valid", "reflectance"], mask=pa.array(~is_of[number])))
    by_row = np.arange(seen.size).reshape(seen.shape).T.ravel()
    offsets = np.arange(batch.num_rows + 1, dtype=np.int32) * len(sensors)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.concat_arrays(acquisitions).take(pa.array(by_row)))


def _reflectance(
    stored: npt.NDArray[np.float64], there: npt.NDArray[np.bool_], own: TableSensorSettings
) -> npt.NDArray[np.int16]:
    """Reflectance x 10 000 of stored values (rows, bands); NODATA where they aren't there."""
    scaled = np.rint(10_000 * (own.scale * np.where(there, stored, 0) + own.offset)).clip(_INT16.min, _INT16.max)
    return np.where(there, scaled, NODATA).astype(np.int16)


def _texts(column: pa.Array) -> pa.Array:
    """The values as texts without spaces around them; null for an empty one."""
    trimmed = pc.utf8_trim_whitespace(column.cast(pa.string()))
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)


def _days(column: pa.Array) -> pa.Array:
    """The dates of dates, times, or texts that begin with one; null for any other text."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if _is_time(kind):
        return column.cast(kind).cast(pa.date32(), safe=False)
    begin = pc.utf8_slice_codeunits(_texts(column), 0, 10)
    return pc.strptime(begin, format="%Y-%m-%d", unit="s", error_is_null=True).cast(pa.date32())


def _lists(rows: npt.NDArray[np.generic]) -> pa.ListArray:
    """Each row as a list."""
    count, length = rows.shape
    return pa.ListArray.from_arrays(pa.array(np.arange(count + 1, dtype=np.int32) * length), pa.array(rows.ravel()))
