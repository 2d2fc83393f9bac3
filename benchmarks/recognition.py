"""Recognising faces of ORL by their coefficients: NMF beside PCA at the same k, with and without occlusion."""

from __future__ import annotations

from typing import Any

import click
import numpy as np
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier

import imgnmf
from benchmarks.report import write

COMMAND = "python -m benchmarks.recognition"
FOLDER = "../shared/data/orl_faces"
SIZE, SHARE = (56, 46), 0.5  # of the height and of the width that the block hides: a quarter of the face


def split(rng: np.random.Generator, labels: np.ndarray) -> np.ndarray:
    """True for the five images of each person that are learned from."""
    learned = np.zeros(len(labels), bool)
    for person in np.unique(labels):
        learned[rng.permutation(np.flatnonzero(labels == person))[:5]] = True
    return learned


def hidden_pixels(rng: np.random.Generator, n_images: int) -> np.ndarray:
    """True where a block lies, at a random place in each image; shape (n_pixels, n_images)."""
    height, width = (int(SHARE * n) for n in SIZE)
    hidden = np.zeros((n_images, *SIZE), bool)
    for one in hidden:
        top, left = (int(rng.integers(0, n - size + 1)) for n, size in zip(SIZE, (height, width), strict=True))
        one[top : top + height, left : left + width] = True
    return hidden.reshape(n_images, -1).T


def accuracy(train: np.ndarray, labels: np.ndarray, test: np.ndarray, truth: np.ndarray) -> float:
    """Share of the rows of `test` whose nearest neighbour by cosine is of the same person."""
    nearest = KNeighborsClassifier(1, metric="cosine").fit(train, labels)
    return float(nearest.score(test, truth))


def scores_of(V: np.ndarray, labels: np.ndarray, rank: int, seed: int) -> dict[str, float]:
    """One split; each method on clean faces, and on faces with a black block."""
    rng = np.random.default_rng(seed)
    learned = split(rng, labels)
    train, test, who, truth = V[:, learned], V[:, ~learned], labels[learned], labels[~learned]
    hidden = hidden_pixels(rng, test.shape[1])
    blocked = np.where(hidden, 0, test)
    fit, pca = imgnmf.factorize(train, rank, max_iter=1000, threads=1), PCA(rank, random_state=0).fit(train.T)
    learned_H, learned_P = fit.H.T, pca.transform(train.T)
    return {
        "PCA, clean": accuracy(learned_P, who, pca.transform(test.T), truth),
        "NMF, clean": accuracy(learned_H, who, fit.encode(test).T, truth),
        "PCA, block": accuracy(learned_P, who, pca.transform(blocked.T), truth),
        "NMF, block": accuracy(learned_H, who, fit.encode(blocked).T, truth),
        "NMF, block, weights": accuracy(learned_H, who, fit.encode(blocked, 1.0 - hidden).T, truth),
    }


def row_of(V: np.ndarray, labels: np.ndarray, rank: int, splits: int) -> dict[str, Any]:
    """Mean accuracy over the splits."""
    scores = [scores_of(V, labels, rank, seed) for seed in range(splits)]
    return {"k": rank, **{name: float(np.mean([score[name] for score in scores])) for name in scores[0]}}


@click.command()
@click.option("--quick", is_flag=True, help="One split instead of 5.")
def main(quick: bool) -> None:
    """Print and write the table."""
    images = imgnmf.load_images(FOLDER, size=SIZE)
    labels = np.array([name.replace("\\", "/").split("/")[-2] for name in images.names])
    splits = 1 if quick else 5
    rows = [row_of(images.V.astype(np.float64), labels, rank, splits) for rank in (16, 25, 49)]
    remarks = [
        f"Accuracy of the nearest neighbour by cosine, mean of {splits} split(s): 5 images of each of "
        f"{len(np.unique(labels))} people to learn from, the other 5 to recognise.",
        "block: a black block over a quarter of each face that is to be recognised; weights: its pixels have weight 0.",
    ]
    write("recognition", COMMAND + (" --quick" if quick else ""), rows, remarks)


if __name__ == "__main__":
    main()
