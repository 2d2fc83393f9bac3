"""What the commands of the command line do; `imgnmf.cli` declares them, prints and exits."""
