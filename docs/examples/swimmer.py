import imgnmf
import numpy as np
from imgnmf.images.synthetic import swimmer

images, masks = swimmer()  # 256 poses, and the 17 parts that they are made of
study = imgnmf.factorize_ranks(images.V, [13, 16, 17])
for row in study.table():
    print(f"k = {row.rank}: relative error {100 * row.relative_error:6.2f} %")
fit = study[17]

# An error of zero proves nothing here: hold the parts against the true ones.
true = masks.reshape(17, -1).T / np.sqrt(masks.sum(axis=(1, 2)))
cosines = true.T @ (fit.W / np.linalg.norm(fit.W, axis=0))
print(f"parts found, cosine above 0.99: {(cosines.max(axis=1) > 0.99).sum()} of 17")

figure = imgnmf.viz.basis(images.stack(fit.W), title="17 parts of the swimmer", columns=9)
imgnmf.viz.save_figure("swimmer.png", figure)
