"""Which loss finds the parts under which noise: bars of known shape, three noises, three losses, five draws."""

import warnings

import numpy as np

import imgnmf
from imgnmf.images.synthetic import bars

SIZE, N_IMAGES, DRAWS = 8, 400, 5
PARTS = bars(SIZE)[1].reshape(2 * SIZE, -1).T.astype(float)
NOISES = {
    "one size everywhere (Gauss)": lambda v, rng: np.maximum(v + rng.normal(0, 0.05, v.shape), 0),
    "grows like the root of the signal (Poisson)": lambda v, rng: rng.poisson(100 * v) / 100,
    "in proportion to the signal (gamma)": lambda v, rng: v * rng.gamma(10, 0.1, v.shape),
}
LOSSES = ("frobenius", "kullback-leibler", "itakura-saito")


def clean_images(rng):
    """Sums of bars; the brightest part is 30 times as bright as the darkest."""
    on = rng.random((2 * SIZE, N_IMAGES)) < 0.2
    brightness = rng.permutation(np.logspace(0, -1.5, 2 * SIZE))
    return PARTS @ (on * brightness[:, None] * rng.gamma(4, 0.25, on.shape)) + 0.003


def parts_found(W):
    cosines = (PARTS / np.linalg.norm(PARTS, axis=0)).T @ (W / np.linalg.norm(W, axis=0).clip(1e-9))
    return int((cosines.max(axis=1) > 0.9).sum())


def one_cell(noise, loss):
    found, errors = [], []
    for draw in range(DRAWS):
        rng = np.random.default_rng(draw)
        clean = clean_images(rng)
        fit = imgnmf.factorize(noise(clean, rng), 2 * SIZE + 1, loss=loss, max_iter=1000)
        found.append(parts_found(fit.W))
        errors.append(np.linalg.norm(fit.reconstruct() - clean) / np.linalg.norm(clean))
    error = np.median(errors)
    return np.median(found), "above 1" if error > 1 else f"{error:.3f}"


# Itakura-Saito takes its time: 1000 iterations are enough for this table.
warnings.simplefilter("ignore", imgnmf.errors.ConvergenceWarning)
print(f"| noise | {' | '.join(LOSSES)} |")
print("|---" * (1 + len(LOSSES)) + "|")
for name, noise in NOISES.items():
    cells = [one_cell(noise, loss) for loss in LOSSES]
    most = max(found for found, _ in cells)
    shown = [f"**{found:.0f}**" if found == most else f"{found:.0f}" for found, _ in cells]
    words = [f"{count} · {error}" for count, (_, error) in zip(shown, cells, strict=True)]
    print(f"| {name} | {' | '.join(words)} |")
