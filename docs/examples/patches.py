from skimage import data

import imgnmf

picture = imgnmf.ImageSet(data.camera()[None])
learned_from = imgnmf.load_dataset("patches", patch_size=(12, 12), n_patches=10_000)
fit = imgnmf.factorize(learned_from.V, rank=49, max_iter=2000).ordered()

# They rebuild a picture: cut it, encode every patch, put the patches back.
patches = imgnmf.extract_patches(picture, (12, 12), stride=4)
rebuilt = patches.assemble(fit.W @ fit.encode(patches.V))
print(f"{len(patches)} patches, {fit.rank} numbers each; V stays {patches.V.dtype}")

figure = imgnmf.viz.basis(
    learned_from.stack(fit.W), title="49 parts of 12 x 12 patches", columns=13
)
imgnmf.viz.save_figure("patches.png", figure)
figure = imgnmf.viz.reconstructions(picture.pixels, {fit.rank: rebuilt.pixels})
imgnmf.viz.save_figure("rebuilt.png", figure)
