import imgnmf

images = imgnmf.load_dataset("lfw-faces")
fit = imgnmf.factorize(images.V, rank=25, max_iter=2000).ordered()
print(images)
print(f"V {images.V.shape} ~ W {fit.W.shape} times H {fit.H.shape}")
print(f"relative error {100 * fit.relative_error:.1f} % after {fit.n_iter} iterations")
print("it ended because", fit.reason)
small = fit.normalized().W < 0.02
print(f"nearly zero: {100 * small.mean():.0f} % of W")

parts = images.stack(fit.W)
figure = imgnmf.viz.basis(parts, title="25 parts of 100 faces", columns=9)
imgnmf.viz.save_figure("faces.png", figure)
