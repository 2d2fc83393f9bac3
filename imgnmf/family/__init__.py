"""The rest of the family: other answers to "what are these images made of", each in the frame of `factorize`.

``semi`` for signed images, ``convex`` for parts that are mixtures of images, ``separable`` for parts that are images,
``minimum_volume`` for pure materials, ``symmetric`` for groups in an affinity.
"""

from __future__ import annotations

from imgnmf.family.convex_nmf import convex
from imgnmf.family.minimum_volume_nmf import minimum_volume
from imgnmf.family.result import FamilyFit
from imgnmf.family.semi_nmf import semi
from imgnmf.family.separable_nmf import separable
from imgnmf.family.symmetric_nmf import affinity, symmetric

__all__ = ["FamilyFit", "affinity", "convex", "minimum_volume", "semi", "separable", "symmetric"]
