"""The same faces taken apart into five kinds of parts."""

import warnings

from matplotlib.figure import Figure

import imgnmf
from imgnmf.core.presets import KINDS, preset
from imgnmf.viz.style import WHITE_IS_ZERO, applied

images = imgnmf.load_dataset("lfw-faces")
warnings.simplefilter("ignore", imgnmf.errors.ConvergenceWarning)
fits = {kind: imgnmf.factorize(images.V, 25, max_iter=150, **vars(preset(kind, images.image_shape))) for kind in KINDS}

with applied():
    figure = Figure(figsize=(7.0, 4.3))
    room = {"wspace": 0.08, "hspace": 0.08, "left": 0.12, "right": 0.995, "top": 0.995, "bottom": 0.06}
    rows = figure.subplots(len(KINDS), 9, gridspec_kw=room)
    for row, (kind, fit) in zip(rows, fits.items(), strict=True):
        for axes, part in zip(row, images.stack(fit.ordered().W), strict=False):
            axes.imshow(part, cmap=WHITE_IS_ZERO, vmin=0, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set(visible=True, color="#d9d9d9")
        row[0].set_ylabel(f"{kind}\n{100 * fit.relative_error:.1f} %", fontsize=7)
    figure.text(
        0.12,
        0.015,
        "Nine of 25 parts each, and the relative error. White = 0, black = largest.",
        fontsize=7,
        color="#666666",
    )

imgnmf.viz.save_figure("kinds.png", figure)
