from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading

import pytest

from imgnmf import atomic
from imgnmf.errors import OutputError

OLD, NEW = b"old" * 1000, b"new" * 2000


class FailingSystem:
    """Stands for a module of system calls, of which the n-th fails."""

    def __init__(self, module, calls, fail_at):
        self._module, self._calls, self._fail_at = module, calls, fail_at

    def __getattr__(self, name):
        value = getattr(self._module, name)
        if not callable(value) or isinstance(value, type):
            return value

        def call(*args, **kwargs):
            self._calls.append(name)
            if len(self._calls) == self._fail_at:
                raise OSError(errno.EIO, "made to fail")
            return value(*args, **kwargs)

        return call


def write_with_failure(monkeypatch, target, fail_at):
    calls = []
    with monkeypatch.context() as patched:
        patched.setattr(atomic, "os", FailingSystem(os, calls, fail_at))
        patched.setattr(atomic, "fcntl", FailingSystem(atomic.fcntl, calls, fail_at))
        try:
            atomic.write_bytes(target, NEW)
        except OutputError:
            return calls, False
    return calls, True


def test_whichever_call_fails_the_file_is_the_old_one_or_the_new_one_and_the_next_write_leaves_nothing(
    tmp_path, monkeypatch
):
    target = tmp_path / "file"
    target.write_bytes(OLD)
    calls, written = write_with_failure(monkeypatch, target, fail_at=0)
    assert written
    assert {"open", "fsync", "replace", "flock"} <= set(calls)
    outcomes = set()
    for fail_at in range(1, len(calls) + 1):
        target.write_bytes(OLD)
        made, written = write_with_failure(monkeypatch, target, fail_at)
        assert len(made) >= fail_at
        assert target.read_bytes() == (NEW if written else OLD)
        outcomes.add(written)
        atomic.write_bytes(target, b"next")
        assert os.listdir(tmp_path) == ["file"]
    assert False in outcomes


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt])
def test_an_error_while_writing_leaves_the_old_file_and_comes_through(tmp_path, kind):
    target = tmp_path / "file"
    target.write_bytes(OLD)

    def half():
        with atomic.replacing(target) as file:
            file.write(NEW)
            raise kind

    with pytest.raises(kind):
        half()
    assert target.read_bytes() == OLD
    assert os.listdir(tmp_path) == ["file"]


def test_a_full_disk_leaves_the_old_file_and_says_so(tmp_path):
    target = tmp_path / "file"
    target.write_bytes(OLD)
    program = (
        "import resource, signal, sys\n"
        "from imgnmf.atomic import write_bytes\n"
        "from imgnmf.errors import OutputError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n    write_bytes(sys.argv[1], b'x' * 100_000)\n"
        "except OutputError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(target)], capture_output=True, text=True, check=True)
    assert str(target) in done.stdout
    assert "File too large" in done.stdout
    assert "raise the file size limit" in done.stdout
    assert target.read_bytes() == OLD
    assert os.listdir(tmp_path) == ["file"]


def test_what_a_killed_process_left_behind_is_taken_over(tmp_path):
    target = tmp_path / "file"
    program = (
        "import sys, time\n"
        "from imgnmf.atomic import replacing\n"
        "with replacing(sys.argv[1]) as file:\n"
        "    file.write(b'half')\n    file.flush()\n    print('writing', flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(target)], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"writing\n"
        process.send_signal(signal.SIGKILL)
    assert len(os.listdir(tmp_path)) == 1
    assert not target.exists()
    atomic.write_bytes(target, NEW)
    assert os.listdir(tmp_path) == ["file"]
    assert target.read_bytes() == NEW


def test_writers_at_the_same_time_leave_one_whole_file(tmp_path):
    target = tmp_path / "file"

    def write(letter):
        for _ in range(20):
            atomic.write_bytes(target, letter * 50_000)

    writers = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b", b"c", b"d")]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        if target.exists():
            seen = target.read_bytes()
            assert len(seen) == 50_000
            assert len(set(seen)) == 1
    assert os.listdir(tmp_path) == ["file"]


def test_permissions_are_kept_and_new_files_get_the_usual_ones(tmp_path):
    secret, usual, plain = tmp_path / "secret", tmp_path / "usual", tmp_path / "plain"
    secret.write_bytes(OLD)
    secret.chmod(0o600)
    plain.write_bytes(OLD)
    for target in (secret, usual):
        atomic.write_bytes(target, NEW)
    assert secret.stat().st_mode & 0o777 == 0o600
    assert usual.stat().st_mode == plain.stat().st_mode


def test_a_link_is_followed(tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder / "file")
    atomic.write_bytes(tmp_path / "link", NEW)
    assert (tmp_path / "link").is_symlink()
    assert (folder / "file").read_bytes() == NEW


def test_text_is_utf8_and_keeps_its_line_ends(tmp_path):
    atomic.write_text(tmp_path / "file", "ä\r\nß\n")
    assert (tmp_path / "file").read_bytes() == "ä\r\nß\n".encode()


def test_a_name_of_255_bytes_can_be_written(tmp_path):
    atomic.write_bytes(tmp_path / ("n" * 255), NEW)
    assert os.listdir(tmp_path) == ["n" * 255]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing/file", "create the folder first"),
        ("n" * 256, "choose a shorter name"),
        ("folder", "give the name of a file"),
        ("taken/file", "a part of the path is a file"),
        ("pipe", "not a regular file"),
    ],
)
def test_what_cannot_be_written_is_refused_with_path_reason_and_advice(tmp_path, name, words):
    (tmp_path / "folder").mkdir()
    (tmp_path / "taken").touch()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match=words) as caught:
        atomic.write_bytes(tmp_path / name, NEW)
    assert name in str(caught.value)
    assert caught.value.errno
    assert sorted(os.listdir(tmp_path)) == ["folder", "pipe", "taken"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="a folder that you may write to"):
        atomic.write_bytes(tmp_path / "file", NEW)
