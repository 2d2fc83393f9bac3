"""What one should know about a named set."""

from __future__ import annotations

from dataclasses import dataclass

from imgnmf.images.fetch import RemoteFile

__all__ = ["DatasetInfo"]


@dataclass(frozen=True)
class DatasetInfo:
    """What one should know about a set before using it.

    Attributes
    ----------
    name : str
        What `load_dataset` calls it.
    description : str
        What is on the images.
    shape : tuple of int
        (n_images, height, width), with the default options.
    licence : str
        The terms, as far as they are stated anywhere.
    citation : str
        What to cite.
    availability : str
        Where the images come from.
    options : tuple of str
        Which keywords of `load_dataset` apply.
    subsets : tuple of str
        The parts of the set, the one that is loaded by default first.
    files : tuple of RemoteFile
        What is downloaded if that is asked for: addresses and hashes. None for a set that comes with a package.
    """

    name: str
    description: str
    shape: tuple[int, ...]
    licence: str
    citation: str
    availability: str
    options: tuple[str, ...] = ()
    subsets: tuple[str, ...] = ()
    files: tuple[RemoteFile, ...] = ()
