"""The factorization: arrays in, arrays out. No image file, no figure, no path, no print."""
