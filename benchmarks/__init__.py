"""Speed, measured as a ratio against a peer or against bare matrix products, in one run and one process."""
