"""Draw the gallery: four sets of images, the parts they are made of, and what each rank keeps.

``python scripts/make_gallery.py`` draws the pictures of ``gallery/README.md``;
``python scripts/make_gallery.py --into out`` writes everything: models, summaries and a page for each set.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import click

from imgnmf import load_dataset
from imgnmf.commands.animate import animate_source
from imgnmf.commands.gallery import Gallery, draw, gallery_of, kept_aside, write_everything
from imgnmf.commands.options import FitOptions
from imgnmf.commands.output import checked_folder, staged
from imgnmf.commands.topics import REFERENCE
from imgnmf.topics import find_topics, python_reference
from imgnmf.viz import save_figure, topic_documents, topic_words, write_page

HERE = Path(__file__).resolve().parent.parent / "gallery"


@dataclass(frozen=True)
class Exhibit:
    """A set, the ranks it is fitted at, and the one whose parts are shown."""

    name: str
    ranks: tuple[int, ...]
    shown: int
    with_page: bool = False  # and a film of the parts as they are learnt

    @property
    def pictures(self) -> tuple[str, ...]:
        """The figures that the README shows."""
        return (f"basis-k{self.shown:02}", "reconstructions", "rank-curve", "convergence", "build-up")


EXHIBITS = (
    Exhibit("lfw-faces", (4, 9, 16, 25, 49), shown=25, with_page=True),
    Exhibit("digits", (4, 9, 16, 25, 36), shown=16),
    Exhibit("patches", (4, 9, 16, 25, 36), shown=25),
    Exhibit("swimmer", (4, 9, 13, 16, 17), shown=17),
)


@click.command()
@click.option("--into", type=click.Path(path_type=Path), help="Write everything here; made if it is not there.")
def main(into: Path | None) -> None:
    """Fit and draw every exhibit."""
    for exhibit in EXHIBITS:
        images = load_dataset(exhibit.name)
        options = FitOptions(max_iter=2000)
        study = options.fit(images.V, exhibit.ranks)
        gallery = gallery_of(exhibit.name, images, study, exhibit.shown)
        gallery = replace(gallery, unseen=kept_aside(images, study, options))
        if into is None:
            place = draw_selection(HERE / exhibit.name, exhibit, gallery)
        else:
            place = write_all(into / exhibit.name, gallery)
        click.echo(place)
    click.echo(draw_topics((into or HERE) / REFERENCE))


def draw_selection(folder: Path, exhibit: Exhibit, gallery: Gallery) -> Path:
    """Write the pictures that the README shows."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in draw(gallery):
        if name in exhibit.pictures:
            save_figure(folder / f"{name}.png", figure)
    if exhibit.with_page:
        write_page(
            folder / "index.html",
            gallery.study,
            gallery.images,
            title=f"The parts of {gallery.name}",
            unseen=gallery.unseen,
        )
        film = str(folder / "learning.gif")
        options = FitOptions(init="random", max_iter=60)
        animate_source(exhibit.name, (exhibit.shown,), film, frame_ms=None, force=True, options=options)
    return folder


def write_all(folder: Path, gallery: Gallery) -> Path:
    """Write what ``imgnmf gallery`` writes, in place of what an earlier run wrote."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with staged(checked_folder(str(folder), force=True)) as staging:
        write_everything(staging, gallery)
    return folder / "index.html"


def draw_topics(folder: Path) -> Path:
    """Write the topics of Python's language reference, which comes with Python, and the topics of each page of it."""
    folder.mkdir(parents=True, exist_ok=True)
    model = find_topics(python_reference(), 12)
    labels = [", ".join(word for word, _ in words) for words in model.top_words(3)]
    save_figure(folder / "words.png", topic_words(model.top_words(8), columns=4))
    save_figure(folder / "documents.png", topic_documents(model.shares(), labels=labels, names=model.names))
    return folder


if __name__ == "__main__":
    main()
