"""NMF, PCA and two picture formats on faces that the parts were not learned from."""

import numpy as np

import imgnmf
from imgnmf.commands.rate_figure import rate_figure
from imgnmf.compression import PillowFormat, Shared, pca_parts, train_parts

faces = imgnmf.load_dataset("lfw-faces")
faces = imgnmf.ImageSet(np.rint(255 * faces.pixels).astype(np.uint8))
train, test = faces[:75], faces[75:]
codecs = [
    Shared("NMF one file", train_parts(train, 49)),
    Shared("PCA one file", pca_parts(train, 49)),
    *(PillowFormat(name, mosaic) for name in ("JPEG", "WEBP") for mosaic in (True, False)),
]
curves = imgnmf.compression.rate_distortion(test, codecs)
figure = rate_figure(curves, f"lfw-faces: shared parts, {len(test)} unseen images")
imgnmf.viz.save_figure("codecs.png", figure)
