"""Pages to visit, and the numbers that they must show."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import dataclass

import numpy as np
from PIL import Image

from imgnmf.viz import Curve, PageFit, PageImages, render_page

RANKS = (2, 4, 9, 16, 25)


def study(n=30, shape=(20, 24), ranks=RANKS, names=None):
    """Images that are sums of random parts, and a fit of random factors at each rank, all well below white."""
    rng = np.random.default_rng(5)
    fits = []
    for k in ranks:
        basis = rng.random((k, *shape)) ** 3
        H = rng.gamma(0.6, 1.0, (k, n))
        H *= 200 / np.tensordot(H.T, basis, axes=1).max()
        steps = np.arange(1, 40)
        trace = Curve(steps, steps * k / 100, 0.1 + 0.3 / k + np.exp(-steps / 5))
        fits.append(PageFit(k, basis, H, 0.1 + 0.3 / k, 39, k / 3, "the error fell by less than tol", trace))
    images = np.tensordot(fits[-1].coefficients.T, fits[-1].basis, axes=1).round().astype(np.uint8)
    return fits, PageImages(images, tuple(names or (f"face {i}.png" for i in range(n))))


@dataclass(frozen=True)
class Held:
    """What a page holds, read from its text: levels of images and parts, and the coefficients."""

    images: np.ndarray
    parts: tuple[np.ndarray, ...]
    H: tuple[np.ndarray, ...]
    names: tuple[str, ...]

    def product(self, place, image, *, without=(), weights=None):
        """The grey levels of one image at the place-th rank, as NumPy multiplies the factors."""
        h = self.H[place][:, image].astype(np.float64)
        for part, weight in (weights or {}).items():
            h[part] = weight
        h[list(without)] = 0
        return np.tensordot(h, self.parts[place].astype(np.float64), axes=1).clip(0, 255)


def written(path, fits, images):
    """Write the page and return what it holds."""
    text = render_page(fits, images, title="The parts of a test")
    path.write_text(text, encoding="utf-8")
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1])
    shape = data["height"], data["width"]
    ranks = [entry["rank"] for entry in data["ranks"]]
    tags = re.findall(
        r'<img (?:id="images-sprite"|class="parts-sprite") data-columns="(\d+)" src="[^,]*,([^"]*)"', text
    )
    counts = [len(data["names"]), *ranks]
    sheets = [_tiles(*tag, n, shape) for tag, n in zip(tags, counts, strict=True)]
    H = [
        np.frombuffer(base64.b64decode(c), "<f4").reshape(k, -1)
        for c, k in zip(data["coefficients"], ranks, strict=True)
    ]
    return Held(sheets[0], tuple(sheets[1:]), tuple(H), tuple(data["names"]))


def _tiles(columns, body, count, shape):
    with Image.open(io.BytesIO(base64.b64decode(body))) as image:
        sheet = np.asarray(image)
    height, width = shape
    places = [divmod(t, int(columns)) for t in range(count)]
    return np.stack([sheet[y * height : (y + 1) * height, x * width : (x + 1) * width] for y, x in places])


# From a copy: reading a canvas of the page again and again has Chromium complain about the page.
READ = """(canvas) => {
    const { width, height } = canvas;
    const copy = Object.assign(document.createElement('canvas'), { width, height });
    const context = copy.getContext('2d', { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    return [width, height, btoa(String.fromCharCode(...data))];
}"""


def levels(canvas):
    """The pixels of a canvas, (h, w, 3)."""
    width, height, data = canvas.evaluate(READ)
    pixels = np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)
    assert (pixels[..., 3] == 255).all()
    return pixels[..., :3]


def assert_levels(canvas, wanted, tolerance=0.0):
    """Every pixel is what was wanted, to so many grey levels."""
    shown, grey = levels(canvas), wanted.ndim == 2
    assert shown.shape[:2] == wanted.shape[:2]
    assert np.abs(shown.astype(float) - (wanted[..., None] if grey else wanted)).max() <= tolerance


def assert_shows(page, selector, wanted):
    """Every pixel within one grey level."""
    assert_levels(page.locator(selector), wanted, tolerance=1)
