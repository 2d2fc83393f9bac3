"""Which part owns which pixel: the regions and their numbers."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from imgnmf import viz


def boxes(owner):
    """The number that is written in each region, and the part it stands on, from the owners of the pixels."""
    figure = viz.coverage((owner == np.unique(owner)[:, None, None]).astype(float))
    FigureCanvasAgg(figure).draw()
    axes = figure.axes[0]
    left, right, bottom, top = axes.images[0].get_extent()
    pixel = (right - left) / owner.shape[1], (bottom - top) / owner.shape[0]
    for text in (t for t in axes.texts if t.get_text().isdigit()):
        box = text.get_window_extent().transformed(axes.transData.inverted())
        across = np.array([box.x0 - left, box.x1 - left]) / pixel[0]
        down = np.sort([box.y0 - top, box.y1 - top]) / pixel[1]
        yield int(text.get_text()), across, down


@pytest.mark.parametrize("seed", range(4))
def test_a_number_stands_within_its_region_alone(seed):
    rng = np.random.default_rng(seed)
    centres = rng.random((40, 2)) * 26
    places = np.stack(np.indices((26, 26)), axis=-1)[..., None, :] + 0.5
    owner = np.abs(places - centres).sum(axis=-1).argmin(axis=-1)
    names = np.unique(owner)
    found = list(boxes(owner))
    assert len(found) > 20
    for number, across, down in found:
        region = owner[int(down[0] + 0.25) : int(np.ceil(down[1] - 0.25)), int(across[0]) : int(np.ceil(across[1]))]
        assert np.unique(region).tolist() == [names[number - 1]]


def test_a_region_of_one_small_pixel_has_no_number():
    owner = np.zeros((60, 60), int)
    owner[30, 30] = 1
    assert [number for number, *_ in boxes(owner)] == [1]


def test_single_rows_of_pixels_are_numbered_where_there_is_room():
    assert [number for number, *_ in boxes(np.repeat([[0, 1, 2]], 20, axis=1))] == [1, 2, 3]
