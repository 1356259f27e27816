import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from sitspark.accuracy.assessment import Assessment, metrics_json
from sitspark.accuracy.canvas import in_few_colours
from sitspark.accuracy.evidence import Evidence
from sitspark.accuracy.matrix import ConfusionMatrix
from sitspark.accuracy.report import ProductLeftOut, ProductsLeftOut, Report, render
from sitspark.accuracy.score_tables import area_estimates_csv, class_scores_csv
from sitspark.maps.seams import Pairs, Seam

from .plausible import classes, evidence

VOID = {"meta", "img", "link", "br", "input", "hr"}


class Page(HTMLParser):
    """Elements with their attributes, and the text; asserts that elements nest."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def test_page_needs_nothing_but_itself(full_report: Report) -> None:
    html = render(full_report)
    page = Page(html)
    assert len(html) < 2_000_000
    for _, attributes in page.elements:
        for name in ("src", "href", "srcset", "data", "action"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:image/png;base64,", "data:image/gif;base64,", "#"))
    assert not page.named("link") and not page.named("iframe")
    assert "url(" not in html and "@import" not in html


def test_how_visible_borders_are_is_told_of_the_drawn_and_of_the_regularised_map(full_report: Report) -> None:
    drawn, final = Seam(Pairs(1000, 120), Pairs(9000, 900)), Seam(Pairs(1001, 50), Pairs(9009, 450))
    before = " ".join(" ".join(Page(render(replace(full_report, seam=drawn, final_seam=None))).text).split())
    after = " ".join(" ".join(Page(render(replace(full_report, seam=drawn, final_seam=final))).text).split())
    for told in (before, after):
        assert "as the model drew it: across their borders 12.0 % of neighbouring pixels" in told
        assert "1.20 times as many (1,000 pairs across). " in told
    assert "On the regularised map: across their borders 5.0 % of" in after and "(1,001 pairs across). With 1" in after
    assert "On the regularised map" not in before


@pytest.mark.parametrize(
    ("different", "overlap", "advised"), [(200, "owner", True), (149, "owner", False), (200, "merge", False)]
)
def test_what_helps_against_a_seam_is_told_where_it_shows_and_was_not_done(
    different: int, overlap: str, advised: bool, full_report: Report
) -> None:
    seam = Seam(Pairs(1000, different), Pairs(9000, 900))
    told = Page(render(replace(full_report, seam=seam, settings={**full_report.settings, "grid": {"overlap": overlap}}))).text
    assert ("blend" in " ".join(told)) == advised


def test_a_cell_of_the_matrix_says_which_classes_it_counts(full_report: Report) -> None:
    assert full_report.assessment is not None
    matrix = full_report.assessment.matrix
    count, whole = matrix.counts[1, 2], matrix.reference_pixels[1]
    told = f"reference class 1, map class 2: {count} ({100 * count / whole:.1f}\u202f%)"
    assert told in [cell["title"] for cell in Page(render(full_report)).named("td") if "title" in cell]


def test_the_maps_of_the_folds_are_shown(full_report: Report) -> None:
    assert full_report.fold_maps is not None
    text = " ".join(" ".join(Page(render(full_report)).text).split())
    assert "They give more than one class to 30.0 % of the pixels" in text and "The models of the folds drew 2 maps" in text
    assert "the mill: 62.5 % of the pixels have more than one class." in text


def test_places_are_shown_closely_and_stages_say_what_memory_they_took(full_report: Report) -> None:
    page = Page(render(full_report))
    assert "The map at the place Auch" in [image["alt"] for image in page.named("img")]
    assert "3.5 GB" in page.text


def test_what_has_no_room_on_the_page_is_named_with_its_file(full_report: Report) -> None:
    assert full_report.fold_maps is not None
    heavy = replace(
        full_report.fold_maps.places[0], name="the lake", animation=b"GIF89a" + bytes(4_000_000), file="maps/f/lake.gif"
    )
    maps = replace(full_report.fold_maps, places=(heavy, *full_report.fold_maps.places))
    page = Page(render(replace(full_report, fold_maps=maps)))
    text = " ".join(" ".join(page.text).split())
    assert "The page has no room for the animation: maps/f/lake.gif." in text and "the mill: 62.5 % of the pixels" in text
    assert len(render(replace(full_report, fold_maps=maps)).encode()) < 5_000_000
    pictures = [image["alt"] for image in page.named("img")]
    assert any("at the place the mill" in alt for alt in pictures) and not any("the lake" in alt for alt in pictures)


def test_page_is_accessible(full_report: Report) -> None:
    page = Page(render(full_report))
    images = page.named("img")
    assert len(images) == 16
    assert all(image["alt"] and image["width"] and image["height"] for image in images)
    assert all("scope" in header for header in page.named("th"))
    assert page.named("html") == [{"lang": "en"}]
    assert len(page.named("h1")) == len(page.named("title")) == len(page.named("main")) == 1
    identifiers = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    for link in page.named("a"):
        assert (link["href"] or "").removeprefix("#") in identifiers


def test_names_are_escaped(full_report: Report) -> None:
    html = render(full_report)
    assert "Äcker &lt;Mais&gt; &amp; [bold]Öl$_x$" in html
    assert "<Mais>" not in html and "<1>" not in html and "Sentinel-2 &amp; Co" in html


def test_undefined_scores_are_dashes(full_report: Report) -> None:
    html = render(full_report)
    # the last class has neither reference nor map pixels
    row = re.search(r"<tr><th[^>]*>class 4</th>(<td>.*?)</tr>", html[html.index('id="accuracy"') :])
    assert row is not None
    assert row[1].count("–</span>") == 4
    assert "None" not in html and "nan" not in Page(html).text


def test_nothing_compared(full_report: Report) -> None:
    empty = Assessment(ConfusionMatrix.empty(classes(5).codes), {})
    html = render(replace(full_report, assessment=empty))
    headline = html[html.index('<dl class="headline"') : html.index('<section id="map"')]
    assert headline.count("–</span>") == 3


def test_sections_of_what_was_not_done_are_absent(bare_report: Report, full_report: Report) -> None:
    sections = {"map", "accuracy", "cross-validation", "trust", "training", "ground-truth", "scenes", "run"}
    assert {s["id"] for s in Page(render(full_report)).named("section")} == sections
    bare = Page(render(bare_report))
    assert {s["id"] for s in bare.named("section")} == {"run"}
    assert not bare.named("img")


def test_page_and_document_agree(full_report: Report) -> None:
    assert full_report.assessment is not None
    document = metrics_json(full_report.nomenclature, assessment=full_report.assessment, folds=full_report.folds)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assessment, matrix = document["assessment"], full_report.assessment.matrix
    assert assessment["overall_accuracy"] == matrix.overall_accuracy
    assert assessment["kappa"] == matrix.kappa
    assert assessment["mean_f_score"] == matrix.mean_f_score
    assert (assessment["pixels"], assessment["polygons"]) == (matrix.total, 28)
    assert ConfusionMatrix.from_json(assessment["confusion_matrix"]) == matrix
    html = render(full_report)
    for score in ("overall_accuracy", "kappa", "mean_f_score"):
        assert f"<dd>{assessment[score]:.3f}</dd>" in html
    assert f"<dd>{matrix.total:,}</dd>".replace(",", "\u202f") in html
    spread = document["cross_validation"]["spread"]["left_out"]["mean_f_score"]
    assert f"{spread['mean']:.3f} ± {spread['deviation']:.3f}" in html
    last = assessment["classes"][-1]
    assert last["precision"] is last["recall"] is last["f_score"] is None
    assert last["largest_confusions"] == []


def test_where_the_map_is_right_is_told_where_groups_are_known(full_report: Report) -> None:
    html = render(full_report)
    (one, *_, last), text = [g for g in full_report.groups if g.kind == "clear_dates"], " ".join(html.split())
    assert f"Of pixels with {one.label} clear dates {100 * one.accuracy:.1f} % are right, of pixels with {last.label}" in text
    assert 'see <a href="#trust">Trust</a>.</p>' in html
    # one group alone says no more than the whole
    assert "Where is the map right?" not in render(replace(full_report, groups=(one,)))


def test_polygons_kept_for_testing_are_measured_on_their_own(full_report: Report) -> None:
    html = render(full_report)
    assert full_report.test is not None
    row = re.search(r"<tr><th[^>]*>Test</th>(<td>.*?)</tr>", html)
    assert (
        row is not None and f"<td>{full_report.test.matrix.overall_accuracy:.3f}<small>" in row[1] and "<td>12</td>" in row[1]
    )
    assert "Test polygons" not in render(replace(full_report, test=None))


def numbers(document: object) -> set[float]:
    """All numbers of a JSON document."""
    if isinstance(document, dict | list):
        return set().union(*map(numbers, document.values() if isinstance(document, dict) else document))
    return {document} if isinstance(document, int | float) else set()


def test_the_page_holds_no_score_that_the_document_lacks(full_report: Report) -> None:
    document = metrics_json(
        full_report.nomenclature, assessment=full_report.assessment, test=full_report.test, groups=full_report.groups
    )
    html = render(full_report)
    section = html[html.index('<section id="accuracy"') : html.index('<section id="cross-validation"')]
    shown = set(re.findall(r"\b\d\.\d{3}\b", " ".join(Page(section).text)))
    assert len(shown) > 100
    assert shown <= {f"{number:.3f}" for number in numbers(document)}


def test_scores_have_intervals_and_the_naive_ones_beside_them(full_report: Report) -> None:
    assert full_report.assessment is not None and full_report.assessment.evidence is not None
    found = full_report.assessment.evidence
    html = render(full_report)
    row = re.search(r"<tr><th[^>]*>Overall accuracy</th>(.*?)</tr>", html)
    assert row is not None and found.by_block is not None
    cells = [
        f"{of.overall_accuracy.low:.3f} to {of.overall_accuracy.high:.3f}"
        for of in (found.by_polygon, found.by_block, found.by_pixel)
        if of.overall_accuracy
    ]
    assert re.findall(r"<td>(.*?)</td>", row[1])[1:] == cells and len(cells) == 3
    assert f'<dd class="interval">95 %: {cells[0]}</dd>' in html
    assert "48 polygons drawn anew" in html and "they are a convenience sample" in html
    without = render(replace(full_report, folds=(), assessment=replace(full_report.assessment, evidence=None)))
    assert "drawn anew" not in without and "By pixel" not in without


def test_where_the_polygons_are_a_sample_the_page_says_which(full_report: Report) -> None:
    assert full_report.assessment is not None
    matrix = full_report.assessment.matrix
    sampled = replace(full_report.assessment, evidence=evidence(matrix, design="random", blocks=False))
    html = render(replace(full_report, assessment=sampled, test=None))
    assert "for a simple random sample of the whole map" in html and "convenience sample" not in html
    assert "no probability sample" not in html and "By block" not in html


def test_what_polygons_say_is_read_back_from_facts(full_report: Report) -> None:
    for assessment in (full_report.assessment, full_report.test):
        assert assessment is not None and assessment.evidence is not None
        facts = json.loads(json.dumps(assessment.evidence.to_facts(), allow_nan=False))
        assert Evidence.from_facts(facts) == assessment.evidence


def test_tables_in_csv_hold_the_numbers_of_the_document(full_report: Report) -> None:
    document = metrics_json(full_report.nomenclature, assessment=full_report.assessment, test=full_report.test)
    sets = {"set_aside": document["assessment"], "test": document["test"]}
    for text, within in ((class_scores_csv(sets), numbers(document)), (area_estimates_csv(sets), numbers(document))):
        rows = list(csv.DictReader(io.StringIO(text)))
        assert [(row["area"], int(row["code"])) for row in rows] == [
            (area, code) for area in sets for code in full_report.nomenclature.codes
        ]
        told = {float(cell) for row in rows for name, cell in row.items() if cell and name not in ("area", "class")}
        assert len(told) > 50 and told <= within
    assert "class 4,0,0,0,,,," in class_scores_csv(sets)


def test_document_of_nothing() -> None:
    assert metrics_json(classes(2), assessment=None) == {
        "assessment": None,
        "test": None,
        "accuracy_by": None,
        "cross_validation": None,
    }


def test_credentials_stay_out_of_the_page(full_report: Report) -> None:
    html = render(full_report)
    assert "hunter2" not in html
    assert "spark.hadoop.fs.s3a.secret.key" in html


def test_kappa_below_chance_has_a_minus_sign(full_report: Report) -> None:
    wrong = Assessment(ConfusionMatrix((11, 12), np.array([[0, 9], [9, 0]])), {})
    assert "<dd>−1.000</dd>" in render(replace(full_report, assessment=wrong))


def test_few_reference_polygons_come_with_a_caution(full_report: Report) -> None:
    assert full_report.assessment is not None
    matrix = full_report.assessment.matrix
    few, enough = (Assessment(matrix, {matrix.codes[0]: count}) for count in (8, 50))
    assert "pixels of 8 polygons set aside: one more wrong polygon" in render(replace(full_report, assessment=few))
    assert "one more wrong polygon would change OA by about 12.5%" in str(few.caution)
    assert enough.caution is None and "one more wrong" not in render(replace(full_report, assessment=enough))


def test_what_speaks_against_a_model_is_told_above_its_curves(full_report: Report) -> None:
    doubted = replace(full_report.trainings[0], doubt="the training loss never fell after the first epoch")
    page = render(replace(full_report, trainings=(doubted,)))
    assert '<p class="caution">the training loss never fell after the first epoch.</p>' in page
    assert 'class="caution"' not in render(full_report)


def test_samples_made_of_others_have_a_column_where_there_are_some(full_report: Report) -> None:
    assert "Made of them" not in render(full_report)
    first, *rest = full_report.samples
    made = render(replace(full_report, samples=(replace(first, children=77), *rest)))
    assert "Made of them" in made and made.count("<td>77</td>") == 2  # of the class, and in all


def test_what_is_not_learnt_from_has_a_column_where_there_is_some(full_report: Report) -> None:
    assert "Not learnt from" not in render(full_report)
    first, *rest = full_report.samples
    made = render(replace(full_report, samples=(replace(first, dropped=77), *rest)))
    assert "Not learnt from" in made and made.count("<td>77</td>") == 2  # of the class, and in all


def test_doubtful_polygons_are_told_with_both_classes_and_a_place(full_report: Report) -> None:
    html = render(full_report)
    row = re.search(r"<tr><th[^>]*>4711</th>(.*?)</tr>", html)
    assert row is not None
    cells = re.findall(r"<td[^>]*>(.*?)</td>", row[1])
    assert cells[1:] == ["class 1", "1.88", "2.50", "30", "training", "1.23457, -43.50000"]
    assert "Labels to look at first" not in render(replace(full_report, doubtful=()))


def test_a_doubtful_polygon_whose_place_is_unknown_has_an_empty_cell(full_report: Report) -> None:
    (polygon,) = full_report.doubtful
    html = render(replace(full_report, doubtful=(replace(polygon, lon=None, lat=None),)))
    row = re.search(r"<tr><th[^>]*>4711</th>(.*?)</tr>", html)
    assert row is not None and re.findall(r"<td[^>]*>(.*?)</td>", row[1])[-1] == ""


def test_trust_is_told_in_words_with_the_numbers_of_the_figure(full_report: Report) -> None:
    page = " ".join(Page(render(full_report)).text)
    found = full_report.confidence
    assert found is not None and found.own.error is not None and found.plain.error is not None
    assert f"differ by {100 * found.own.error:.1f} points" in page
    assert f"without calibration it would be {100 * found.plain.error:.1f}" in page
    assert "4\u202f000 samples of 400 polygons set aside" in page and "divided by one number, 1.70" in page
    assert "on the whole it is as sure as it may be" in page
    assert "1\u202f900 samples set aside, 3 times" in page and "in green layers" in page
    plain = " ".join(Page(render(replace(full_report, confidence=replace(found, calibrated=None)))).text)
    assert "too sure of itself" in plain and "without calibration" not in plain and "divided by one number" not in plain


def test_a_run_without_importance_has_no_word_of_it(full_report: Report) -> None:
    html = render(replace(full_report, needs=None))
    assert "Which dates and bands matter" not in html and "Is the model right as often as it is sure" in html
    assert 'id="trust"' not in render(replace(full_report, needs=None, confidence=None))


def test_areas_are_told_of_the_map_its_tiles_and_regions(full_report: Report) -> None:
    names = classes(5)
    html = render(full_report)
    assert "Area by tile (ha)" in html and "Area by region (ha)" in html
    text = " ".join(Page(html).text)
    assert all(name in text for name in ("31TCJ", "31TCK", "north"))
    assert text.count(names.classes[0].name) > 2
    assert full_report.map is not None
    one_tile = replace(full_report.map, areas=full_report.map.areas[:2])
    html = render(replace(full_report, map=one_tile))
    assert "Area by" not in html and "20.0\u202f%" in html


def test_of_many_models_the_first_have_curves_and_the_others_a_sentence(full_report: Report) -> None:
    (model,) = full_report.trainings[:1]
    many = tuple(replace(model, model_id=f"mlp-{number}", best_epoch=3) for number in range(14))
    page = Page(render(replace(full_report, trainings=many)))
    curves = [image["alt"] for image in page.named("img") if "Curves of loss" in image["alt"]]
    assert [alt.rsplit(" ", 1)[1] for alt in curves] == [f"mlp-{number}" for number in range(12)]
    assert " ".join(page.text).count("the page shows no curves of so many models") == 2


def test_of_many_products_left_out_the_first_are_listed_and_the_others_counted(full_report: Report) -> None:
    first = tuple(ProductLeftOut(f"product {number:03d}", "31TCJ", "is cloudy") for number in range(200))
    text = " ".join(" ".join(Page(render(replace(full_report, products_left_out=ProductsLeftOut(first, 1203)))).text).split())
    assert "product 199" in text
    assert "And 1 003 more" in text


def test_of_many_tiles_the_first_are_shown_and_the_others_counted(full_report: Report) -> None:
    assert full_report.calendar is not None
    text = " ".join(Page(render(full_report)).text)
    assert "first tiles by name" not in text and "Total 108" in " ".join(text.split())
    many = replace(full_report, calendar=replace(full_report.calendar, tiles=1003, products=100_000))
    text = " ".join(" ".join(Page(render(many)).text).split())
    assert "Chart and table have the first tiles by name; 1 000 more are in the table acquisitions" in text
    assert "Total 100 000" in text


def test_pictures_of_few_colours_keep_them_to_the_bit() -> None:
    """Classes are told by their colours; charts have few."""
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (200, 3)).astype(np.uint8)
    pixels = colours[rng.integers(0, 200, (60, 80))]
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    small = in_few_colours(buffer.getvalue())
    with Image.open(io.BytesIO(small)) as found:
        assert found.mode == "P" and (np.asarray(found.convert("RGB")) == pixels).all()


def test_what_is_transparent_is_white() -> None:
    buffer = io.BytesIO()
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(buffer, "PNG")
    with Image.open(io.BytesIO(in_few_colours(buffer.getvalue()))) as found:
        assert found.convert("RGB").getpixel((1, 1)) == (255, 255, 255)


def test_folds_of_few_classes_come_with_a_caution(full_report: Report) -> None:
    first, *others = full_report.folds
    counts = first.left_out.counts.copy()
    counts[1:] = 0
    narrow = replace(first, left_out=ConfusionMatrix(first.left_out.codes, counts))
    page = render(replace(full_report, folds=(narrow, *others)))
    assert "Few of " in page and f"are on what is left out: {first.left_out_fold} 1;" in page
    assert "are on what is left out" not in render(full_report)


def test_what_a_file_of_iota2_asked_for_in_vain_is_told(full_report: Report, bare_report: Report) -> None:
    lost = {"arg_classification.boundary_comparison_mode": "both maps are in <any> report"}
    page = render(replace(full_report, not_carried_over=lost))
    assert 'row">arg_classification.boundary_comparison_mode</th>' in page and "both maps are in &lt;any&gt; report" in page
    assert 'href="#not-carried-over"' in page and "Not carried over" not in render(bare_report)
