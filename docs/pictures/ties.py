"""The same faces taken apart by relatives of plain NMF, each with its own way to smaller parts."""

import warnings

from matplotlib.figure import Figure

import imgnmf
from imgnmf.core.measures import part_measures
from imgnmf.viz.style import WHITE_IS_ZERO, applied

images = imgnmf.load_dataset("lfw-faces")
V, few = images.V, {"max_iter": 300}
warnings.simplefilter("ignore", imgnmf.errors.ConvergenceWarning)

ridge, overlap = imgnmf.L2(0.003), [imgnmf.Orthogonal(0.001), imgnmf.L2(0.001)]
near = imgnmf.Neighbours(0.03, imgnmf.neighbour_graph(V, 5))
fits = {
    "plain": imgnmf.factorize(V, 25, **few),
    "non-smooth": imgnmf.factorize(V, 25, constraint_H=imgnmf.NonSmooth(0.5), **few),
    "in few images": imgnmf.factorize(V, 25, constraint_H=imgnmf.Sparseness(0.6), **few),
    "neighbours": imgnmf.factorize(V, 25, penalty_W=ridge, penalty_H=[ridge, near], **few),
    "KL, overlap": imgnmf.factorize(
        V, 25, loss="kullback-leibler", penalty_W=overlap, penalty_H=imgnmf.L1(0.001), **few
    ),
    "projective": imgnmf.factorize_projective(V, 25),
}

with applied():
    figure = Figure(figsize=(7.0, 4.9))
    room = {"wspace": 0.08, "hspace": 0.08, "left": 0.17, "right": 0.995, "top": 0.995, "bottom": 0.06}
    rows = figure.subplots(len(fits), 9, gridspec_kw=room)
    for row, (name, fit) in zip(rows, fits.items(), strict=True):
        share = part_measures(fit.W, images.image_shape, fit.H).energy_share
        for axes, part in zip(row, images.stack(fit.W[:, (-share).argsort()]), strict=False):
            axes.imshow(part, cmap=WHITE_IS_ZERO, vmin=0, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set(visible=True, color="#d9d9d9")
        row[0].set_ylabel(
            f"{name}\n{100 * fit.relative_error:.1f} %", fontsize=7, rotation=0, ha="right", va="center", labelpad=6
        )
    figure.text(
        0.17,
        0.015,
        "Nine of 25 parts each, in falling order of energy, and the relative error. White = 0, black = largest.",
        fontsize=7,
        color="#666666",
    )

imgnmf.viz.save_figure("ties.png", figure)
