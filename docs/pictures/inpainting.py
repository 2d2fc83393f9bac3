"""Faces with a block over each, and what is put in its place."""

import numpy as np

import imgnmf

faces = imgnmf.load_dataset("lfw-faces")
rng = np.random.default_rng(0)
unknown = np.zeros(faces.pixels.shape, bool)
for one in unknown:
    top, left = rng.integers(0, 25 - 9 + 1, 2)
    one[top : top + 9, left : left + 9] = True
done = imgnmf.inpaint(faces, ~unknown)
shown = [3, 12, 40, 77]
figure = imgnmf.viz.inpainted(
    done.images.pixels[shown],
    unknown[shown],
    originals=faces.pixels[shown],
    title="Every face has a hole, and no whole face was seen",
)
imgnmf.viz.save_figure("inpainting.png", figure)
