"""``python -m imgnmf``: the command line where its script is not on the path."""

from imgnmf.cli import main

main(prog_name="imgnmf")
