"""Files whose digests are right and whose values are wrong: all refused when they are loaded, and never later."""

from __future__ import annotations

import contextlib
import copy
import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load as tensors_of
from safetensors.numpy import save as to_bytes

import imgnmf
from imgnmf.archive import digest_of, tensor_record
from imgnmf.archive_layers import load_layers, save_layers
from imgnmf.archive_topics import load_topics, save_topics
from imgnmf.core.constraints import Simplex
from imgnmf.errors import ArchiveError
from tests.archive.relatives import made
from tests.checkpoint.test_resuming import V, stopping

pytestmark = pytest.mark.filterwarnings("ignore::imgnmf.errors.ConvergenceWarning")

NAN, INF = float("nan"), float("inf")
NO_NUMBER, NO_COUNT = [None, "1", [1], {}, True, NAN, INF, -1, 10**400], [None, "1", [1], True, 1.5, -1, 10**400]
NO_TEXT, NO_LIST = [None, 1, 1.5, [], {}], [None, 1, "names", {}]


def reseal(path, entry, change):
    """Apply `change(document, tensors)` and write the file with honest digests, as anybody can."""
    with safe_open(path, framework="np") as file:
        metadata = dict(file.metadata())
    tensors = tensors_of(path.read_bytes())
    document = json.loads(metadata[entry][64:])
    change(document, tensors)
    document["tensors"] = {name: tensor_record(array) for name, array in tensors.items()}
    text = json.dumps(document)
    path.write_bytes(to_bytes(tensors, {entry: digest_of(text.encode()) + text}))


def field(*place, values):
    """Mutants that set one field of the document to each of some values."""
    for value in values:

        def change(document, _tensors, value=value):
            *above, last = place
            for name in above:
                document = document[name]
            document[last] = value

        yield f"{'.'.join(map(str, place))}={value!r:.20}", change


def tensor(name, **changes):
    """Mutants that change one tensor."""
    for what, function in changes.items():

        def change(_document, tensors, function=function):
            tensors[name] = np.ascontiguousarray(function(tensors[name]))

        yield f"{name}: {what}", change


def as_type(dtype):
    return lambda array: array.astype(dtype)


def with_value(value):
    def change(array):
        array = array.copy()
        array.flat[0] = value
        return array

    return change


FACTOR = {
    "int64": as_type(np.int64),
    "bool": as_type(bool),
    "complex64": as_type(np.complex64),
    "float16": as_type(np.float16),
    "a single number": lambda array: np.float64(1.0),
    "of one axis": np.ravel,
    "one row less": lambda array: array[1:],
    "no columns": lambda array: array[:, :0],
    "no rows": lambda array: array[:0],
    "negative": with_value(-1.0),
    "NaN": with_value(NAN),
    "infinite": with_value(INF),
}
COLUMN = {
    "text": lambda array: np.zeros(len(array), np.uint8),
    "of two axes": lambda array: array[None],
    "shorter": lambda a: a[1:],
}


def of_images():
    yield from field("images", values=[None, 5, []])
    shapes = [
        [200_000, 200_000],
        [-5, -4],
        [5.0, 4.0],
        ["5", "4"],
        [2**62, 2**62],
        [20],
        [0, 20],
        [5, 4, 0],
        [4, 4],
        "5",
    ]
    yield from field("images", "image_shape", values=[*shapes, [1, 1, 1, 20], {"h": 5}, True])
    yield from field("images", "names", values=[*NO_LIST, [1] * 12, [None] * 12, ["a"], ["a"] * 13])
    yield from field("images", "labels", values=[1, "labels", [None] * 12, [[1]] * 12, [10**400] * 12, ["a"]])
    yield from field("images", "white", values=["255", -1, 0, NAN, INF, [255], True, 10**400])
    yield from field("images", "versions", values=[None, [], "1", {"numpy": 2}, {"numpy": None}])
    yield from field("images", "rng", values=["0", 1.5, [0], True])
    yield from field("images", "data_sha256", values=[5, "abc", "Z" * 64])
    yield from field("images", "mask", values=[None, 5, True])
    steps = [{"step": "Resize", "size": size} for size in ([5], ["5", "4"], [10**9, 10**9], [0, 4], None, [5.5, 4], 7)]
    steps += [{"step": "ScaleRange", "low": low, "high": 1.0} for low in (NAN, "0", None, [0])]
    steps += [{"step": "Equalize", "bins": bins} for bins in (0, 1.5, "256", 10**12)]
    steps += [{"step": "Crop", "top": -1, "left": 0, "height": 2, "width": 2}]
    steps += [{"step": "MaskPixels", "mask": mask} for mask in (["a"], [[1, 2]], 5, [[1], [1, 0]])]
    yield from field("images", "steps", values=[None, 5, "steps", [5], *[[step] for step in steps]])


def of_ends():
    yield from field("fit", values=[None, [], 5])
    yield from field("fit", "n_iter", values=NO_COUNT)
    yield from field("fit", "converged", values=[None, 1, "true"])
    yield from field("fit", "reason", values=NO_TEXT)
    yield from field("fit", "objective", values=[None, "1", [1], True, NAN, 10**400])
    yield from field("fit", "relative_error", values=NO_NUMBER)
    yield from tensor("W", **FACTOR)
    yield from tensor("H", **FACTOR)
    for name in ("iteration", "seconds", "objective", "relative_error", "kkt"):
        yield from tensor(f"trace.{name}", **COLUMN)
    yield from tensor("trace.iteration", float=as_type(float))


def of_fits():
    yield from of_ends()
    yield from of_images()
    for name in ("solver", "init"):
        yield from field("fit", name, values=NO_TEXT)
    yield from field("fit", "floor", values=NO_NUMBER)
    for name in ("l1", "l2", "overlap", "smooth"):
        yield from field("penalty_H", name, values=NO_NUMBER)
    yield from field("penalty_H", "grid", values=[5, [1.5], ["a"], None, [-1]])
    yield from field("penalty_H", "ties", values=[5, {}])
    yield from field("penalty_H", values=[5, [], "l1"])
    yield from field("constraint_H", values=[{"kind": "Simplex", "total": v} for v in [*NO_NUMBER, 0]])
    yield from field("constraint_H", values=[{"kind": "UpperBound", "value": v} for v in [*NO_NUMBER, 0]])
    yield from field("constraint_H", values=[{"kind": "NonSmooth", "theta": v} for v in [*NO_NUMBER, 1]])
    yield from field("constraint_H", values=[5, [], "Simplex", {"kind": "Evil"}, {}])
    losses = [{"kind": "BetaDivergence", "beta": v, "floor": 0.1} for v in ["1", None, NAN, INF, [1], 10**400]]
    losses += [{"kind": "BetaDivergence", "beta": 1.0, "floor": v} for v in ["1", None, NAN, 2, -2]]
    losses += [{"kind": "Huber", "delta": v, "share": 1.0} for v in ["1", None, NAN, 0, -1]]
    losses += [{"kind": "L21", "axis": v} for v in (2, "0", None, NAN)]
    yield from field("loss", values=[*losses, None, 5, "frobenius", {"kind": "Evil"}, {"kind": []}])


def of_family():
    yield from of_ends()
    yield from field("fit", "member", values=[*NO_TEXT, "evil", "semi"])
    yield from field("fit", "init", values=NO_TEXT)
    yield from field("fit", "penalty", values=[None, "1", [1], True, NAN, INF, 10**400])
    yield from field("fit", "ridge", values=NO_NUMBER)
    yield from tensor("shares", **FACTOR)


def of_layers():
    yield from of_images()
    yield from field("errors", values=[None, [], [1], [None, None], ["1", "2"], [NAN, 0.1], [-1, 1], 5])
    yield from field("greedy_error", values=NO_NUMBER)
    yield from field("split", values=[*NO_TEXT, "V"])
    yield from field("reason", values=NO_TEXT)
    yield from field("fortran", values=[None, 5])
    yield from tensor("W0", **FACTOR)
    yield from tensor("H1", **FACTOR)
    yield from tensor("objective", **{**COLUMN, "shorter": lambda array: array[:, None]})


def of_topics():
    yield from of_ends()
    yield from field("words", values=[*NO_LIST, [1] * 4, ["cat"] * 4, ["cat"]])
    yield from field("weighting", values=[*NO_TEXT, "evil", "tf-idf"])
    yield from field("images", "names", values=[[1] * 4, ["a"], 5])


def of_checkpoints():
    yield from field("start", values=NO_COUNT)
    for name in ("objective", "squared_residual"):
        yield from field("standing", name, values=NO_NUMBER)
    yield from field("standing", "predicted_decrease", values=[None, "1", [1], {}])
    yield from field("standing", "iteration", values=[*NO_COUNT, 7])
    yield from field("standing", values=[5, [1], {"objective": 1}])
    for name in ("careful", "caution"):
        yield from field("standing", "way", name, values=NO_COUNT)
    yield from field("standing", "way", "momentum", values=NO_NUMBER)
    yield from field("standing", "way", "pace", "limit", values=[None, "1", NAN, [1]])
    yield from field("standing", "way", values=[None, 5, []])
    for name in ("W", "H"):
        yield from tensor(name, **FACTOR)
    for name in ("ahead", "last_W", "last_H"):
        yield from tensor(name, **{key: value for key, value in FACTOR.items() if key != "negative"})
    for name in ("seconds", "objective", "relative_error", "predicted_decrease"):
        yield from tensor(f"history.{name}", **COLUMN)


PIXELS = np.random.default_rng(0).integers(0, 256, (12, 5, 4), dtype=np.uint8)
IMAGES = imgnmf.ImageSet(PIXELS, [f"{i}.png" for i in range(12)], np.arange(12) % 3)


def a_fit(path):
    imgnmf.save(path, imgnmf.factorize(IMAGES.V, 3, max_iter=5, constraint_H=Simplex(1.0)), IMAGES)


def a_family_fit(path):
    imgnmf.save(path, made("convex")[0])


def a_projective_fit(path):
    imgnmf.save(path, made("projective")[0])


def layers(path):
    save_layers(path, imgnmf.factorize_layers(IMAGES.V, ranks=(4, 2), max_iter=5), IMAGES)


def topics(path):
    pytest.importorskip("sklearn")
    from imgnmf.topics import find_topics

    save_topics(path, find_topics(["cat, dog", "dog, cat", "bus, car", "car, bus"], 2))


def a_checkpoint(path):
    with contextlib.suppress(imgnmf.Interrupted):
        imgnmf.factorize(V, 4, checkpoint=path, callback=stopping(8))


def resume(path):
    return imgnmf.factorize(V, 4, checkpoint=path, resume=True, max_iter=12)


KINDS = {
    "fit": (a_fit, imgnmf.load, "imgnmf", of_fits),
    "family": (a_family_fit, imgnmf.load, "imgnmf", of_family),
    "projective": (a_projective_fit, imgnmf.load, "imgnmf", of_ends),
    "layers": (layers, load_layers, "imgnmf-layers", of_layers),
    "topics": (topics, load_topics, "imgnmf-topics", of_topics),
    "checkpoint": (a_checkpoint, resume, "imgnmf-checkpoint", of_checkpoints),
}
HARMLESS = {
    # Where nothing is said of images, their size may be any; the W of convex fits has either sign.
    "family": {"W: negative", "W: one row less"},
    "projective": {"W: one row less"},
    # As files of format 1 have it.
    "layers": {"images=None"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_with_right_digests_and_wrong_values_is_refused(kind, tmp_path):
    write, read, entry, mutants = KINDS[kind]
    whole = tmp_path / "whole"
    write(whole)
    original = whole.read_bytes()
    loaded, count = [], 0
    for name, change in mutants():
        path = tmp_path / "m.imgnmf"
        path.write_bytes(original)
        reseal(path, entry, copy.copy(change))
        count += 1
        try:
            read(path)
        except ArchiveError as refusal:
            if not str(refusal).startswith(str(path)):
                loaded.append(f"{name}: the message does not name the file: {refusal}")
        except Exception as leak:
            loaded.append(f"{name}: {leak!r}")
        else:
            loaded.append(name)
    assert set(loaded) <= HARMLESS.get(kind, set()), loaded
    assert count > 50
    path.write_bytes(original)
    reseal(path, entry, lambda *_: None)
    read(path)
