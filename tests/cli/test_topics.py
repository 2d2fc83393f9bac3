"""`imgnmf topics`."""

from __future__ import annotations

import csv
import json
import re

import numpy as np
import pytest

from imgnmf.archive_topics import load_topics
from tests.cli.runs import BAD_INPUT, DONE, everything_below, refusal, run
from tests.topics.planted import TOPICS, texts

MADE = {"documents.csv", "documents.png", "summary.json", "topics.imgnmf", "topics.md", "words.csv", "words.png"}


@pytest.fixture
def letters(tmp_path):
    folder = tmp_path / "letters"
    folder.mkdir()
    for number, text in enumerate(texts(12)):
        (folder / f"{number:02}.txt").write_text(text, encoding="utf-8")
    return folder


def table(path):
    return list(csv.reader(path.read_text(encoding="utf-8").splitlines()))


@pytest.mark.parametrize("loss", ["kullback-leibler", "frobenius"])
def test_topics_of_files_and_of_unseen_ones(letters, tmp_path, loss):
    new = tmp_path / "new.txt"
    new.write_text("cat dog cow cat\n", encoding="utf-8")
    out = tmp_path / "out"
    result = run("topics", letters / "*.txt", "-k", 3, "--loss", loss, "--unseen", new, "-o", out)
    assert result.exit_code == DONE, result.output
    assert set(everything_below(out)) == MADE | {"unseen.csv", "unseen.png"}
    model = load_topics(out / "topics.imgnmf")
    assert model.names == tuple(f"{number:02}.txt" for number in range(12))
    words = table(out / "words.csv")[1:]
    assert words[0][:3] == ["1", "1", model.top_words(1)[0][0][0]]
    assert float(words[0][3]) == pytest.approx(model.top_words(1)[0][0][1], rel=1e-5)
    rows = table(out / "documents.csv")[1:]
    np.testing.assert_allclose(np.array([row[1:] for row in rows], float).T, model.shares(), atol=1e-5)
    (name, *shares), animals = table(out / "unseen.csv")[1], set(TOPICS[0])
    assert name == "new.txt"
    assert model.top_words(1)[int(np.argmax([float(x) for x in shares]))][0][0] in animals
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert (summary["rank"], summary["n_documents"], len(summary["topics"])) == (3, 12, 3)
    share = "share_of_counted_words" if loss == "kullback-leibler" else "share_of_weights"
    assert sum(topic[share] for topic in summary["topics"]) == pytest.approx(1, abs=1e-4)
    assert sum(topic["mean_share_of_a_document"] for topic in summary["topics"]) == pytest.approx(1, abs=1e-4)
    assert sum(topic["main_topic_of_documents"] for topic in summary["topics"]) == len(model.names)
    page = (out / "topics.md").read_text(encoding="utf-8")
    assert all(f"## {number}: " in page for number in (1, 2, 3))
    assert "12 document(s), 1 unseen" in result.stdout


def test_a_saved_model_says_the_same_of_unseen_texts(letters, tmp_path):
    out, again = tmp_path / "out", tmp_path / "again"
    new = letters / "00.txt"
    assert run("topics", letters / "*.txt", "-k", 3, "--unseen", new, "-o", out).exit_code == DONE
    result = run("topics", new, "--model", out / "topics.imgnmf", "-o", again)
    assert result.exit_code == DONE, result.output
    assert table(again / "documents.csv") == table(out / "unseen.csv")
    assert set(everything_below(again)) == {"documents.csv", "documents.png", "summary.json"}
    assert run("topics", new, "--model", out / "topics.imgnmf", "-o", again).exit_code == BAD_INPUT
    assert run("topics", new, "--model", out / "topics.imgnmf", "-o", again, "--force").exit_code == DONE


def test_info_says_what_is_in_the_model(letters, tmp_path):
    assert run("topics", letters / "*.txt", "-k", 3, "-o", tmp_path / "out").exit_code == DONE
    model = tmp_path / "out" / "topics.imgnmf"
    result = run("info", model)
    assert result.exit_code == DONE, result.output
    assert "documents:      12" in result.stdout
    assert f"topic 1:        {load_topics(model).top_words(1)[0][0][0]}, " in result.stdout
    model.write_bytes(model.read_bytes()[:-1])
    assert "topics.imgnmf" in refusal("info", model)


def test_lines_may_be_documents_and_stop_words_a_file(tmp_path):
    lines, stop = tmp_path / "lines.txt", tmp_path / "stop.txt"
    lines.write_text("\n".join(texts(12)), encoding="utf-8")
    stop.write_text("Cat\ndog", encoding="utf-8")
    out = tmp_path / "out"
    result = run("topics", lines, "--by", "line", "-k", 3, "--stop-words", stop, "--min-df", "1", "-o", out)
    assert result.exit_code == DONE, result.output
    model = load_topics(out / "topics.imgnmf")
    assert model.names[:2] == ("lines.txt:1", "lines.txt:2")
    assert not {"cat", "dog"} & set(model.vocabulary.words)


def test_the_language_reference_is_a_source(tmp_path):
    out = tmp_path / "out"
    result = run("topics", "python-reference", "-k", 4, "--loss", "frobenius", "-o", out)
    assert result.exit_code == DONE, result.output
    assert "lambda" in load_topics(out / "topics.imgnmf").names


def test_an_empty_document_is_named_and_a_name_cannot_break_the_page(letters, tmp_path):
    (letters / "a|b`*_.txt").write_text("\n", encoding="utf-8")
    (letters / "00.txt").rename(letters / "[x](y)#.txt")
    out = tmp_path / "out"
    result = run("topics", letters / "*.txt", "-k", 3, "-o", out)
    assert result.exit_code == DONE, result.output
    assert "1 document(s) without a word of the vocabulary (a|b`*_.txt)" in result.stderr
    assert table(out / "documents.csv")[-1] == ["a|b`*_.txt", "0", "0", "0"]
    assert r"\[x\]\(y\)\#.txt" in (out / "topics.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-k", 13), "-k 12 or less"),
        (("-k", 0), "rank must be"),
        (("-k", 3, "--min-df", "many"), "got 'many'"),
        (("-k", 3, "--min-df", "13"), "--min-df 13 asks for words in at least 13 of 12 document(s), and --max-df 0.95"),
        (("-k", 3, "--unseen", "gone.txt"), "gone.txt"),
        (("-k", 3, "--model", "m.imgnmf"), "leave out -k"),
        (("--model", "m.imgnmf"), "m.imgnmf: cannot be read"),
        (("-k", 3, "--stop-words", "gone.txt"), "gone.txt"),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_nothing(letters, tmp_path, options, words):
    assert words in refusal("topics", letters / "*.txt", *options, "-o", tmp_path / "out")
    assert everything_below(tmp_path) == ["letters", *(f"letters/{number:02}.txt" for number in range(12))]


def test_a_file_that_is_no_text_is_named(letters, tmp_path):
    (letters / "latin.txt").write_bytes(b"caf\xe9")
    assert "latin.txt (not UTF-8" in refusal("topics", letters / "*.txt", "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_long_document_is_said_to_be_most_words_and_one_document(tmp_path):
    pets = [f"the dog and the cat of {number} fed" for number in range(6)]
    (tmp_path / "lib").mkdir()
    for number, text in enumerate(["hpp cpp libs boost " * 300, *pets, "hpp cpp libs boost"]):
        (tmp_path / "lib" / f"{number}.txt").write_text(text)
    out = tmp_path / "out"
    result = run("topics", tmp_path / "lib", "-k", 2, "-o", out)
    assert result.exit_code == DONE, result.output
    assert "documents whose main topic it is, of 8" in result.stdout
    page = (out / "topics.md").read_text()
    assert re.search(r"9\d\.\d % of all counted words; main topic of 2 of 8 documents; 2\d\.\d % of a document", page)
    assert "% of all documents" not in page


def test_a_folder_stands_for_its_texts_and_markdown(tmp_path):
    folder = tmp_path / "lib"
    (folder / "deeper").mkdir(parents=True)
    for name in ("a.txt", "deeper/b.md", "c.py", ".d.txt"):
        (folder / name).write_text("the dog and the cat")
    result = run("topics", folder, "-k", 1, "-o", tmp_path / "out", "--max-df", "1.0")
    assert result.exit_code == DONE, result.output
    assert [row[0] for row in table(tmp_path / "out" / "documents.csv")[1:]] == ["a.txt", "deeper/b.md"]
    (tmp_path / "empty").mkdir()
    assert "no .txt or .md file below" in refusal("topics", tmp_path / "empty", "-o", tmp_path / "none")


def test_two_tiny_texts_are_refused_with_every_option_that_has_to_change(tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("a dog and a cat")
    words = refusal("topics", tmp_path, "-o", tmp_path / "out")
    assert "-k 2 or less, with --min-df 1 and --max-df 1.0" in words
    followed = run("topics", tmp_path, "-o", tmp_path / "out", "-k", 2, "--min-df", 1, "--max-df", "1.0")
    assert followed.exit_code == DONE, followed.output


def test_texts_without_spaces_are_warned_of_once_and_so_are_characters_that_no_font_has(tmp_path):
    for number, text in enumerate(
        ["\u72d7\u732b\u5403\u8089 \u6c7d\u8f66\u8def\u4e0a", "\u72d7\u732b\u5403\u8089 \u6c7d\u8f66\u5f88\u591a"] * 3
    ):
        (tmp_path / f"{number}.txt").write_text(text, encoding="utf-8")
    result = run("topics", tmp_path, "-o", tmp_path / "out", "-k", 2)
    assert result.exit_code == DONE, result.output
    assert result.stderr.count("written without spaces between words") == 1
    assert "Glyph" not in result.stderr


def test_texts_in_another_language_are_told_of_the_stop_words(tmp_path):
    for number in range(4):
        (tmp_path / f"{number}.txt").write_text("der Hund und die Katze sind in dem Haus und schlafen " * 10)
    result = run("topics", tmp_path, "-o", tmp_path / "out", "-k", 1, "--max-df", "1.0")
    assert result.exit_code == DONE, result.output
    assert "these texts seem not to be English" in result.stderr
    assert "--stop-words FILE" in result.stderr
