import imgnmf
from imgnmf.core.measures import parts_found
from imgnmf.images.synthetic import swimmer

images, masks = swimmer()  # 256 poses, and the 17 parts that they are made of
study = imgnmf.factorize_ranks(images.V, [13, 16, 17], max_iter=2000)
for row in study.table():
    print(f"k = {row.rank}: relative error {100 * row.relative_error:6.2f} %")
fit = study[17]

# An error of zero proves nothing here: hold the parts against the true ones.
cosines = parts_found(fit.W, masks)
print(f"parts found, cosine above 0.99: {(cosines > 0.99).sum()} of 17")

figure = imgnmf.viz.basis(
    images.stack(fit.W), title="17 parts of the swimmer", columns=9
)
imgnmf.viz.save_figure("swimmer.png", figure)
