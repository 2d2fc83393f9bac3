/* Drawing: arrays onto canvases, and small pieces of the document. Nothing here knows what is chosen. */

const RAMP = [[0, 60, 99], [90, 165, 214], [255, 255, 255], [240, 160, 75], [138, 56, 0]];

function paint(canvas, levels, shape, start = 0) {
  canvas.width = shape.width;
  canvas.height = shape.height;
  const image = new ImageData(shape.width, shape.height);
  const step = shape.channels === 3 ? 1 : 0;
  for (let from = start, to = 0; to < image.data.length; from += shape.channels, to += 4) {
    image.data[to] = levels[from];
    image.data[to + 1] = levels[from + step];
    image.data[to + 2] = levels[from + 2 * step];
    image.data[to + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/* -1 is deep blue, 0 is white, +1 is deep orange. */
function rampColour(value) {
  const place = (Math.max(-1, Math.min(1, value)) + 1) * 2;
  const low = Math.min(3, Math.floor(place));
  return RAMP[low].map((from, c) => from + (place - low) * (RAMP[low + 1][c] - from));
}

function paintDifference(canvas, original, sum, shape, limit) {
  const pixels = shape.width * shape.height;
  const colours = new Float64Array(pixels * 3);
  for (let p = 0; p < pixels; p++) {
    let difference = 0;
    for (let c = 0; c < shape.channels; c++) difference += original[p * shape.channels + c] - sum[p * shape.channels + c];
    colours.set(rampColour(difference / shape.channels / limit), p * 3);
  }
  paint(canvas, colours, { ...shape, channels: 3 });
}

function paintRamp(canvas) {
  const width = canvas.width;
  const colours = Float64Array.from({ length: width * 3 }, (_, i) => rampColour((2 * Math.floor(i / 3)) / (width - 1) - 1)[i % 3]);
  paint(canvas, colours, { width, height: 1, channels: 3 });
}

function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

function picture(levels, shape, start, className) {
  const canvas = make("canvas", className);
  paint(canvas, levels, shape, start);
  return canvas;
}

function percent(share) {
  return Number.isFinite(share) ? `${(100 * share).toFixed(1)} %` : "–";
}

/* How many parts are not in the row, and what they add; nothing where all are. */
function leftOut(share, shown, smallest) {
  const empty = share.filter((value) => value < smallest).length;
  const more = share.length - empty - shown.length;
  const rest = shown.reduce((left, part) => left - share[part], 1);
  const words = [];
  if (more > 0) words.push(`${more} more part${more === 1 ? " adds" : "s add"} ${percent(rest)}.`);
  if (empty > 0) words.push(`Left out: ${empty} part${empty === 1 ? "" : "s"} of less than ${100 * smallest} %.`);
  return words.join(" ");
}

/* A button with a picture on it. Its words are for those who do not see the picture. */
function tileButton(canvas, words, onClick) {
  const button = make("button", "tile", make("span", "frame", canvas));
  button.type = "button";
  button.title = words;
  button.setAttribute("aria-label", words);
  button.addEventListener("click", onClick);
  return button;
}

/* One tab stop for the whole group; arrows, Home and End move inside it. */
function rove(group) {
  group.addEventListener("keydown", (event) => {
    const tiles = Array.from(group.children);
    const here = tiles.indexOf(document.activeElement);
    const next = here < 0 ? -1 : destination(event.key, here, tiles);
    if (next < 0 || next >= tiles.length) return;
    event.preventDefault();
    tiles[next].focus();
  });
  group.addEventListener("focusin", (event) => stopAt(group, event.target));
}

function destination(key, here, tiles) {
  const top = tiles[0].offsetTop;
  const perRow = tiles.filter((tile) => tile.offsetTop === top).length;
  const moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: perRow, ArrowUp: -perRow };
  if (key === "Home") return 0;
  if (key === "End") return tiles.length - 1;
  return key in moves ? here + moves[key] : -1;
}

function stopAt(group, chosen) {
  for (const tile of group.children) tile.tabIndex = tile === chosen ? 0 : -1;
}
