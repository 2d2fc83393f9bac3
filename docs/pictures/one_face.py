"""One face, as the running sum of its strongest parts."""

import imgnmf

images = imgnmf.load_dataset("lfw-faces")
fit = imgnmf.factorize(images.V, rank=25, max_iter=2000)
figure = imgnmf.viz.build_up(images.pixels[7], images.stack(fit.W), fit.H[:, 7], n_parts=6)
imgnmf.viz.save_figure("one_face.png", figure)
