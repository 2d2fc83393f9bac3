"""Which fit a checkpoint belongs to: the data and every choice that decides what comes next, as plain text."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array, issparse

from imgnmf import __version__
from imgnmf.core.blocks import ColumnBlocks, Runner
from imgnmf.core.digest import digest_of
from imgnmf.core.progress import Task
from imgnmf.core.sparse import is_sparse
from imgnmf.errors import IncompatibleError

__all__ = ["Identity", "check_same", "described", "identity_of", "rng_of"]

CHOICES = ("rank", "loss", "solver", "init", "penalty_W", "penalty_H", "online")
STEERING = ("fixed_W", "constraint_W", "constraint_H")
DIGEST = "SHA-256 "
RNG, ANY = "rng", "any"
BIT_GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")


@dataclass(frozen=True)
class Identity:
    """Which fit it is.

    Attributes
    ----------
    task : mapping of str to str
        What must be the same for the next iteration to be the same.
    seed : mapping
        What the starts are drawn from, so that where any would do the same is found again.
    """

    task: Mapping[str, str]
    seed: Mapping[str, Any]


def identity_of(task: Task) -> Identity:
    """Return what must be the same for the next iteration to be the same.

    What only says where a fit ends (`stop`, `max_iter`, `time_limit`, `callback`) may change from run to run, unless
    several starts are compared, each of which ended by it; `threads` may change always.
    """
    seed = _seed_of(task.rng)
    found = {name: described(getattr(task.fitting, name)) for name in CHOICES}
    found |= {name: described(getattr(task.fitting.steering, name)) for name in STEERING}
    found |= {"n_init": str(task.n_init), RNG: ANY if task.any_rng else _seed_text(**seed)}
    if task.n_init > 1:
        found |= {"stop": described(task.limits.rules), "max_iter": str(task.limits.max_iter)}
    kind = "sparse" if is_sparse(task.blocks.data) else "dense"
    found["the shape of V"] = " x ".join(map(str, task.blocks.shape))
    found["the precision of V"] = f"{task.blocks.dtype.name}, {kind}"
    found["the values of V"] = _joined(task.digests())
    found["weights"] = "None" if task.blocks.weights is None else _digest_of_weights(task.blocks, task.run)
    return Identity(found | {"the version of imgnmf": __version__}, seed)


def check_same(now: Mapping[str, str], then: Mapping[str, str]) -> None:
    """Raise unless both describe one fit; the message names what differs.

    >>> check_same({"rank": "9"}, {"rank": "4"})
    Traceback (most recent call last):
    imgnmf.errors.IncompatibleError: it is of another fit: rank was 4 and is 9. Give what it was begun with, or ...
    """
    names = [name for name in {**now, **then} if now.get(name) != then.get(name)]
    if now.get(RNG) == ANY:
        names = [name for name in names if name != RNG]
    if names:
        told = "; ".join(_difference(name, then.get(name, "None"), now.get(name, "None")) for name in names)
        raise IncompatibleError(
            f"it is of another fit: {told}. Give what it was begun with, or another checkpoint; or delete it"
        )


def _difference(name: str, then: str, now: str) -> str:
    if DIGEST in then or DIGEST in now:
        return f"{name} differ" if name.startswith("the values") or name == "weights" else f"{name} differs"
    return f"{name} was {then} and is {now}"


def described(made: Any) -> str:
    """Return all that makes up an option: fields within fields, arrays by their SHA-256.

    >>> from imgnmf.core.penalties import L1, L2
    >>> described([L1(0.5), L2(1)])
    '[L1(strength=0.5), L2(strength=1)]'
    """
    if isinstance(made, np.ndarray):
        return f"{made.shape} {made.dtype} {DIGEST}{digest_of(made)}"
    if issparse(made):
        # Its entries alone: how it stores them, and what it remembers of itself, is no part of it.
        entries = csr_array(made, dtype=np.float64, copy=True)
        entries.sum_duplicates()
        entries.indices, entries.indptr = entries.indices.astype(np.int64), entries.indptr.astype(np.int64)
        return f"{entries.shape} sparse {DIGEST}{digest_of(entries)}"
    if isinstance(made, (list, tuple)):
        return f"[{', '.join(map(described, made))}]"
    if made is None or isinstance(made, (str, int, float)):
        return repr(made)
    if isinstance(made, np.generic):
        return repr(made.item())
    held = {field.name: getattr(made, field.name) for field in fields(made)} if is_dataclass(made) else vars(made)
    return f"{type(made).__qualname__}({', '.join(f'{name}={described(value)}' for name, value in held.items())})"


def _digest_of_weights(blocks: ColumnBlocks, run: Runner[Any]) -> str:
    return _joined(run(lambda span: digest_of(blocks.load_weights(span)), blocks.spans))


def _joined(digests: Any) -> str:
    return DIGEST + hashlib.sha256("".join(digests).encode()).hexdigest()


def rng_of(seed: Mapping[str, Any]) -> np.random.Generator:
    """Return the generator whose streams the starts are drawn from.

    >>> rng_of(_seed_of(np.random.default_rng(7))).random() == np.random.default_rng(7).random()
    True
    """
    held = dict(seed)
    kind = BIT_GENERATORS[BIT_GENERATORS.index(held.pop("kind"))]
    return np.random.Generator(getattr(np.random, kind)(np.random.SeedSequence(**held)))


def _seed_text(kind: str, entropy: Any, spawn_key: Any, n_children_spawned: int) -> str:
    spawned = f", spawned as {spawn_key}" if spawn_key else ""
    return f"{kind} of seed {entropy}{spawned}" + (f", used {n_children_spawned} times" if n_children_spawned else "")


def _seed_of(rng: np.random.Generator) -> dict[str, Any]:
    seeds: Any = rng.bit_generator.seed_seq
    entropy = seeds.entropy if isinstance(seeds.entropy, int) else np.asarray(seeds.entropy).tolist()
    held = {"entropy": entropy, "spawn_key": list(seeds.spawn_key), "n_children_spawned": seeds.n_children_spawned}
    return {"kind": type(rng.bit_generator).__name__, **held}
