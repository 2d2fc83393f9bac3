from __future__ import annotations

import statistics
import warnings
from pathlib import Path

import numpy as np
import pytest

from imgnmf import factorize_ranks, load_dataset
from imgnmf.viz import write_page
from tests.browser.samples import RANKS, assert_levels, assert_shows, study, written
from tests.hostile_names import HOSTILE

WIDTHS = (320, 800, 1400)
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"


@pytest.fixture(scope="session", params=[(20, 24), (20, 24, 3)], ids=["grey", "colour"])
def sample(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "index.html"
    return path, written(path, *study(shape=request.param))


@pytest.fixture(scope="session")
def grey(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "index.html"
    return path, written(path, *study())


@pytest.fixture(scope="session")
def faces(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "index.html"
    images = load_dataset("lfw-faces")
    with warnings.catch_warnings(action="ignore"):
        fits = factorize_ranks(images.V, (4, 9, 16, 25, 49), max_iter=100)
    write_page(path, fits, images, title="The parts of lfw-faces")
    return path


def assert_rank(page, held, place, image=0):
    """All that the slider moves shows this rank."""
    says = f"k = {RANKS[place]}, error {100 * (0.1 + 0.3 / RANKS[place]):.1f} %"
    assert page.locator("#rank").get_attribute("aria-valuetext") == says
    assert page.locator("#rank-says").text_content() == says
    assert page.locator("#parts > button").count() == RANKS[place]
    assert {e.get_attribute("data-rank") for e in page.locator("tr.now").all()} == {str(RANKS[place])}
    assert_shows(page, "#original", held.images[image])
    assert_shows(page, "#rebuilt", held.product(place, image))


def test_every_stop_by_key(visit, sample):
    path, held = sample
    with visit(path) as page:
        assert_rank(page, held, len(RANKS) // 2)
        page.locator("#rank").focus()
        page.keyboard.press("Home")
        for place in range(len(RANKS)):
            assert_rank(page, held, place)
            for part, tile in enumerate(page.locator("#parts canvas").all()):
                assert_levels(tile, held.parts[place][part])
            page.keyboard.press("ArrowRight")
        assert_rank(page, held, len(RANKS) - 1)
        for place in reversed(range(len(RANKS))):
            assert_rank(page, held, place)
            page.keyboard.press("ArrowLeft")
        page.keyboard.press("End")
        assert_rank(page, held, len(RANKS) - 1)


def drag(page, slider, share):
    """Take the thumb where it is and let it go at this share of the track; stops between are passed."""
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    now, low, high = slider.evaluate("s => [s.value, s.min, s.max].map(Number)")
    thumb = 16

    def x(part):
        return box["x"] + thumb / 2 + part * (box["width"] - thumb)

    page.mouse.move(x((now - low) / (high - low)), box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(x(share), box["y"] + box["height"] / 2, steps=8)
    page.mouse.up()


@pytest.mark.parametrize("width", [320, 1400])
def test_every_stop_by_drag(visit, grey, width):
    path, held = grey
    with visit(path, width=width) as page:
        for place in (0, 4, 1, 3, 2):
            drag(page, page.locator("#rank"), place / (len(RANKS) - 1))
            assert_rank(page, held, place)


def test_every_image_is_the_product_of_the_factors(visit, sample):
    path, held = sample
    with visit(path) as page:
        for image, tile in enumerate(page.locator("#images > button").all()):
            tile.click()
            assert page.locator("#image-name").text_content() == held.names[image]
            assert tile.get_attribute("aria-pressed") == "true"
            assert_rank(page, held, len(RANKS) // 2, image)


def test_parts_are_switched_off_and_on(visit, sample):
    path, held = sample
    place = len(RANKS) // 2
    with visit(path) as page:
        tiles = page.locator("#parts > button")
        tiles.nth(3).click()
        assert tiles.nth(3).get_attribute("aria-pressed") == "false"
        assert not page.locator("#part-on").is_checked()
        assert_shows(page, "#rebuilt", held.product(place, 0, without=[3]))
        tiles.nth(5).click()
        assert_shows(page, "#rebuilt", held.product(place, 0, without=[3, 5]))
        page.locator("#part-on").check()
        assert_shows(page, "#rebuilt", held.product(place, 0, without=[3]))
        tiles.nth(3).click()
        assert_shows(page, "#rebuilt", held.product(place, 0))
        page.locator("#none").click()
        assert_shows(page, "#rebuilt", 0 * held.images[0])
        page.locator("#reset").click()
        assert_shows(page, "#rebuilt", held.product(place, 0))


def test_the_strongest_parts_add_up_in_order(visit, grey):
    path, held = grey
    place = len(RANKS) // 2
    h = held.H[place][:, 0]
    order = np.argsort(-h * held.parts[place].sum(axis=(1, 2)), kind="stable")[:8]
    with visit(path) as page:
        assert [row.get_attribute("data-part") for row in page.locator("#strongest > li").all()] == order.astype(
            str
        ).tolist()
        for count, canvas in enumerate(page.locator("#strongest canvas.sum").all(), start=1):
            rest = [part for part in range(RANKS[place]) if part not in order[:count]]
            assert_levels(canvas, held.product(place, 0, without=rest), tolerance=1)
        page.locator("#strongest button").nth(1).click()
        assert_shows(page, "#rebuilt", held.product(place, 0, without=[order[1]]))


@pytest.mark.parametrize("share", [0.0, 0.35, 1.0])
def test_a_weight_is_dragged(visit, grey, share):
    path, held = grey
    place = len(RANKS) // 2
    with visit(path) as page:
        page.locator("#parts > button").nth(2).focus()
        slider = page.locator("#part-weight")
        drag(page, slider, share)
        weight = float(slider.input_value())
        assert weight == pytest.approx(share * 1.25 * held.H[place][2].max(), rel=0.05, abs=1e-6)
        assert_shows(page, "#rebuilt", held.product(place, 0, weights={2: weight}))
        first = page.locator("#strongest > li").first
        row = first.locator("input")
        drag(page, row, share)
        part = int(first.get_attribute("data-part"))
        weights = {2: weight, part: float(row.input_value())}
        assert_shows(page, "#rebuilt", held.product(place, 0, weights=weights))


def test_the_images_that_use_a_part_most_are_shown_and_lead_there(visit, grey):
    path, held = grey
    with visit(path) as page:
        page.locator("#parts > button").nth(4).focus()
        order = np.argsort(-held.H[len(RANKS) // 2][4], kind="stable")[:8]
        users = page.locator("#users > button")
        for image, canvas in zip(order, page.locator("#users canvas").all(), strict=True):
            assert_levels(canvas, held.images[image])
        users.nth(2).click()
        assert page.locator("#image-name").text_content() == held.names[order[2]]


def test_the_page_is_usable_by_keyboard_alone(visit, grey):
    path, held = grey
    with visit(path) as page:
        stops = []
        for _ in range(40):
            page.keyboard.press("Tab")
            stops.append(page.evaluate("document.activeElement.closest('[id]')?.id ?? ''"))
        wanted = ["rank", "strongest", "reset", "none", "parts", "part-on", "part-weight", "users", "images"]
        assert [stop for stop in dict.fromkeys(stops) if stop in wanted] == wanted
        page.locator("#parts > button[tabindex='0']").focus()
        for key, part in (("End", 8), ("Home", 0), ("ArrowRight", 1)):
            page.keyboard.press(key)
            assert page.locator("#part-head").text_content() == f"Part {part + 1} of 9"
        page.keyboard.press("Enter")
        assert_shows(page, "#rebuilt", held.product(2, 0, without=[1]))


def test_two_hundred_hostile_names_are_text(visit, tmp_path):
    names = tuple(HOSTILE)
    held = written(tmp_path / "index.html", *study(n=200, shape=(4, 4), ranks=(2,), names=names))
    with visit(tmp_path / "index.html") as page:
        before = page.evaluate("document.querySelectorAll('*').length")
        shown = page.evaluate(
            """() => Array.from(document.querySelectorAll('#images > button'), (tile) => {
                tile.click();
                return [document.getElementById('image-name').textContent, tile.title, tile.getAttribute('aria-label')];
            })"""
        )
        assert page.evaluate("document.querySelectorAll('*').length") == before
        assert page.evaluate("document.querySelectorAll('script').length") == 2
    assert len(held.names) == 200
    # The parser of HTML knows no NUL; a name in JSON does.
    assert shown == [[name] * 3 for name in held.names]


def test_the_policy_is_honoured(browser, grey):
    page = browser.new_page()
    page.goto(grey[0].as_uri())
    tried = page.evaluate(
        """async () => {
            const broken = [];
            document.addEventListener('securitypolicyviolation', (e) => broken.push(e.effectiveDirective));
            window.ran = false;
            const add = (tag, more) => document.body.append(Object.assign(document.createElement(tag), more));
            add('script', { textContent: 'window.ran = true' });
            add('script', { src: 'https://example.invalid/x.js' });
            add('img', { src: 'https://example.invalid/x.png' });
            add('iframe', { src: 'https://example.invalid/' });
            add('style', { textContent: 'body { display: none }' });
            await fetch('https://example.invalid/').catch(() => broken.push('fetch refused'));
            await new Promise((done) => setTimeout(done, 300));
            return [window.ran, getComputedStyle(document.body).display, broken.sort()];
        }"""
    )
    page.close()
    refused = [
        "connect-src",
        "fetch refused",
        "frame-src",
        "img-src",
        "script-src-elem",
        "script-src-elem",
        "style-src-elem",
    ]
    assert tried == [False, "block", refused]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_the_screen_and_has_its_picture_taken(visit, faces, width, theme):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with visit(faces, width=width, theme=theme) as page:
        for place in range(len(RANKS)):
            page.locator("#rank").fill(str(place))
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.locator("#rank").fill("2")
        page.locator("#parts > button").nth(3).click()
        # What is off the screen is not drawn, so the screen is made as large as the page.
        page.evaluate("scrollTo(0, 0)")
        tall = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": width, "height": tall})
        page.wait_for_timeout(200)
        page.screenshot(path=SCREENSHOTS / f"page-{theme}-{width}.png", full_page=True)


def test_long_names_and_many_ranks_fit_a_narrow_screen(visit, tmp_path):
    ranks, names = tuple(range(1, 20)), ["n" * 255] * 20
    written(tmp_path / "index.html", *study(n=20, shape=(8, 8), ranks=ranks, names=names))
    with visit(tmp_path / "index.html", width=320) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 320


STEP = """async (places) => {
    const slider = document.getElementById('rank');
    const times = [];
    for (const place of places) {
        const start = performance.now();
        slider.value = String(place);
        slider.dispatchEvent(new Event('input'));
        void document.body.offsetHeight;
        times.push(performance.now() - start);
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    }
    return times;
}"""


def test_a_step_of_400_faces_takes_less_than_50_ms_the_first_visit_too(visit, tmp_path):
    ranks = (4, 9, 16, 25, 49)
    written(tmp_path / "index.html", *study(n=400, shape=(64, 64), ranks=ranks))
    assert (tmp_path / "index.html").stat().st_size <= 4_000_000
    first, later = [], []
    for _ in range(3):
        with visit(tmp_path / "index.html") as page:
            times = page.evaluate(STEP, [4, 0, 4, 1, 3, 2])
            first.append(times[0])
            later += times[1:]
    # The fastest of three: what else the machine does is no fault of the page.
    assert min(first) < 50
    assert statistics.median(later) < 50
