"""Images as few bytes: parts and coefficients as integers, entropy-coded, and read back to the same pixels."""

from __future__ import annotations

from imgnmf.compression.bjontegaard import bd_rate
from imgnmf.compression.codec import decode_images, encode_images
from imgnmf.compression.experiment import Curve, RatePoint, StorageRow, rate_distortion, storage
from imgnmf.compression.parts_file import SharedParts
from imgnmf.compression.peers import ClosedSet, PillowFormat, Shared, pca_parts, pillow_formats
from imgnmf.compression.training import train_parts

__all__ = [
    "ClosedSet",
    "Curve",
    "PillowFormat",
    "RatePoint",
    "Shared",
    "SharedParts",
    "StorageRow",
    "bd_rate",
    "decode_images",
    "encode_images",
    "pca_parts",
    "pillow_formats",
    "rate_distortion",
    "storage",
    "train_parts",
]
