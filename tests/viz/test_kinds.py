"""Kinds of parts in rows, and sections of the page."""

from __future__ import annotations

import numpy as np
import pytest

from imgnmf import viz
from imgnmf.errors import DataError, NoImagesError, ParameterError
from imgnmf.viz import PageFit, PageImages, PageSection, render_page
from tests.viz.figure_samples import blobs, run


def test_a_row_for_each_kind_of_at_most_twelve_parts():
    axes = viz.kinds({"many": blobs(20), "few": blobs(2)}, facts={"few": "area $5 %"}).axes[0]
    assert len(axes.images) == 12 + 2
    words = [text.get_text() for text in axes.texts]
    assert {"many", "few", "area $5 %"} <= set(words)
    assert "the first 12 of 20" in words[-1]
    tops = [image.get_extent()[3] for image in axes.images]
    assert len(set(tops)) == 2
    assert min(tops[12:]) > max(tops[:12])


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(NoImagesError):
        viz.kinds({})
    with pytest.raises(ParameterError, match="'b', which is not in stacks: a"):
        viz.kinds({"a": blobs(2)}, facts={"b": "x"})
    with pytest.raises(DataError, match="the parts of a"):
        viz.kinds({"a": -blobs(2)})


def test_a_section_of_the_page_is_text_and_a_picture():
    fit = PageFit(1, np.ones((1, 2, 2)), np.ones((1, 1)), 0.2, 1, 1.0, "enough", run(1))
    section = PageSection("<b>", "a & b", b"PNG", 'say "x"', ("kind", "error"), (("<i>", "1 %"),))
    page = render_page([fit], PageImages(np.ones((1, 2, 2)), ("a.png",)), sections=[section])
    assert "<b>" not in page.split('class="more"')[1]
    assert "&lt;b&gt;" in page
    assert "a &amp; b" in page
    assert 'src="data:image/png;base64,UE5H"' in page
    assert "&lt;i&gt;" in page
    without = render_page([fit], PageImages(np.ones((1, 2, 2)), ("a.png",)))
    assert 'class="more"' not in without
