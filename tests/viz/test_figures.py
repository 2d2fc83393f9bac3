from __future__ import annotations

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.testing.compare import compare_images

from imgnmf import viz
from imgnmf.errors import DataError, NoImagesError, ParameterError, ShapeMismatchError
from tests.viz.figure_samples import BASELINE, SAMPLE_DPI, SAMPLES, blobs, mixed, run

# Root mean square over the pixels, of 255. Letters drawn by another FreeType stay below it; a part in
# another place does not, as the test after the comparison checks.
TOLERANCE = 6.0


def drawn(figure):
    """Lay the figure out and paint it; returns the painted page."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


def difference(figure, name, folder):
    figure.savefig(folder / "drawn.png", dpi=SAMPLE_DPI)
    return compare_images(str(BASELINE / f"{name}.png"), str(folder / "drawn.png"), TOLERANCE)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_figure_looks_like_the_stored_picture(name, tmp_path):
    assert difference(SAMPLES[name](), name, tmp_path) is None


def test_the_comparison_notices_two_parts_that_changed_places(tmp_path):
    swapped = blobs(10)[[1, 0, *range(2, 10)]]
    figure = viz.basis(swapped, weights=np.arange(10), order="energy", title="Ten parts, strongest first")
    assert difference(figure, "basis", tmp_path) is not None


@pytest.mark.parametrize("name", SAMPLES)
def test_nothing_is_cut_off(name):
    figure = SAMPLES[name]()
    drawn(figure)
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert min(box.x0, box.y0) >= -1e-9
    assert box.x1 <= width + 1e-9
    assert box.y1 <= height + 1e-9


@pytest.mark.parametrize("name", SAMPLES)
def test_no_two_words_of_a_figure_overlap(name):
    figure = SAMPLES[name]()
    drawn(figure)
    boxes = [t.get_window_extent() for ax in figure.axes for t in ax.texts if t.get_text().strip()]
    for i, first in enumerate(boxes):
        for second in boxes[:i]:
            wide = min(first.x1, second.x1) - max(first.x0, second.x0)
            high = min(first.y1, second.y1) - max(first.y0, second.y0)
            assert wide <= 1 or high <= 1


@pytest.mark.parametrize("name", SAMPLES)
def test_the_callers_settings_neither_change_nor_matter(name, tmp_path):
    viz.save_figure(tmp_path / "plain.png", SAMPLES[name]())
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "font.family": "serif", "axes.grid": True}):
        before = dict(matplotlib.rcParams)
        viz.save_figure(tmp_path / "loud.png", SAMPLES[name]())
        assert dict(matplotlib.rcParams) == before
    assert (tmp_path / "plain.png").read_bytes() == (tmp_path / "loud.png").read_bytes()


def test_pixels_are_crisp_every_one_a_square_of_the_same_size():
    figure = viz.basis(np.indices((8, 8)).sum(axis=0)[None] % 2)
    page = drawn(figure)[..., 0]
    row = page[page.shape[0] // 2]
    runs = np.diff(np.flatnonzero(np.diff((row > 127).astype(int))))
    assert len(set(runs[1:-1])) == 1
    assert set(np.unique(row[(row > 40) & (row < 200)])) == set()


def test_parts_keep_their_numbers_when_they_are_ordered():
    figure = viz.basis(blobs(3), weights=[1, 3, 2], order="energy")
    assert [t.get_text() for t in figure.axes[0].texts[:3]] == ["2 · 50 %", "3 · 33 %", "1 · 17 %"]


def test_the_scale_is_stated_on_the_figure():
    def words(**options):
        parts = blobs(2) / blobs(2).max() * 3
        return " ".join(t.get_text() for t in viz.basis(parts, **options).axes[0].texts)

    assert "each part on its own scale: white = 0, black = its largest value" in words()
    assert "all parts on one scale: white = 0, black = 3" in words(scale="shared")


def test_figures_of_one_axes_can_be_drawn_into_a_figure_of_the_callers():
    figure = Figure(figsize=(8, 8))
    cells = figure.subplots(3, 3).ravel()
    images, H = mixed(6, 3)
    figures = [
        viz.basis(blobs(4), ax=cells[0]),
        viz.compare(blobs(2), blobs(2), [0, 1], ax=cells[1]),
        viz.coverage(blobs(2), ax=cells[2]),
        viz.reconstructions(images, {1: images}, ax=cells[3]),
        viz.build_up(images[0], blobs(6), H[:, 0], ax=cells[4]),
        viz.coefficients(H, ax=cells[5]),
        viz.rank_curve([4], [0.1], ax=cells[6]),
        viz.convergence({"a": run(4)}, axes=(cells[7], cells[8])),
    ]
    assert all(each is figure for each in figures)
    drawn(figure)
    assert len(figure.axes) == 9


@pytest.mark.parametrize(
    "stack",
    [
        np.zeros((1, 1, 1)),
        np.ones((1, 4, 4)),
        np.zeros((3, 4, 4)),
        np.ones((2, 1, 60)),
        np.ones((2, 60, 1)),
        np.ones((2, 4, 4, 1)),
        np.ones((2, 4, 4, 7)),
        np.full((2, 4, 4), 1e-300),
        np.ones((150, 2, 2), np.uint8),
    ],
    ids=lambda stack: "x".join(map(str, stack.shape)),
)
def test_odd_but_sound_stacks_are_drawn(stack):
    for figure in (viz.basis(stack, weights=np.zeros(len(stack))), viz.coverage(stack)):
        drawn(figure)


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("n_steps", [2, 3, 60])
def test_short_runs_and_shared_axes_are_drawn(share, n_steps):
    steps = np.arange(n_steps)
    curve = viz.Curve(steps, steps / 10, np.full(n_steps, 0.25))
    left, right = Figure().subplots(1, 2, sharey=share)
    drawn(viz.convergence({"a": curve}, axes=(left, right)))
    assert left.get_ylim() == right.get_ylim()
    drawn(viz.convergence({"a": curve}))


def test_a_run_that_never_left_its_start_is_drawn_too():
    drawn(viz.convergence({"a": viz.Curve(np.zeros(1), np.zeros(1), np.ones(1))}))


def test_the_end_of_an_exact_run_is_drawn_whole_on_the_axis():
    steps = np.arange(5.0)
    axes = viz.convergence({"a": viz.Curve(steps, steps, np.linspace(0.4, 0, 5))}).axes[0]
    assert axes.get_ylim()[0] == axes.lines[0].get_ydata()[-1] == 0
    assert not axes.lines[0].get_clip_on()


def test_a_hostile_file_name_is_drawn_as_text(tmp_path):
    images, _ = mixed(6, 3)
    names = ["$\\frac{", "<script>\n漢字\u202e\udc80.png", ""]
    viz.save_figure(tmp_path / "figure.pdf", viz.reconstructions(images, {1: images}, names=names, title="$x_"))


def test_an_exact_reconstruction_is_called_exact():
    images = np.random.default_rng(0).random((1, 8, 8))
    words = [t.get_text() for t in viz.reconstructions(images, {3: images}).axes[0].texts]
    assert "exact" in words


def test_the_sums_of_a_build_up_end_at_the_product():
    images, H = mixed(6, 1)
    words = [t.get_text() for t in viz.build_up(images[0], blobs(6), H[:, 0], n_parts=99).axes[0].texts]
    shares = [float(w.split("·")[1].rstrip(" %")) for w in words if w.endswith("%") and "·" in w]
    assert sum(shares) == pytest.approx(100, abs=0.4)
    assert shares == sorted(shares, reverse=True)


@pytest.mark.parametrize(("n_groups", "n_bars"), [(1, 1), (2, 2), (10, 10), (11, 1)])
def test_up_to_ten_groups_have_bars_of_their_own(n_groups, n_bars):
    H = mixed(6, 33)[1]
    labels = [i % n_groups for i in range(33)]
    figure = viz.coefficients(H, labels)
    drawn(figure)
    bars = [ax for ax in figure.axes if ax.containers]
    assert len(bars) == n_bars
    chosen = H[:, 1 % n_groups :: n_groups] if n_bars > 1 else H
    widths = [bar.get_width() for bar in bars[1 % n_bars].patches]
    np.testing.assert_allclose(widths, 100 * chosen.mean(axis=1) / chosen.mean(axis=1).sum())


def test_a_long_title_leaves_the_heat_map_its_room():
    figure = viz.coefficients(mixed(6, 40)[1], [i % 10 for i in range(40)], title="How much of each part " * 4)
    drawn(figure)
    heat, bars = (ax.get_window_extent() for ax in figure.axes[:2])
    assert bars.x0 - heat.x1 < heat.width / 3


@pytest.mark.parametrize("channels", [1, 3, 7])
def test_figures_of_cubes_say_that_they_show_the_mean_of_the_bands(channels):
    parts, H = blobs(4, channels=channels), mixed(4, 2)[1]
    images = np.tensordot(H.T, parts, axes=1)
    figures = [
        viz.basis(parts),
        viz.compare(parts, parts, [0, 1, 2, 3]),
        viz.coverage(parts),
        viz.reconstructions(images, {4: images}),
        viz.build_up(images[0], parts, H[:, 0]),
    ]
    for figure in figures:
        words = " ".join(t.get_text() for t in figure.axes[0].texts)
        assert ("the mean of 7 bands" in words) == (channels == 7)


NAN = np.full((2, 3, 3), np.nan)
GOOD = np.ones((2, 3, 3))


@pytest.mark.parametrize(
    ("draw", "error", "words"),
    [
        (lambda: viz.basis(NAN), DataError, "18 NaN"),
        (lambda: viz.basis(-GOOD), DataError, "never negative"),
        (lambda: viz.basis(np.ones((0, 3, 3))), NoImagesError, "at least one image"),
        (lambda: viz.basis(GOOD, weights=[1]), ShapeMismatchError, r"shape \(2,\)"),
        (lambda: viz.basis(GOOD, weights=[1, np.nan]), DataError, "weights must be finite"),
        (lambda: viz.basis(GOOD, order="size"), ParameterError, "'size'"),
        (lambda: viz.basis(GOOD, columns=0), ParameterError, "columns must be a whole number >= 1"),
        (lambda: viz.compare(GOOD, np.ones((2, 4, 4)), [0, 1]), ShapeMismatchError, "of one size"),
        (lambda: viz.compare(GOOD, GOOD, [0, 2]), ParameterError, r"0 \.\. 1"),
        (lambda: viz.compare(GOOD, GOOD, [0.0, 1.0]), ShapeMismatchError, "one integer"),
        (lambda: viz.reconstructions(GOOD, {}), NoImagesError, "at least one rank"),
        (lambda: viz.reconstructions(GOOD, {4: GOOD[:1]}), ShapeMismatchError, r"by_rank\[4\]"),
        (lambda: viz.reconstructions(GOOD, {4: NAN}), DataError, r"by_rank\[4\]"),
        (lambda: viz.reconstructions(GOOD, {4: GOOD}, names=["a"]), ShapeMismatchError, "one name an image"),
        (lambda: viz.reconstructions(GOOD, {4: GOOD}, data_range=0), ParameterError, "value of white"),
        (lambda: viz.build_up(GOOD[0], GOOD, [1]), ShapeMismatchError, "one number a part"),
        (lambda: viz.build_up(GOOD[0], np.ones((2, 4, 4)), [1, 1]), ShapeMismatchError, "size of the image"),
        (lambda: viz.build_up(GOOD[0], GOOD, [1, -1]), DataError, "coefficients must be >= 0"),
        (lambda: viz.build_up(GOOD[0], GOOD, [1, 1], n_parts=0), ParameterError, "n_parts"),
        (lambda: viz.rank_curve([], []), DataError, "one or more integers"),
        (lambda: viz.rank_curve([4, 9], [0.1]), ShapeMismatchError, "one value a rank"),
        (lambda: viz.rank_curve([4], [np.nan]), DataError, "finite"),
        (lambda: viz.rank_curve([4], [0.1], chosen=5), ParameterError, "one of the ranks"),
        (lambda: viz.convergence({}), DataError, "at least one run"),
        (
            lambda: viz.convergence({"a": viz.Curve(NAN[0, 0], NAN[0, 0], NAN[0, 0])}),
            DataError,
            "no relative error",
        ),
        (lambda: viz.coefficients(GOOD), ShapeMismatchError, r"\(k, n\)"),
        (lambda: viz.coefficients(np.ones((0, 3))), DataError, "at least one part"),
        (lambda: viz.coefficients(np.eye(2), labels=["a"]), ShapeMismatchError, "one label an image"),
        (lambda: viz.coefficients(np.eye(2), scale="log"), ParameterError, "'log'"),
        (lambda: viz.coverage(NAN), DataError, "18 NaN"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_words(draw, error, words):
    with pytest.raises(error, match=words):
        draw()


@pytest.mark.parametrize(("difference", "limit"), [(0.0, 0.01), (7e-5, 0.01), (0.2, 0.2)])
def test_a_residual_of_nothing_is_drawn_as_nothing(difference, limit):
    images = np.full((2, 8, 8), 0.5)
    for figure in (
        viz.reconstructions(images, {2: images + difference}),
        viz.inpainted(images + difference, np.ones(images.shape, bool), originals=images),
    ):
        (axes,) = figure.axes
        ends = [image.norm.vmax for image in axes.images if image.norm.vmin < 0]
        assert ends == [pytest.approx(limit)] * 3
