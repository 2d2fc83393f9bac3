"""The command for texts: topics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from imgnmf.cli.shell import answering, exit_if_interrupted, force_option, say

if TYPE_CHECKING:
    from imgnmf.commands.topics import Topics

__all__ = ["topics"]

LOSSES = ("kullback-leibler", "frobenius")
SHOWN_WORDS = 8


@click.command()
@click.argument("files", nargs=-1, required=True)
@click.option("-k", "--rank", type=int, help="How many topics; default 20.")
@click.option("-o", "--output", metavar="DIR", required=True)
@click.option("--unseen", metavar="FILE", multiple=True, help="Texts to find the topics in; repeatable.")
@click.option("--model", metavar="FILE.imgnmf", help="Fit nothing: find the topics of this model in FILES.")
@click.option(
    "--by",
    type=click.Choice(("file", "paragraph", "line")),
    default="file",
    show_default=True,
    help="What a document is.",
)
@click.option("--loss", type=click.Choice(LOSSES), default=LOSSES[0], show_default=True)
@click.option("--weighting", type=click.Choice(("counts", "tf-idf")), help="Default: tf-idf with frobenius, or counts.")
@click.option("--stop-words", metavar="english|none|FILE", default="english", show_default=True)
@click.option("--min-df", metavar="N|SHARE", default="2", show_default=True, help="Words of fewer documents are out.")
@click.option("--max-df", metavar="N|SHARE", default="0.95", show_default=True, help="Words of more are out.")
@click.option("--max-iter", type=click.IntRange(min=1), default=500, show_default=True)
@click.option("--time-limit", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS")
@click.option("--rng", type=click.IntRange(min=0), default=0, show_default=True, help="Decides the start.")
@click.option("--threads", type=click.IntRange(min=1), help="Default: one a processor.")
@force_option
@answering
def topics(
    files: tuple[str, ...],
    rank: int | None,
    output: str,
    *,
    unseen: tuple[str, ...],
    model: str | None,
    by: Any,
    force: bool,
    **chosen: Any,
) -> None:
    """Find what texts are about: tables, figures, a page and a model that describes other texts.

    FILES are texts in UTF-8, quoted globs, or folders of .txt and .md files; python-reference is Python's own
    language reference. Needs scikit-learn: install imgnmf[sklearn].
    """
    from imgnmf.commands.topics import TopicOptions, apply_topics, make_topics

    if model is None:
        options = TopicOptions(rank=20 if rank is None else rank, **chosen)
        made = make_topics(files, output, by=by, unseen=unseen, force=force, options=options)
    elif unseen or rank is not None:
        raise click.UsageError("--model has its topics already, and FILES are unseen: leave out -k and --unseen")
    else:
        made = apply_topics(model, files, output, by=by, force=force)
    _tell(made, fitted=model is None)
    exit_if_interrupted(model is None and made.model.fit.reason == "interrupted")


def _tell(made: Topics, *, fitted: bool) -> None:
    from imgnmf.commands.topic_files import counted_in

    documents = made.documents
    rows = zip(made.model.top_words(SHOWN_WORDS), documents.totals(), documents.mains(), strict=True)
    counted = counted_in(made.model.vocabulary.weighting)
    say(f"share of all {counted}; documents whose main topic it is, of {len(documents.names)}; strongest words")
    for number, (words, total, main) in enumerate(rows):
        say(f"topic {number + 1:<3} {100 * total:5.1f} % {main:5}  {', '.join(word for word, _ in words)}")
    counts = f"{len(made.documents.names)} document(s)" + (f", {len(made.unseen.names)} unseen" if made.unseen else "")
    start = "topics.md" if fitted else "documents.csv"
    say(f"wrote {made.folder}: {counts}; start with {made.folder / start}")
