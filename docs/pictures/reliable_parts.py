"""Which parts of faces come back from six random starts."""

import imgnmf

faces = imgnmf.load_dataset("lfw-faces")
fits = [imgnmf.factorize(faces.V, 16, init="random", rng=run, max_iter=2000) for run in range(6)]
found = imgnmf.consensus(fits)
figure = imgnmf.viz.reliability(faces.stack(found.parts), found.held_by, found.n_runs, columns=8)
imgnmf.viz.save_figure("reliable_parts.png", figure)
