"""Three factorizations of the swimmer at k = 17 that all rebuild it: only the last one has found its parts."""

import numpy as np
from matplotlib.figure import Figure

import imgnmf
from imgnmf.images.synthetic import swimmer
from imgnmf.viz.style import WHITE_IS_ZERO, applied

SHOWN = (0, 1, 2, 3, 4, 6, 8, 10, 16)
images, masks = swimmer()
true = masks.reshape(len(masks), -1).T.astype(float)

plain = imgnmf.factorize(images.V, 17)
few_pixels = imgnmf.L1(0.003)
fits = {
    "random start": imgnmf.factorize(images.V, 17, init="random"),
    "default start": plain,
    "then L1": imgnmf.factorize(
        images.V,
        17,
        init=imgnmf.GivenFactors(plain.W, plain.H),
        penalty_W=few_pixels,
        penalty_H=few_pixels,
        max_iter=2000,
    ),
}


rows = {"true parts": (masks.astype(float), "17 of them, 9 shown")}
for name, fit in fits.items():
    match = (true / np.linalg.norm(true, axis=0)).T @ (fit.W / np.linalg.norm(fit.W, axis=0))
    nearest, best = match.argmax(axis=1), match.max(axis=1)
    rows[name] = (images.stack(fit.W[:, nearest]), f"error {100 * fit.relative_error:.1f} %")
    print(
        f"{name:<13}  relative error {100 * fit.relative_error:4.1f} %   "
        f"parts found (cosine above 0.99): {(best > 0.99).sum():2} of 17   torso {best[0]:.2f}"
    )

with applied():
    figure = Figure(figsize=(7.0, 2.95))
    room = {
        "left": 0.15,
        "right": 0.995,
        "top": 0.995,
        "bottom": 0.005,
        "wspace": 0.06,
        "hspace": 0.06,
    }
    grid = figure.subplots(len(rows), len(SHOWN), gridspec_kw=room)
    for line, (name, (tiles, words)) in zip(grid, rows.items(), strict=True):
        for axes, index in zip(line, SHOWN, strict=True):
            axes.imshow(tiles[index][2:29, 2:29], cmap=WHITE_IS_ZERO, vmin=0, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set(visible=True, color="#d9d9d9")
        box = line[0].get_position()
        middle = box.y0 + box.height / 2
        figure.text(0.005, middle + 0.03, name, fontsize=8, weight="bold", va="center")
        figure.text(0.005, middle - 0.03, words, fontsize=7, color="#666666", va="center")

imgnmf.viz.save_figure("ghost_torso.png", figure)
