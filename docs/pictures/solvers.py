"""The solvers for squared Frobenius on patches, each from the same start, on the machine that built this page."""

import warnings

import imgnmf

# The runs are cut off on purpose.
warnings.simplefilter("ignore", imgnmf.errors.ConvergenceWarning)
V = imgnmf.load_dataset("patches", patch_size=(12, 12), n_patches=5000).V
start = imgnmf.NNDSVD(lead_in=False)
for solver in ("hals", "anls", "pg", "mu"):
    imgnmf.factorize(V[:, :300], 8, solver=solver, init=start, stop=(), time_limit=0.1)  # compiled, loaded
traces = {
    solver: imgnmf.factorize(V, 25, solver=solver, init=start, stop=(), time_limit=4.0, max_iter=10_000).trace
    for solver in ("hals", "anls", "pg", "mu")
}
imgnmf.viz.save_figure("solvers.png", imgnmf.viz.convergence(traces))
