"""Topics: how coherent they are on documents that were not fitted, beside scikit-learn's NMF on the same matrix.

``python -m benchmarks.topics [--quick]``

Both get the same sparse term-document matrix. Texts that come with every installation: the paragraphs of Python's
language reference, and the docstrings of SciPy.
"""

from __future__ import annotations

import ast
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

import imgnmf
from benchmarks.report import write
from benchmarks.sparse import objective
from imgnmf.core.sparse import as_stored
from imgnmf.topics import Vocabulary, coherence, python_reference, vocabulary_of

HELD_OUT, TOP, SHORTEST = 0.3, 10, 200
LOSSES = {"kullback-leibler": ("counts", "mu"), "frobenius": ("tf-idf", "cd")}
Factors = tuple[float, Any, Any]


def paragraphs() -> list[str]:
    """Of the language reference, the longer ones."""
    return [text for text in python_reference(by="paragraph").texts if len(text) >= SHORTEST]


def docstrings() -> list[str]:
    """Of SciPy's functions and classes, each once."""
    import scipy

    kinds = (ast.FunctionDef, ast.ClassDef)
    found = {
        ast.get_docstring(node) or ""
        for path in sorted(Path(scipy.__file__).parent.rglob("*.py"))
        if "tests" not in path.parts
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, kinds)
    }
    return sorted(text for text in found if len(text) >= SHORTEST)


def ours(V: Any, rank: int, loss: str, seed: int) -> Factors:
    started = time.perf_counter()
    fit = imgnmf.factorize(V, rank, loss=loss, rng=seed, threads=1)
    return time.perf_counter() - started, fit.W, fit.H


def scikit_learn(V: Any, rank: int, loss: str, seed: int) -> Factors:
    from sklearn.decomposition import NMF

    model = NMF(rank, init="nndsvda", solver=LOSSES[loss][1], beta_loss=loss, max_iter=500, random_state=seed)
    rows = csr_array(V.T)
    started = time.perf_counter()
    H = model.fit_transform(rows)
    return time.perf_counter() - started, model.components_.T, H.T


def top_words(vocabulary: Vocabulary, W: Any) -> list[list[str]]:
    """Of each topic; of one with fewer words, those."""
    orders = np.argsort(-W, axis=0, kind="stable")[:TOP].T
    return [[vocabulary.words[i] for i in order if w[i] > 0] for w, order in zip(W.T, orders, strict=True)]


def scores(fit: Callable[..., Factors], texts: Sequence[str], rank: int, loss: str, seed: int) -> dict[str, float]:
    """One split, one fit."""
    order = np.random.default_rng(seed).permutation(len(texts))
    n_held = round(HELD_OUT * len(texts))
    held, fitted = ([texts[i] for i in some] for some in (order[:n_held], order[n_held:]))
    vocabulary = vocabulary_of(fitted, weighting=LOSSES[loss][0], min_df=5)
    V = vocabulary.matrix(fitted)
    seconds, W, H = fit(V, rank, loss, seed)
    topics = top_words(vocabulary, W)
    return {
        "npmi": float(np.nanmean(coherence(topics, held))),
        "umass": float(np.nanmean(coherence(topics, held, measure="umass"))),
        "different": len({word for topic in topics for word in topic}) / sum(map(len, topics)),
        "s": seconds,
        "objective": objective(as_stored(V).astype(np.float64), W, H, loss),
    }


def row(name: str, texts: Sequence[str], rank: int, loss: str, seeds: int) -> dict[str, Any]:
    """Medians over the splits."""
    made = {
        package: [scores(fit, texts, rank, loss, seed) for seed in range(seeds)]
        for package, fit in (("imgnmf", ours), ("scikit-learn", scikit_learn))
    }
    middle = {
        package: {key: float(np.median([each[key] for each in all_of_it])) for key in all_of_it[0]}
        for package, all_of_it in made.items()
    }
    pairs = zip(made["imgnmf"], made["scikit-learn"], strict=True)
    found: dict[str, Any] = {"texts": f"{name} ({len(texts)})", "loss": f"{loss}, {LOSSES[loss][0]}", "k": rank}
    for key in ("npmi", "umass", "different", "s"):
        found |= {f"{key}, {package}": scored[key] for package, scored in middle.items()}
    wins = sum(a["npmi"] > b["npmi"] for a, b in pairs)
    ratios = [a["objective"] / b["objective"] for a, b in zip(made["imgnmf"], made["scikit-learn"], strict=True)]
    return found | {"npmi better": f"{wins} of {seeds}", "objective / scikit-learn's": float(np.median(ratios))}


@click.command()
@click.option("--quick", is_flag=True, help="Three splits and one rank; else seven and two.")
def main(quick: bool) -> None:
    """Compare, print, write."""
    warnings.simplefilter("ignore")
    seeds, ranks = (3, (10,)) if quick else (7, (10, 20))
    corpora = {"language reference": paragraphs(), "SciPy's docstrings": docstrings()}
    ours(Vocabulary(("aa", "bb")).matrix(["aa", "bb aa"]), 1, "kullback-leibler", 0)  # compiles
    with threadpool_limits(1):
        rows = [row(name, texts, k, loss, seeds) for name, texts in corpora.items() for loss in LOSSES for k in ranks]
    remarks = [
        f"Medians over {seeds} splits, {HELD_OUT:.0%} of the documents held out; words in at least 5 fitted documents, "
        f"scikit-learn's English stop words left out; {TOP} top words a topic.",
        "npmi (-1 to 1) and umass (at most 0 or a little above) on the held-out documents, larger is better; "
        "'different' is the share of the top words that are in no other place of the list.",
        "Both at their defaults, one thread, nndsvda for scikit-learn, at most 500 iterations.",
    ]
    write("topics_quick" if quick else "topics", f"python -m benchmarks.topics{' --quick' * quick}", rows, remarks)


if __name__ == "__main__":
    main()
