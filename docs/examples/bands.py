from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.io import loadmat

import imgnmf
from imgnmf.viz.style import GREY, PALETTE, applied

samson = Path(__file__).resolve().parents[3] / "shared" / "data" / "mat" / "Samson.mat"
if not samson.exists():
    print("skipped: shared/data/mat/Samson.mat is not here; imgnmf may not ship it.")
    raise SystemExit

# One band is one image: V is pixels x bands. MATLAB stores pixels column by column.
layout = {"image_shape": (95, 95), "order": "F", "images_in": "rows"}
bands = imgnmf.load_images(samson, key="Y", **layout)
known = loadmat(samson)
fit = imgnmf.factorize(bands.V, rank=3).normalized().ordered()
print(bands, f"relative error {100 * fit.relative_error:.1f} %", sep="\n")


def nearest(true, found):
    """Of each true row, the largest cosine with a row that was found."""
    true, found = (
        rows / np.linalg.norm(rows, axis=1)[:, None] for rows in (true, found)
    )
    return np.round((true @ found.T).max(axis=1), 2)


# A part is a map of where a material is; its row of H is the material's spectrum.
print("the three known spectra are found to a cosine of", nearest(known["GT"], fit.H))
print(
    "the three known maps are found to a cosine of   ",
    nearest(known["S_GT"].reshape(-1, 3).T, fit.W.T),
)

with applied():
    figure = Figure(figsize=(7.0, 1.9), layout="constrained")
    *maps, curves = figure.subplots(1, 4, width_ratios=(1, 1, 1, 1))
    for number, (axes, part) in enumerate(zip(maps, bands.stack(fit.W), strict=True)):
        axes.imshow(part, cmap=GREY, vmin=0)
        axes.set_title(f"part {number + 1}", color=PALETTE[number])
        axes.set(xticks=[], yticks=[])
        curves.plot(fit.H[number], color=PALETTE[number])
    curves.set(xlabel="band", ylabel="row of H", ylim=(0, None), box_aspect=1)
imgnmf.viz.save_figure("bands.png", figure)
