"""Fill pixels that were not seen: from the parts that the images share, and from what lies next to the hole."""

from __future__ import annotations

from imgnmf.inpainting.fill import Inpainted, inpaint

__all__ = ["Inpainted", "inpaint"]
