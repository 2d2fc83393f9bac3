"""Figures for a paper: each function takes arrays and returns a matplotlib Figure."""

from __future__ import annotations

from imgnmf.viz.figures.build_up import build_up
from imgnmf.viz.figures.coefficients import coefficients
from imgnmf.viz.figures.coverage import coverage
from imgnmf.viz.figures.curves import Curve, convergence, rank_curve
from imgnmf.viz.figures.filled import inpainted
from imgnmf.viz.figures.kinds import kinds
from imgnmf.viz.figures.parts import basis, compare
from imgnmf.viz.figures.pictures import reconstructions
from imgnmf.viz.figures.scores import reliability, score_curves
from imgnmf.viz.figures.topics import topic_documents, topic_words
from imgnmf.viz.figures.tree import layer_tree

__all__ = [
    "Curve",
    "basis",
    "build_up",
    "coefficients",
    "compare",
    "convergence",
    "coverage",
    "inpainted",
    "kinds",
    "layer_tree",
    "rank_curve",
    "reconstructions",
    "reliability",
    "score_curves",
    "topic_documents",
    "topic_words",
]
