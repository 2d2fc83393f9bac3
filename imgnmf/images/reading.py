"""Pictures of a listing, read on several threads into one set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, repeat
from typing import BinaryIO, Literal, cast

from imgnmf.errors import DataError, ImageReadError
from imgnmf.images.accounts import doubtful, labels_from, mixture, nothing_read, report_of
from imgnmf.images.collect import Collector, Finish, Finished
from imgnmf.images.formats import decode, measure
from imgnmf.images.imageset import ImageSet
from imgnmf.images.listing import Listing, SourceFile, natural_key
from imgnmf.images.parallel import available_cores, in_order
from imgnmf.images.raster import Header, Request, UnreadableError
from imgnmf.images.report import Skipped

__all__ = ["Job", "OnError", "each_picture", "read_pictures"]

OnError = Literal["raise", "skip"]

# Measured: below this size a PNG takes longer to open than to decode.
WORTH_A_THREAD = 160 * 160
FILES_LOOKED_AT = 10


@dataclass(frozen=True)
class Job:
    """How pictures are to be read; `keep` says by its name which of them are wanted."""

    request: Request
    finish: Finish
    on_error: OnError
    threads: int | None = None
    strict: bool = False
    keep: Callable[[str], bool] | None = None


def read_pictures(listing: Listing, job: Job) -> tuple[ImageSet, list[str]]:
    """Read the pictures of a listing into one set; return also what the user should be warned of.

    Raises
    ------
    NoImagesError, ImageReadError, ShapeMismatchError, DataError
        As `load_images` documents them.
    """
    kept = listing if job.keep is None else _only(listing, job.keep)
    collector = Collector(len(kept.files), job.request.max_bytes)
    skipped = _read_all(kept, job, collector)
    if not collector.names:
        raise nothing_read(kept, skipped)
    pixels = collector.stacked(_final_order(kept, collector.names))
    mixed = mixture(collector, pixels)
    if mixed and job.strict:
        raise DataError(f"expected images of one depth and colour, found {mixed}; convert them, or strict=False")
    folders = labels_from(kept, collector.names)
    images = ImageSet(pixels, tuple(collector.names), folders, report_of(collector, skipped, mixed))
    warned = [f"{mixed}; pass strict=True to refuse that"] if mixed else []
    return images, [*warned, *([doubtful(collector.doubts)] if collector.doubts else [])]


def _only(listing: Listing, keep: Callable[[str], bool]) -> Listing:
    return replace(listing, files=tuple(file for file in listing.files if keep(file.name)))


def each_picture(listing: Listing, job: Job, skipped: list[Skipped]) -> Iterator[tuple[str, Finished]]:
    """Yield the name and the pixels of one picture after the other, so that a set of any size can be gone through.

    What is left out goes on the list. Files are read in the order of the listing.

    Raises
    ------
    ImageReadError
        As `read_pictures` does.
    """
    at_hand = (_at_hand(file, job.request) for file in listing.files)
    begin = partial(_begun, job=job, headers_only=False)
    for begun in in_order(begin, at_hand, job.threads or _useful_threads(listing, job.request)):
        try:
            pictures = list(begun.pictures)
        except UnreadableError as refusal:
            _refused(begun.file, refusal, job, skipped)
            continue
        for number, picture in enumerate(pictures):
            name = begun.file.name if len(pictures) == 1 else f"{begun.file.name}[{number}]"
            yield name, cast(Finished, picture)


@dataclass(frozen=True)
class _Begun:
    """A file whose first picture is decoded; the others are when they are drawn, so that few are in memory."""

    file: SourceFile
    pictures: Iterator[Finished | Header]


def _read_all(listing: Listing, job: Job, collector: Collector) -> list[Skipped]:
    """Read every file into the collector; return what is left out, in the order of names."""

    def begin(file: SourceFile) -> _Begun:
        # Once it is known that there are several sizes, only they are of interest, and headers tell them.
        return _begun(file, job, headers_only=collector.mixed_sizes and job.finish.size is None)

    skipped = list(listing.skipped)
    at_hand = (_at_hand(file, job.request) for file in listing.files)
    for begun in in_order(begin, at_hand, job.threads or _useful_threads(listing, job.request)):
        refusal = _take(begun, collector)
        if refusal:
            _refused(begun.file, refusal, job, skipped)
    return skipped


def _refused(file: SourceFile, refusal: UnreadableError, job: Job, skipped: list[Skipped]) -> None:
    if job.on_error == "raise" and (file.promises_image or not refusal.foreign):
        raise ImageReadError(f'{file.where}: {refusal}; pass on_error="skip" to go on without such files') from refusal
    skipped.append(Skipped(file.name, str(refusal)))


def _useful_threads(listing: Listing, request: Request) -> int:
    """Return one thread for small pictures: most of the work on those is Python's, and threads only get in its way."""
    for file in listing.files[:FILES_LOOKED_AT] if len(listing.files) > 1 else ():
        try:
            with file.open(request) as opened:
                header = measure(opened)
        except UnreadableError:
            continue
        return available_cores() if header.height * header.width >= WORTH_A_THREAD else 1
    return 1


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


def _begun(file: SourceFile, job: Job, *, headers_only: bool) -> _Begun:
    pictures: Iterator[Finished | Header] = _headers(file, job) if headers_only else _pictures(file, job)
    try:
        first = next(pictures)
    except UnreadableError as refusal:
        return _Begun(file, _raising(refusal))
    return _Begun(file, chain((first,), pictures))


def _raising(refusal: UnreadableError) -> Iterator[Finished]:
    raise refusal
    yield


def _pictures(file: SourceFile, job: Job) -> Iterator[Finished]:
    with file.open(job.request) as opened:
        yield from map(job.finish.apply, decode(opened, job.request))


def _headers(file: SourceFile, job: Job) -> Iterator[Header]:
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
