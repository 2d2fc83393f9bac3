"""Find what stands in the way: areas of an image that neither its parts nor the other images explain."""

from __future__ import annotations

from imgnmf.occlusion.search import Occlusions, find_occlusions

__all__ = ["Occlusions", "find_occlusions"]
