"""`load_images`: whatever holds pictures, as one `ImageSet`, with an account of what was done."""

from __future__ import annotations

import warnings
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from imgnmf.errors import DataError, DataWarning, ImageReadError, NoImagesError, ParameterError
from imgnmf.images.collect import Collector, Color, Finish
from imgnmf.images.formats import decode, looked_for
from imgnmf.images.imageset import ImageSet
from imgnmf.images.raster import Frames, Raster, Request, UnreadableError
from imgnmf.images.report import ReadReport, Skipped, counted, listed, shown
from imgnmf.images.sources import Listing, Source, SourceFile, list_files, obstacle

__all__ = ["OnError", "load_images"]

OnError = Literal["raise", "skip"]


def load_images(
    source: Source,
    *,
    size: tuple[int, int] | None = None,
    color: Color = "grey",
    frames: Frames = "error",
    on_error: OnError = "raise",
    strict: bool = False,
    max_pixels: int = 200_000_000,
) -> ImageSet:
    r"""Read images of one size from a folder, a glob, a file or a list of paths.

    PNG, JPEG, PGM, PPM, PBM, BMP, GIF, TIFF and WebP are told apart by their content, whatever they are
    called. Pictures are turned upright as their orientation tag says and keep their depth: 8 bits come as
    uint8, 16 as uint16, floats as floats. Transparent pixels are composited on white.

    Parameters
    ----------
    source : path, glob, or list of paths
        A folder is read with all folders in it, in natural order (2 before 10). Hidden files, FIFOs,
        dangling links and files that are no images are left out, and listed in the report.
    size : (height, width), optional
        Resize every image, antialiased, in its own dtype. The aspect ratio is not kept.
    color : {"grey", "rgb"}
        ``"grey"`` gives the ITU-R BT.601 luminance 0.299 R + 0.587 G + 0.114 B of the stored values.
    frames : {"error", "first", "all"}
        What to do with a multi-page TIFF or an animation. With ``"all"`` each frame is an image of the set.
    on_error : {"raise", "skip"}
        What to do with a file that is, or by its extension should be, an image and cannot be read:
        ``"skip"`` puts it on the report.
    strict : bool
        Refuse, instead of converting with a warning, images that differ in depth or in being colour.
    max_pixels : int
        A picture whose header claims more pixels is refused before it is decoded.

    Returns
    -------
    ImageSet
        Pixels of shape (n, height, width), or (n, height, width, 3) for ``"rgb"``. The names are the paths
        below the folder; the labels, if there are folders in it, are the names of those: ``s1`` for
        ``s1/7.pgm``. Mixed depths become the wider unsigned integer or, if signed or float numbers are
        among them, a float, the full range of one dtype to that of the other (0..255 to 0..65535 or 0..1).

    Raises
    ------
    NoImagesError
        If nothing readable is there, or nothing at all.
    ImageReadError
        If a file is damaged, not an image, larger than `max_pixels`, or has several frames.
    ShapeMismatchError
        If the images differ in size and `size` is not given.
    DataError
        If `strict` and the images differ in depth or in being colour.
    ParameterError
        If an option has no such value.

    Warns
    -----
    DataWarning
        Once, if depths or colours were mixed; once, if files could be decoded but look damaged.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("10.pgm", "9.pgm"):
    ...         _ = pathlib.Path(folder, name).write_bytes(b"P5 3 2 255\n" + bytes(range(6)))
    ...     images = load_images(folder)
    >>> images, images.names
    (ImageSet(2 images of 2 x 3, uint8), ('9.pgm', '10.pgm'))
    >>> print(images.report)
    read 2 images
    """
    _check_choice("color", color, get_args(Color))
    _check_choice("frames", frames, get_args(Frames))
    _check_choice("on_error", on_error, get_args(OnError))
    _check_positive("max_pixels", max_pixels)
    listing = list_files(source)
    collector = Collector(Finish(color, _checked_size(size)), len(listing.files))
    skipped = _read_all(listing, Request(frames, max_pixels), collector, on_error)
    if not collector.names:
        raise _nothing_read(listing, skipped)
    pixels = collector.stacked()
    mixture = _mixture(collector, pixels)
    if mixture and strict:
        raise DataError(f"expected images of one depth and colour, found {mixture}; convert them, or strict=False")
    if mixture:
        warnings.warn(f"{mixture}; pass strict=True to refuse that", DataWarning, stacklevel=2)
    if collector.doubts:
        warnings.warn(_doubtful(collector.doubts), DataWarning, stacklevel=2)
    return ImageSet(
        pixels,
        tuple(collector.names),
        _labels(listing, collector.names),
        _report(collector, skipped, mixture),
    )


def _read_all(listing: Listing, request: Request, collector: Collector, on_error: OnError) -> list[Skipped]:
    """Read every file into the collector; return what is left out, in the order of names."""
    skipped = list(listing.skipped)
    for file in listing.files:
        try:
            rasters = _read(file, request)
        except UnreadableError as refusal:
            if on_error == "raise" and (file.promises_image or not refusal.foreign):
                raise ImageReadError(
                    f'{shown(file.path)}: {refusal}; pass on_error="skip" to go on without such files'
                ) from refusal
            skipped.append(Skipped(file.name, str(refusal)))
        else:
            for number, raster in enumerate(rasters):
                collector.add(raster, file.name if len(rasters) == 1 else f"{file.name}[{number}]")
    return skipped


def _read(file: SourceFile, request: Request) -> list[Raster]:
    reason = obstacle(file.path)
    if reason:
        raise UnreadableError(f"cannot be read: {reason}")
    try:
        opened = file.path.open("rb")
    except OSError as error:
        raise UnreadableError(f"cannot be opened ({error.strerror})") from error
    with opened:
        return decode(opened, request)


def _nothing_read(listing: Listing, skipped: list[Skipped]) -> Exception:
    if listing.explicit:
        return ImageReadError(f"nothing could be read of {listing.where}: {listed(tuple(skipped))}")
    left_out = f"{counted(len(skipped), 'file')} skipped: {listed(tuple(skipped))}" if skipped else "nothing is there"
    return NoImagesError(f"no readable images in {listing.where} (looked for {looked_for()}); {left_out}")


def _mixture(collector: Collector, pixels: NDArray[Any]) -> str:
    """Return the sentence about mixed depths and colours; empty if all files were of one kind."""
    if len(collector.kinds) < 2:
        return ""
    counts = ", ".join(f"{count} of {kind}" for kind, count in collector.kinds.most_common())
    target = f"{Raster(pixels[0]).kind} by the full range of each dtype (floats: 0..1)"
    return f"mixed images ({counts}), all brought to {target}"


def _doubtful(doubts: list[str]) -> str:
    return (
        f"{counted(len(doubts), 'file')} look damaged, as if their line endings had been converted: "
        f"{listed(tuple(doubts))}; compare with the originals"
    )


def _labels(listing: Listing, names: list[str]) -> NDArray[Any] | None:
    if listing.explicit or not any("/" in name for name in names):
        return None
    return np.array([name.split("/")[0] if "/" in name else "" for name in names])


def _report(collector: Collector, skipped: list[Skipped], mixture: str) -> ReadReport:
    lines = [f"{counted(count, 'image')}: {note}" for note, count in sorted(collector.notes.items())]
    doubts = [_doubtful(collector.doubts)] if collector.doubts else []
    mixed = [mixture] if mixture else []
    return ReadReport(len(collector.names), tuple(skipped), (*mixed, *lines, *doubts))


def _check_choice(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        known = ", ".join(map(repr, choices))
        raise ParameterError(f"expected {option} to be one of {known}, got {value!r}")


def _check_positive(option: str, value: int) -> None:
    if not isinstance(value, int | np.integer) or value < 1:
        raise ParameterError(f"expected {option} to be a whole number of at least 1, got {value!r}")


def _checked_size(size: tuple[int, int] | None) -> tuple[int, int] | None:
    if size is None:
        return None
    if not isinstance(size, tuple | list) or len(size) != 2:
        raise ParameterError(f"expected size=(height, width), got {size!r}")
    for length in size:
        _check_positive("both numbers of size", length)
    return int(size[0]), int(size[1])
