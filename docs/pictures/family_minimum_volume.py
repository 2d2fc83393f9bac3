"""Mixtures of three spectra, none of them pure: which parts each method finds."""

import numpy as np
from matplotlib.figure import Figure

import imgnmf
from imgnmf.core.measures import matched
from imgnmf.viz.style import FAINT, INK, PALETTE, applied

rng = np.random.default_rng(0)
band = np.linspace(0, 1, 60)[:, None]
spectra = 0.3 + np.exp(-(((band - [0.25, 0.5, 0.8]) / [0.12, 0.3, 0.15]) ** 2))
shares = rng.dirichlet([0.5, 0.5, 0.5], 5000).T
shares = shares[:, shares.max(axis=0) < 0.8][:, :600]
V = np.maximum(spectra @ shares + 0.005 * rng.standard_normal((60, 600)), 0)
fits = {
    "NMF": imgnmf.factorize(V, 3, max_iter=2000),
    "SNPA": imgnmf.family.separable(V, 3),
    "minimum volume": imgnmf.family.minimum_volume(V, 3),
}

# Seen in the plane of all colours with a sum of 1, along its two widest directions.
colours = V / V.sum(axis=0)
middle = colours.mean(axis=1, keepdims=True)
plane = np.linalg.svd(colours - middle, full_matrices=False)[0][:, :2]


def place(columns):
    return plane.T @ (columns / columns.sum(axis=0) - middle)


def triangle(axes, corners, **look):
    axes.plot(*place(corners)[:, [0, 1, 2, 0]], **look)


with applied():
    figure = Figure(figsize=(7.0, 2.1), layout="constrained")
    panels = figure.subplots(1, 3, sharex=True, sharey=True)
    for number, (axes, (name, fit)) in enumerate(zip(panels, fits.items(), strict=True)):
        cosine = matched(spectra, fit.W).cosine
        axes.plot(*place(V), ".", color=FAINT, markersize=2.5, zorder=0)
        triangle(axes, spectra, color=INK, linestyle="--", linewidth=0.9)
        triangle(axes, fit.W, color=PALETTE[number], marker="o")
        axes.set_title(f"{name}: {np.degrees(np.arccos(cosine)).mean():.1f}° off", color=PALETTE[number])
        axes.set(xticks=[], yticks=[], aspect="equal")
        axes.spines[:].set_visible(False)

imgnmf.viz.save_figure("family_minimum_volume.png", figure)
