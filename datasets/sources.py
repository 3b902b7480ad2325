"""What can be loaded, where it comes from, and how we know that it is the right thing."""
from __future__ import annotations

from typing import NamedTuple

# The four files of a data set: training images and labels, test images and labels.
FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte",
         "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")

# No file is larger than this, packed or unpacked (the largest is 47 million bytes).
MAX_BYTES = 64 * 2**20


class Source(NamedTuple):
    """Where a data set comes from.

    Attributes
    ----------
    sha256 : tuple of str
        The hash of each of `FILES`, in that order.
    mirrors : tuple of str
        Addresses of the folders that hold them, as .gz; tried in this order. Empty if
        the files come with this package.
    hash_of_gz : bool
        False: the hash is that of the decompressed file, so it does not matter how a
        mirror compresses. True: it is that of the .gz as published.
    """

    sha256: tuple[str, str, str, str]
    mirrors: tuple[str, ...] = ()
    hash_of_gz: bool = False


SOURCES = {
    # The first 6,000 training and 1,000 test images of MNIST, see LICENSE-MNIST.
    "mnist-sample": Source(
        sha256=(
            "2782ff6f3467f3487a520503c34fe99b761aa97623af029969e59716ac3585c3",
            "0d830540a6191e75a9f5cd63cd5b4bde38960b893784bbf456d560179296d7cd",
            "de7c252b04f05e1f8309634180ccdf286dc6dbac8c579b74e76e02ae0331ca52",
            "832c0d20f0dc42e575488c75a83a970787d4c8d4d05831b2ef03701b4a478a90",
        ),
    ),
    # Y. LeCun, C. Cortes, C. J. C. Burges: The MNIST database of handwritten digits.
    "mnist": Source(
        sha256=(
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist",
            "https://storage.googleapis.com/cvdf-datasets/mnist",
        ),
    ),
    # H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST, arXiv:1708.07747. Articles of
    # clothing in ten classes.
    "fashion-mnist": Source(
        sha256=(
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
        mirrors=(
            "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
        ),
    ),
    # T. Clanuwat and others: Deep Learning for Classical Japanese Literature,
    # arXiv:1812.01718. Ten cursive hiragana.
    "kmnist": Source(
        sha256=(
            "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
            "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
            "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
            "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
        ),
        mirrors=("https://codh.rois.ac.jp/kmnist/dataset/kmnist",),
        hash_of_gz=True,
    ),
}

NAMES = tuple(SOURCES)
