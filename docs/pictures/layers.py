"""The parts of faces, and what they are made of."""

import warnings

import imgnmf

# The layers are cut off after 150 iterations: it is the picture that counts here.
warnings.simplefilter("ignore", imgnmf.errors.ConvergenceWarning)
faces = imgnmf.load_dataset("lfw-faces")
deep = imgnmf.factorize_layers(faces.V, ranks=(16, 9, 4), max_iter=150)
stacks = [faces.stack(deep.basis(layer)) for layer in range(3)]
shares = [deep.shares(layer) for layer in (1, 2)]
figure = imgnmf.viz.layer_tree(stacks, shares, title="Faces: 16 small parts make 9, and those make 4")
imgnmf.viz.save_figure("layers.png", figure)
