import numpy as np

import imgnmf

images = imgnmf.load_dataset("digits")
fit = (
    imgnmf.factorize(images.V, rank=16, loss="kullback-leibler", max_iter=2000)
    .normalized()
    .ordered()
)
print(images)
percent = 100 * fit.relative_error
print(f"{fit.solver}, {fit.n_iter} iterations, relative error {percent:.1f} %")

# Which digit uses which part: the mean of H over the images of each label.
use = np.stack([fit.H[:, images.labels == digit].mean(axis=1) for digit in range(10)])
for digit in (0, 1, 7):
    print(
        f"a {digit} is mostly made of the parts",
        *sorted(1 + np.argsort(-use[digit])[:4]),
    )

figure = imgnmf.viz.basis(
    images.stack(fit.W), title="16 parts of 1797 digits", columns=8
)
imgnmf.viz.save_figure("digits.png", figure)
by_label = np.argsort(images.labels, kind="stable")
figure = imgnmf.viz.coefficients(fit.H[:, by_label], labels=images.labels[by_label])
imgnmf.viz.save_figure("use.png", figure)
