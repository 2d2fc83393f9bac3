"""The same digits by NMF, whose parts are strokes, and by convex NMF, whose parts are mixtures of digits."""

from matplotlib.figure import Figure

import imgnmf
from imgnmf.viz.style import WHITE_IS_ZERO, applied

digits = imgnmf.load_dataset("digits")
V = digits.V[:, :600]
fits = {
    "NMF": imgnmf.factorize(V, 10, max_iter=2000),
    "convex NMF": imgnmf.family.convex(V, 10),
}

with applied():
    figure = Figure(figsize=(7.0, 1.3))
    room = {"wspace": 0.08, "hspace": 0.08, "left": 0.13, "right": 0.995, "top": 0.995, "bottom": 0.005}
    rows = figure.subplots(2, 10, gridspec_kw=room)
    for row, (name, fit) in zip(rows, fits.items(), strict=True):
        for axes, part in zip(row, digits.stack(fit.W), strict=True):
            axes.imshow(part, cmap=WHITE_IS_ZERO, vmin=0, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set(visible=True, color="#d9d9d9")
        row[0].set_ylabel(f"{name}\n{100 * fit.relative_error:.0f} %", fontsize=7)

imgnmf.viz.save_figure("family_convex.png", figure)
