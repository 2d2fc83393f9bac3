"""The loss on digits that were fitted, and on digits that were not."""

import imgnmf

digits = imgnmf.load_dataset("digits")
found = imgnmf.generalisation(digits.V[:, :400], [2, 4, 8, 16, 25])
figure = found.figure()
imgnmf.viz.save_figure("unseen_digits.png", figure)
