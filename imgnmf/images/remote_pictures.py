"""Digits, objects and photographs on the net."""

from __future__ import annotations

from functools import partial

from imgnmf.images.dataset_readers import read_cifar, read_idx_pair, read_pictures_of, read_stl, read_usps
from imgnmf.images.fetch import RemoteFile
from imgnmf.images.remote_set import STATED_NOWHERE, TRAIN_TEST, RemoteSet, info_of, one_file

__all__ = ["PICTURES"]

BSDS_LICENCE = "for non-commercial research and education, to our knowledge"
LIBSVM = "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass"
IDX_NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
KODAK_SHA256 = (
    "a56e27cbf5f843c048b6af1d6e090760e9c92fadba88b7dee0205918a37523bd",
    "4f4b74a79237e311d72cad958237b5f7088d8bce1c82305ebefe1a70e3022dfd",
    "e25ca1ff2f0c0cb5fdfd5f9b0a0bb21ac4c3de3c84a67f35b09a85d3306249db",
    "e3b946107c5d3441c022f678d0c3caf1e224d81b1604ba840a4f88e562de61aa",
    "10349e963c5c813d327852f82c1795fa4148d69fedffc4c589bee458e3ac3d53",
    "363510303b715d4cbc384e1ce227e466b613a09e1b71ae985882bf8e7fbd9b18",
    "b77d3f006f42414bb242222e0482e750c0fb9e5ee8d4bed2f6f11c5605fe54a4",
    "ba23983c76b4832ee0e8af0592664756841a16779acd69f792e268fb6d13d6e7",
    "6a4361c2fc194feb4edaa9f9a4a0620fb9943e460ac7fdf037fb0f6dd6607a7d",
    "9dfb70f5867c29ff9ed6313683f19b3d867849e40fbc0c4c54a4a89df341cf23",
    "7936814b58b5387fce2e4e2488b4ec830dadd95fa9520f358ddb30990b50f2b6",
    "d78c37c2f04f23761ed2367dd77e2db584ddd4c3950833fecf89f199a8126980",
    "bc34a3ce58dea09dce1704c997171602de90cb34d0c8503a988b77f473d39b08",
    "55a94550ff18f3246c4074fd32b77b0c74447c26b6ad274d564d999c0450ba6e",
    "7538cbb80cb9103606c48b806eae57d56c885c7f90b9b3be70a41160f9cbb683",
    "a89c7268ccd4718ba424a99fc4643c572cf692ca6eae887185ceb4e9f11d2e54",
    "37afcc89fbdcb76d9518e04b2fc011027e2f4cd14b3b2f83cefd721641a47c5b",
    "1a9258c365988961d87a0598725b609139c303ad48a5aad6c503c3b1a87849aa",
    "b7450b264b1b0a411390d8931b112c27905a992520fc90569dc4b920aa32bbdc",
    "3b46c71e3b92a563820ba32936be8330c586c41f938efd94be938386aae4328a",
    "ac958597c82073f6bb65129c68f72b651db5b9efd82e11547d07350214bc268b",
    "1cee58eb1f2d9c7ebb254d208a03c783ce6cf2c4d8c2cf45e235dd23b4ce1b29",
    "e3111a2fd4da24af15d6459ef9eacfe54106b38e27b4a21821b75c3f5d2d5baf",
    "1071c68372cc5a01435c2c225a5cf7d4bb803846ec08bb6b3d6721b156d7cb96",
)


def _idx_files(bases: tuple[str, ...], sha256: tuple[str, ...]) -> tuple[RemoteFile, ...]:
    published = zip(IDX_NAMES, sha256, ("train", "train", "test", "test"), strict=True)
    return tuple(
        RemoteFile(name, tuple(f"{base}/{name}" for base in bases), f"sha256:{digest}", (subset,))
        for name, digest, subset in published
    )


PICTURES = (
    RemoteSet(
        info_of(
            "mnist",
            "60,000 handwritten digits (10,000 in the test subset); uint8",
            (60_000, 28, 28),
            "CC BY-SA 3.0, to our knowledge",
            "LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition, 1998",
            _idx_files(
                (
                    "https://storage.googleapis.com/cvdf-datasets/mnist",
                    "https://ossci-datasets.s3.amazonaws.com/mnist",
                ),
                (
                    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                ),
            ),
            subsets=TRAIN_TEST,
        ),
        read_idx_pair,
    ),
    RemoteSet(
        info_of(
            "fashion-mnist",
            "60,000 pictures of clothes (10,000 in the test subset); uint8",
            (60_000, 28, 28),
            "MIT, to our knowledge",
            "Xiao, Rasul and Vollgraf, Fashion-MNIST, arXiv:1708.07747, 2017",
            _idx_files(
                ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",),
                (
                    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                ),
            ),
            subsets=TRAIN_TEST,
        ),
        read_idx_pair,
    ),
    RemoteSet(
        info_of(
            "usps",
            "7,291 handwritten digits of envelopes (2,007 in the test subset); float32, 0..1",
            (7_291, 16, 16),
            STATED_NOWHERE,
            "Hull, A database for handwritten text recognition research, PAMI 1994",
            (
                RemoteFile("usps.bz2", (f"{LIBSVM}/usps.bz2",), "md5:ec16c51db3855ca6c91edd34d0e9b197", ("train",)),
                RemoteFile("usps.t.bz2", (f"{LIBSVM}/usps.t.bz2",), "md5:8ea070ee2aca1ac39742fdd1ef5ed118", ("test",)),
            ),
            subsets=TRAIN_TEST,
        ),
        read_usps,
    ),
    RemoteSet(
        info_of(
            "cifar-10",
            "50,000 small photographs in ten classes, in colour (10,000 in the test subset); uint8",
            (50_000, 32, 32),
            STATED_NOWHERE,
            "Krizhevsky, Learning multiple layers of features from tiny images, 2009",
            one_file(
                "cifar-10-binary.tar.gz",
                "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
                "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            ),
            subsets=TRAIN_TEST,
        ),
        read_cifar,
    ),
    RemoteSet(
        info_of(
            "stl-10",
            "5,000 photographs in ten classes, in colour (test: 8,000; unlabeled: 100,000); uint8",
            (5_000, 96, 96),
            STATED_NOWHERE,
            "Coates, Lee and Ng, An analysis of single-layer networks in unsupervised feature learning, AISTATS 2011",
            one_file(
                "stl10_binary.tar.gz",
                "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",
                "sha256:f31fd99273a1acb8609c8db427cebb1de3f71de77758cdc0e22956e1289b9866",
            ),
            subsets=(*TRAIN_TEST, "unlabeled"),
        ),
        read_stl,
    ),
    RemoteSet(
        info_of(
            "coil-20",
            "1,440 pictures of 20 objects on a turntable; uint8",
            (1_440, 128, 128),
            "for non-commercial research, to our knowledge",
            "Nene, Nayar and Murase, Columbia Object Image Library (COIL-20), CUCS-005-96, 1996",
            one_file(
                "coil-20-proc.zip",
                "http://www.cs.columbia.edu/CAVE/databases/SLAM_coil-20_coil-100/coil-20/coil-20-proc.zip",
                "md5:464dec76a6abfcd00e8de6cf1e7d0acc",
            ),
        ),
        partial(read_pictures_of, keep=r"obj\d+__\d+\.png$", label=r"obj(\d+)__"),
    ),
    RemoteSet(
        info_of(
            "bsds300",
            "200 photographs, in colour, portraits laid on their side (test: 100); uint8",
            (200, 321, 481),
            BSDS_LICENCE,
            "Martin, Fowlkes, Tal and Malik, A database of human segmented natural images, ICCV 2001",
            one_file(
                "BSDS300-images.tgz",
                "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/segbench/BSDS300-images.tgz",
                "sha256:a5f7d0e49fe135c75518a3543ced24470156fd69305ae77845dff2a5138652b4",
            ),
            subsets=TRAIN_TEST,
        ),
        partial(read_pictures_of, keep=r"(^|/){subset}/[^/]+\.jpg$", label=None, landscape=True),
    ),
    RemoteSet(
        info_of(
            "bsds500",
            "200 photographs, in colour, portraits laid on their side (val: 100; test: 200); uint8",
            (200, 321, 481),
            BSDS_LICENCE,
            "Arbelaez, Maire, Fowlkes and Malik, Contour detection and hierarchical image segmentation, PAMI 2011",
            one_file(
                "BSR_bsds500.tgz",
                "http://www.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/BSR/BSR_bsds500.tgz",
                "md5:0b17383ff0b21fe43d2f28e624203169",
            ),
            subsets=("train", "val", "test"),
        ),
        partial(read_pictures_of, keep=r"(^|/){subset}/[^/]+\.jpg$", label=None, landscape=True),
    ),
    RemoteSet(
        info_of(
            "kodak",
            "24 photographs, in colour, portraits laid on their side; uint8",
            (24, 512, 768),
            "released by Kodak for unrestricted use, to our knowledge",
            "Kodak Lossless True Color Image Suite (PhotoCD PCD0992)",
            tuple(
                RemoteFile(
                    f"kodim{i:02}.png", (f"https://r0k.us/graphics/kodak/kodak/kodim{i:02}.png",), f"sha256:{digest}"
                )
                for i, digest in enumerate(KODAK_SHA256, start=1)
            ),
        ),
        partial(read_pictures_of, label=None, landscape=True),
    ),
)
