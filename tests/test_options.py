"""Options of a wrong type or value: one kind of error, in every public function."""

from __future__ import annotations

import re
import types
import warnings

import numpy as np
import pytest

import imgnmf
from imgnmf.errors import ImgnmfError, ParameterError

RNG = np.random.default_rng(0)
V = RNG.random((12, 20)) + 0.1
PIXELS = np.ascontiguousarray(V.T.reshape(20, 3, 4))
BYTES = (PIXELS * 200).astype(np.uint8)
IMAGES = imgnmf.ImageSet(PIXELS)
STACK = RNG.random((4, 6, 5))
with warnings.catch_warnings():
    warnings.simplefilter("ignore", imgnmf.errors.ConvergenceWarning)
    FIT = imgnmf.factorize(V, 2)
    AFFINITY = imgnmf.family.affinity(V)
TEXTS = ["the cat and the dog", "a dog, a cat, a dog", "car and bus", "a bus, a car, a bus"]


class Mine:
    """A penalty, a loss, a rule or a constraint that nobody knows."""

    def __init__(self, strength=50.0):
        self.strength = strength

    def __repr__(self):
        return "Mine()"  # in the names of tests, which must be the same in every process


def shown(value):
    """The value without addresses: names of tests must be the same in every process, or they cannot be shared out."""
    return re.sub(r" at 0x[0-9A-Fa-f]+", "", repr(value))


class Thing:
    """Neither this nor that."""

    def __repr__(self):
        return "Thing()"


WORDS = [None, 5, 2.0, True, [], (), {}, "no such word", Thing(), np.array(["a", "b"])]
WHOLE = ["3", 1.5, True, [1], (), np.array([1, 2]), -1, Thing(), int, float("nan"), 1j, "abc"]
NUMBER = ["3", True, [1.0], (), np.array([1.0, 2.0]), Thing(), float, float("nan"), 1j]
FLAG = ["no", 1, 0.0, [], Thing(), bool]
OBJECT = [5, 2.0, True, [], (), {}, "no such name", Thing(), Mine(), np.eye(2), (np.eye(2), np.eye(2))]
PENALTY = [0.1, "l1", True, np.float32(1), Mine(), [Mine()], [imgnmf.L1(0.1), Mine()], imgnmf.L1, [imgnmf.L1], Thing()]
CONSTRAINT = ["simplex", 1.0, True, [], [imgnmf.UpperBound(1.0)], imgnmf.UpperBound, imgnmf.Simplex, Mine(), Thing()]
RULE = [0.1, "kkt", True, [5], [imgnmf.KKTBelow(), None], imgnmf.KKTBelow, [imgnmf.KKTBelow], Mine(), len]
CALL = [5, "print", [], Thing(), imgnmf.L1]
SEED = [-1, 1.5, "abc", True, [1, 2], np.random.RandomState(0), np.random, Thing(), np.random.Generator]
RANKS = [5, None, "abc", [], [1.5], ["2"], [True], [0], Thing(), [[1, 2]]]
PAIR = [5.0, "88", (2,), (2, 2, 2), (0, 2), (2.5, 2), (True, 2), Thing(), [], ("a", "b")]
PAIRS_OR_TRIPLES = [5.0, "88", (2,), (2, 2, 2, 2), (0, 2), (2.5, 2), (True, 2), Thing(), [], ("a", "b")]
KINDS = {
    "rank": [*WHOLE, 0],
    "loss": [*OBJECT, None, imgnmf.Frobenius],
    "solver": [*OBJECT, imgnmf.HALS],
    "init": [*OBJECT, None, imgnmf.RandomInit],
}
RIDGED = {
    "rank": KINDS["rank"],
    "ridge": [*NUMBER, -1],
    "init": WORDS,
    "stop": RULE,
    "max_iter": WHOLE,
    "time_limit": NUMBER,
    "rng": SEED,
    "threads": [*WHOLE, 0],
    "callback": CALL,
}
EVERY = [
    (
        "factorize",
        lambda **o: imgnmf.factorize(V, **{"rank": 2} | o),
        {
            **KINDS,
            "n_init": [*WHOLE, 0, None],
            "penalty_W": PENALTY,
            "penalty_H": PENALTY,
            "constraint_W": CONSTRAINT,
            "constraint_H": CONSTRAINT,
            "missing": WORDS,
            "negative": WORDS,
            "online": [*OBJECT, imgnmf.Online],
            "stop": RULE,
            "max_iter": [*WHOLE, None],
            "time_limit": [*NUMBER, 0, -1.0],
            "rng": SEED,
            "threads": [*WHOLE, 0],
            "memory": [*NUMBER, "lots", 0, -5],
            "callback": CALL,
            "checkpoint": [5, True, Thing(), imgnmf.Checkpoint],
            "resume": FLAG,
        },
    ),
    ("encode", lambda **o: FIT.encode(V, **o), {"missing": WORDS}),
    (
        "factorize_ranks",
        lambda **o: imgnmf.factorize_ranks(V, **{"ranks": [2]} | o),
        {
            "ranks": RANKS,
            **{name: KINDS[name] for name in ("loss", "solver", "init")},
            "penalty_W": PENALTY,
            "penalty_H": PENALTY,
            "constraint_W": CONSTRAINT,
            "warm_start": FLAG,
            "earlier": [5, "study", [FIT], Thing(), {2: Thing()}],
            "stop": RULE,
            "max_iter": WHOLE,
            "time_limit": NUMBER,
            "rng": SEED,
            "threads": [*WHOLE, 0],
            "memory": NUMBER,
            "callback": CALL,
            "checkpoint": [5, True, Thing(), imgnmf.Checkpoint, imgnmf.CheckpointFolder],
            "resume": FLAG,
        },
    ),
    (
        "choose_rank",
        lambda **o: imgnmf.choose_rank(V, **{"ranks": [1, 2], "repeats": 2, "max_iter": 2} | o),
        {
            "ranks": RANKS,
            "method": WORDS,
            "loss": KINDS["loss"],
            "repeats": [*WHOLE, 1],
            "max_iter": [*WHOLE, 0],
            "rng": [*SEED, None],
            "threads": [*WHOLE, 0],
            "checkpoint": [5, True, Thing()],
            "resume": FLAG,
        },
    ),
    (
        "generalisation",
        lambda **o: imgnmf.generalisation(V, **{"ranks": [1], "repeats": 2, "max_iter": 2} | o),
        {
            "ranks": RANKS,
            "share": [*NUMBER, 0, 1],
            "loss": KINDS["loss"],
            "repeats": [*WHOLE, 0],
            "max_iter": [*WHOLE, 0],
            "rng": [*SEED, None],
            "threads": [*WHOLE, 0],
            "checkpoint": [5, True, Thing()],
            "resume": FLAG,
        },
    ),
    (
        "factorize_layers",
        lambda **o: imgnmf.factorize_layers(V, **{"ranks": [3, 2], "max_iter": 2, "tune": 1} | o),
        {
            "ranks": [*RANKS, [2, 2]],
            "split": WORDS,
            "init": KINDS["init"],
            "max_iter": WHOLE,
            "tune": WHOLE,
            "tol": [*NUMBER, 0],
            "time_limit": NUMBER,
            "rng": SEED,
            "threads": [*WHOLE, 0],
            "callback": CALL,
            "checkpoint": [5, True, Thing()],
            "resume": FLAG,
        },
    ),
    (
        "factorize_projective",
        lambda **o: imgnmf.factorize_projective(V, **{"rank": 2, "max_iter": 2} | o),
        {
            "rank": KINDS["rank"],
            "orthonormal": FLAG,
            "init": KINDS["init"],
            "stop": RULE,
            "max_iter": [*WHOLE, 0],
            "time_limit": NUMBER,
            "rng": SEED,
            "threads": [*WHOLE, 0],
        },
    ),
    (
        "consensus",
        lambda **o: imgnmf.consensus(**{"fits": [FIT, FIT]} | o),
        {
            "fits": [5, None, [FIT], [FIT, 5], "ab"],
            "alike": [*NUMBER, -0.1, 1.1],
        },
    ),
    ("neighbour_graph", lambda **o: imgnmf.neighbour_graph(V, **o), {"n_neighbours": [*WHOLE, 0, 20]}),
    (
        "Stream",
        lambda **o: imgnmf.Stream(**{"rank": 2} | o).partial_fit(V),
        {
            "rank": KINDS["rank"],
            "images": [*WHOLE, 0],
            "iterations": [*WHOLE, 0],
            "loss": KINDS["loss"],
            "solver": KINDS["solver"],
            "penalty_W": PENALTY,
            "penalty_H": PENALTY,
            "rng": SEED,
            "threads": [*WHOLE, 0],
        },
    ),
    ("Online", imgnmf.Online, {"passes": [*WHOLE, 0], "images": [*WHOLE, 0], "iterations": [*WHOLE, 0]}),
    (
        "Checkpoint",
        lambda **o: imgnmf.Checkpoint(**{"path": "a.ckpt"} | o),
        {"path": [5, None, Thing()], "every_iterations": [*WHOLE, 0], "every_seconds": [*NUMBER, -1]},
    ),
    (
        "CheckpointFolder",
        lambda **o: imgnmf.CheckpointFolder(**{"path": "a.ckpt"} | o),
        {"path": [5, None, Thing()], "every_iterations": [*WHOLE, 0], "every_seconds": [*NUMBER, -1]},
    ),
    *(
        (f"{kind.__name__}", kind, {"strength": [*NUMBER, -1, None]})
        for kind in (imgnmf.L1, imgnmf.L2, imgnmf.Orthogonal)
    ),
    (
        "Smooth",
        lambda **o: imgnmf.Smooth(**{"strength": 1.0, "image_shape": (3, 4)} | o),
        {"strength": [*NUMBER, -1], "image_shape": [*PAIRS_OR_TRIPLES, None]},
    ),
    (
        "Neighbours",
        lambda **o: imgnmf.Neighbours(**{"strength": 1.0, "graph": np.eye(3)} | o),
        {"strength": [*NUMBER, -1]},
    ),
    ("UpperBound", imgnmf.UpperBound, {"value": [*NUMBER, 0, None]}),
    ("Sparseness", imgnmf.Sparseness, {"value": [*NUMBER, -1, 2, None]}),
    ("NonSmooth", imgnmf.NonSmooth, {"theta": [*NUMBER, -1, 1, None]}),
    ("RelativeDecrease", imgnmf.RelativeDecrease, {"tol": [*NUMBER, 0, None]}),
    ("KKTBelow", imgnmf.KKTBelow, {"tol": [*NUMBER, 0, None]}),
    ("TimeLimit", imgnmf.TimeLimit, {"seconds": [*NUMBER, 0, None]}),
    (
        "BetaDivergence",
        lambda **o: imgnmf.BetaDivergence(**{"beta": 1.5} | o),
        {"beta": [*NUMBER, 2, None], "floor": [*NUMBER, -2, 1, None]},
    ),
    ("Huber", imgnmf.Huber, {"delta": [*NUMBER, 0, None], "share": [*NUMBER, 0, None]}),
    ("L21", imgnmf.L21, {"axis": [2, "0", None, Thing(), 1.5]}),
    ("HALS", imgnmf.HALS, {"inner": [*WHOLE, 0, None], "patience": [*NUMBER, -1], "extrapolate": FLAG}),
    ("NNDSVD", imgnmf.NNDSVD, {"fill": WORDS}),
    ("ColumnSample", imgnmf.ColumnSample, {"average": [*WHOLE, 0, None]}),
    (
        "semi",
        lambda **o: imgnmf.family.semi(V, **{"rank": 2, "max_iter": 2} | o),
        RIDGED,
    ),
    (
        "convex",
        lambda **o: imgnmf.family.convex(V, **{"rank": 2, "max_iter": 2} | o),
        RIDGED,
    ),
    (
        "separable",
        lambda **o: imgnmf.family.separable(V, **{"rank": 2} | o),
        {"rank": KINDS["rank"], "method": WORDS, "unit_sum": FLAG, "threads": [*WHOLE, 0]},
    ),
    (
        "minimum_volume",
        lambda **o: imgnmf.family.minimum_volume(V, **{"rank": 2, "max_iter": 2} | o),
        {
            "rank": KINDS["rank"],
            "strength": [*NUMBER, 0],
            "delta": [*NUMBER, 0],
            "init": WORDS,
            "unit_sum": FLAG,
            "stop": RULE,
            "max_iter": WHOLE,
            "time_limit": NUMBER,
            "threads": [*WHOLE, 0],
            "callback": CALL,
        },
    ),
    (
        "symmetric",
        lambda **o: imgnmf.family.symmetric(AFFINITY, **{"rank": 2, "max_iter": 2} | o),
        {
            "rank": KINDS["rank"],
            "n_init": [*WHOLE, 0],
            "stop": RULE,
            "max_iter": WHOLE,
            "time_limit": NUMBER,
            "rng": SEED,
            "callback": CALL,
        },
    ),
    ("affinity", lambda **o: imgnmf.family.affinity(V, **o), {"neighbours": [*WHOLE, 0]}),
    (
        "extract_patches",
        lambda **o: imgnmf.extract_patches(IMAGES, **{"patch_size": (2, 2)} | o),
        {"patch_size": PAIR, "n_patches": [*WHOLE, 0], "stride": PAIR, "aside": WORDS[1:], "rng": SEED},
    ),
    (
        "load_images",
        lambda **o: imgnmf.load_images(PIXELS, **o),
        {
            "size": PAIR,
            "color": WORDS[:3] + WORDS[4:],
            "frames": WORDS,
            "stride": [*WHOLE, 0],
            "on_error": WORDS,
            "strict": FLAG,
            "max_pixels": [*WHOLE, 0],
            "max_frames": [*WHOLE, 0],
            "max_bytes": [*WHOLE, 0],
            "threads": [*WHOLE, 0],
            "order": WORDS,
            "images_in": WORDS[1:],
            "invert": FLAG,
            "image_shape": PAIRS_OR_TRIPLES,
            "key": [5, True, Thing(), []],
            "labels": [5, True, Thing(), []],
        },
    ),
    (
        "inpaint",
        lambda **o: imgnmf.inpaint(PIXELS, np.arange(240).reshape(20, 3, 4) % 7 > 0, **{"rank": 2, "max_iter": 2} | o),
        {
            "rank": KINDS["rank"],
            "model": [5, "m.imgnmf", Thing(), V],
            "patch_size": PAIR,
            "max_iter": [*WHOLE, 0],
            "rng": SEED,
            "threads": [*WHOLE, 0],
        },
    ),
    (
        "find_occlusions",
        lambda **o: imgnmf.find_occlusions(PIXELS, **{"rank": 2, "max_iter": 2} | o),
        {
            "rank": KINDS["rank"],
            "side": [*NUMBER, 0],
            "cutoff": [*NUMBER, 0],
            "max_iter": [*WHOLE, 0],
            "rng": SEED,
            "threads": [*WHOLE, 0],
        },
    ),
    (
        "train_parts",
        lambda **o: imgnmf.compression.train_parts(BYTES, **{"rank": 2, "max_iter": 2} | o),
        {
            "rank": KINDS["rank"],
            "patch_size": PAIR,
            "bits": [*WHOLE, 1, 13],
            "sparsity": [*NUMBER, -1],
            "n_columns": [*WHOLE, 0],
            "max_iter": [*WHOLE, 0],
            "rng": SEED,
            "threads": [*WHOLE, 0],
        },
    ),
    (
        "pca_parts",
        lambda **o: imgnmf.compression.pca_parts(BYTES, **{"rank": 2} | o),
        {"rank": KINDS["rank"], "patch_size": PAIR, "bits": [*WHOLE, 1, 13], "n_columns": [*WHOLE, 0]},
    ),
    (
        "encode_images",
        lambda **o: imgnmf.compression.encode_images(BYTES, **{"rank": 2} | o),
        {
            "rank": KINDS["rank"],
            "parts": [5, "a.parts", Thing()],
            "patch_size": PAIR,
            "bits": [*WHOLE, 0, 17],
            "step": [*NUMBER, 0],
            "target_bytes": [*WHOLE, 0],
            "target_psnr": NUMBER,
            "names": FLAG,
            "coder": WORDS,
            "rng": SEED,
            "threads": [*WHOLE, 0],
        },
    ),
    ("decode_images", lambda **o: imgnmf.compression.decode_images(b"abc", **o), {"max_pixels": [*WHOLE, 0]}),
    (
        "storage",
        lambda **o: imgnmf.compression.storage(BYTES, **{"ranks": [2]} | o),
        {"ranks": RANKS, "allowed_db": NUMBER},
    ),
    (
        "rate_distortion",
        lambda **o: imgnmf.compression.rate_distortion(BYTES, **{"codecs": []} | o),
        {"codecs": [5, None, "jpeg", [5], [imgnmf.compression.ClosedSet]], "ssim": FLAG},
    ),
    (
        "find_topics",
        lambda **o: imgnmf.topics.find_topics(TEXTS, **{"rank": 2} | o),
        {
            "rank": KINDS["rank"],
            "loss": WORDS,
            "weighting": WORDS[1:],
            "stop_words": [5, "german", True, Thing(), [5]],
            "min_df": [*NUMBER, -1],
            "max_df": [*NUMBER, -1],
            "init": KINDS["init"],
            "max_iter": WHOLE,
            "time_limit": NUMBER,
            "rng": SEED,
            "threads": [*WHOLE, 0],
            "callback": CALL,
        },
    ),
    ("coherence", lambda **o: imgnmf.topics.coherence([["cat", "dog"]], TEXTS, **o), {"measure": WORDS}),
    (
        "montage",
        lambda **o: imgnmf.viz.montage(STACK, **o),
        {
            "columns": [*WHOLE, 0],
            "padding": WHOLE,
            "scale": WORDS[1:],
            "magnify": [*WHOLE, 0],
            "gap": NUMBER,
            "white_is_zero": FLAG,
        },
    ),
    ("basis", lambda **o: imgnmf.viz.basis(STACK, **o), {"columns": [*WHOLE, 0], "scale": WORDS, "order": WORDS[1:]}),
    (
        "build_up",
        lambda **o: imgnmf.viz.build_up(STACK[0], STACK, np.ones(4), **o),
        {"n_parts": [*WHOLE, 0], "data_range": [*NUMBER, 0]},
    ),
    ("coefficients", lambda **o: imgnmf.viz.coefficients(np.ones((2, 3)), **o), {"scale": WORDS}),
    (
        "reconstructions",
        lambda **o: imgnmf.viz.reconstructions(STACK, {2: STACK}, **o),
        {"data_range": [*NUMBER, 0], "metrics": FLAG},
    ),
    (
        "animate_basis",
        lambda **o: imgnmf.viz.animate_basis([STACK, STACK], **o),
        {"columns": [*WHOLE, 0], "scale": WORDS, "magnify": [*WHOLE, 0], "frame_ms": [*WHOLE, 0], "hold_ms": WHOLE},
    ),
    (
        "animate_build_up",
        lambda **o: imgnmf.viz.animate_build_up(STACK, np.ones((4, 1)), **o),
        {
            "n_parts": [*WHOLE, 0],
            "data_range": [*NUMBER, 0],
            "magnify": [*WHOLE, 0],
            "frame_ms": [*WHOLE, 0],
            "hold_ms": WHOLE,
        },
    ),
    (
        "animate_reconstructions",
        lambda **o: imgnmf.viz.animate_reconstructions(STACK, {2: STACK}, **o),
        {"data_range": [*NUMBER, 0], "magnify": [*WHOLE, 0], "frame_ms": [*WHOLE, 0], "hold_ms": WHOLE},
    ),
    ("crop", lambda **o: imgnmf.images.crop(IMAGES, **o), {"box": [*PAIR, None], "centre": PAIR}),
    ("resize", lambda **o: imgnmf.images.resize(IMAGES, **o), {"size": [*PAIR, None]}),
    ("equalize", lambda **o: imgnmf.images.equalize(IMAGES, **o), {"bins": [*WHOLE, 0]}),
    ("scale_range", lambda **o: imgnmf.images.scale_range(IMAGES, **o), {"low": NUMBER, "high": NUMBER}),
    ("scale_mean_std", lambda **o: imgnmf.images.scale_mean_std(IMAGES, **o), {"mean": NUMBER, "std": [*NUMBER, 0]}),
]
CASES = [
    pytest.param(call, option, value, id=f"{name}-{option}-{shown(value):.40}")
    for name, call, options in EVERY
    for option, values in options.items()
    for value in values
]


@pytest.mark.filterwarnings("ignore::imgnmf.errors.ImgnmfWarning")
@pytest.mark.parametrize(("call", "option", "value"), CASES)
def test_an_option_of_a_wrong_type_or_value_is_a_parameter_error(call, option, value):
    with pytest.raises(ParameterError) as refused:
        call(**{option: value})
    assert len(str(refused.value)) < 600


def test_every_public_function_with_options_is_on_the_list():
    listed = {name for name, _, _ in EVERY}
    # Files, records of a paper, or figures that have arrays and words for options alone.
    others = {
        "load", "load_layers", "load_topics", "save", "save_layers", "save_topics", "open_images", "load_dataset",
        "describe_datasets", "describe_source", "dataset_status", "bd_rate", "pillow_formats", "python_reference",
        "read_texts", "shares_of", "vocabulary_of", "compare", "convergence", "coverage", "inpainted", "kinds",
        "layer_tree", "occluded", "rank_curve", "reliability", "render_page", "write_page", "save_animation",
        "save_figure", "save_image", "score_curves", "topic_documents", "topic_words", "align_eyes", "mask_pixels",
        "prepare_like", "split_channels", "steps_from_json", "steps_to_json", "ItakuraSaito", "KullbackLeibler",
        "LeastAbsolute",
    }  # fmt: skip
    rooms = (imgnmf, imgnmf.family, imgnmf.compression, imgnmf.topics, imgnmf.viz, imgnmf.images)
    public = {name for room in rooms for name in room.__all__ if isinstance(getattr(room, name), types.FunctionType)}
    assert public - listed - others == set()


@pytest.mark.parametrize("number", [np.float32(0.5), np.float64(0.5), np.int64(1), np.uint8(1)])
def test_numbers_of_numpy_are_numbers(number):
    options = {"max_iter": 3, "time_limit": number + 100, "stop": imgnmf.RelativeDecrease(number)}
    options |= {
        "penalty_W": imgnmf.L2(number),
        "penalty_H": imgnmf.L1(number),
        "rng": np.int64(3),
        "threads": np.int8(1),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", imgnmf.errors.ConvergenceWarning)
        fit = imgnmf.factorize(V, np.int16(2), **options)
        plain = float(number)
        options |= {"penalty_W": imgnmf.L2(plain), "penalty_H": imgnmf.L1(plain), "rng": 3}
        np.testing.assert_array_equal(fit.W, imgnmf.factorize(V, 2, **options).W)


def test_a_penalty_of_ones_own_is_refused_and_not_ignored():
    # It was accepted and had no effect, which looked like a penalty of no use.
    for given in (Mine(50.0), [Mine(50.0)], [imgnmf.L1(0.1), Mine(50.0)]):
        with pytest.raises(ParameterError, match="penalty_W and penalty_H take L1"):
            imgnmf.factorize(V, 2, penalty_W=given, penalty_H=given)


def test_a_class_in_place_of_an_object_is_refused_with_the_class_named():
    for option, value in (
        ("loss", imgnmf.Huber),
        ("solver", imgnmf.HALS),
        ("init", imgnmf.SPA),
        ("stop", imgnmf.KKTBelow),
    ):
        with pytest.raises(ParameterError, match=f"{option} must be .*{value.__name__}"):
            imgnmf.factorize(V, 2, **{option: value})


def test_the_estimator_refuses_wrong_types_with_one_kind_of_error():
    from imgnmf.estimator import NMF

    options = {"init": OBJECT, "solver": OBJECT, "beta_loss": [None, True, [], "no such name", Thing(), 1j]}
    options |= {"tol": [*NUMBER, -1], "max_iter": [*WHOLE, 0], "alpha_W": [*NUMBER, -1], "l1_ratio": [*NUMBER, 2]}
    options |= {"shuffle": [True, "no"], "missing": WORDS, "n_components": [*(n for n in WHOLE if n is not int), 0]}
    for option, values in options.items():
        for value in values:
            with pytest.raises(ParameterError):
                NMF(**{"n_components": 2} | {option: value}).fit(V.T)


@pytest.mark.parametrize("color", [True, False])
def test_color_is_taken_as_a_flag_too(color):
    found = imgnmf.load_images(RNG.integers(0, 255, (5, 4, 6, 3), dtype=np.uint8), color=color)
    assert found.image_shape == ((4, 6, 3) if color else (4, 6))


def test_a_set_of_images_stands_for_its_pixels_and_a_fit_for_its_trace():
    np.testing.assert_array_equal(imgnmf.viz.montage(IMAGES), imgnmf.viz.montage(IMAGES.pixels))
    assert len(imgnmf.viz.convergence(FIT).axes) == 2
    with pytest.raises(ImgnmfError, match=r"images\.stack"):
        imgnmf.viz.montage(FIT)
    with pytest.raises(ImgnmfError, match=r"v\[:, None\]"):
        FIT.encode(V[:, 0])


def test_a_penalty_by_name_is_named_whole():
    with pytest.raises(ParameterError, match="got 'l1'"):
        imgnmf.factorize(np.ones((4, 4)), 2, penalty_W="l1", penalty_H="l1")
