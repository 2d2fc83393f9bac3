"""Advice in the words of the command line: the library says ``max_iter``, a shell has ``--max-iter``.

Messages are written once, for those who call the library, and put into the options of the command where they are
printed. To add one: nothing, if it says ``option=value`` or ``option`` and the command has that option; else a line in
`PHRASES`. `tests/cli/test_advice.py` reads every message of the package and finds those that were forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial

import click

__all__ = ["in_options", "options_of"]

# What the library has and the shell has not, or says in another way. The first that matches counts, if the command has
# the options that it names; \1 as in `re`.
PHRASES = (
    (
        r", or set them to NaN and pass missing='mask' .*",
        " in the file, or set them to NaN, which imgnmf inpaint fills",
    ),
    (r", or pass negative='clip' to set them to 0", ", or set them to 0 in the file"),
    (r"offline=True forbids a download, path= reads a copy", "--offline forbids a download"),
    (r"; pass strict=True to refuse that", ""),
    (r', or strict=False"?', ""),
    (r"; pass on_error=\"skip\" to go on without such files", "; leave it out"),
    (r"size=\(h, w\), or load_images for one depth", "--size HxW, or convert them to one depth"),
    (r"convert them first, or load them all: imgnmf\.load_images brings them to one scale", "convert them first"),
    (r"size=\(h, w\) for smaller ones, or raise max_bytes", "--size HxW; or pack them for imgnmf fit, see imgnmf pack"),
    (r"raise max_bytes if that is right", "for imgnmf fit a .npy or HDF5 file or a zarr store may be of any size"),
    (r"raise max_pixels if that is right", "make it smaller first"),
    (r"raise max_frames, or pass stride= to take fewer", "cut it first"),
    (r" \(and stride=10 for every tenth\)", ""),
    (r"(?:pass )?frames=\"all\"(?: for every one)?(?: or frames=\"first\")?", "pass --frames all or --frames first"),
    (r", or images_in=", ""),
    (r"pass images_in=\"rows\" or \"columns\"", "save it as (n_images, height, width)"),
    (r"imgnmf\.open_images with image_shape=\(height, width, channels\)", "imgnmf fit --image-shape HxWxCHANNELS"),
    (r"pass key=, image_shape=\(h, w\), order=, images_in=", "pass --key NAME and --image-shape HxW"),
    (r"^key applies", "--key applies"),
    (r"give them the weight 0, or correct them", "mark them by --mask, or correct them"),
    (r"; strict=True refuses that", ""),
    (r"size=\(h, w\)", "--size HxW"),
    (r"image_shape=\(height, width\)(?: or \(height, width, channels\))?", "--image-shape HxW"),
    (r"\bkey= ", "--key NAME "),
    (r"resume=True needs the checkpoint .*", "--resume needs --checkpoint FILE.ckpt"),
    (r"stop_words=\[\.\.\.\]", "--stop-words FILE"),
    (r"pass rank=(\d+) or less, with min_df=1 and max_df=1\.0", r"-k \1 or less, with --min-df 1 and --max-df 1.0"),
    (r"resume=True", "--resume"),
    (r"\bcheckpoint must be a file", "--checkpoint must be a file"),
    (r"memory must be a size", "--memory must be a size"),
    (
        r"images, V\[:, :n\], and encode the rest a portion at a time with fit\.encode",
        "images and imgnmf encode the rest",
    ),
    (r"constraint_W", "--parts local"),
    (r"\bSmooth\b(?:\([^)]*\)\))?", "--parts smooth"),
    (r"\bOrthogonal\([^)]*\)", "--parts orthogonal"),
    (r"say ranks=\(([0-9, ]+)\)", lambda found: "say --layers " + found[1].replace(" ", "")),
    (r"Give a model of whole images", "Give a --model of whole images"),
    (r"leave rank and patch_size out", "leave -k and --patch out"),
    (r"pass those that it was encoded with as parts", "pass those that it was encoded with: --parts FILE.parts"),
    (r"pass a higher rank, or parts of patches", "a higher -k, or --patch HxW"),
    (r"pass target_bytes=\d+, a lower rank, or shared parts", "more --bits-per-pixel, a lower -k, or shared --parts"),
    (
        r"convert them on a scale of your choice, say numpy.*",
        "save them as 8-bit pictures, e.g. magick a.tif -depth 8 a.png",
    ),
    (r"open it: imgnmf\.open_images\(.*\)\.V", "give the command its path"),
    (r"the checkpoint to go on from: pass .*", "--checkpoint FILE.ckpt"),
    (r"what to go on from: pass checkpoint=.*", "--checkpoint DIR.ckpt"),
    (r"; imgnmf\.load gives .*", ""),
    (r", images\[:5000\]\.V say,", ""),
)
# What the library calls otherwise than the shell.
SHORT: Mapping[str, str] = {"patch_size": "patch"}

BEFORE, AFTER = r"(?<![\w/.'\"-])", r"(?![\w/]|[.-]\w)"
OPTION = r"--[a-z][a-z-]*"
OF_ANOTHER = rf"imgnmf [a-z-]+ {OPTION}"
VALUE = r"'([^'/]*)'|\"([^\"/]*)\"|(\d+(?:\.\d+)?)"


def in_options(message: str, options: Mapping[str, str]) -> str:
    """Say in options what a message says in parameters; what is no option of this command stays as it is.

    >>> in_options("lower it or use init='random'; raise max_iter", {"init": "--init", "max_iter": "--max-iter"})
    'lower it or use --init random; raise --max-iter'
    """
    flags = set(options.values())
    for phrase, words in PHRASES:
        message = re.sub(phrase, partial(_said, words, flags), message)

    def option(found: re.Match[str]) -> str:
        name = SHORT.get(found[1], found[1])
        value = next((text for text in found.groups()[1:] if text), "")
        return f"{options[name]} {value}".strip() if name in options else found[0]

    message = re.sub(rf"{BEFORE}([a-z]\w*)=(?:{VALUE}){AFTER}", option, message)
    return re.sub(rf"{BEFORE}([a-z]+_[a-z_]+){AFTER}", option, message)


def _said(words: str | Callable[[re.Match[str]], str], flags: set[str], found: re.Match[str]) -> str:
    """The words for what was found, but where they name an option that the command has not."""
    said = words(found) if callable(words) else found.expand(words)
    own = re.sub(OF_ANOTHER, "", said)
    return said if flags.issuperset(re.findall(OPTION, own)) else found[0]


def options_of(command: click.Command) -> Mapping[str, str]:
    """Return how a command calls each of its parameters.

    >>> from imgnmf.cli import main
    >>> options_of(main.commands["fit"])["max_iter"]
    '--max-iter'
    """
    given = [param for param in command.params if isinstance(param, click.Option) and param.name]
    return {str(param.name): max(param.opts, key=len) for param in given}
