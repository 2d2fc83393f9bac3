"""Show the parts: montages, figures and an interactive page from arrays, and the files they go to.

Arrays in, arrays or matplotlib Figures out. No display is needed and no global setting is touched.
"""

from __future__ import annotations

from imgnmf.viz.animate import Animation, animate_basis, animate_build_up, animate_reconstructions
from imgnmf.viz.figures import (
    Curve,
    basis,
    build_up,
    coefficients,
    compare,
    convergence,
    coverage,
    inpainted,
    kinds,
    layer_tree,
    occluded,
    rank_curve,
    reconstructions,
    reliability,
    score_curves,
    topic_documents,
    topic_words,
)
from imgnmf.viz.film_file import save_animation
from imgnmf.viz.montage import montage
from imgnmf.viz.page import PageFit, PageImages, PageSection, render_page, write_page
from imgnmf.viz.write import save_figure, save_image

__all__ = [
    "Animation",
    "Curve",
    "PageFit",
    "PageImages",
    "PageSection",
    "animate_basis",
    "animate_build_up",
    "animate_reconstructions",
    "basis",
    "build_up",
    "coefficients",
    "compare",
    "convergence",
    "coverage",
    "inpainted",
    "kinds",
    "layer_tree",
    "montage",
    "occluded",
    "rank_curve",
    "reconstructions",
    "reliability",
    "render_page",
    "save_animation",
    "save_figure",
    "save_image",
    "score_curves",
    "topic_documents",
    "topic_words",
    "write_page",
]
