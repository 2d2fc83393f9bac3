"use strict";
/* The numbers: sprites and coefficients as typed arrays, and the sums made of them. Nothing here draws. */

function floats(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return new Float32Array(bytes.buffer);
}

/* All tiles of a sprite, one after the other: tile t begins at t * size. */
function tilesOf(image, count, shape) {
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const sheet = context.getImageData(0, 0, canvas.width, canvas.height).data;
  const columns = Number(image.dataset.columns);
  const tiles = new Uint8Array(count * shape.size);
  let to = 0;
  for (let tile = 0; tile < count; tile++) {
    const left = (tile % columns) * shape.width;
    const top = Math.floor(tile / columns) * shape.height;
    for (let y = 0; y < shape.height; y++) {
      let from = ((top + y) * canvas.width + left) * 4;
      for (let x = 0; x < shape.width; x++, from += 4) {
        for (let c = 0; c < shape.channels; c++) tiles[to++] = sheet[from + c];
      }
    }
  }
  return tiles;
}

function shapeOf(data) {
  const { height, width, channels } = data;
  return { height, width, channels, size: height * width * channels };
}

/* A fit's numbers; its tiles are read when they are first looked at. */
function makeFit(data, place, sprite, shape) {
  const { rank, error } = data.ranks[place];
  const coefficients = floats(data.coefficients[place]);
  const images = data.names.length;
  let tiles = null;
  let light = null;
  return {
    rank,
    error,
    get tiles() {
      return (tiles ??= tilesOf(sprite, rank, shape));
    },
    /* The sum of each part's levels: what one unit of weight adds to an image. */
    get light() {
      return (light ??= Float64Array.from({ length: rank }, (_, part) => total(tile(this, part, shape))));
    },
    weight: (part, image) => coefficients[part * images + image],
    weights: (image) => Float32Array.from({ length: rank }, (_, part) => coefficients[part * images + image]),
    uses: (part) => coefficients.subarray(part * images, (part + 1) * images),
  };
}

function tile(fit, part, shape) {
  return fit.tiles.subarray(part * shape.size, (part + 1) * shape.size);
}

function total(values) {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

function addPart(sum, fit, part, weight, shape) {
  const levels = tile(fit, part, shape);
  for (let i = 0; i < shape.size; i++) sum[i] += weight * levels[i];
}

/* The image in grey levels: every part that is on, times its weight. */
function rebuild(fit, weights, on, shape) {
  const sum = new Float64Array(shape.size);
  for (let part = 0; part < fit.rank; part++) {
    if (on[part] && weights[part] > 0) addPart(sum, fit, part, weights[part], shape);
  }
  return sum;
}

/* Each part's share of the light of the fitted image; the shares add up to 1. */
function shares(fit, weights) {
  const light = Float64Array.from(weights, (weight, part) => weight * fit.light[part]);
  const all = total(light) || 1;
  return light.map((value) => value / all);
}

function relativeError(original, sum) {
  let missed = 0;
  let whole = 0;
  for (let i = 0; i < original.length; i++) {
    missed += (original[i] - sum[i]) ** 2;
    whole += original[i] ** 2;
  }
  return whole > 0 ? Math.sqrt(missed / whole) : missed > 0 ? Infinity : 0;
}

/* Places of the largest values, largest first. */
function strongest(values, count) {
  return Array.from(values.keys())
    .sort((a, b) => values[b] - values[a] || a - b)
    .slice(0, count);
}
