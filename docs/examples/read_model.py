"""Read a model of imgnmf with safetensors alone: python read_model.py faces.imgnmf."""

import json
import sys
from hashlib import sha256

from safetensors import safe_open

with safe_open(sys.argv[1], framework="np") as file:
    text = file.metadata()["imgnmf"]
    tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118

model = json.loads(text[64:])
assert sha256(text[64:].encode()).hexdigest() == text[:64], "damaged description"
for name, array in tensors.items():
    assert sha256(array.tobytes()).hexdigest() == model["tensors"][name]["sha256"], name

W, H = tensors["W"], tensors["H"]  # (n_pixels, k) and (k, n_images); V ~ W @ H
print(f"k = {W.shape[1]}, {H.shape[1]} images, loss {model['loss']['kind']}")
