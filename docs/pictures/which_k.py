"""How well the parts of each rank predict hidden pixels of the digits."""

import imgnmf

digits = imgnmf.load_dataset("digits")
choice = imgnmf.choose_rank(digits.V[:, :400], range(2, 23, 2), repeats=3)
figure = choice.figure()
imgnmf.viz.save_figure("which_k.png", figure)
