"""The two solvers for Kullback-Leibler at a small and at a large rank, on the machine that built this page."""

import warnings

from matplotlib.figure import Figure

import imgnmf
from imgnmf.viz.style import PALETTE, applied

# The runs are cut off on purpose.
warnings.simplefilter("ignore", imgnmf.errors.ConvergenceWarning)
V = imgnmf.load_dataset("patches", n_patches=4000).V
start = imgnmf.NNDSVD(lead_in=False)
loss = "kullback-leibler"
for solver in ("newton", "mu"):
    imgnmf.factorize(V[:, :300], 8, loss=loss, solver=solver, init=start, stop=(), time_limit=0.1)

with applied():
    figure = Figure(figsize=(7.0, 2.6), layout="constrained")
    for axes, rank in zip(figure.subplots(1, 2), (9, 49), strict=True):
        runs = {
            solver: imgnmf.factorize(
                V,
                rank,
                loss=loss,
                solver=solver,
                init=start,
                stop=(),
                time_limit=5.0,
                max_iter=10_000,
            ).trace
            for solver in ("newton", "mu")
        }
        best = min(trace.objective[-1] for trace in runs.values())
        for (solver, trace), color in zip(runs.items(), PALETTE, strict=False):
            axes.loglog(
                trace.seconds,
                100 * (trace.objective / best - 1) + 1e-3,
                color=color,
                label=solver,
            )
        axes.set(
            title=f"k = {rank}",
            xlabel="seconds",
            ylabel="objective above the best (%)",
            ylim=(0.01, None),
        )
        axes.legend()

imgnmf.viz.save_figure("kl_solvers.png", figure)
