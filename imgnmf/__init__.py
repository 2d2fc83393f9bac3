"""imgnmf takes a set of images apart into their parts by non-negative matrix factorization.

``V ~ W H``: each column of `V` is an image, each column of `W` a part, each column of `H` how much of every
part an image holds. A name is loaded when it is first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imgnmf import compression, errors, family, images, topics, viz
    from imgnmf.archive import ModelMeta, load, save
    from imgnmf.archive_layers import load_layers, save_layers
    from imgnmf.archive_topics import load_topics, save_topics
    from imgnmf.checkpoint import Checkpoint, CheckpointFolder, factorize
    from imgnmf.core.graphs import neighbour_graph
    from imgnmf.core.inits import NNDSVD, SPA, ColumnSample, GivenFactors, RandomInit
    from imgnmf.core.losses import BetaDivergence, Frobenius, ItakuraSaito, KullbackLeibler
    from imgnmf.core.online import Online
    from imgnmf.core.penalties import L1, L2, Neighbours
    from imgnmf.core.projective import ProjectiveFactorization, factorize_projective
    from imgnmf.core.result import Factorization, Trace
    from imgnmf.core.solvers import ANLS, HALS, MU, Newton, ProjectedGradient
    from imgnmf.core.stopping import KKTBelow, RelativeDecrease, TimeLimit
    from imgnmf.errors import Interrupted
    from imgnmf.images import ImageSet, describe_datasets, extract_patches, load_dataset, load_images, open_images
    from imgnmf.inpainting import Inpainted, inpaint
    from imgnmf.occlusion import Occlusions, find_occlusions
    from imgnmf.studies.choice import RankChoice, choose_rank
    from imgnmf.studies.generalisation import generalisation
    from imgnmf.studies.layers import Layer, LayeredFactorization, factorize_layers
    from imgnmf.studies.ranks import RankStudy, factorize_ranks
    from imgnmf.studies.stability import consensus
    from imgnmf.studies.stream import Stream

__version__ = "0.1.0"

__all__ = [
    "ANLS",
    "HALS",
    "L1",
    "L2",
    "L21",
    "MU",
    "NNDSVD",
    "SPA",
    "BetaDivergence",
    "Checkpoint",
    "CheckpointFolder",
    "ColumnSample",
    "Factorization",
    "Frobenius",
    "GivenFactors",
    "Huber",
    "ImageSet",
    "Inpainted",
    "Interrupted",
    "ItakuraSaito",
    "KKTBelow",
    "KullbackLeibler",
    "Layer",
    "LayeredFactorization",
    "LeastAbsolute",
    "ModelMeta",
    "Neighbours",
    "Newton",
    "NonSmooth",
    "Occlusions",
    "Online",
    "Orthogonal",
    "ProjectedGradient",
    "ProjectiveFactorization",
    "RandomInit",
    "RankChoice",
    "RankStudy",
    "RelativeDecrease",
    "Simplex",
    "Smooth",
    "Sparseness",
    "Stream",
    "TimeLimit",
    "Trace",
    "UpperBound",
    "choose_rank",
    "compression",
    "consensus",
    "describe_datasets",
    "errors",
    "extract_patches",
    "factorize",
    "factorize_layers",
    "factorize_projective",
    "factorize_ranks",
    "family",
    "find_occlusions",
    "generalisation",
    "images",
    "inpaint",
    "load",
    "load_dataset",
    "load_images",
    "load_layers",
    "load_topics",
    "neighbour_graph",
    "open_images",
    "save",
    "save_layers",
    "save_topics",
    "topics",
    "viz",
]

_HOME = {
    "imgnmf.archive": ("ModelMeta", "load", "save"),
    "imgnmf.archive_layers": ("load_layers", "save_layers"),
    "imgnmf.archive_topics": ("load_topics", "save_topics"),
    "imgnmf.checkpoint": ("Checkpoint", "CheckpointFolder", "factorize"),
    "imgnmf.core.constraints": ("NonSmooth", "Simplex", "Sparseness", "UpperBound"),
    "imgnmf.core.graphs": ("neighbour_graph",),
    "imgnmf.core.inits": ("NNDSVD", "SPA", "ColumnSample", "GivenFactors", "RandomInit"),
    "imgnmf.core.losses": ("BetaDivergence", "Frobenius", "ItakuraSaito", "KullbackLeibler"),
    "imgnmf.core.penalties": ("L1", "L2", "Neighbours", "Orthogonal", "Smooth"),
    "imgnmf.core.projective": ("ProjectiveFactorization", "factorize_projective"),
    "imgnmf.core.online": ("Online",),
    "imgnmf.core.result": ("Factorization", "Trace"),
    "imgnmf.core.robust": ("L21", "Huber", "LeastAbsolute"),
    "imgnmf.core.solvers": ("ANLS", "HALS", "MU", "Newton", "ProjectedGradient"),
    "imgnmf.core.stopping": ("KKTBelow", "RelativeDecrease", "TimeLimit"),
    "imgnmf.errors": ("Interrupted",),
    "imgnmf.inpainting": ("Inpainted", "inpaint"),
    "imgnmf.occlusion": ("Occlusions", "find_occlusions"),
    "imgnmf.images": ("ImageSet", "describe_datasets", "extract_patches", "load_dataset", "load_images", "open_images"),
    "imgnmf.studies.choice": ("RankChoice", "choose_rank"),
    "imgnmf.studies.generalisation": ("generalisation",),
    "imgnmf.studies.layers": ("Layer", "LayeredFactorization", "factorize_layers"),
    "imgnmf.studies.ranks": ("RankStudy", "factorize_ranks"),
    "imgnmf.studies.stability": ("consensus",),
    "imgnmf.studies.stream": ("Stream",),
}
_MODULES = ("cluster", "compression", "errors", "family", "images", "topics", "viz")


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"imgnmf.{name}")
    home = next((module for module, names in _HOME.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module 'imgnmf' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
