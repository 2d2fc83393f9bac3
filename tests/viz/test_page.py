from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from imgnmf.errors import DataError, NoImagesError, OutputError, ShapeMismatchError
from imgnmf.viz import Curve, PageFit, PageImages, render_page, write_page
from imgnmf.viz.page_curves import convergence_charts
from imgnmf.viz.page_data import LONGEST_SIDE, packed
from imgnmf.viz.quality import sparseness
from tests.hostile_names import HOSTILE
from tests.viz.figure_samples import run


class Reader(HTMLParser):
    """Collects elements, and the text of those whose text matters."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.texts, self._open = [], {}, None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open = (tag, dict(attrs).get("type"), dict(attrs).get("id"))
        self.texts.setdefault(self._open, "")

    def handle_data(self, data):
        if self._open:
            self.texts[self._open] += data

    def handle_endtag(self, tag):
        self._open = None


def made(n=12, shape=(6, 5), ranks=(2, 4), seed=0):
    rng = np.random.default_rng(seed)
    stack = rng.integers(0, 256, (n, *shape), dtype=np.uint8)
    fits = [
        PageFit(k, rng.random((k, *shape)) * 40, rng.random((k, n)), 0.3 / k, 20, 1.5, "it was <enough>", run(k))
        for k in ranks
    ]
    return fits, PageImages(stack, tuple(f"{i}.png" for i in range(n)))


def data_of(page):
    return json.loads(Reader(page).texts["script", "application/json", "data"])


def sprites_of(page):
    sheets = [e for e in Reader(page).elements if e[1].get("class") == "parts-sprite"]
    return [decoded(attributes) for _, attributes in sheets]


def decoded(attributes):
    head, body = attributes["src"].split(",")
    assert head == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(body))) as image:
        return np.asarray(image), int(attributes["data-columns"])


def tiles_of(sheet, columns, count, shape):
    h, w = shape[:2]
    return np.stack(
        [sheet[t // columns * h : t // columns * h + h, t % columns * w : t % columns * w + w] for t in range(count)]
    )


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 3)])
def test_sprites_and_coefficients_give_the_product_of_the_factors_back(shape):
    fits, images = made(shape=shape)
    page = render_page(fits, images)
    data = data_of(page)
    for fit, (sheet, columns), text in zip(fits, sprites_of(page), data["coefficients"], strict=True):
        H = np.frombuffer(base64.b64decode(text), "<f4").reshape(fit.rank, -1)
        levels = np.tensordot(H.T, tiles_of(sheet, columns, fit.rank, shape).astype(float), axes=1)
        product = np.tensordot(fit.coefficients.T, fit.basis, axes=1)
        assert np.abs(levels - product).max() <= 0.5 * H.sum(axis=0).max() + 1e-3


def test_the_policy_allows_this_style_and_this_script_and_nothing_else():
    fits, images = made()
    reader = Reader(render_page(fits, images))
    (policy,) = [a["content"] for t, a in reader.elements if a.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))

    def digest(text):
        return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"

    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": digest(reader.texts["style", None, None]),
        "script-src": digest(reader.texts["script", None, None]),
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_the_page_needs_nothing_from_outside_and_nothing_that_its_policy_forbids():
    fits, images = made()
    page = render_page(fits, images)
    words = re.sub(r"data:image/png;base64,[^\"]*", "", page)
    assert not re.search(r"https?:|//[a-z]|@import|url\(|\beval\b|innerHTML|document\.write", words)
    for tag, attributes in Reader(page).elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        assert all(attributes[n].startswith("data:") for n in ("src", "href") if n in attributes)


def test_hostile_names_are_text_and_come_back_letter_by_letter():
    assert len(set(HOSTILE)) == 200
    fits, images = made(n=200)
    tame = Reader(render_page(fits, images))
    page = render_page(fits, PageImages(images.stack, HOSTILE), title="</title><script>alert(7)</script>{{ 7*7 }}")
    wild = Reader(page)
    assert [tag for tag, _ in wild.elements] == [tag for tag, _ in tame.elements]
    assert data_of(page)["names"] == [name.replace("\udc80", "?") for name in HOSTILE]
    assert "alert(7)</script>" in wild.texts["title", None, None]
    page.encode("utf-8")


def test_the_reason_of_a_fit_is_text():
    fits, images = made()
    assert "it was &lt;enough&gt;" in render_page(fits, images)


def test_the_table_says_what_was_measured():
    fits, images = made()
    page = render_page(fits, images)
    for fit in fits:
        row = re.search(rf'<tr data-rank="{fit.rank}">(.*?)</tr>', page).group(1)
        assert f"{100 * fit.relative_error:.2f} %" in row
        assert f"<td>{sparseness(fit.basis).mean():.2f}</td>" in row
        assert "<td>20</td><td>1.50</td>" in row


@pytest.mark.parametrize("ranks", [(1,), (2,), (4, 2), tuple(range(1, 20))])
def test_any_number_of_ranks_in_any_order(ranks):
    fits, images = made(n=20, ranks=ranks)
    assert [entry["rank"] for entry in data_of(render_page(fits, images))["ranks"]] == sorted(ranks)


def test_one_image_a_constant_part_and_a_trace_without_errors_are_no_trouble():
    empty = run(4).__class__(np.zeros(0), np.zeros(0), np.zeros(0))
    fit = PageFit(1, np.zeros((1, 3, 3)), np.zeros((1, 1)), 0.0, 0, float("nan"), "zero", empty)
    page = render_page([fit], PageImages(np.zeros((1, 3, 3)), ("zero",)))
    assert "<svg" not in page
    assert "PSNR and SSIM are of the image of this page" in page


def test_a_fit_of_a_single_iteration_has_no_curve():
    once, twice = (Curve(np.arange(n), np.arange(n) / 9, np.full(n, 0.1)) for n in (2, 3))
    assert not convergence_charts({1: once})
    assert len(convergence_charts({1: once, 4: twice})) == 2


def test_many_images_are_thinned_evenly_and_the_page_says_so():
    fits, images = made(n=1000, shape=(4, 4))
    page = render_page(fits, images)
    names = data_of(page)["names"]
    assert len(names) == 400
    assert (names[0], names[-1]) == ("0.png", "999.png")
    assert "This page holds 400 of the images" in page


def test_large_images_are_averaged_down_and_the_sums_still_hold():
    rng = np.random.default_rng(0)
    basis, H = rng.random((3, 300, 200)), rng.random((3, 2))
    stack = np.tensordot(H.T, basis, axes=1)
    data = packed(stack, ("a", "b"), [(basis, H)])
    assert max(data.description["height"], data.description["width"]) <= LONGEST_SIDE
    shape = data.description["height"], data.description["width"]
    sheets = [decoded({"src": s.uri, "data-columns": str(s.columns)}) for s in (data.images, data.parts[0])]
    images, parts = (tiles_of(*sheet, n, shape).astype(float) for sheet, n in zip(sheets, (2, 3), strict=True))
    coefficients = np.frombuffer(base64.b64decode(data.description["coefficients"][0]), "<f4").reshape(3, 2)
    assert np.abs(np.tensordot(coefficients.T, parts, axes=1) - images).max() <= 2


def test_400_faces_of_64_by_64_at_five_ranks_stay_under_four_megabytes():
    rng = np.random.default_rng(0)
    ranks = (4, 9, 16, 25, 49)
    # Noise does not compress: no set of real images makes a larger page.
    stack = rng.integers(0, 256, (400, 64, 64), dtype=np.uint8)
    fits = [(rng.random((k, 64, 64)), rng.random((k, 400))) for k in ranks]
    data = packed(stack, [f"s{i}/1.pgm" for i in range(400)], fits)
    size = sum(len(s.uri) for s in (data.images, *data.parts)) + len(json.dumps(data.description))
    assert size + 60_000 <= 4_000_000


class Study(dict):
    ranks = (2, 4)


def study_and_images():
    fits, images = made()
    study = {
        fit.rank: SimpleNamespace(
            W=fit.basis.reshape(fit.rank, -1).T,
            H=fit.coefficients,
            relative_error=fit.relative_error,
            n_iter=20,
            reason="enough",
            trace=fit.trace,
        )
        for fit in fits
    }
    image_set = SimpleNamespace(
        pixels=images.stack, names=images.names, stack=lambda W: W.T.reshape(-1, *images.stack.shape[1:])
    )
    return Study(study), image_set


def test_a_study_and_its_images_are_written_and_written_again_with_the_same_bytes(tmp_path):
    study, images = study_and_images()
    target = tmp_path / "index.html"
    write_page(target, study, images)
    first = target.read_bytes()
    write_page(target, study, images)
    assert target.read_bytes() == first
    assert [entry["rank"] for entry in data_of(first.decode())["ranks"]] == [2, 4]
    with pytest.raises(OutputError):
        write_page(tmp_path / "missing" / "index.html", study, images)


def test_what_does_not_belong_together_is_refused_in_words():
    fits, images = made()
    with pytest.raises(NoImagesError, match="at least one rank"):
        render_page([], images)
    with pytest.raises(ShapeMismatchError, match="give the images that were fitted"):
        render_page(fits, PageImages(images.stack[1:], images.names[1:]))
    with pytest.raises(ShapeMismatchError, match="one name an image"):
        render_page(fits, PageImages(images.stack, images.names[1:]))
    with pytest.raises(NoImagesError):
        render_page(fits, PageImages(images.stack[:0], ()))
    bad = PageFit(2, np.full((2, 6, 5), np.nan), np.ones((2, 12)), 0.1, 1, 1.0, "", run(2))
    with pytest.raises(DataError, match="W at rank 2"):
        render_page([bad], images)


def test_errors_on_images_kept_aside_are_drawn_with_their_numbers():
    fits, images = made()
    unseen = SimpleNamespace(
        ranks=(2, 4), train=np.array([[0.5, 0.3]]), test=np.array([[0.6, 0.45], [0.62, 0.47]]), largest_rank=9
    )
    page = render_page(fits, images, unseen=unseen)
    assert "Fitted images, and images kept aside" in page
    assert "fitted, k = 4: 30.0 %" in page
    assert "unseen, k = 4: 46.0 %" in page
    assert "kept aside" not in render_page(fits, images)


def test_a_single_rank_has_its_numbers_in_words_and_no_curve_over_ranks():
    fits, images = made(ranks=(4,))
    unseen = SimpleNamespace(ranks=(4,), train=np.array([[0.3]]), test=np.array([[0.45]]), largest_rank=9)
    page = render_page(fits, images, unseen=unseen)
    assert page.count("<svg viewBox") == 2
    assert "rank k" not in page
    assert "At k = 4, the error on images kept aside is 45.0 % of the mean image&#39;s" in page
    assert "that on the fitted ones 30.0 %" in page
    assert re.search(r'<div class="stops" hidden>', page)


def test_ranks_without_an_error_on_images_kept_aside_are_told_with_the_reason():
    fits, images = made(ranks=(2, 4, 10, 11))
    unseen = SimpleNamespace(ranks=(2, 4), train=np.array([[0.5, 0.3]]), test=np.array([[0.6, 0.45]]), largest_rank=9)
    page = render_page(fits, images, unseen=unseen)
    assert "the images kept aside; none at k = 10, 11: what is left to fit can have 9 parts at most<" in page
    chart = page[page.index('aria-label="Fitted images') :]
    assert re.findall(r'"tick" x="[\d.]+" y="[\d.]+">(\d+)<', chart[: chart.index("</svg>")])[-1] == "11"
    assert '<div class="stops">' in page
    assert "what is left to fit" not in render_page(fits[:2], images, unseen=unseen)


def test_an_axis_of_any_length_has_two_numbers_at_least():
    for last in (1.3, 3, 8, 90, 4000):
        seconds = np.array([1.0, last])
        for chart in convergence_charts({4: Curve(seconds, seconds, np.array([0.5, 0.2]))}):
            assert len(chart.x_ticks) >= 2
            assert chart.lines[0].points.startswith(f"{chart.left:.1f},")
