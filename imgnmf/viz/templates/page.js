/* The page: what is chosen, and what follows from it. */

const STRONGEST = 8;
const SMALLEST_SHARE = 0.0005; /* a smaller one is written as 0.0 % */
const USERS = 8;
const MISSED_LIMIT = 0.2 * 255;

function startPage() {
  const data = JSON.parse(document.getElementById("data").textContent);
  const shape = shapeOf(data);
  const find = (id) => document.getElementById(id);
  const originals = tilesOf(find("images-sprite"), data.names.length, shape);
  const sprites = Array.from(document.querySelectorAll(".parts-sprite"));
  const fits = sprites.map((sprite, place) => makeFit(data, place, sprite, shape));
  const drawnParts = new Map();
  const state = { fit: fits[0], image: 0, part: 0, weights: new Float32Array(0), on: [], order: [] };

  const original = () => originals.subarray(state.image * shape.size, (state.image + 1) * shape.size);
  const largestWeight = (part) => 1.25 * Math.max(...state.fit.uses(part)) || 1;

  function chooseRank(place) {
    state.fit = fits[place];
    state.part = Math.min(state.part, state.fit.rank - 1);
    const says = `k = ${state.fit.rank}, error ${percent(state.fit.error)}`;
    find("rank").setAttribute("aria-valuetext", says);
    find("rank-says").textContent = says;
    for (const marked of document.querySelectorAll("[data-rank]")) {
      marked.classList.toggle("now", Number(marked.dataset.rank) === state.fit.rank);
    }
    drawParts();
    backToFit();
  }

  function chooseImage(image) {
    state.image = image;
    const tiles = find("images").children;
    for (let i = 0; i < tiles.length; i++) tiles[i].setAttribute("aria-pressed", String(i === image));
    if (!find("images").contains(document.activeElement)) stopAt(find("images"), tiles[image]);
    find("image-name").textContent = data.names[image];
    paint(find("original"), original(), shape);
    backToFit();
  }

  function backToFit() {
    state.weights = state.fit.weights(state.image);
    state.on = new Array(state.fit.rank).fill(true);
    state.order = orderOfShares(shares(state.fit, state.weights));
    drawStrongest();
    drawPart();
    drawSums();
  }

  /* Parts that add nothing to this image would only repeat the sum before them. */
  function orderOfShares(share) {
    const order = strongest(share, STRONGEST);
    const matter = order.filter((part) => share[part] >= SMALLEST_SHARE);
    return matter.length ? matter : order.slice(0, 1);
  }

  function switchPart(part, on) {
    state.on[part] = on;
    drawSums();
  }

  function setWeight(part, weight) {
    state.weights[part] = weight;
    state.on[part] = true;
    drawSums();
  }

  function choosePart(part) {
    state.part = part;
    drawPart();
    drawSums();
  }

  /* Made once a fit: a step of the slider then only swaps them. */
  function tilesOfFit(fit) {
    if (!drawnParts.has(fit)) drawnParts.set(fit, partTiles(fit));
    return drawnParts.get(fit);
  }

  function partTiles(fit) {
    return Array.from({ length: fit.rank }, (_, part) => {
      const canvas = picture(fit.tiles, shape, part * shape.size, "part");
      const button = tileButton(canvas, `part ${part + 1}`, () => {
        switchPart(part, !state.on[part]);
        choosePart(part);
      });
      button.append(make("span", "number", String(part + 1)), make("span", "share"));
      button.addEventListener("focus", () => choosePart(part));
      return button;
    });
  }

  function drawParts() {
    const group = find("parts");
    const tiles = tilesOfFit(state.fit);
    group.replaceChildren(...tiles);
    group.style.setProperty("--columns", Math.ceil(Math.sqrt(1.7 * state.fit.rank)));
    stopAt(group, tiles[state.part]);
  }

  function drawImages() {
    const tiles = data.names.map((name, image) =>
      tileButton(picture(originals, shape, image * shape.size), name, () => chooseImage(image)));
    find("images").style.setProperty("--shape", `${shape.width} / ${shape.height}`);
    find("images").replaceChildren(...tiles);
  }

  function drawStrongest() {
    const share = shares(state.fit, state.weights);
    find("strongest").replaceChildren(...state.order.map((part) => strongestRow(part, share[part])));
    find("left-out").textContent = leftOut(share, state.order, SMALLEST_SHARE);
  }

  function strongestRow(part, share) {
    const words = `part ${part + 1}, ${percent(share)} of the light`;
    const canvas = picture(state.fit.tiles, shape, part * shape.size, "part");
    const button = tileButton(canvas, words, () => {
      switchPart(part, !state.on[part]);
      choosePart(part);
    });
    const slider = weightSlider(part);
    slider.setAttribute("aria-label", `Weight of part ${part + 1}`);
    const head = make("span", "row-head", make("b", "", String(part + 1)), percent(share));
    const sum = make("canvas", "sum");
    const row = make("li", "", head, button, slider, sum, make("span", "row-error"));
    row.dataset.part = String(part);
    return row;
  }

  function weightSlider(part) {
    const slider = make("input", "row-weight");
    slider.type = "range";
    slider.min = "0";
    slider.step = "any";
    slider.max = String(largestWeight(part));
    slider.addEventListener("input", () => setWeight(part, Number(slider.value)));
    return slider;
  }

  function drawPart() {
    const part = state.part;
    paint(find("part-picture"), tile(state.fit, part, shape), shape);
    find("part-picture").setAttribute("aria-label", `Part ${part + 1}`);
    find("part-head").textContent = `Part ${part + 1} of ${state.fit.rank}`;
    find("part-weight").max = String(largestWeight(part));
    const uses = state.fit.uses(part);
    const users = strongest(uses, USERS).filter((image) => uses[image] > 0);
    find("users").replaceChildren(...users.map((image) =>
      tileButton(picture(originals, shape, image * shape.size), data.names[image], () => chooseImage(image))));
    if (users.length) stopAt(find("users"), find("users").firstChild);
  }

  function drawSums() {
    const sum = rebuild(state.fit, state.weights, state.on, shape);
    paint(find("rebuilt"), Uint8ClampedArray.from(sum), shape);
    paintDifference(find("missed"), original(), sum, shape, MISSED_LIMIT);
    find("rebuilt-says").textContent = `error ${percent(relativeError(original(), sum))}`;
    drawRunningSums();
    markParts();
    showWeights();
  }

  function drawRunningSums() {
    const sum = new Float64Array(shape.size);
    for (const row of find("strongest").children) {
      const part = Number(row.dataset.part);
      if (state.on[part]) addPart(sum, state.fit, part, state.weights[part], shape);
      paint(row.querySelector(".sum"), Uint8ClampedArray.from(sum), shape);
      row.querySelector(".row-error").textContent = percent(relativeError(original(), sum));
      row.classList.toggle("off", !state.on[part]);
      row.querySelector("button").setAttribute("aria-pressed", String(state.on[part]));
    }
  }

  function markParts() {
    const share = shares(state.fit, state.weights);
    const largest = Math.max(...share) || 1;
    Array.from(find("parts").children).forEach((tileOfPart, part) => {
      const on = state.on[part];
      tileOfPart.classList.toggle("off", !on);
      tileOfPart.classList.toggle("chosen", part === state.part);
      tileOfPart.setAttribute("aria-pressed", String(on));
      tileOfPart.title = `part ${part + 1}, ${percent(share[part])} of this image`;
      tileOfPart.setAttribute("aria-label", tileOfPart.title);
      tileOfPart.lastChild.style.width = `${on ? (100 * share[part]) / largest : 0}%`;
    });
  }

  function showWeights() {
    const fitted = state.fit.weight(state.part, state.image);
    const says = `${state.weights[state.part].toFixed(3)} (fit ${fitted.toFixed(3)})`;
    find("part-weight").value = String(state.weights[state.part]);
    find("part-weight").setAttribute("aria-valuetext", says);
    find("part-weight-says").textContent = says;
    find("part-on").checked = state.on[state.part];
    for (const row of find("strongest").children) {
      const weight = state.weights[Number(row.dataset.part)];
      const slider = row.querySelector("input");
      if (document.activeElement !== slider) slider.value = String(weight);
      slider.setAttribute("aria-valuetext", weight.toFixed(3));
    }
  }

  find("rank").addEventListener("input", () => chooseRank(Number(find("rank").value)));
  find("part-on").addEventListener("change", () => switchPart(state.part, find("part-on").checked));
  find("part-weight").addEventListener("input", () => setWeight(state.part, Number(find("part-weight").value)));
  find("reset").addEventListener("click", backToFit);
  find("none").addEventListener("click", () => {
    state.on.fill(false);
    drawSums();
  });
  for (const id of ["parts", "images", "users"]) rove(find(id));

  paintRamp(find("ramp"));
  drawImages();
  const middle = Math.floor(fits.length / 2);
  find("rank").value = String(middle);
  chooseRank(middle);
  chooseImage(0);
  /* Every fit is made ready before the slider can be moved: then no step has to wait. */
  const ready = (place) => {
    if (place < fits.length) {
      tilesOfFit(fits[place]);
      void fits[place].light;
      setTimeout(ready, 0, place + 1);
      return;
    }
    find("rank").disabled = false;
    document.documentElement.dataset.ready = "yes";
  };
  setTimeout(ready, 0, 0);
}

window.addEventListener("load", startPage);
