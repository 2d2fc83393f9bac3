"""V, W and H of a hundred faces as the matrices they are, and one column of each as the picture it is."""

from matplotlib.figure import Figure

import imgnmf
from imgnmf.viz.style import GREY, PALETTE, SEQUENTIAL, WHITE_IS_ZERO, applied

FACE, PART = 7, 3
MARK = PALETTE[1]

images = imgnmf.load_dataset("lfw-faces")
fit = imgnmf.factorize(images.V, rank=25, max_iter=2000).normalized().ordered()


def matrix(place, values, name, across, column):
    axes = figure.add_axes(place)
    axes.imshow(values, aspect="auto", cmap=SEQUENTIAL, interpolation="nearest", vmin=0)
    axes.set_title(f"{name}   {values.shape[0]} × {values.shape[1]}", loc="center")
    axes.set(xticks=[], yticks=[], xlabel=across, ylabel="parts" if name == "H" else "pixels")
    axes.spines[:].set_visible(False)
    axes.axvline(column, color=MARK, linewidth=1.6)


def tile(place, image, words, cmap):
    axes = figure.add_axes(place)
    axes.imshow(image, cmap=cmap, vmin=0, interpolation="nearest")
    axes.set(xticks=[], yticks=[], xlabel=words)
    axes.spines[:].set(visible=True, color=MARK)


with applied():
    figure = Figure(figsize=(7.0, 4.2))
    matrix((0.04, 0.53, 0.26, 0.40), images.V, "V", "images", FACE)
    matrix((0.40, 0.53, 0.12, 0.40), fit.W, "W", "parts", PART)
    matrix((0.62, 0.665, 0.37, 0.13), fit.H, "H", "images", FACE)
    for x, sign in ((0.345, "≈"), (0.565, "×")):
        figure.text(x, 0.73, sign, fontsize=18, ha="center", va="center")
    tile((0.07, 0.08, 0.20, 0.333), images.pixels[FACE], "a column of V: an image", GREY)
    tile(
        (0.36, 0.08, 0.20, 0.333),
        images.stack(fit.W)[PART],
        "a column of W: a part",
        WHITE_IS_ZERO,
    )
    bars = figure.add_axes((0.655, 0.145, 0.335, 0.26))
    bars.bar(
        range(1, 26),
        fit.H[:, FACE],
        color=["#0072B2"] * PART + [MARK] + ["#0072B2"] * (24 - PART),
    )
    bars.set(xticks=[1, 5, 10, 15, 20, 25])
    bars.set_xlabel("a column of H: how much of part 1 to 25")

imgnmf.viz.save_figure("factors.png", figure)
