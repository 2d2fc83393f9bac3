"""Which coefficients are zero, and what the others are: block principal pivoting, compiled or in NumPy.

Coefficients are exchanged between zero and free until none violates the KKT conditions (Kim & Park 2011, alg. 2), each
column on its own path. A column's numbers lie together here: the first axis counts columns.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from imgnmf.core.kernels import compiled
from imgnmf.core.parts import Array

__all__ = ["pivots", "pivots_numpy", "unit_grams", "unit_grams_numpy"]

EXCHANGES = 200
# A coefficient or slope counts as negative beyond NOISE of the column's largest number; a column is certified when its
# conditions hold to within CERTIFIED; a part is a mixture of others when less than SINGULAR of its energy is its own.
NOISE, CERTIFIED, SINGULAR = 1e-12, 1e-10, 1e-14


def pivots(grams: Array, inverse: Array | None, product: Array, free: Array) -> tuple[Array, Array]:
    """Solve ``min_h h' G h / 2 - p' h, h >= 0`` for every row `p` of `product`.

    Parameters
    ----------
    grams : array, shape (1, rank, rank) or (n, rank, rank), float64
        One for all columns or one for each, with a diagonal of ones.
    inverse : array, shape (rank, rank), optional
        Of the one `G`, if it is well conditioned: the work then goes with the number of free coefficients or that of
        zeros, whichever is smaller.
    product : array, shape (n, rank), float64
    free : array, shape (n, rank), bool
        A guess of what is positive.

    Returns
    -------
    H : array, shape (n, rank)
    certified : array, shape (n,), bool
        Whether the KKT conditions hold, to 1e-10 of the column's largest number. `H` is of no use where they do not.

    Examples
    --------
    >>> H, certified = pivots(np.eye(2)[None], None, np.array([[3.0, -1.0]]), np.array([[True, True]]))
    >>> print(H, certified)
    [[3. 0.]] [ True]
    """
    kernel = compiled(_pivot_columns, _factorized, _negative, _exchanged)
    if kernel is None:
        return pivots_numpy(grams, product, free)
    product = np.ascontiguousarray(product)
    none = np.zeros((0, 0)), product
    other_side = none if inverse is None else (np.ascontiguousarray(inverse), product @ inverse)
    H = kernel(np.ascontiguousarray(grams), *other_side, product, np.ascontiguousarray(free))
    return H, _kkt_hold(grams, product, H)


def pivots_numpy(grams: Array, product: Array, free: Array) -> tuple[Array, Array]:
    """The twin of `pivots`, all columns that are not done at a time.

    >>> H, certified = pivots_numpy(np.eye(2)[None], np.array([[3.0, -1.0]]), np.array([[True, True]]))
    >>> print(H, certified)
    [[3. 0.]] [ True]
    """
    n, rank = product.shape
    noise = NOISE * np.abs(product).max(axis=1, initial=0, keepdims=True)
    free, H, todo = free.copy(), np.full(product.shape, np.nan), np.arange(n)
    fewest, patience = np.full(n, rank + 1), np.full(n, 3)
    for _ in range(EXCHANGES):
        own = grams if len(grams) == 1 else grams[todo]
        solved = _solve_free(own, product[todo], free[todo])
        slope = (solved[:, None, :] @ own)[:, 0] - product[todo]
        wrong = np.where(free[todo], solved, slope) < -noise[todo]
        count = wrong.sum(axis=1)
        done = count == 0
        H[todo[done]] = np.maximum(solved[done], 0)
        todo, wrong, count = todo[~done], wrong[~done], count[~done]
        if not len(todo):
            break
        patience[todo] = np.where(count < fewest[todo], 3, patience[todo] - 1)
        fewest[todo] = np.minimum(count, fewest[todo])
        free[todo] ^= np.where(patience[todo][:, None] >= 0, wrong, _last_only(wrong))
    return H, _kkt_hold(grams, product, H)


def _solve_free(grams: Array, product: Array, free: Array) -> Array:
    """Least squares over the free coefficients of each column: the others' rows become the identity's."""
    systems = np.where(free[:, :, None] & free[:, None, :], grams, 0.0)
    diagonal = np.einsum("nii->ni", systems)
    # A ridge at the limit of precision decides between duplicate parts without moving any other answer.
    diagonal[...] = np.where(free, diagonal * (1 + 1e-13), 1.0)
    return np.asarray(np.linalg.solve(systems, np.where(free, product, 0.0)[:, :, None])[:, :, 0])


def _last_only(wrong: Array) -> Array:
    last = wrong.shape[1] - 1 - np.argmax(wrong[:, ::-1], axis=1)
    return np.asarray(wrong & (np.arange(wrong.shape[1]) == last[:, None]))


def _kkt_hold(grams: Array, product: Array, H: Array) -> Array:
    """A column that was given up is NaN, and holds nothing."""
    slope = (H @ grams[0] if len(grams) == 1 else (H[:, None, :] @ grams)[:, 0]) - product
    violation = np.where(H > 0, np.abs(slope), -slope).max(axis=1, initial=0)
    return np.asarray(violation <= CERTIFIED * np.maximum(np.abs(product), H).max(axis=1, initial=0))


def _pivot_columns(grams: Any, inverse: Any, direct: Any, product: Any, free: Any) -> Any:
    n, rank = product.shape
    H, U = np.full((n, rank), np.nan), np.empty((rank, rank))
    found, part = np.empty(rank), np.empty(rank)
    chosen, inside = np.empty(rank, np.intp), np.empty(rank, np.bool_)
    for c in range(n):
        p, x, gram = product[c], direct[c], grams[c if len(grams) > 1 else 0]
        largest, count = 0.0, 0
        for i in range(rank):
            inside[i] = free[c, i]
            count += inside[i]
            largest = max(largest, abs(p[i]), abs(x[i]))
        noise = NOISE * largest
        fewest, patience = rank + 1, 3
        for _ in range(EXCHANGES):
            # The same conditions from the other side: with the slopes y >= 0, h = G^-1 p + G^-1 y. There the zeros'
            # slopes are solved for, here the free coefficients; what the others come to follows.
            dual = 2 * count > rank and len(inverse) > 0
            M = inverse if dual else gram
            size = 0
            for i in range(rank):
                found[i] = x[i] if dual else -p[i]
                if inside[i] != dual:
                    part[size] = -found[i]
                    chosen[size] = i
                    size += 1
            if not _factorized(M, chosen, size, U, part):
                break
            for a in range(size - 1, -1, -1):
                for b in range(a + 1, size):
                    part[a] -= U[a, b] * part[b]
                part[a] /= U[a, a]
                row = M[chosen[a]]
                for i in range(rank):
                    found[i] += part[a] * row[i]
            for a in range(size):
                found[chosen[a]] = part[a]
            wrong, last = _negative(found, noise)
            if wrong == 0:
                for i in range(rank):
                    H[c, i] = max(found[i], 0.0) if inside[i] else 0.0
                break
            patience = 3 if wrong < fewest else patience - 1
            fewest = min(fewest, wrong)
            count += _exchanged(inside, found, noise, last if patience < 0 else -1)
    return H


def _factorized(M: Any, chosen: Any, size: int, U: Any, part: Any) -> bool:
    sound = True
    for a in range(size):
        row, line = M[chosen[a]], U[a]
        for b in range(a, size):
            line[b] = row[chosen[b]]
        # Four rows at a time: one load and store of `line` serves four multiply-adds.
        t = 0
        while t + 4 <= a:
            u0, u1, u2, u3 = U[t], U[t + 1], U[t + 2], U[t + 3]
            f0, f1, f2, f3 = u0[a], u1[a], u2[a], u3[a]
            for b in range(a, size):
                line[b] -= f0 * u0[b] + f1 * u1[b] + f2 * u2[b] + f3 * u3[b]
            part[a] -= f0 * part[t] + f1 * part[t + 1] + f2 * part[t + 2] + f3 * part[t + 3]
            t += 4
        while t < a:
            u0, f0 = U[t], U[t, a]
            for b in range(a, size):
                line[b] -= f0 * u0[b]
            part[a] -= f0 * part[t]
            t += 1
        sound = sound and line[a] > SINGULAR * row[chosen[a]]
        root = 1 / np.sqrt(max(line[a], SINGULAR))
        for b in range(a, size):
            line[b] *= root
        part[a] *= root
    return sound


def _negative(found: Any, noise: float) -> tuple[int, int]:
    wrong, last = 0, 0
    for i in range(len(found)):
        if found[i] < -noise:
            wrong, last = wrong + 1, i
    return wrong, last


def _exchanged(inside: Any, found: Any, noise: float, only: int) -> int:
    more = 0
    for i in range(len(found)):
        if found[i] < -noise and only in (-1, i):
            inside[i] = not inside[i]
            more += 1 if inside[i] else -1
    return more


def unit_grams(triangles: Array, descent: Array, start: Array) -> tuple[Array, Array, Array]:
    """What `pivots` takes, for columns with a Gram matrix `G_j` each and ``p_j = descent_j + G_j start_j``.

    Parameters
    ----------
    triangles : array, shape (rank (rank + 1) / 2, n)
        The upper triangle of each `G_j`, row by row.
    descent, start : array, shape (rank, n)

    Returns
    -------
    grams : array, shape (n, rank, rank)
        In units of the coefficients that make the diagonals 1.
    product : array, shape (n, rank)
    scale : array, shape (n, rank)
        A coefficient is so many of its unit; 0 for one whose `G_j` has nothing on the diagonal.

    Examples
    --------
    >>> grams, product, scale = unit_grams(np.array([[4.0]]), np.array([[2.0]]), np.array([[1.0]]))
    >>> print(grams, product, scale)
    [[[1.]]] [[3.]] [[0.5]]
    """
    kernel = compiled(_unit_grams)
    if kernel is None:
        return unit_grams_numpy(triangles, descent, start)
    rank, n = descent.shape
    grams, product, scale = np.empty((n, rank, rank)), np.empty((n, rank)), np.empty((n, rank))
    kernel(triangles, descent, start, grams, product, scale)
    return grams, product, scale


def unit_grams_numpy(triangles: Array, descent: Array, start: Array) -> tuple[Array, Array, Array]:
    """The twin of `unit_grams`.

    >>> grams, product, scale = unit_grams_numpy(np.array([[4.0]]), np.array([[2.0]]), np.array([[1.0]]))
    >>> print(grams, product, scale)
    [[[1.]]] [[3.]] [[0.5]]
    """
    rank = len(descent)
    place = np.zeros((rank, rank), np.intp)
    place[np.triu_indices(rank)] = np.arange(len(triangles))
    own = triangles.T[:, np.maximum(place, place.T)]
    diagonal = np.einsum("nii->ni", own)
    scale = np.where(diagonal > 0, 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1)), 0)
    product = scale * (descent + np.einsum("nij,jn->in", own, start)).T
    own = own * scale[:, :, None] * scale[:, None, :]
    np.einsum("nii->ni", own)[...] = 1
    return own, product, scale


def _unit_grams(triangles: Any, descent: Any, start: Any, grams: Any, product: Any, scale: Any) -> None:
    rank, n = descent.shape
    r = 0
    for a in range(rank):
        own = triangles[r]
        for c in range(n):
            scale[c, a] = 1 / np.sqrt(own[c]) if own[c] > 0 else 0.0
            product[c, a] = descent[a, c]
        r += rank - a
    # Columns innermost, as they lie in memory.
    r = 0
    for a in range(rank):
        for b in range(a, rank):
            row, first, second = triangles[r], start[a], start[b]
            for c in range(n):
                grams[c, a, b] = grams[c, b, a] = row[c] * scale[c, a] * scale[c, b]
                product[c, a] += row[c] * second[c]
                if b > a:
                    product[c, b] += row[c] * first[c]
            r += 1
    for c in range(n):
        for a in range(rank):
            grams[c, a, a] = 1.0
            product[c, a] *= scale[c, a]
