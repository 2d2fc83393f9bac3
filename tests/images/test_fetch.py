"""Downloads against a server on loopback: good, truncated, wrong hash, missing, slow, restarted; nothing unasked."""

import hashlib
import http.server
import sys
import threading
import time

import pytest

from imgnmf.errors import DataWarning, ImageReadError, NoImagesError, ParameterError
from imgnmf.images.fetch import Fetching, RemoteFile, cache_folder, fetch

pytest.importorskip("pooch", reason="downloading needs the extra 'data'")

CONTENT = bytes(range(256)) * 1000
SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()
MD5 = "md5:" + hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serves the same content under every path; the first part of that says how."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []

    def url(self, how):
        return f"http://127.0.0.1:{self.server_port}/{how}/file.bin"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        how = self.path.split("/")[1]
        first = self.server.asked.count(self.path) == 1
        if how == "missing":
            self.send_error(404)
            return
        body = CONTENT[::-1] if how == "other" else CONTENT
        cut = how == "truncated" or (how == "restarted" and first)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if how == "stuck":
            time.sleep(1)
            return
        for start in range(0, len(body) // 2 if cut else len(body), 2**16):
            self.wfile.write(body[start : start + 2**16])
            if how == "slow":
                time.sleep(0.05)

    def log_message(self, *words):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def how(folder, **options):
    return Fetching(folder, **{"download": True, "retries": 0, "timeout": 0.5, **options})


@pytest.mark.parametrize("digest", [MD5, None])
def test_a_file_that_nobody_pinned_is_told_of_and_held_to_what_came_first(server, tmp_path, digest):
    good, other = (RemoteFile("a.bin", (server.url(kind),), digest) for kind in ("good", "other"))
    with pytest.warns(DataWarning, match=SHA256.removeprefix("sha256:")):
        fetch([good], how(tmp_path))
    fetch([good], how(tmp_path))  # and no warning again
    (tmp_path / "a.bin").write_bytes(CONTENT[:-1])
    with pytest.raises(NoImagesError, match="damaged"):
        fetch([good], how(tmp_path, download=False))
    with pytest.raises(ImageReadError, match="SHA256 hash"):
        fetch([other], how(tmp_path))
    fetch([good], how(tmp_path))
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


@pytest.mark.filterwarnings("ignore:nobody published")
@pytest.mark.parametrize("digest", [SHA256, MD5, None])
@pytest.mark.parametrize("kind", ["good", "slow"])
def test_a_good_file_is_whole_in_the_cache_and_not_asked_for_again(server, tmp_path, digest, kind, capfd):
    file = RemoteFile("a.bin", (server.url(kind),), digest)
    told = []
    for _ in range(2):
        paths = fetch([file], how(tmp_path / "deep/er", progress=lambda *state: told.append(state)))
        assert paths == [tmp_path / "deep/er/a.bin"]
        assert paths[0].read_bytes() == CONTENT
    assert len(server.asked) == 1
    assert told[-1] == ("a.bin", len(CONTENT), len(CONTENT))
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert capfd.readouterr() == ("", "")
    noted = [] if digest == SHA256 else ["a.bin.sha256"]
    assert sorted(path.name for path in paths[0].parent.iterdir()) == ["a.bin", *noted]


@pytest.mark.parametrize(
    ("kind", "digest", "reason"),
    [
        ("truncated", SHA256, "IncompleteRead|Connection broken"),
        ("truncated", None, "IncompleteRead|Connection broken"),
        ("other", SHA256, "does not match the known hash"),
        ("missing", None, "404"),
        ("stuck", SHA256, "timed out"),
    ],
)
def test_what_is_not_good_is_refused_and_leaves_nothing(server, tmp_path, kind, digest, reason):
    file = RemoteFile("a.bin", (server.url(kind),), digest)
    with pytest.raises(ImageReadError, match=rf"a\.bin could not be downloaded: http.*/{kind}/.*({reason})"):
        fetch([file], how(tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_server_that_is_not_there_is_named(tmp_path, server):
    url = server.url("good")
    server.shutdown()
    server.server_close()
    with pytest.raises(ImageReadError, match=r"a\.bin could not be downloaded: http://127\.0\.0\.1:\d+/good"):
        fetch([RemoteFile("a.bin", (url,))], how(tmp_path))


def test_a_broken_connection_is_tried_again(server, tmp_path):
    [path] = fetch([RemoteFile("a.bin", (server.url("restarted"),), SHA256)], how(tmp_path, retries=1))
    assert path.read_bytes() == CONTENT
    assert len(server.asked) == 2


def test_the_next_address_is_tried(server, tmp_path):
    urls = tuple(server.url(kind) for kind in ("missing", "other", "good"))
    [path] = fetch([RemoteFile("a.bin", urls, SHA256)], how(tmp_path))
    assert path.read_bytes() == CONTENT
    assert [asked.split("/")[1] for asked in server.asked] == ["missing", "other", "good"]


def test_a_file_damaged_in_the_cache_is_fetched_again(server, tmp_path):
    (tmp_path / "a.bin").write_bytes(CONTENT[:100])
    file = RemoteFile("a.bin", (server.url("good"),), SHA256)
    with pytest.raises(NoImagesError, match=r"or damaged there: a\.bin"):
        fetch([file], how(tmp_path, download=False))
    assert fetch([file], how(tmp_path))[0].read_bytes() == CONTENT


@pytest.mark.parametrize("options", [{"download": False}, {"offline": True}])
def test_nothing_is_downloaded_unless_asked(server, tmp_path, options):
    file = RemoteFile("a.bin", (server.url("good"),), SHA256)
    with pytest.raises(NoImagesError, match=rf"not in {tmp_path}, or damaged there: a\.bin; .*path="):
        fetch([file], how(tmp_path, **options))
    assert not server.asked
    assert not list(tmp_path.iterdir())


def test_without_pooch_it_is_said_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ParameterError, match=r"downloading needs pooch, which is missing: install imgnmf\[data\]"):
        fetch([RemoteFile("a.bin", ("http://127.0.0.1:9/a",))], how(tmp_path))


def test_the_cache_is_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("IMGNMF_DATA", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("IMGNMF_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_folder() == tmp_path / "cache/imgnmf"
