"""Images in: whatever holds pictures becomes an `ImageSet`, whose `V` is the matrix to factor.

Pillow, tifffile, scikit-image and scikit-learn are imported when a reader or a dataset needs them.
"""

from __future__ import annotations

from imgnmf.images import synthetic
from imgnmf.images.datasets import DatasetInfo, dataset_status, describe_datasets, load_dataset
from imgnmf.images.describe import SourceDescription, describe_source
from imgnmf.images.imageset import ImageSet
from imgnmf.images.patches import PatchSet, extract_patches
from imgnmf.images.prepare import (
    align_eyes,
    crop,
    equalize,
    mask_pixels,
    prepare_like,
    resize,
    scale_mean_std,
    scale_range,
    split_channels,
)
from imgnmf.images.readers import load_images
from imgnmf.images.report import ReadReport, Skipped
from imgnmf.images.steps_json import steps_from_json, steps_to_json
from imgnmf.images.stores import StoredImages, open_images

__all__ = [
    "DatasetInfo",
    "ImageSet",
    "PatchSet",
    "ReadReport",
    "Skipped",
    "SourceDescription",
    "StoredImages",
    "align_eyes",
    "crop",
    "dataset_status",
    "describe_datasets",
    "describe_source",
    "equalize",
    "extract_patches",
    "load_dataset",
    "load_images",
    "mask_pixels",
    "open_images",
    "prepare_like",
    "resize",
    "scale_mean_std",
    "scale_range",
    "split_channels",
    "steps_from_json",
    "steps_to_json",
    "synthetic",
]
