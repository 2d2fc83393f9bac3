"""Files become documents, and those that cannot are named, all of them."""

from __future__ import annotations

import sys
import types

import pytest

from imgnmf.errors import DataError, DataWarning, ParameterError
from imgnmf.topics import Texts, python_reference, read_texts


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.txt").write_bytes("\ufeffcafé\r\none\r\n\r\n\r\ntwo\r\n".encode())
    (tmp_path / "sub" / "b.txt").write_text("line", encoding="utf-8")
    return tmp_path


def test_files_are_named_below_their_common_folder_and_read_once(folder):
    found = read_texts([folder / "a.txt", folder / "*" / "b.txt", folder / "a.txt"])
    assert found.names == ("a.txt", "sub/b.txt")
    assert found.texts == ("café\none\n\n\ntwo\n", "line")
    assert read_texts([folder / "sub" / "b.txt"]).names == ("b.txt",)


@pytest.mark.parametrize(
    ("by", "names", "texts"),
    [
        ("line", ("a.txt:1", "a.txt:2", "a.txt:5", "sub/b.txt:1"), ("café", "one", "two", "line")),
        ("paragraph", ("a.txt:1", "a.txt:5", "sub/b.txt:1"), ("café\none", "two", "line")),
    ],
)
def test_a_document_may_be_a_paragraph_or_a_line(folder, by, names, texts):
    found = read_texts([folder / "a.txt", folder / "sub/b.txt"], by=by)
    assert found.names == names
    assert found.texts == texts


def test_lines_are_counted_from_the_first_word():
    assert Texts(("x",), ("\n \n  one\n\t\n\n two\nthree",)).cut("paragraph") == Texts(
        ("x:3", "x:6"), ("one", "two\nthree")
    )


def test_a_blank_file_leaves_no_line_and_is_named(folder):
    (folder / "blank.txt").write_text(" \n\n", encoding="utf-8")
    with pytest.warns(DataWarning, match="1 blank.*blank.txt"):
        assert len(read_texts([folder / "a.txt", folder / "blank.txt"], by="line")) == 3
    assert len(read_texts([folder / "a.txt", folder / "blank.txt"])) == 2


def test_every_file_that_is_no_text_is_named(folder):
    (folder / "latin.txt").write_bytes(b"caf\xe9")
    (folder / "zero.bin").write_bytes(b"a\0b")
    given = [folder / name for name in ("a.txt", "latin.txt", "zero.bin", "gone.txt", "also gone.txt")]
    with pytest.raises(DataError) as raised:
        read_texts(given)
    words = str(raised.value)
    assert words.startswith("4 of 5 files")
    for expected in ("latin.txt (not UTF-8: byte 0xe9 at 3)", "zero bytes", "gone.txt (No such file"):
        assert expected in words


def test_nothing_to_read_is_refused(folder):
    for sources in ([], [folder / "*.rst"]):
        with pytest.raises(DataError, match="no text files"):
            read_texts(sources)
    with pytest.raises(ParameterError, match="by must be"):
        read_texts([folder / "a.txt"], by="word")
    with pytest.raises(DataError, match="2 names for 1 texts"):
        Texts(("a", "b"), ("one",))


def test_the_language_reference_is_there_in_order():
    found = python_reference()
    assert list(found.names) == sorted(found.names)
    assert {"lambda", "if", "class", "exceptions"} <= set(found.names)
    assert len(python_reference(by="paragraph")) > 10 * len(found)


@pytest.mark.parametrize("table", [None, {}, {"if": 3}, 7, ["if"]])
def test_a_python_without_its_reference_says_so(monkeypatch, table):
    module = types.ModuleType("pydoc_data.topics")
    if table is not None:
        module.topics = table
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", module)
    with pytest.raises(DataError, match="language reference"):
        python_reference()
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(DataError, match="language reference"):
        python_reference()
