"""The gallery as one HTML file that needs nothing else: no network, no folder, no server.

The file holds every fit as 8-bit sprites of its parts and float32 coefficients, so that the reader can take
an image apart in the browser. Its content security policy allows its own script and style by their hashes,
and nothing more.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import os
from collections.abc import Iterable, Sequence
from importlib import resources

import jinja2
import numpy as np
from markupsafe import Markup

from imgnmf.viz.page_curves import Chart, convergence_charts, rank_chart, unseen_chart
from imgnmf.viz.page_data import packed, readable
from imgnmf.viz.page_records import ImagesLike, PageFit, PageImages, PageSection, StudyLike, UnseenLike, check, page_fit
from imgnmf.viz.page_remarks import mean_errors, missing_ranks, single_rank
from imgnmf.viz.quality import Measures, full_range, measured
from imgnmf.viz.stack import Array
from imgnmf.viz.write import write_text

__all__ = ["PageFit", "PageImages", "PageSection", "render_page", "write_page"]

_STYLE = ("page.css",)
_SCRIPT = ("page_model.js", "page_view.js", "page.js")


def write_page(
    path: str | os.PathLike[str],
    study: StudyLike,
    images: ImagesLike,
    *,
    title: str | None = None,
    unseen: UnseenLike | None = None,
    sections: Sequence[PageSection] = (),
) -> None:
    """Write the interactive gallery of a study as one self-contained HTML file.

    Parameters
    ----------
    path : str or path-like
        The file to write, say ``index.html``; its folder must exist.
    study : study
        The fits: ``imgnmf.factorize_ranks(images.V, ranks)``, or any object with `ranks` and ``study[rank]``.
    images : imgnmf.ImageSet
        The images that were fitted, in the order of the columns of H. At most 400 are embedded, fewer large
        ones.
    title : str, optional
        The heading; it is text, never markup.
    unseen : imgnmf.studies.Generalisation, optional
        The error on images that were kept aside, drawn beside that on fitted ones.
    sections : sequence of PageSection
        More to show, below the fits.

    Raises
    ------
    NoImagesError
        There are no images, or no fits.
    ShapeMismatchError
        A fit does not belong to these images.
    DataError
        Values are NaN, infinite or negative.
    OutputError
        The file could not be written; what was there before is whole.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from types import SimpleNamespace
    >>> import numpy as np
    >>> from imgnmf.viz import Curve
    >>> pixels = np.full((2, 3, 3), 0.5)
    >>> images = SimpleNamespace(pixels=pixels, names=("a", "b"), stack=lambda W: W.T.reshape(-1, 3, 3))
    >>> trace = Curve(np.arange(2), np.arange(2.0), np.array([1.0, 0.0]))
    >>> fit = SimpleNamespace(W=np.ones((9, 1)), H=np.full((1, 2), 0.5), relative_error=0.0, n_iter=1,
    ...                       reason="exact", trace=trace)
    >>> class Study(dict):
    ...     ranks = (1,)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = pathlib.Path(folder) / "index.html"
    ...     write_page(target, Study({1: fit}), images)
    ...     target.read_text(encoding="utf-8")[:15]
    '<!doctype html>'
    """
    shown = PageImages(images.pixels, tuple(images.names))
    fits = [page_fit(int(rank), study[rank], images) for rank in study.ranks]
    write_text(path, render_page(fits, shown, title=title, unseen=unseen, sections=sections))


def render_page(
    fits: Iterable[PageFit],
    images: PageImages,
    *,
    title: str | None = None,
    unseen: UnseenLike | None = None,
    sections: Sequence[PageSection] = (),
) -> str:
    """Return the page as text; `write_page` is the short way.

    Parameters
    ----------
    fits : iterable of PageFit
        One a rank, in any order.
    images : PageImages
        The images that were fitted.
    title : str, optional
        The heading.
    unseen : imgnmf.studies.Generalisation, optional
        As in `write_page`.
    sections : sequence of PageSection
        As in `write_page`.

    Returns
    -------
    str
        A whole HTML document.

    Raises
    ------
    NoImagesError, ShapeMismatchError, DataError
        As in `write_page`.

    Examples
    --------
    >>> import numpy as np
    >>> from imgnmf.viz import Curve
    >>> flat = Curve(np.arange(2), np.arange(2.0), np.array([0.5, 0.2]))
    >>> fit = PageFit(1, np.ones((1, 2, 2)), np.ones((1, 1)), 0.2, 1, 1.0, "enough", flat)
    >>> "<i>" in render_page([fit], PageImages(np.ones((1, 2, 2)), ("<i>.png",)))
    False
    """
    ordered = sorted(fits, key=lambda fit: fit.rank)
    check(ordered, images)
    data = packed(images.stack, images.names, [(fit.basis, fit.coefficients) for fit in ordered])
    white = full_range(images.stack)
    measures = [_measured(fit, images.stack[list(data.chosen)], data.chosen, white) for fit in ordered]
    style, script = _source(_STYLE), _source(_SCRIPT)
    return _template().render(
        title=readable(title or "The parts of a set of images"),
        ranks=[fit.rank for fit in ordered],
        shape=images.stack.shape[1:3],
        n_images=len(images.stack),
        data=data,
        rows=list(zip(ordered, measures, strict=True)),
        summary={"ranks": [_summary(fit) for fit in ordered], **data.description},
        charts=_charts(ordered, unseen),
        remark=single_rank([fit.rank for fit in ordered], unseen),
        sections=sections,
        style=Markup(style),
        script=Markup(script),
        policy=_policy(style, script),
    )


def _measured(fit: PageFit, originals: Array, chosen: Sequence[int], white: float) -> Measures:
    approximations = np.tensordot(fit.coefficients[:, list(chosen)].T, fit.basis, axes=1)
    return measured(originals, approximations, fit.basis, white)


def _summary(fit: PageFit) -> dict[str, float]:
    return {"rank": fit.rank, "error": round(fit.relative_error, 6)}


def _charts(fits: Sequence[PageFit], unseen: UnseenLike | None) -> list[Chart]:
    # A curve of a single rank is a dot: the table, or a remark, has its number.
    ranks, over_ranks = [fit.rank for fit in fits], []
    if len(fits) > 1:
        over_ranks = [rank_chart(ranks, [fit.relative_error for fit in fits])]
    if unseen is not None and len(unseen.ranks) > 1:
        note = missing_ranks(ranks, unseen)
        over_ranks.append(unseen_chart(unseen.ranks, *mean_errors(unseen), axis=ranks, note=note))
    return [*over_ranks, *convergence_charts({fit.rank: fit.trace for fit in fits})]


@functools.cache
def _source(names: tuple[str, ...]) -> str:
    folder = resources.files("imgnmf.viz") / "templates"
    return "".join((folder / name).read_text(encoding="utf-8") for name in names)


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: _source((name,))),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2")


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
