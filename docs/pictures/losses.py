"""What each loss charges for saying y where the image says v = 1: the package's own numbers."""

import numpy as np
from matplotlib.figure import Figure

import imgnmf
from imgnmf.viz.style import PALETTE, applied

LOSSES = {
    "squared Frobenius (beta = 2)": imgnmf.Frobenius(),
    "Kullback-Leibler (beta = 1)": imgnmf.KullbackLeibler(),
    "Itakura-Saito (beta = 0)": imgnmf.ItakuraSaito(),
}


def charged(loss, v, y):
    return [loss.value(np.array([[v]]), np.array([[value]])) for value in y]


with applied():
    figure = Figure(figsize=(7.0, 2.7), layout="constrained")
    left, right = figure.subplots(1, 2)
    y = np.linspace(0.05, 4, 300)
    for (name, loss), color in zip(LOSSES.items(), PALETTE, strict=False):
        left.plot(y, charged(loss, 1.0, y), color=color, label=name)
        v = np.logspace(-1, 1, 50)
        right.loglog(v, [charged(loss, x, [0.8 * x])[0] for x in v], color=color)
    left.set(xlabel="the model says y, the image says v = 1", ylabel="loss", ylim=(0, 3), xlim=(0, 4))
    left.axvline(1, color="#d9d9d9", zorder=0)
    right.set(xlabel="brightness v of a pixel", ylabel="loss of a model that is 20 % too dark")
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=3)

imgnmf.viz.save_figure("losses.png", figure)
