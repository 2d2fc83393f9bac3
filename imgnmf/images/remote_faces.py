"""Faces on the net."""

from __future__ import annotations

from functools import partial

from imgnmf.images.dataset_readers import read_cbcl, read_matrix, read_pictures_of
from imgnmf.images.fetch import RemoteFile
from imgnmf.images.remote_set import STATED_NOWHERE, TRAIN_TEST, RemoteSet, info_of, one_file

__all__ = ["FACES"]

FIGSHARE = "https://ndownloader.figshare.com/files"
LFW_CITATION = (
    "Huang, Ramesh, Berg and Learned-Miller, Labeled Faces in the Wild, "
    "Univ. of Massachusetts Amherst, Technical Report 07-49, 2007"
)
LFW_LICENCE = "stated nowhere; the photographs are press pictures: do not redistribute them"

FACES = (
    RemoteSet(
        info_of(
            "olivetti",
            "400 faces of 40 people, the ORL faces cropped; uint8",
            (400, 64, 64),
            "give credit to the Olivetti Research Laboratory",
            "Samaria and Harter, Parameterisation of a stochastic model for human face identification, WACV 1994",
            one_file(
                "olivettifaces.mat",
                f"{FIGSHARE}/5976027",
                "sha256:b612fb967f2dc77c9c62d3e1266e0c73d5fca46a4b8906c18e454d41af987794",
            ),
        ),
        partial(read_matrix, key="faces", image_shape=(64, 64), order="F", images_each=10),
    ),
    RemoteSet(
        info_of(
            "lfw",
            "13,233 photographs of 5,749 people, not aligned, in colour; uint8",
            (13_233, 250, 250),
            LFW_LICENCE,
            LFW_CITATION,
            one_file(
                "lfw.tgz",
                f"{FIGSHARE}/5976018",
                "sha256:055f7d9c632d7370e6fb4afc7468d40f970c34a80d4c6f50ffec63f5a8d536c0",
            ),
        ),
        read_pictures_of,
    ),
    RemoteSet(
        info_of(
            "lfw-funneled",
            "13,233 photographs of 5,749 people, roughly aligned, in colour; uint8",
            (13_233, 250, 250),
            LFW_LICENCE,
            LFW_CITATION,
            one_file(
                "lfw-funneled.tgz",
                f"{FIGSHARE}/5976015",
                "sha256:b47c8422c8cded889dc5a13418c4bc2abbda121092b3533a83306f90d900100a",
            ),
        ),
        partial(read_pictures_of, keep=r"\.jpg$"),
    ),
    RemoteSet(
        info_of(
            "orl",
            "400 faces of 40 people, the database of faces of AT&T; uint8",
            (400, 112, 92),
            "give credit to the Olivetti Research Laboratory",
            "Samaria and Harter, Parameterisation of a stochastic model for human face identification, WACV 1994",
            # The mirror comes first: only of its file a hash is known.
            (
                RemoteFile(
                    "att_faces.zip",
                    ("http://www.idiap.ch/software/bob/data/bob/att_faces.zip",),
                    "md5:6efb25cb0d40755e9492b9c012e3348d",
                ),
            ),
        ),
        partial(read_pictures_of, keep=r"s\d+/\d+\.pgm$"),
        "2e4844a9f4fa4397058f69d6208047170f2e9d399cda18b55c1e8d28f0a83431",
    ),
    RemoteSet(
        info_of(
            "cbcl",
            "2,429 small faces (472 in the test subset); uint8",
            (2_429, 19, 19),
            STATED_NOWHERE,
            "CBCL Face Database #1, MIT Center for Biological and Computational Learning, 2000",
            one_file("faces.tar.gz", "http://www.ai.mit.edu/courses/6.899/lectures/faces.tar.gz"),
            subsets=TRAIN_TEST,
        ),
        read_cbcl,
    ),
    RemoteSet(
        info_of(
            "yale-b",
            "2,414 faces of 38 people under 64 lights, cropped (Extended Yale B); uint8",
            (2_414, 192, 168),
            "for research, to our knowledge; do not redistribute",
            "Georghiades, Belhumeur and Kriegman, From few to many, PAMI 2001; Lee, Ho and Kriegman, PAMI 2005",
            one_file("CroppedYale.zip", "http://vision.ucsd.edu/extyaleb/CroppedYaleBZip/CroppedYale.zip"),
        ),
        # The ambient pictures have no light of their own, and 18 others (.pgm.bad) are damaged.
        partial(read_pictures_of, keep=r"(?<!Ambient)\.pgm$"),
    ),
    RemoteSet(
        info_of(
            "frey",
            "1,965 frames of a video of one face; uint8",
            (1_965, 28, 20),
            STATED_NOWHERE,
            "Roweis, Saul and Hinton, Global coordination of local linear models, NIPS 2001",
            one_file("frey_rawface.mat", "https://cs.nyu.edu/~roweis/data/frey_rawface.mat"),
        ),
        partial(read_matrix, key="ff", image_shape=(28, 20), order="C"),
    ),
)
