"""Faces with a dark square in front of every third, and what is found."""

import numpy as np

import imgnmf

faces = imgnmf.load_dataset("lfw-faces")
rng = np.random.default_rng(0)
images, covered = faces.pixels.copy(), rng.choice(len(faces), 30, replace=False)
for number in covered:
    top, left = rng.integers(0, 25 - 11 + 1, 2)
    images[number, top : top + 11, left : left + 11] = 0.0
found = imgnmf.find_occlusions(images, rank=10)
shown = covered[:5]
figure = imgnmf.viz.occluded(
    images[shown],
    found.masks[shown],
    faces.stack(found.fit.W @ found.fit.H[:, shown]),
    title="Nobody told where the squares are",
)
imgnmf.viz.save_figure("occlusions.png", figure)
