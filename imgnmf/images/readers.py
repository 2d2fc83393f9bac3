"""`load_images`: whatever holds pictures, as one `ImageSet`, with an account of what was done."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, repeat
from typing import BinaryIO, Literal, get_args

from imgnmf.errors import DataError, DataWarning, ImageReadError
from imgnmf.images.accounts import doubtful, labels_from, mixture, nothing_read, report_of
from imgnmf.images.arrays import ImagesIn, Order, checked_layout, find_arrays, images_from
from imgnmf.images.collect import Collector, Color, Finish, Finished
from imgnmf.images.formats import decode, measure
from imgnmf.images.imageset import ImageSet
from imgnmf.images.listing import Listing, SourceFile, natural_key
from imgnmf.images.options import check_choice, check_positive, checked_pair
from imgnmf.images.parallel import available_cores, in_order
from imgnmf.images.raster import Frames, Header, Request, UnreadableError
from imgnmf.images.report import Skipped
from imgnmf.images.sources import Source, list_files

__all__ = ["OnError", "load_images"]

OnError = Literal["raise", "skip"]


def load_images(
    source: Source,
    *,
    size: tuple[int, int] | None = None,
    color: Color = "grey",
    frames: Frames = "error",
    stride: int = 1,
    on_error: OnError = "raise",
    strict: bool = False,
    max_pixels: int = 200_000_000,
    max_frames: int = 100_000,
    max_bytes: int = 2**32,
    threads: int | None = None,
    key: str | None = None,
    labels: str | None = None,
    image_shape: Sequence[int] | None = None,
    order: Order = "C",
    images_in: ImagesIn | None = None,
    invert: bool = False,
) -> ImageSet:
    r"""Read images of one size from a folder, a glob, an archive, a file, a list of paths or an array.

    PNG, JPEG, PGM, PPM, PBM, BMP, GIF, TIFF and WebP are told apart by their content, whatever they are
    called. Pictures are turned upright as their orientation tag says and keep their depth: 8 bits come as
    uint8, 16 as uint16, floats as floats. Transparent pixels are composited on white.

    A file of arrays is read whole: NumPy's .npy and .npz, IDX (the format of MNIST), MATLAB's .mat and HDF5
    (its v7.3 and HDF5 need h5py: ``pip install imgnmf[store]``), also packed by gzip, bzip2 or xz. Nothing
    is unpickled. Only a picture is found in a folder: a file of arrays has to be named.

    Parameters
    ----------
    source : path, glob, list of paths, or array
        A folder is read with all folders in it, in natural order (2 before 10). Hidden files, FIFOs,
        dangling links and files that are no images are left out, and listed in the report. A zip or tar
        archive (also packed by gzip, bzip2 or xz) is read as a folder would be, and never unpacked to disk.
        An array has the shape (n, height, width[, channels]), or holds flattened images of `image_shape`; it
        is copied only if its pixels change or do not lie image after image.
    size : (height, width), optional
        Resize every image, antialiased, in its own dtype. The aspect ratio is not kept.
    color : {"grey", "rgb"}
        ``"grey"`` gives the ITU-R BT.601 luminance 0.299 R + 0.587 G + 0.114 B of the stored values.
    frames : {"error", "first", "all"}
        What to do with a multi-page TIFF or an animation. With ``"all"`` each frame is an image of the set.
    stride : int
        With ``frames="all"``, of each file take every how-manieth frame.
    on_error : {"raise", "skip"}
        What to do with a file that is, or by its extension should be, an image and cannot be read:
        ``"skip"`` puts it on the report.
    strict : bool
        Refuse, instead of converting with a warning, images that differ in depth or in being colour.
    max_pixels : int
        A picture whose header claims more pixels is refused before it is decoded.
    max_frames : int
        A file of more frames is refused.
    max_bytes : int
        What is refused before it is held: a file that has to be in memory to be decoded, an archive that
        unpacks to more, and pixels of all images together that take more. By default 4 GiB.
    threads : int, optional
        How many files are decoded at a time; by default as many as there are cores. The result does not
        depend on it.
    key, labels : str, optional
        Of a file of several arrays: which one holds the images, and which one a label for each of them.
        May be left out if only one can hold images (of that `image_shape`); there are no labels then.
    image_shape : (height, width) or (height, width, channels), optional
        Of an array or a file of arrays: what one image is. Needed where images are flattened, and in MATLAB
        and HDF5 files, which do not say along which axis they are counted.
    order : {"C", "F"}
        How the pixels of a flattened image lie: row by row, or column by column as MATLAB puts them.
    images_in : {"rows", "columns"}, optional
        Along which axis of an array the images are counted, the first or the last. Needed only where both
        are possible: it is never guessed.
    invert : bool
        Black for white: what is read as 0 comes as the full scale of its dtype, as 1 if it is a float dtype.

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
    check_choice("color", color, get_args(Color))
    check_choice("on_error", on_error, get_args(OnError))
    request = _checked_request(frames, max_pixels, max_frames, max_bytes, stride)
    check_positive("threads", 1 if threads is None else threads)
    layout = checked_layout(key, image_shape, order, images_in, labels)
    job = _Job(request, Finish(color, checked_pair("size", size), invert), on_error, threads or available_cores())
    with ExitStack() as resources:
        stored = find_arrays(source, request, resources)
        if stored is not None:
            return images_from(stored, layout, job.finish)
        listing = list_files(source, request, resources)
        layout.refuse_for_pictures(listing.where)
        collector = Collector(len(listing.files), max_bytes)
        skipped = _read_all(listing, job, collector)
    if not collector.names:
        raise nothing_read(listing, skipped)
    pixels = collector.stacked(_final_order(listing, collector.names))
    mixed = mixture(collector, pixels)
    if mixed and strict:
        raise DataError(f"expected images of one depth and colour, found {mixed}; convert them, or strict=False")
    if mixed:
        warnings.warn(f"{mixed}; pass strict=True to refuse that", DataWarning, stacklevel=2)
    if collector.doubts:
        warnings.warn(doubtful(collector.doubts), DataWarning, stacklevel=2)
    folders = labels_from(listing, collector.names)
    return ImageSet(pixels, tuple(collector.names), folders, report_of(collector, skipped, mixed))


@dataclass(frozen=True)
class _Job:
    request: Request
    finish: Finish
    on_error: OnError
    threads: int


@dataclass(frozen=True)
class _Begun:
    """A file whose first picture is decoded; the others are when they are drawn, so that few are in memory."""

    file: SourceFile
    pictures: Iterator[Finished | Header]


def _read_all(listing: Listing, job: _Job, collector: Collector) -> list[Skipped]:
    """Read every file into the collector; return what is left out, in the order of names."""

    def begin(file: SourceFile) -> _Begun:
        # Once it is known that there are several sizes, only they are of interest, and headers tell them.
        return _begun(file, job, headers_only=collector.mixed_sizes and job.finish.size is None)

    skipped = list(listing.skipped)
    at_hand = (_at_hand(file, job.request) for file in listing.files)
    for begun in in_order(begin, at_hand, job.threads):
        refusal = _take(begun, collector)
        if refusal and job.on_error == "raise" and (begun.file.promises_image or not refusal.foreign):
            raise ImageReadError(
                f'{begun.file.where}: {refusal}; pass on_error="skip" to go on without such files'
            ) from refusal
        if refusal:
            skipped.append(Skipped(begun.file.name, str(refusal)))
    return skipped


def _at_hand(file: SourceFile, request: Request) -> SourceFile:
    """Fetch what lies in an archive: only one thread can read from that, the caller's."""
    if not file.packed:
        return file
    try:
        stream = file.open(request)
    except UnreadableError as refusal:
        return replace(file, open=partial(_refuse, refusal))
    return replace(file, open=lambda _: stream)


def _refuse(refusal: UnreadableError, request: Request) -> BinaryIO:
    raise refusal


def _begun(file: SourceFile, job: _Job, *, headers_only: bool) -> _Begun:
    pictures: Iterator[Finished | Header] = _headers(file, job) if headers_only else _pictures(file, job)
    try:
        first = next(pictures)
    except UnreadableError as refusal:
        return _Begun(file, _raising(refusal))
    return _Begun(file, chain((first,), pictures))


def _raising(refusal: UnreadableError) -> Iterator[Finished]:
    raise refusal
    yield


def _pictures(file: SourceFile, job: _Job) -> Iterator[Finished]:
    with file.open(job.request) as opened:
        yield from map(job.finish.apply, decode(opened, job.request))


def _headers(file: SourceFile, job: _Job) -> Iterator[Header]:
    with file.open(job.request) as opened:
        header = measure(opened)
    yield from repeat(header, len(job.request.frame_numbers(header.frames)))


def _take(begun: _Begun, collector: Collector) -> UnreadableError | None:
    """Add all pictures of a file, or none and return what is wrong with it."""
    before = len(collector.names)
    try:
        for picture in begun.pictures:
            number = len(collector.names) - before
            name = f"{begun.file.name}[{number}]"
            if isinstance(picture, Header):
                collector.count(picture, name)
            else:
                collector.add(picture, name)
    except UnreadableError as refusal:
        collector.roll_back(before)
        return refusal
    if len(collector.names) == before + 1:
        # A single picture is called as its file is.
        collector.names[before] = begun.file.name
    return None


def _final_order(listing: Listing, names: list[str]) -> list[int] | None:
    if listing.in_order:
        return None
    return sorted(range(len(names)), key=lambda i: natural_key(names[i]))


def _checked_request(frames: Frames, max_pixels: int, max_frames: int, max_bytes: int, stride: int) -> Request:
    check_choice("frames", frames, get_args(Frames))
    request = Request(frames, max_pixels, max_frames, max_bytes, stride)
    for option in ("max_pixels", "max_frames", "max_bytes", "stride"):
        check_positive(option, getattr(request, option))
    return request
