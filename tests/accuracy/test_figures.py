import io
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image

from sitspark.accuracy import figures, quicklook
from sitspark.accuracy.figures import Acquisition
from sitspark.accuracy.fold_scores import FoldScores
from sitspark.accuracy.matrix import ConfusionMatrix
from sitspark.errors import SitsparkError

from .plausible import classes, fold_scores, history, matrix


def drawn(png: bytes) -> np.ndarray:
    """The picture (rows, columns, 3), after checks that hold for every figure."""
    picture = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    assert min(picture.shape[:2]) >= 60 and max(picture.shape[:2]) <= 3000
    edges = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    assert (edges == 255).all(), "something touches the edge of the picture, so it's cut off"
    assert (picture != 255).any()
    return picture


def differ(one: bytes, other: bytes) -> bool:
    """Whether two whole figures show something else, be it in as much room."""
    first, second = drawn(one), drawn(other)
    return first.shape != second.shape or bool((first != second).any())


@pytest.mark.parametrize("k", [1, 3, 23])
def test_matrix_and_scores_show_their_numbers(k: int) -> None:
    shown = matrix(k)
    counts = shown.counts.copy()
    counts[0, -1] += 3 * counts.sum()
    other = ConfusionMatrix(shown.codes, counts)
    assert differ(figures.confusion_matrix_figure(shown, classes(k)), figures.confusion_matrix_figure(other, classes(k)))
    if k > 1:  # of one class alone each score is 1
        assert differ(figures.class_scores_figure(shown, classes(k)), figures.class_scores_figure(other, classes(k)))


def test_more_classes_take_more_room() -> None:
    for draw in (figures.confusion_matrix_figure, figures.class_scores_figure):
        heights = [drawn(draw(matrix(k), classes(k))).shape[0] for k in (3, 10, 23)]
        assert heights == sorted(set(heights))


def test_undefined_scores_are_drawn_otherwise_than_scores_of_0() -> None:
    empty = ConfusionMatrix.empty(classes(3).codes)
    wrong = ConfusionMatrix(empty.codes, np.roll(np.diag([5, 5, 5]), 1, axis=0))
    drawn(figures.confusion_matrix_figure(empty, classes(3)))
    assert differ(figures.class_scores_figure(empty, classes(3)), figures.class_scores_figure(wrong, classes(3)))
    assert differ(*(figures.cross_validation_figure([FoldScores(0, "31TCJ", one, one)]) for one in (empty, wrong)))


@pytest.mark.parametrize("epochs", [1, 2, 100])
def test_training_marks_the_best_epoch(epochs: int) -> None:
    first = figures.training_figure(history(epochs), 1)
    if epochs == 1:
        drawn(first)
    else:
        assert differ(first, figures.training_figure(history(epochs), 2))


def test_a_learning_rate_that_changes_has_a_panel_of_its_own() -> None:
    constant = history(20)
    falling = constant.assign(learning_rate=1e-3 * 0.7 ** np.arange(20))
    assert drawn(figures.training_figure(falling, 12)).shape[0] > 1.2 * drawn(figures.training_figure(constant, 12)).shape[0]


def test_training_without_monitored_scores_draws_the_loss_alone() -> None:
    whole, bare = history(5), history(5).assign(kappa=None, validation_loss=np.nan)
    assert differ(figures.training_figure(whole, 5), figures.training_figure(bare, 5))
    steeper = bare.assign(train_loss=bare["train_loss"] ** 2)
    assert differ(figures.training_figure(bare, 5), figures.training_figure(steeper, 5))


def test_cross_validation_shows_each_fold() -> None:
    folds = [FoldScores(i, f"tile {i}", matrix(4, seed=i), matrix(4, seed=9 + i)) for i in range(4)]
    assert differ(figures.cross_validation_figure(folds), figures.cross_validation_figure(folds[:3]))
    swapped = [replace(fold, same_area=fold.left_out, left_out=fold.same_area) for fold in folds]
    assert differ(figures.cross_validation_figure(folds), figures.cross_validation_figure(swapped))
    sure = [fold_scores(i, f"tile {i}", 4) for i in range(4)]
    assert differ(figures.cross_validation_figure(sure), figures.cross_validation_figure(folds))


@pytest.mark.parametrize("share", [None, 0.0, 0.6])
def test_calendar(share: float | None) -> None:
    one = figures.calendar_figure([Acquisition("31TCJ", date(2018, 5, 1), share)])
    assert differ(one, figures.calendar_figure([Acquisition("31TCJ", date(2018, 9, 1), share)]))
    years = [Acquisition(tile, date(year, 5, 1), share) for tile in "ABCD" for year in range(2016, 2024)]
    drawn(figures.calendar_figure(years))


@pytest.mark.parametrize("share", [0.1, 0.6, 1.0])
def test_the_calendar_has_the_colour_of_the_clear_share(share: float) -> None:
    picture = drawn(figures.calendar_figure([Acquisition("31TCJ", date(2018, 5, 1), share)]))
    wanted = np.array(colormaps["YlGnBu"](share)[:3]) * 255
    # the key shows every colour too, above the rows
    rows = picture[picture.shape[0] // 3 :].astype(int)
    assert np.count_nonzero(np.abs(rows - wanted).max(axis=-1) <= 1) > 50


def test_figures_are_reproducible() -> None:
    one, other = (figures.class_scores_figure(matrix(3), classes(3)) for _ in range(2))
    assert one == other


@pytest.mark.parametrize("shape", [(50, 80), (1500, 700), (40, 900)])
def test_map_shows_the_colours_of_its_classes(shape: tuple[int, int], written_map: Callable[..., Path]) -> None:
    names = classes(3)
    values = np.full(shape, 11, "uint16")
    values[:, shape[1] // 2 :] = 12
    values[:, -shape[1] // 4 :] = 0
    look = quicklook.read_class_quicklook(written_map("c.tif", values, nodata=0), longest_side=600)
    assert max(look.values.shape) == min(max(shape), 600)
    for png in (quicklook.classification_figure(look, names), quicklook.classification_picture(look, names)):
        colours = {tuple(colour) for colour in drawn(png).reshape(-1, 3).tolist()}
        assert {names.classes[0].colour, names.classes[1].colour} <= colours
        assert names.classes[2].colour not in colours


def test_map_with_a_code_outside_the_nomenclature(written_map: Callable[..., Path]) -> None:
    look = quicklook.read_class_quicklook(written_map("c.tif", np.full((30, 30), 99, "uint8")))
    colours = {tuple(colour) for colour in drawn(quicklook.classification_figure(look, classes(2))).reshape(-1, 3).tolist()}
    assert not colours & {one.colour for one in classes(2).classes}


def test_measures(written_map: Callable[..., Path]) -> None:
    values = np.arange(30 * 20, dtype="uint16").reshape(30, 20) % 100
    look = quicklook.read_measure_quicklook(written_map("m.tif", values, nodata=99))
    assert not look.valid[values == 99].any() and look.valid[values != 99].all()
    blank = replace(look, valid=np.zeros_like(look.valid))
    for draw in (quicklook.confidence_figure, quicklook.clear_dates_figure):
        assert differ(draw(look), draw(blank))


def test_geographic_map_has_a_picture(written_map: Callable[..., Path]) -> None:
    path = written_map("c.tif", np.full((60, 40), 11, "uint8"), crs="EPSG:4326", size=0.0001)
    drawn(quicklook.classification_figure(quicklook.read_class_quicklook(path), classes(1)))


def test_missing_map_is_named(tmp_path: Path) -> None:
    for read in (quicklook.read_class_quicklook, quicklook.read_measure_quicklook):
        with pytest.raises(SitsparkError, match=r"nowhere\.tif"):
            read(tmp_path / "nowhere.tif")
