"""Twenty digits picked out of 600, and other digits beside the mixtures of those twenty that come nearest."""

import numpy as np
from matplotlib.figure import Figure

import imgnmf
from imgnmf.core.measures import image_errors
from imgnmf.viz.style import WHITE_IS_ZERO, applied

digits = imgnmf.load_dataset("digits")
V = digits.V[:, :600]
fit = imgnmf.family.separable(V, rank=20)
error = image_errors(V, fit.reconstruct())
# From a quarter to three quarters of the way from the best to the worst.
order = np.argsort(error)
others = order[[150, 250, 350, 450]]

with applied():
    figure = Figure(figsize=(7.0, 2.1))
    room = {"wspace": 0.08, "hspace": 0.08, "left": 0.09, "right": 0.995, "top": 0.995, "bottom": 0.08}
    rows = figure.subplots(3, 10, gridspec_kw=room)
    for axes, part in zip(rows[:2].flat, digits.stack(fit.W), strict=True):
        axes.imshow(part, cmap=WHITE_IS_ZERO, vmin=0, interpolation="nearest")
    pairs = np.stack([V[:, others], fit.reconstruct()[:, others]], axis=2).reshape(len(V), -1)
    for number, (axes, picture) in enumerate(zip(rows[2], digits.stack(pairs), strict=False)):
        axes.imshow(picture, cmap=WHITE_IS_ZERO, vmin=0, interpolation="nearest")
        axes.set_xlabel("its mixture" if number % 2 else "another", fontsize=7, labelpad=2)
    for axes in rows.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(visible=True, color="#d9d9d9")
    for axes in rows[2, 8:]:
        axes.set_visible(False)
    rows[0, 0].set_ylabel("picked", fontsize=7)

imgnmf.viz.save_figure("family_separable.png", figure)
