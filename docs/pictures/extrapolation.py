"""The same steps from the same start, with extrapolation and without."""

import warnings

from matplotlib.figure import Figure

import imgnmf
from imgnmf.viz.style import PALETTE, applied

images = imgnmf.load_dataset("lfw-faces")
start = imgnmf.NNDSVD(lead_in=False)
runs = {
    "HALS": imgnmf.HALS(extrapolate=False),
    "HALS, extrapolated": imgnmf.HALS(),
    "MU": imgnmf.MU(extrapolate=False),
    "MU, extrapolated": imgnmf.MU(),
}
# The runs are cut off on purpose.
warnings.simplefilter("ignore", imgnmf.errors.ConvergenceWarning)
traces = {
    name: imgnmf.factorize(images.V, 25, solver=solver, init=start, stop=(), max_iter=n).trace
    for (name, solver), n in zip(runs.items(), (600, 600, 2000, 2000), strict=True)
}
best = min(trace.relative_error[-1] for trace in traces.values())

with applied():
    figure = Figure(figsize=(5.0, 2.7), layout="constrained")
    axes = figure.add_subplot()
    for (name, trace), style in zip(traces.items(), ("--", "-", "--", "-"), strict=True):
        color = PALETTE[0] if "HALS" in name else PALETTE[1]
        axes.loglog(
            trace.iteration,
            100 * (trace.relative_error / best - 1) + 1e-4,
            style,
            color=color,
            label=name,
        )
    axes.set(xlabel="iterations", ylabel="error above the best (%)", ylim=(0.01, None))
    axes.legend()

imgnmf.viz.save_figure("extrapolation.png", figure)
for name, trace in traces.items():
    near = trace.iteration[trace.relative_error <= 1.01 * best]
    print(
        f"{name:<19} 1 % above the best error:",
        f"iteration {near[0]}" if len(near) else "not reached",
    )
