"""Groups of digits, from how alike each two are."""

import numpy as np
from matplotlib.figure import Figure

import imgnmf
from imgnmf.viz.style import WHITE_IS_ZERO, applied

digits = imgnmf.load_dataset("digits")
V = digits.V[:, :400]
A = imgnmf.family.affinity(V)
fit = imgnmf.family.symmetric(A, rank=10)
order = np.argsort(fit.labels, kind="stable")
means = np.stack([V[:, fit.labels == group].mean(axis=1) for group in range(10)], axis=1)

with applied():
    figure = Figure(figsize=(7.0, 2.2))
    left, right = figure.subfigures(1, 2, width_ratios=(1, 2.1))
    axes = left.subplots(gridspec_kw={"left": 0.03, "right": 0.97, "top": 0.9, "bottom": 0.02})
    linked = (A[np.ix_(order, order)] > 0).astype(float)
    axes.imshow(linked, cmap=WHITE_IS_ZERO, interpolation="nearest")
    axes.set_title("which images are alike", fontsize=7, weight="normal")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color="#d9d9d9")
    grid = right.subplots(2, 5, gridspec_kw={"left": 0.01, "right": 0.99, "top": 0.9, "bottom": 0.02, "hspace": 0.25})
    for group, axes in enumerate(grid.flat):
        axes.imshow(digits.stack(means[:, [group]])[0], cmap=WHITE_IS_ZERO, vmin=0, interpolation="nearest")
        axes.set_title(f"{(fit.labels == group).sum()} images", fontsize=7, weight="normal", pad=2)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(visible=True, color="#d9d9d9")

imgnmf.viz.save_figure("family_symmetric.png", figure)
