"""`load_images`: whatever holds pictures, as one `ImageSet`, with an account of what was done."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import get_args

from imgnmf.errors import DataWarning, tell
from imgnmf.images.arrays import ImagesIn, Order, checked_layout, find_arrays, images_from
from imgnmf.images.collect import Color, Finish
from imgnmf.images.imageset import ImageSet
from imgnmf.images.options import check_choice, check_positive, checked_pair
from imgnmf.images.raster import Frames, Request
from imgnmf.images.reading import Job, OnError, read_pictures
from imgnmf.images.sources import Source, list_files
from imgnmf.validation import check_flag

__all__ = ["load_images"]


def load_images(
    source: Source,
    *,
    size: tuple[int, int] | None = None,
    color: Color | bool = "grey",
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
    called; so are videos, which need PyAV (``install imgnmf[video]``). Pictures are turned upright as their
    orientation tag says and keep their depth: 8 bits come as uint8, 16 as uint16, floats as floats. Transparent
    pixels are composited on white.

    A file of arrays is read whole: NumPy's .npy and .npz, IDX (the format of MNIST), MATLAB's .mat, HDF5, and
    ENVI cubes (a header beside its samples; each band is an image), also packed by gzip, bzip2 or xz. HDF5, which
    MATLAB's v7.3 is too, needs h5py (``install imgnmf[store]``). Nothing is unpickled. In a folder only
    pictures are found: a file of arrays has to be named.

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
    color : {"grey", "rgb"} or bool
        True is ``"rgb"``. ``"grey"`` gives the ITU-R BT.601 luminance 0.299 R + 0.587 G + 0.114 B of the stored values.
    frames : {"error", "first", "all"}
        What to do with a multi-page TIFF, an animation or a video. With ``"all"`` each frame is an image of the set.
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
        How many files are decoded at a time; by default as many as there are cores, but one if the pictures
        are small, since threads do not help there. The result does not depend on it.
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
    if isinstance(color, bool):
        color = "rgb" if color else "grey"
    check_choice("color", color, get_args(Color))
    for option, flag in (("strict", strict), ("invert", invert)):
        check_flag(option, flag)
    check_choice("on_error", on_error, get_args(OnError))
    request = _checked_request(frames, max_pixels, max_frames, max_bytes, stride)
    check_positive("threads", 1 if threads is None else threads)
    layout = checked_layout(key, image_shape, order, images_in, labels)
    finish = Finish(color, checked_pair("size", size), invert)
    job = Job(request, finish, on_error, threads, strict)
    with ExitStack() as resources:
        stored = find_arrays(source, request, resources)
        if stored is not None:
            return images_from(stored, layout, job.finish)
        listing = list_files(source, request, resources)
        layout.refuse_for_pictures(listing.where)
        images, warned = read_pictures(listing, job)
    for message in warned:
        tell(message, DataWarning)
    return images


def _checked_request(frames: Frames, max_pixels: int, max_frames: int, max_bytes: int, stride: int) -> Request:
    check_choice("frames", frames, get_args(Frames))
    request = Request(frames, max_pixels, max_frames, max_bytes, stride)
    for option in ("max_pixels", "max_frames", "max_bytes", "stride"):
        check_positive(option, getattr(request, option))
    return request
