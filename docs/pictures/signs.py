"""The same faces taken apart twice: by NMF, and by the SVD, which may subtract."""

import numpy as np
from matplotlib.figure import Figure

import imgnmf
from imgnmf.viz.style import DIFFERENCE, WHITE_IS_ZERO, applied

images = imgnmf.load_dataset("lfw-faces")
fit = imgnmf.factorize(images.V, rank=25, max_iter=2000).ordered()
left = np.linalg.svd(images.V, full_matrices=False)[0]
left *= np.sign(left.sum(axis=0))

with applied():
    figure = Figure(figsize=(7.0, 1.75))
    room = {
        "wspace": 0.08,
        "hspace": 0.08,
        "left": 0.05,
        "right": 0.995,
        "top": 0.995,
        "bottom": 0.12,
    }
    rows = figure.subplots(2, 9, gridspec_kw=room)
    for axes, part in zip(rows[0], images.stack(fit.W), strict=False):
        axes.imshow(part, cmap=WHITE_IS_ZERO, vmin=0, interpolation="nearest")
    for axes, vector in zip(rows[1], images.stack(left), strict=False):
        most = np.abs(vector).max()
        axes.imshow(vector, cmap=DIFFERENCE, vmin=-most, vmax=most, interpolation="nearest")
    for axes in rows.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(visible=True, color="#d9d9d9")
    rows[0, 0].set_ylabel("NMF")
    rows[1, 0].set_ylabel("SVD")
    note = "NMF: white = 0, black = largest.   SVD: white = 0, orange adds, blue takes away."
    figure.text(0.05, 0.03, note, fontsize=7, color="#666666")

imgnmf.viz.save_figure("signs.png", figure)
