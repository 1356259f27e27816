import shutil
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from sitspark.errors import SitsparkError
from sitspark.models import decode as decoding
from sitspark.models.decode import decode
from sitspark.models.row_groups import RowGroup
from sitspark.models.selection import Division, Ground, Selection
from sitspark.models.store import SampleStore
from sitspark.models.weights import weights_of
from sitspark.samples.table import feature_space_of

from ..full_disk import files_of_at_most
from .tables import CODES, SPACE, Table, separable, write


def stored(samples: Path, folder: Path, left_out_fold: str | None = None, children: Path | None = None) -> SampleStore:
    decode(samples, Selection(left_out_fold), codes=CODES, folder=folder, children=children)
    return SampleStore.open(folder)


def test_fitted_and_monitored_samples_keep_the_order_of_the_table(table: Table, samples: Path, tmp_path: Path) -> None:
    store = stored(samples, tmp_path)
    monitored = (table.split == "train") & table.monitored
    for found, members in ((store.fitted, table.fitted), (store.monitored, monitored)):
        np.testing.assert_array_equal(found.features.numpy(), table.features[members])
        np.testing.assert_array_equal(np.array(CODES)[found.positions.numpy()], table.label[members])


def test_the_number_of_part_files_does_not_matter(table: Table, samples: Path, tmp_path: Path) -> None:
    other = stored(write(table, tmp_path / "one", parts=1), tmp_path / "a")
    assert torch.equal(stored(samples, tmp_path / "b").fitted.features, other.fitted.features)


@pytest.mark.parametrize("rows", [1, 7, 100, 512])
def test_blocks_and_threads_do_not_matter(
    rows: int, table: Table, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "_BLOCK", 4 * len(SPACE) * rows)
    monkeypatch.setattr(decoding, "_THREADS", 1 if rows == 7 else 4)
    store, monitored = stored(samples, tmp_path), (table.split == "train") & table.monitored
    np.testing.assert_array_equal(store.fitted.features.numpy(), table.features[table.fitted])
    np.testing.assert_array_equal(store.monitored.features.numpy(), table.features[monitored])
    fitted = table.features[table.fitted].astype(np.float64)
    np.testing.assert_allclose(store.statistics.mean, fitted.mean(0), rtol=1e-12)
    np.testing.assert_array_equal(store.statistics.quantiles[2], np.median(table.features[table.fitted], axis=0))


def test_features_of_a_row_group_that_nobody_sees_are_not_read(
    table: Table, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of a tile left out, where the table goes tile by tile."""
    by_tile = np.argsort(table.fold, kind="stable")
    ordered = replace(table, **{field.name: getattr(table, field.name)[by_tile] for field in fields(table)})
    read, blocks = list[RowGroup](), RowGroup.blocks

    def noting(self: RowGroup, column: str, rows: int) -> Iterator[pa.Array]:
        read.append(self)
        return blocks(self, column, rows)

    monkeypatch.setattr(RowGroup, "blocks", noting)
    left = stored(write(ordered, tmp_path / "t", parts=1), tmp_path / "s", "31TCJ")
    np.testing.assert_array_equal(left.fitted.features.numpy(), ordered.features[ordered.fitted & (ordered.fold != "31TCJ")])
    own = -(-len(table.label) // 100) - np.count_nonzero(table.fold == "31TCJ") // 100
    assert len(read) == len(set(read)) == own


@pytest.mark.parametrize("threads", [1, 4])
def test_a_fault_beyond_the_first_block_names_its_sample(
    threads: int, table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Among monitored samples as well; the first one of the table is told, whatever thread finds another one before."""
    monkeypatch.setattr(decoding, "_BLOCK", 4 * len(SPACE) * 7)
    monkeypatch.setattr(decoding, "_THREADS", threads)
    monitored = np.flatnonzero((table.split == "train") & table.monitored)
    changed = table.features.copy()
    changed[monitored[30:]] = np.nan
    samples = write(replace(table, features=changed), tmp_path / "t", parts=1)
    with pytest.raises(SitsparkError, match=f"sample {monitored[30]} has nan as feature b4_20180101"):
        stored(samples, tmp_path / "s")


def rewritten(samples: Path, column: str, change: Callable[[list], list]) -> None:
    """The one part file of a table again, with other values in a column."""
    (part,) = samples.glob("*.parquet")
    rows = pq.read_table(part)
    values = pa.array(change(rows[column].to_pylist()), rows.schema.field(column).type)
    pq.write_table(rows.set_column(rows.schema.names.index(column), rows.schema.field(column), values), part)


def test_a_sample_without_fold_is_never_left_out(table: Table, tmp_path: Path) -> None:
    samples = write(table, tmp_path / "t", parts=1)
    rewritten(samples, "fold", lambda values: [None] * 20 + values[20:])
    members = table.fitted & ((table.fold != "31TCK") | (np.arange(len(table.fold)) < 20))
    left = stored(samples, tmp_path / "s", "31TCK")
    np.testing.assert_array_equal(left.fitted.features.numpy(), table.features[members])


@pytest.mark.parametrize(
    ("column", "fault"),
    [
        ("label", "has no label"),
        ("polygon_id", "has no polygon_id"),
        ("weight", "has no weight"),
        ("features", "has no vector of 12 features"),
    ],
)
def test_what_a_sample_lacks_is_named_and_what_nobody_sees_may_lack_it(
    column: str, fault: str, table: Table, tmp_path: Path
) -> None:
    samples = write(table, tmp_path / "t", parts=1, weight=np.ones(len(table.label)))
    unseen, seen = np.flatnonzero(table.split == "validation"), np.flatnonzero(table.fitted)
    rewritten(samples, column, lambda values: [None if i in unseen else value for i, value in enumerate(values)])
    assert len(stored(samples, tmp_path / "s").fitted) == len(seen)
    rewritten(samples, column, lambda values: [None if i == seen[9] else value for i, value in enumerate(values)])
    with pytest.raises(SitsparkError, match=f"part-00000.parquet: sample {seen[9]} {fault}"):
        stored(samples, tmp_path / "t2")


def test_empty_row_groups_and_part_files_are_no_samples(table: Table, samples: Path, tmp_path: Path) -> None:
    (first, *_) = sorted(samples.glob("*.parquet"))
    nothing = pq.read_table(first).slice(0, 0)
    with pq.ParquetWriter(samples / "part-00000a.parquet", nothing.schema) as writer:
        writer.write_table(nothing)
    np.testing.assert_array_equal(stored(samples, tmp_path).fitted.features.numpy(), table.features[table.fitted])


def test_samples_that_weigh_the_same_have_no_file_of_weights(samples: Path, tmp_path: Path) -> None:
    stored(samples, tmp_path / "s")
    assert {path.name for path in (tmp_path / "s").iterdir()} == {
        f"{kind}.{what}" for kind in ("fitted", "monitored") for what in ("features", "positions")
    } | {"statistics.npz"}


def test_children_without_weights_weigh_one(table: Table, tmp_path: Path) -> None:
    few = replace(table, **{field.name: getattr(table, field.name)[table.fitted][:50] for field in fields(table)})
    made = write(few, tmp_path / "children", parts=1)
    samples = write(table, tmp_path / "t", weight=np.full(len(table.label), 2.0))
    weights = stored(samples, tmp_path / "s", children=made).fitted.weights.numpy()
    assert weights[0] == pytest.approx(2 * weights[-1]) and weights.mean() == pytest.approx(1)


def test_a_disk_that_cannot_hold_the_samples_is_told_before_and_while_they_are_written(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(decoding.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 0))
        with pytest.raises(SitsparkError, match=r"/s: the samples need 0.0 GB of local disk and 0.0 GB are free; free some"):
            stored(samples, tmp_path / "s")
    told = r"/s: the samples can't be written \(File too large\); free some, or lower samples.per_class"
    with files_of_at_most(10_000), pytest.raises(SitsparkError, match=told):
        stored(samples, tmp_path / "s")


def test_a_damaged_part_is_named_with_what_mends_it(table: Table, tmp_path: Path) -> None:
    """Where the size is right, so that nothing was noticed before."""
    samples = write(table, tmp_path / "t", parts=1)
    (part,) = samples.glob("*.parquet")
    whole = part.read_bytes()
    middle = pq.ParquetFile(part).metadata.row_group(5).column(7).data_page_offset
    part.write_bytes(whole[: middle + 40] + b"\xff" * 300 + whole[middle + 340 :])
    with pytest.raises(SitsparkError, match=r"part-00000.parquet: can't be read \(.*`sitspark verify RUN --forget`"):
        stored(samples, tmp_path / "s")


@pytest.mark.parametrize("value", [np.nan, 1e9])
def test_a_sample_that_nobody_sees_may_be_broken(value: float, table: Table, tmp_path: Path) -> None:
    changed = table.features.copy()
    changed[np.flatnonzero(table.split == "validation")[3]] = value
    samples = write(replace(table, features=changed), tmp_path / "t")
    decode(samples, Selection(), codes=CODES, folder=tmp_path / "s", held_as="float16")
    assert len(SampleStore.open(tmp_path / "s", "float16").fitted) == np.count_nonzero(table.fitted)


def test_statistics_are_those_of_the_fitted_samples(table: Table, samples: Path, tmp_path: Path) -> None:
    statistics = stored(samples, tmp_path).statistics
    fitted = table.features[table.fitted].astype(np.float64)
    assert statistics.count == len(fitted)
    np.testing.assert_allclose(statistics.mean, fitted.mean(0), rtol=1e-12)
    np.testing.assert_allclose(statistics.deviation, fitted.std(0), rtol=1e-10, atol=1e-9)


def test_the_tile_left_out_and_the_set_aside_never_enter(table: Table, samples: Path, tmp_path: Path) -> None:
    store = stored(samples, tmp_path, "31TCK")
    members = table.fitted & (table.fold != "31TCK")
    np.testing.assert_array_equal(store.fitted.features.numpy(), table.features[members])
    seen = np.concatenate([store.fitted.features.numpy(), store.monitored.features.numpy()])
    hidden = table.features[(table.split == "validation") | (table.fold == "31TCK")]
    assert not {row.tobytes() for row in seen} & {row.tobytes() for row in hidden}


def test_another_run_sees_what_trains_there(table: Table, samples: Path, tmp_path: Path) -> None:
    """Whatever the samples' own columns say, and in whatever order the run's table is written."""
    random = np.random.default_rng(1)
    count = len(table.label)
    split, fold = random.choice(["train", "validation", "unused"], count), random.choice(["fold-1", "fold-2"], count)
    monitored = (split == "train") & (random.random(count) < 0.3)
    rows = {"run": np.full(count, 3), "sample_id": np.arange(count), "split": split, "fold": fold, "monitored": monitored}
    other = rows | {"run": np.full(count, 2), "split": np.full(count, "train")}
    (tmp_path / "divisions").mkdir()
    written = pa.concat_tables([pa.table(rows), pa.table(other)]).take(random.permutation(2 * count))
    pq.write_table(written, tmp_path / "divisions" / "part-0.parquet")
    selection = Selection.of("fold-2", None, None, Division(tmp_path / "divisions", 3))
    decode(samples, selection, codes=CODES, folder=tmp_path / "s")
    store, seen = SampleStore.open(tmp_path / "s"), (split == "train") & (fold != "fold-2")
    np.testing.assert_array_equal(store.fitted.features.numpy(), table.features[seen & ~monitored])
    np.testing.assert_array_equal(store.monitored.features.numpy(), table.features[seen & monitored])


def test_a_run_that_does_not_know_a_sample_is_refused(samples: Path, tmp_path: Path) -> None:
    (tmp_path / "divisions").mkdir()
    few = {"run": [2, 2], "sample_id": [5, 0], "split": ["train"] * 2, "fold": ["a"] * 2, "monitored": [False] * 2}
    pq.write_table(pa.table(few), tmp_path / "divisions" / "part-0.parquet")
    for run in (2, 3):
        with pytest.raises(SitsparkError, match="sample_divisions: is not of these samples; remove that table"):
            chosen = Selection.of(None, None, None, Division(tmp_path / "divisions", run))
            decode(samples, chosen, codes=CODES, folder=tmp_path / f"s{run}")


def test_a_model_with_ground_of_its_own_sees_samples_there_alone(table: Table, samples: Path, tmp_path: Path) -> None:
    decode(samples, Selection(ground=Ground("tile", "31TCK")), codes=CODES, folder=tmp_path / "s")
    members = table.fitted & (table.fold == "31TCK")
    np.testing.assert_array_equal(SampleStore.open(tmp_path / "s").fitted.features.numpy(), table.features[members])
    with pytest.raises(SitsparkError, match="no sample to train on without 31TCK in tile 31TCK"):
        decode(samples, Selection("31TCK", Ground("tile", "31TCK")), codes=CODES, folder=tmp_path / "t")


def test_no_monitored_sample_gives_an_empty_set(table: Table, tmp_path: Path) -> None:
    bare = replace(table, monitored=np.zeros(len(table.label), bool))
    assert len(stored(write(bare, tmp_path / "t"), tmp_path / "s").monitored) == 0


def test_the_feature_space_is_read_back(samples: Path) -> None:
    assert feature_space_of(samples) == SPACE


def broken(table: Table, field: str, value: object) -> Table:
    changed = getattr(table, field).copy()
    changed[np.flatnonzero(table.fitted)[3]] = value
    return replace(table, **{field: changed})


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("features", np.nan, "has nan as feature b4_20180101"),
        ("features", np.inf, "has inf as feature b4_20180101"),
        ("label", 99, "no class of the nomenclature"),
    ],
)
def test_a_broken_sample_is_named(field: str, value: object, expected: str, tmp_path: Path) -> None:
    table = separable()
    samples = write(broken(table, field, value), tmp_path / "t")
    with pytest.raises(SitsparkError, match=expected) as error:
        stored(samples, tmp_path / "s")
    assert f"sample {np.flatnonzero(table.fitted)[3]} " in str(error.value)
    assert "part-00000.parquet" in str(error.value)


def test_float16_keeps_eleven_binary_digits_and_leaves_the_statistics(table: Table, samples: Path, tmp_path: Path) -> None:
    decode(samples, Selection(), codes=CODES, folder=tmp_path / "half", held_as="float16")
    half, whole = SampleStore.open(tmp_path / "half", "float16"), stored(samples, tmp_path / "whole")
    for found, exact in ((half.fitted, whole.fitted), (half.monitored, whole.monitored)):
        assert found.features.dtype == torch.float16 and 2 * found.path.stat().st_size == exact.path.stat().st_size
        np.testing.assert_allclose(found.features.float().numpy(), exact.features.numpy(), rtol=2**-11, atol=0)
    np.testing.assert_array_equal(half.statistics.mean, whole.statistics.mean)


def test_a_feature_that_float16_has_no_number_for_is_named(table: Table, tmp_path: Path) -> None:
    samples = write(broken(table, "features", 65_520.0), tmp_path / "t")
    with pytest.raises(
        SitsparkError, match=r"sample \d+ has 65520 as feature b4_20180101, and float16 ends at 65504; leave training.held_as"
    ):
        decode(samples, Selection(), codes=CODES, folder=tmp_path / "half", held_as="float16")
    assert len(stored(samples, tmp_path / "whole").fitted)


def test_vectors_of_another_length_are_refused(table: Table, tmp_path: Path) -> None:
    samples = write(replace(table, features=table.features[:, :-1]), tmp_path / "t")
    with pytest.raises(SitsparkError, match="no vector of 12 features"):
        stored(samples, tmp_path / "s")


def test_a_table_that_does_not_name_its_features_is_refused(table: Table, tmp_path: Path) -> None:
    samples = write(table, tmp_path / "t", space=None)
    with pytest.raises(SitsparkError, match="does not say what its features are"):
        stored(samples, tmp_path / "s")


def test_a_folder_without_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SitsparkError, match="is no samples table"):
        feature_space_of(tmp_path)


def test_nothing_to_train_on_is_refused(table: Table, tmp_path: Path) -> None:
    samples = write(replace(table, fold=np.full(len(table.label), "31TCJ")), tmp_path / "t")
    with pytest.raises(SitsparkError, match="no sample to train on without 31TCJ"):
        stored(samples, tmp_path / "s", "31TCJ")


def test_children_are_fitted_to_but_never_monitored_and_go_with_their_fold(table: Table, samples: Path, tmp_path: Path) -> None:
    few = replace(table, **{field.name: getattr(table, field.name)[table.fitted][:50] for field in fields(table)})
    made = write(few, tmp_path / "children", parts=1)
    alone, both = (stored(samples, tmp_path / name, children=of) for name, of in (("alone", None), ("both", made)))
    assert len(both.fitted) == len(alone.fitted) + 50 and len(both.monitored) == len(alone.monitored)
    assert (both.fitted.features[-50:].numpy() == few.features).all()
    left = stored(samples, tmp_path / "left", "31TCJ", made)
    without = stored(samples, tmp_path / "without", "31TCJ")
    assert len(left.fitted) - len(without.fitted) == np.count_nonzero(few.fold != "31TCJ")


@pytest.mark.parametrize("balance", [(), ("class",)])
def test_a_column_of_weights_weighs_the_fitted_samples(table: Table, tmp_path: Path, balance: tuple[str, ...]) -> None:
    weight = np.random.default_rng(0).uniform(0, 3, len(table.label))
    samples = write(table, tmp_path / "t", weight=weight)
    decode(samples, Selection(), codes=CODES, folder=tmp_path / "s", balance=balance)
    store = SampleStore.open(tmp_path / "s")
    classes, polygons = table.label[table.fitted].astype(np.int64), (np.arange(len(table.label)) // 7)[table.fitted]
    expected = weights_of(classes, polygons, balance, weight[table.fitted])
    np.testing.assert_array_equal(store.fitted.weights.numpy(), expected)
    assert (store.monitored.weights == 1).all()


def test_samples_that_all_weigh_nothing_are_refused(table: Table, tmp_path: Path) -> None:
    samples = write(table, tmp_path / "t", weight=np.zeros(len(table.label)))
    with pytest.raises(SitsparkError, match=r"/t: all samples to train on weigh 0; correct the weights"):
        stored(samples, tmp_path / "s")


def test_samples_that_are_not_kept_are_neither_fitted_nor_monitored_nor_are_their_children(
    table: Table, samples: Path, tmp_path: Path
) -> None:
    ids = np.arange(len(table.label))
    kept = ids % 5 != 0
    quality = tmp_path / "quality"
    quality.mkdir()
    pq.write_table(pa.table({"sample_id": ids[::-1], "kept": kept[::-1]}), quality / "part-0.parquet")
    decode(samples, Selection.of(None, quality), codes=CODES, folder=tmp_path / "s", children=samples)
    store = SampleStore.open(tmp_path / "s")
    fitted, monitored = table.fitted & kept, (table.split == "train") & table.monitored & kept
    np.testing.assert_array_equal(store.fitted.features.numpy(), np.tile(table.features[fitted], (2, 1)))
    np.testing.assert_array_equal(store.monitored.features.numpy(), np.tile(table.features[monitored], (2, 1)))
    assert store.statistics.count == 2 * fitted.sum()
