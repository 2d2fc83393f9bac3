"""`imgnmf gallery --layers`: the parts of parts, drawn and saved beside the rest of a gallery."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgnmf.archive_layers import save_layers
from imgnmf.checkpoint import CheckpointFolder
from imgnmf.commands.interrupted import or_best
from imgnmf.commands.options import FitOptions
from imgnmf.commands.summary import finite
from imgnmf.core.interrupts import interruptible
from imgnmf.errors import ParameterError
from imgnmf.images import ImageSet
from imgnmf.studies.layers import LayeredFactorization, factorize_layers
from imgnmf.viz import PageSection, basis, layer_tree, save_figure
from imgnmf.viz.quality import sparseness

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["check_options", "fit_layers", "parsed_ranks", "summarize_layers", "write_layers"]


def parsed_ranks(text: str | None) -> tuple[int, ...]:
    """Return the ranks of ``"49,16,4"``; none of None.

    >>> parsed_ranks("49,16, 4"), parsed_ranks(None)
    ((49, 16, 4), ())
    """
    try:
        ranks = () if text is None else tuple(int(word) for word in text.split(","))
    except ValueError:
        raise ParameterError(f"--layers must be whole numbers with commas between, say 49,16,4; got {text!r}") from None
    if len(ranks) == 1:
        raise ParameterError(f"--layers needs at least two ranks, say 49,16,4; got {text!r}: for one, use -k")
    return ranks


def check_options(ranks: tuple[int, ...], options: FitOptions) -> None:
    """Refuse what layers have no say in, rather than fit something else than was asked for."""
    plain = FitOptions()
    for name in ("loss", "solver", "parts", "memory"):
        if ranks and getattr(options, name) != getattr(plain, name):
            raise ParameterError(
                f"--layers fits the Frobenius loss with its own solver, plain parts and no budget: leave out --{name}"
            )


def fit_layers(
    images: ImageSet, ranks: tuple[int, ...], options: FitOptions, kept: CheckpointFolder | None = None
) -> LayeredFactorization | None:
    """Fit the layers, if there are any; after Ctrl-C those so far, unless it is a single one, which is no tree."""
    names = ("init", "max_iter", "time_limit", "rng", "threads")
    given: dict[str, Any] = {name: getattr(options, name) for name in names}
    if not ranks:
        return None
    with interruptible():
        deep, _ = or_best(factorize_layers, images.V, ranks, checkpoint=kept, resume=kept is not None, **given)
        if len(deep.layers) == 1:
            raise KeyboardInterrupt
    return deep


def write_layers(folder: Path, name: str, images: ImageSet, deep: LayeredFactorization) -> PageSection:
    """Write the tree, the parts of each layer and the model, and return what the page shows of them."""
    for file, figure in _draw(name, images, deep):
        save_figure(folder / f"{file}.png", figure)
    save_layers(folder / "layers.imgnmf", deep, images)
    rows = [
        (f"{place + 1}", f"{row['rank']}", f"{100 * layer.relative_error:.2f} %", f"{row['sparseness_W'] or 0:.2f}")
        for place, (row, layer) in enumerate(zip(summarize_layers(images, deep)["rows"], deep.layers, strict=True))
    ]
    ranks = " into ".join(f"{layer.rank}" for layer in deep.layers)
    return PageSection(
        heading="Parts of parts",
        words=f"The coefficients were taken apart again, {ranks}. Each large part is a sum of the small ones below it.",
        picture=(folder / "layers.png").read_bytes(),
        alt=f"A tree of parts in {len(rows)} rows, the smallest at the bottom, with lines to those that they make.",
        columns=("layer", "parts", "relative error", "sparseness"),
        rows=tuple(rows),
    )


def summarize_layers(images: ImageSet, deep: LayeredFactorization) -> dict[str, Any]:
    """Return the error of each layer, as plain numbers."""
    rows = [
        {
            "rank": layer.rank,
            "relative_error": finite(layer.relative_error),
            "sparseness_W": finite(float(sparseness(images.stack(deep.basis(place))).mean())),
        }
        for place, layer in enumerate(deep.layers)
    ]
    return {"rows": rows, "greedy_error": finite(deep.greedy_error), "tuning": deep.reason}


def _draw(name: str, images: ImageSet, deep: LayeredFactorization) -> Iterator[tuple[str, Figure]]:
    stacks = [images.stack(deep.basis(place)) for place in range(len(deep.layers))]
    shares = [deep.shares(place) for place in range(1, len(stacks))]
    yield "layers", layer_tree(stacks, shares, title=f"{name}: which small parts make which large one")
    for place, (stack, layer) in enumerate(zip(stacks, deep.layers, strict=True)):
        title = f"{name}: layer {place + 1}, {layer.rank} parts, relative error {100 * layer.relative_error:.1f} %"
        yield f"layer-{place + 1}-k{layer.rank:02}", basis(stack, title=title)
