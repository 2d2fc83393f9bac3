"""Images in: whatever holds pictures becomes an `ImageSet`, whose `V` is the matrix to factor.

Pillow, tifffile, scikit-image and scikit-learn are imported when a reader or a dataset needs them.
"""

from __future__ import annotations

from imgnmf.images import synthetic
from imgnmf.images.datasets import DatasetInfo, describe_datasets, load_dataset
from imgnmf.images.imageset import ImageSet
from imgnmf.images.patches import PatchSet, extract_patches
from imgnmf.images.readers import load_images
from imgnmf.images.report import ReadReport, Skipped

__all__ = [
    "DatasetInfo",
    "ImageSet",
    "PatchSet",
    "ReadReport",
    "Skipped",
    "describe_datasets",
    "extract_patches",
    "load_dataset",
    "load_images",
    "synthetic",
]
