"""Video, a frame at a time, through PyAV (FFmpeg).

PyAV is called directly and not through imageio, which does not turn what a telephone recorded upright.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, BinaryIO

import numpy as np

from imgnmf.errors import ParameterError
from imgnmf.images.extras import needed
from imgnmf.images.raster import Header, Raster, Request, UnreadableError, kind_of

__all__ = ["VIDEO_SIGNATURE", "measure_video", "read_video"]

# MP4 and QuickTime (their still pictures HEIC and AVIF excepted), Matroska and WebM, AVI, MPEG, Ogg, Flash.
VIDEO_SIGNATURE = rb".{4}ftyp(?!avi|hei|hev|mif|msf)|.{4}moov|\x1aE\xdf\xa3|RIFF.{4}AVI |\0\0\x01\xba|OggS|FLV\x01"


def read_video(file: BinaryIO, request: Request) -> Iterator[Raster]:
    """Read the frames of the first video stream, in 8-bit RGB; only one is in memory at a time."""
    with _opened(file) as (container, stream):
        request.check_size(stream.height, stream.width)
        _check_frames(stream, request)
        last = 1 if request.frames == "first" else None
        for count, frame in enumerate(islice(container.decode(stream), 0, last, request.stride), start=1):
            request.check_frames(count)
            yield _upright(frame)


def measure_video(file: BinaryIO) -> Header:
    """Return what the header says; how many frames there are is often an estimate, from duration and rate."""
    with _opened(file) as (_, stream):
        return Header(stream.height, stream.width, kind_of("uint8", is_color=True), max(1, _expected_frames(stream)))


@contextmanager
def _opened(file: BinaryIO) -> Iterator[tuple[Any, Any]]:
    try:
        av = needed("av", "video", "reading a video")
    except ParameterError as error:
        raise UnreadableError(str(error), foreign=True) from error
    with av.open(file) as container:
        if not container.streams.video:
            raise UnreadableError("it holds sound, and no video", foreign=True)
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        yield container, stream


def _check_frames(stream: Any, request: Request) -> None:
    """Refuse a video where pictures were expected: in a folder it is passed over, as what is no picture."""
    expected = _expected_frames(stream)
    if request.frames == "error" and expected != 1:
        many = f"about {expected}" if expected else "many"
        raise UnreadableError(
            f'a video of {many} frames, expected one picture; pass frames="all" (and stride=10 for every tenth)',
            foreign=True,
        )
    if request.frames == "all":
        request.check_frames(-(-stream.frames // request.stride))


def _expected_frames(stream: Any) -> int:
    if stream.frames:
        return int(stream.frames)
    rate, seconds = stream.average_rate, float((stream.duration or 0) * (stream.time_base or 0))
    return round(seconds * float(rate)) if rate else 0


def _upright(frame: Any) -> Raster:
    pixels = frame.to_ndarray(format="rgb24")
    turns = round(getattr(frame, "rotation", 0) / 90) % 4
    if not turns:
        return Raster(pixels)
    return Raster(np.ascontiguousarray(np.rot90(pixels, turns)), ("turned upright by the rotation of the video",))
