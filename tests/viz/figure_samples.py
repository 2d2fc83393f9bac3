"""One small sample of every figure. Run this file to draw the stored pictures anew; then look at them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imgnmf import viz

BASELINE = Path(__file__).parent / "baseline"
SAMPLE_DPI = 60


def blobs(n, side=9, channels=0):
    """Parts one can tell apart: soft spots at places spread over the image."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[:side, :side]
    centres = rng.uniform(1, side - 2, (n, 2))
    stack = np.exp(-((y - centres[:, :1, None]) ** 2 + (x - centres[:, 1:, None]) ** 2) / 4)
    return stack[..., None] * rng.random((n, 1, 1, channels)) if channels else stack


def mixed(n_parts, n_images):
    H = np.random.default_rng(3).gamma(0.7, 0.3, (n_parts, n_images))
    return np.tensordot(H.T, blobs(n_parts), axes=1).clip(0, 1), H


def run(k):
    steps = np.arange(60.0)
    return viz.Curve(steps, steps * k / 300, 0.1 + 1 / k + 0.4 * np.exp(-steps / 8))


def sample_basis():
    return viz.basis(blobs(10), weights=np.arange(10), order="energy", title="Ten parts, strongest first")


def sample_basis_shared():
    parts = blobs(5) * np.linspace(1, 0.2, 5)[:, None, None]
    return viz.basis(parts, scale="shared", order="sparseness", columns=3)


def sample_basis_colour():
    return viz.basis(blobs(4, channels=3), title="Colour")


def sample_compare():
    return viz.compare(blobs(4), blobs(5)[::-1] + 0.05, [4, 3, 2, -1], names=("this", "that"), title="Two bases")


def sample_coverage():
    return viz.coverage(blobs(6, side=16).round(1), title="Who owns which pixel")


def sample_reconstructions():
    images, H = mixed(6, 3)
    less = {k: np.tensordot(H[:k].T, blobs(6)[:k], axes=1) for k in (2, 4)}
    return viz.reconstructions(images, less, names=["one", "two", "a_long_file_name_17.png"], title="Reconstructions")


def sample_build_up():
    images, H = mixed(6, 3)
    return viz.build_up(images[0], blobs(6), H[:, 0], n_parts=4, title="Built up")


def sample_coefficients():
    return viz.coefficients(mixed(6, 24)[1], labels=["a"] * 6 + ["b"] * 10 + ["a"] * 8, title="Coefficients")


def sample_rank_curve():
    return viz.rank_curve([16, 4, 9], [0.17, 0.25, 0.2], others={"SVD": [0.15, 0.22, 0.18]}, chosen=9, title="Rank")


def sample_convergence():
    return viz.convergence({f"k = {k}": run(k) for k in (4, 9, 25)}, title="Convergence")


def sample_layer_tree():
    small = blobs(9)
    shares = np.kron(np.eye(3), np.array([[0.6], [0.3], [0.1]]))[::-1]
    return viz.layer_tree([small, np.tensordot(shares.T, small, axes=1)], [shares], title="Parts of parts")


def sample_topic_words():
    words = ["cat", "a_very_long_identifier_of_a_program", "__init__", "café", "dog"]
    topics = [[(word, 0.3 / (place + topic + 1)) for place, word in enumerate(words)] for topic in range(4)]
    return viz.topic_words([*topics, topics[0][:2], []], columns=3, title="Words")


def sample_topic_documents():
    shares = np.random.default_rng(5).dirichlet([0.2] * 4, 12).T
    shares[:, 3] = 0
    names = [f"letters/{number}_$x$.txt" for number in range(12)]
    return viz.topic_documents(shares, names=names, title="Documents")


def sample_inpainted():
    images, _H = mixed(6, 3)
    unknown = np.zeros(images.shape, bool)
    unknown[0, 3:6, 3:6] = unknown[1, 1:4, 5:8] = unknown[2, ::2, ::3] = True
    filled = np.where(unknown, (0.9 * images + 0.02).clip(0, 1), images)
    return viz.inpainted(filled, unknown, originals=images, names=["one", "two", "three"], title="Filled holes")


def sample_occluded():
    images, _H = mixed(6, 3)
    masks = np.zeros(images.shape, bool)
    masks[0, 3:6, 3:6] = masks[1, 1:4, 5:8] = True
    covered = np.where(masks, 1.0, images)
    return viz.occluded(covered, masks, images, names=["one", "two", "three"], title="In the way")


SAMPLES = {name.removeprefix("sample_"): draw for name, draw in list(globals().items()) if name.startswith("sample_")}


if __name__ == "__main__":
    BASELINE.mkdir(exist_ok=True)
    for name, draw in SAMPLES.items():
        draw().savefig(BASELINE / f"{name}.png", dpi=SAMPLE_DPI, metadata={"Software": None})
