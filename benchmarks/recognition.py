"""Recognizing faces of ORL by their coefficients: NMF, its rows of H on several scales, beside PCA at the same k."""

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
SPLITS = 3


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
    """Share of the rows of `test` whose nearest neighbor by cosine is of the same person."""
    nearest = KNeighborsClassifier(1, metric="cosine").fit(train, labels)
    return float(nearest.score(test, truth))


def fit_of(V: np.ndarray, rank: int) -> tuple[imgnmf.Factorization, np.ndarray]:
    """The fit, and the lengths that its parts had in the iteration, which nothing but the start decides."""
    lengths = np.ones(rank)

    def look(state: Any) -> None:
        lengths[:] = np.linalg.norm(state.W, axis=0)

    return imgnmf.factorize(V, rank, max_iter=1000, threads=1, callback=look), lengths


def features_of(fit: imgnmf.Factorization, lengths: np.ndarray) -> dict[str, np.ndarray]:
    """For each way to compare images, the matrix that is applied to H before the cosine is taken."""
    return {
        "H, scale of the iteration": np.diag(1 / lengths),
        "H, parts of maximum 1": np.diag(fit.W.max(axis=0)),
        "H, parts of length 1": np.eye(fit.rank),
        # W = QR, so cosines between columns of R H are those between columns of W H.
        "reconstructions": np.linalg.qr(fit.W)[1],
    }


def coordinates(pca: PCA, V: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """PCA by least squares on the pixels of each image that are seen; shape (n_images, rank)."""
    centered = V.T - pca.mean_
    found = [
        np.linalg.lstsq(pca.components_[:, s].T, row[s], rcond=None)[0] for row, s in zip(centered, seen.T, strict=True)
    ]
    return np.array(found)


def scores_of(V: np.ndarray, labels: np.ndarray, rank: int, seed: int) -> dict[str, list[float]]:
    """One split: the accuracy of each method on clean faces, on covered ones, and told which pixels are covered."""
    rng = np.random.default_rng(seed)
    learned = split(rng, labels)
    train, test, who, truth = V[:, learned], V[:, ~learned], labels[learned], labels[~learned]
    hidden = hidden_pixels(rng, test.shape[1])
    blocked = np.where(hidden, 0, test)
    fit, lengths = fit_of(train, rank)
    encoded = fit.encode(test), fit.encode(blocked), fit.encode(blocked, weights=1.0 - hidden)
    scores = {
        f"NMF: {name}": [accuracy((F @ fit.H).T, who, (F @ H).T, truth) for H in encoded]
        for name, F in features_of(fit, lengths).items()
    }
    pca = PCA(rank, random_state=0).fit(train.T)
    known = pca.transform(train.T)
    found = pca.transform(test.T), pca.transform(blocked.T), coordinates(pca, blocked, ~hidden)
    return scores | {"PCA": [accuracy(known, who, each, truth) for each in found]}


def rows_of(V: np.ndarray, labels: np.ndarray, rank: int, splits: int) -> list[dict[str, Any]]:
    """Mean accuracies over the splits, one row a method."""
    scores = [scores_of(V, labels, rank, seed) for seed in range(splits)]
    columns = ("clean", "covered", "covered, told where")
    return [
        {"k": rank, "cosine of": name, **dict(zip(columns, np.mean([s[name] for s in scores], axis=0), strict=True))}
        for name in scores[0]
    ]


@click.command()
@click.option("--quick", is_flag=True, help=f"One split instead of {SPLITS}.")
def main(quick: bool) -> None:
    """Print and write the table."""
    images = imgnmf.load_images(FOLDER, size=SIZE)
    labels = np.array([name.replace("\\", "/").split("/")[-2] for name in images.names])
    splits = 1 if quick else SPLITS
    V = images.V.astype(np.float64)
    rows = [row for rank in (16, 25, 49) for row in rows_of(V, labels, rank, splits)]
    remarks = [
        f"Accuracy of the nearest neighbor by cosine, mean of {splits} split(s): 5 images of each of "
        f"{len(np.unique(labels))} people to learn from, the other 5 to recognize.",
        "covered: a black block over a quarter of each face that is to be recognized; told where: its pixels have "
        "weight 0 for NMF, and PCA's coordinates are least squares on the other pixels.",
        "scale of the iteration: as `factorize` returned H before its parts had length 1.",
    ]
    write("recognition", COMMAND + (" --quick" if quick else ""), rows, remarks)


if __name__ == "__main__":
    main()
