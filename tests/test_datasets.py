"""The data sets: what they hold, and what happens when files or mirrors are not as they should be."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets
from hypothesis import given
from hypothesis import strategies as st

import vizgrad as vg
from tests.strategies import seeds
from vizgrad import datasets


@given(st.integers(0, 30), st.integers(0, 30), seeds)
def test_synthetic_data_has_the_numbers_asked_for(train, val, seed):
    (x, y), (x_val, y_val), classes = vg.load_synth(train, val, seed=seed)
    assert x.shape == (train, 2)
    assert x_val.shape == (val, 2)
    assert y.shape == (train,)
    assert y_val.shape == (val,)
    assert classes == 2
    assert set(y) | set(y_val) <= {0, 1}
    again = vg.load_synth(train, val, seed=seed)
    np.testing.assert_array_equal(again[0][0], x)


def test_the_digits_that_come_along_are_those_of_scikit_learn():
    pixels, labels = sklearn.datasets.load_digits(return_X_y=True)
    (x, y), (x_val, y_val), classes = vg.load_digits()
    np.testing.assert_array_equal(np.concatenate([x, x_val]), pixels)
    np.testing.assert_array_equal(np.concatenate([y, y_val]), labels)
    assert (len(x_val), classes, x.dtype, y.dtype) == (360, 10, np.float64, np.int64)
    (rows, _), _, _ = vg.load_digits(flatten=False, dtype=np.float32)
    np.testing.assert_array_equal(rows.reshape(-1, 64), x)
    assert (rows.shape[1:], rows.dtype) == ((8, 8), np.float32)


def test_synthetic_data_without_a_seed_is_numpys_global_draw():
    np.random.seed(3)
    (x, _), _, _ = vg.load_synth(5, 1)
    np.random.seed(3)
    np.testing.assert_array_equal(x, np.random.randn(6, 2)[:5])


def test_a_hyperbola_divides_the_synthetic_classes_and_both_are_common():
    (x, y), _, _ = vg.load_synth(2000, 0, seed=1)
    form = x[:, 0] ** 2 + 1.5 * x[:, 0] * x[:, 1] + 0.2 * x[:, 1] ** 2
    np.testing.assert_array_equal(y, form > 0.6)
    assert 0.2 < y.mean() < 0.8


# --- MNIST, of 7 and 3 images ---------------------------------------------------------------------------------------

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


class Mirror:
    """An HTTP server on this machine that answers as a test wants it to, and remembers what it was asked."""

    def __init__(self, port: int, contents: dict[str, bytes]) -> None:
        self.address = f"http://127.0.0.1:{port}/"
        self.packed = {name + ".gz": gzip.compress(content, mtime=0) for name, content in contents.items()}
        self.bad: dict[str, list[Answer]] = {}  # by file: how to answer the first requests
        self.asked: list[str] = []

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        name = request.path.removeprefix("/")
        self.asked.append(name)
        first = self.bad.get(name)
        (first.pop(0) if first else whole)(request, self.packed[name])


def whole(request: BaseHTTPRequestHandler, body: bytes, length: int | None = None) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(len(body) if length is None else length))
    request.end_headers()
    request.wfile.write(body)


def cut(request: BaseHTTPRequestHandler, body: bytes) -> None:
    whole(request, body[: len(body) // 2], len(body))


def cut_without_a_length(request: BaseHTTPRequestHandler, body: bytes) -> None:
    request.send_response(200)
    request.end_headers()
    request.wfile.write(body[: len(body) // 2])


def fault(request: BaseHTTPRequestHandler, body: bytes) -> None:
    request.send_error(503)


def other(request: BaseHTTPRequestHandler, body: bytes) -> None:
    content = bytearray(gzip.decompress(body))
    content[-1] ^= 1
    whole(request, gzip.compress(bytes(content)))


def page(request: BaseHTTPRequestHandler, body: bytes) -> None:
    whole(request, b"<html>Please log in</html>")


def endless(request: BaseHTTPRequestHandler, body: bytes) -> None:
    whole(request, b"0" * (1 << 20))


def nonsense(request: BaseHTTPRequestHandler, body: bytes) -> None:
    request.wfile.write(b"what?\r\n\r\n")


@pytest.fixture
def contents(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """A small MNIST: seven images for training and validation, of which two for validation, and three for testing."""
    rng = np.random.default_rng(0)
    contents = {}

    def small(file: datasets._File, count: int) -> datasets._File:
        file = file._replace(shape=(count, *file.shape[1:]))
        high = 256 if len(file.shape) == 3 else 10
        contents[file.name] = file.header + rng.integers(0, high, file.shape, np.uint8).tobytes()
        return file._replace(sha256=hashlib.sha256(contents[file.name]).hexdigest())

    monkeypatch.setattr(datasets, "_TRAINING", tuple(small(file, 7) for file in datasets._TRAINING))
    monkeypatch.setattr(datasets, "_TEST", tuple(small(file, 3) for file in datasets._TEST))
    monkeypatch.setattr(datasets, "VALIDATION", 2)
    return contents


@pytest.fixture
def mirror(contents: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """The only mirror there is; asked at most three times for each file, without waiting in between."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.answer(self)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server = Mirror(http.server_address[1], contents)
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setattr(datasets, "MIRRORS", [server.address])
        monkeypatch.setattr(datasets, "PAUSE", 0.0)
        monkeypatch.setenv("no_proxy", "*")
        yield server
        http.shutdown()
        thread.join()


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks a mirror has made a mistake."""
    monkeypatch.setattr(datasets, "_get", None)


def put(folder: Path, contents: dict[str, bytes], packed: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        path = folder / (name + ".gz" if packed else name)
        path.write_bytes(gzip.compress(content) if packed else content)
    return folder


def images(contents: dict[str, bytes], name: str) -> np.ndarray:
    return np.frombuffer(contents[name], np.uint8, offset=16).reshape(-1, 784)


def labels(contents: dict[str, bytes], name: str) -> np.ndarray:
    return np.frombuffer(contents[name], np.uint8, offset=8)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("place", [".", "raw", "MNIST/raw"])
def test_mnist_is_found_however_it_lies_in_its_directory(tmp_path, contents, no_network, place, packed):
    put(tmp_path / place, contents, packed)
    (x, y), (x_val, y_val), classes = vg.load_mnist(directory=tmp_path)
    np.testing.assert_array_equal(x, images(contents, IMAGES)[:5])
    np.testing.assert_array_equal(x_val, images(contents, IMAGES)[5:])
    np.testing.assert_array_equal(y, labels(contents, LABELS)[:5])
    np.testing.assert_array_equal(y_val, labels(contents, LABELS)[5:])
    assert (x.dtype, y.dtype, y_val.dtype, classes) == (np.float64, np.int64, np.int64, 10)


def test_the_final_run_gets_all_training_images_and_the_test_images(tmp_path, contents, no_network):
    put(tmp_path, contents)
    (x, y), (x_test, y_test), _ = vg.load_mnist(final=True, directory=str(tmp_path))
    np.testing.assert_array_equal(x, images(contents, IMAGES))
    np.testing.assert_array_equal(y, labels(contents, LABELS))
    np.testing.assert_array_equal(x_test, images(contents, "t10k-images-idx3-ubyte"))
    np.testing.assert_array_equal(y_test, labels(contents, "t10k-labels-idx1-ubyte"))


@pytest.mark.parametrize("dtype", [np.float32, "float64", np.uint8])
def test_images_keep_their_rows_and_get_the_dtype_asked_for(tmp_path, contents, no_network, dtype):
    put(tmp_path, contents)
    (flat, _), _, _ = vg.load_mnist(directory=tmp_path, dtype=dtype)
    (x, _), (x_val, _), _ = vg.load_mnist(flatten=False, directory=tmp_path, dtype=dtype)
    assert (x.shape, x_val.shape, x.dtype) == ((5, 28, 28), (2, 28, 28), np.dtype(dtype))
    np.testing.assert_array_equal(x.reshape(5, 784), flat)
    x[0] = 1  # the arrays are the program's own


def test_the_test_images_are_not_needed_before_the_final_run(tmp_path, contents, no_network):
    put(tmp_path, {name: contents[name] for name in (IMAGES, LABELS)})
    assert len(vg.load_mnist(directory=tmp_path)[0][0]) == 5


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda content: content[:-1], "cut off: 5,503 bytes of 5,504"),
        (lambda content: b"", "cut off: 0 bytes"),
        (lambda content: content[:3], "cut off: 3 bytes"),
        (lambda content: content + b"x", "an array of shape (7, 28, 28) and nothing else"),
        (lambda content: b"\0\0\x0d\3" + content[4:], "magic number 00000803, but begins with 00000d03"),
        (lambda content: gzip.compress(content), "magic number 00000803, but begins with 1f8b0800"),
        (lambda content: content[:7] + b"\6" + content[8:], "an array of shape (7, 28, 28) and nothing else"),
        (lambda content: content[:-1] + bytes([content[-1] ^ 1]), "checksum"),
    ],
)
def test_a_damaged_file_is_named_and_left_alone(tmp_path, contents, no_network, damage, said):
    put(tmp_path, contents)
    path = tmp_path / IMAGES
    path.write_bytes(damage(path.read_bytes()))
    before = path.read_bytes()
    with pytest.raises(vg.DataError) as raised:
        vg.load_mnist(directory=tmp_path)
    assert str(path) in str(raised.value)
    assert said in str(raised.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda packed: packed[:-20], "cut off"),
        (lambda packed: b"", "cut off: 0 bytes"),
        (lambda packed: b"not gzip", "cannot be unpacked"),
        (lambda packed: packed[:-8] + b"00000000", "cannot be unpacked"),
        (lambda packed: gzip.compress(b"\0" * 10**7), "magic number"),
    ],
)
def test_a_damaged_archive_is_named_and_left_alone(tmp_path, contents, no_network, damage, said):
    put(tmp_path, contents, packed=True)
    path = tmp_path / f"{LABELS}.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(vg.DataError) as raised:
        vg.load_mnist(directory=tmp_path)
    assert str(path) in str(raised.value)
    assert said in str(raised.value)
    assert path.exists()


def test_missing_files_are_downloaded_once(tmp_path, contents, mirror, capsys):
    first = vg.load_mnist(directory=tmp_path)
    assert mirror.asked == [IMAGES + ".gz", LABELS + ".gz"]
    again = vg.load_mnist(final=True, directory=tmp_path)
    assert len(mirror.asked) == 4
    np.testing.assert_array_equal(first[0][0], again[0][0][:5])
    kept = {path.name: path.read_bytes() for path in (tmp_path / "MNIST" / "raw").iterdir()}
    assert kept == contents
    assert IMAGES in capsys.readouterr().err


def test_without_rich_a_line_says_where_the_data_goes(tmp_path, mirror, monkeypatch, capsys):
    monkeypatch.setattr(datasets.importlib.util, "find_spec", lambda name: None)
    vg.load_mnist(directory=tmp_path)
    assert capsys.readouterr().err == f"Downloading MNIST into {tmp_path / 'MNIST' / 'raw'}\n"


@pytest.mark.parametrize("answer", [fault, cut, cut_without_a_length, other, page, endless, nonsense])
def test_a_bad_answer_is_not_the_last_word(tmp_path, contents, mirror, answer):
    mirror.bad[IMAGES + ".gz"] = [answer, answer]
    (x, _), _, _ = vg.load_mnist(directory=tmp_path)
    np.testing.assert_array_equal(x, images(contents, IMAGES)[:5])
    assert mirror.asked.count(IMAGES + ".gz") == 3


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (fault, "503"),
        (cut, "broke after"),
        (cut_without_a_length, "cut off"),
        (other, "checksum"),
        (page, "cannot be unpacked"),
        (endless, "longer than it should be"),
        (nonsense, "what?"),
    ],
)
def test_bad_answers_only_leave_nothing_behind(tmp_path, mirror, answer, said):
    mirror.bad[LABELS + ".gz"] = [answer] * 3
    with pytest.raises(vg.DataError) as raised:
        vg.load_mnist(directory=tmp_path)
    folder = tmp_path / "MNIST" / "raw"
    for words in (LABELS, mirror.address, said, f"put {LABELS}.gz from elsewhere into {folder}"):
        assert words in str(raised.value)
    assert [path.name for path in folder.iterdir()] == [IMAGES]  # what had come before is kept


def test_the_second_mirror_is_asked_when_the_first_is_out_of_reach(tmp_path, contents, mirror, monkeypatch):
    monkeypatch.setattr(datasets, "MIRRORS", ["http://127.0.0.1:1/", mirror.address])
    (x, _), _, _ = vg.load_mnist(directory=tmp_path)
    np.testing.assert_array_equal(x, images(contents, IMAGES)[:5])


def test_pauses_between_rounds_grow(tmp_path, mirror, monkeypatch):
    pauses: list[float] = []
    monkeypatch.setattr(datasets, "PAUSE", 1.0)
    monkeypatch.setattr(datasets.time, "sleep", pauses.append)
    mirror.bad[IMAGES + ".gz"] = [fault] * 3
    with pytest.raises(vg.DataError):
        vg.load_mnist(directory=tmp_path)
    assert pauses == [1.0, 2.0]


def test_a_folder_that_cannot_be_written_to(tmp_path, mirror):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(vg.DataError, match="cannot be kept in") as raised:
        vg.load_mnist(directory=tmp_path / "taken")
    assert "VIZGRAD_DATA" in str(raised.value)


def test_python_in_the_browser_says_that_it_cannot_download(tmp_path, contents, no_network, monkeypatch):
    monkeypatch.setattr(datasets.sys, "platform", "emscripten")
    with pytest.raises(vg.DataError, match="browser"):
        vg.load_mnist(directory=tmp_path)
    put(tmp_path, contents)
    assert len(vg.load_mnist(directory=tmp_path)[0][0]) == 5


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, ".cache/vizgrad"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, ".cache/vizgrad"),
        ("linux", {"XDG_CACHE_HOME": "{home}/xdg"}, "xdg/vizgrad"),
        ("darwin", {"XDG_CACHE_HOME": "{home}/xdg"}, "Library/Caches/vizgrad"),
        ("win32", {}, "AppData/Local/vizgrad/Cache"),
        ("win32", {"LOCALAPPDATA": "{home}/local"}, "local/vizgrad/Cache"),
        ("linux", {"VIZGRAD_DATA": "~/data"}, "data"),
        ("darwin", {"VIZGRAD_DATA": "{home}/data"}, "data"),
    ],
)
def test_where_downloads_are_kept(tmp_path, contents, no_network, monkeypatch, platform, variables, expected):
    for name in ("VIZGRAD_DATA", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(home=tmp_path))
    monkeypatch.setattr(datasets.sys, "platform", platform)
    put(tmp_path / expected, contents)
    assert len(vg.load_mnist()[0][0]) == 5


def test_importing_vizgrad_does_not_import_what_only_downloads_need():
    code = "import sys, vizgrad; print({'urllib.request', 'http.client', 'rich'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


@pytest.mark.parametrize("final", [False, True])
def test_the_real_mnist(root, final):
    folder = root.parent / "shared" / "data"
    if not (folder / "MNIST" / "raw").exists():
        pytest.skip("MNIST is not in ../shared/data")
    (x, y), (x_held, y_held), classes = vg.load_mnist(final, flatten=False, directory=folder, dtype=np.uint8)
    assert (len(x), len(x_held), classes) == ((60_000, 10_000, 10) if final else (55_000, 5_000, 10))
    assert (x.min(), x.max()) == (0, 255)
    assert y[:5].tolist() == [5, 0, 4, 1, 9]
    assert set(y) == set(y_held) == set(range(10))
    assert x[0, 0].sum() == 0  # a margin
    assert abs(x.mean() / 255 - 0.1307) < 1e-3
