"""How faces differ from their mean: the parts may be negative, how much of each may not."""

from matplotlib.figure import Figure

import imgnmf
from imgnmf.viz.style import DIFFERENCE, GREY, applied

faces = imgnmf.load_dataset("lfw-faces")
mean = faces.V.mean(axis=1, keepdims=True)
fit = imgnmf.family.semi(faces.V - mean, rank=8)

with applied():
    figure = Figure(figsize=(7.0, 0.93))
    room = {"wspace": 0.08, "left": 0.005, "right": 0.995, "top": 0.995, "bottom": 0.16}
    row = figure.subplots(1, 9, gridspec_kw=room)
    row[0].imshow(faces.stack(mean)[0], cmap=GREY, interpolation="nearest")
    row[0].set_xlabel("mean", fontsize=7, labelpad=2)
    for number, (axes, part) in enumerate(zip(row[1:], faces.stack(fit.W), strict=True), start=1):
        most = abs(part).max()
        axes.imshow(part, cmap=DIFFERENCE, vmin=-most, vmax=most, interpolation="nearest")
        axes.set_xlabel(f"part {number}", fontsize=7, labelpad=2)
    for axes in row:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(visible=True, color="#d9d9d9")

imgnmf.viz.save_figure("family_semi.png", figure)
