// The case viewer: slices by NiiVue, outlines and the projection by the two scripts beside this one.
(() => {
  const section = document.querySelector("[data-viewer]");
  if (!section) return;
  const part = (name) => section.querySelector(`[data-${name}]`);
  const told = part("told"), refused = document.querySelector("[data-viewer-refused]");
  const tell = (text) => { told.textContent = text; };
  const CLEAR = [0, 0, 0, 0], BLACK = [0, 0, 0, 1], ROW = 3, GRID = 2, COLUMN = 1, PAD = 6;
  const ACROSS = [0, 0, 1], UP = [1, 2, 2], ALONG = [2, 1, 0];
  const masks = [...section.querySelectorAll("[data-mask]")].map((box) => ({ box, outline: null }));
  let nv, pet, ct, ctAsked, projection, start, top = Number(section.dataset.suvMax);

  if (!document.createElement("canvas").getContext("webgl2")) {
    refused.textContent = "The slices need WebGL 2, which this browser does not offer here. Another "
      + "browser, or this one with graphics acceleration switched on, shows them.";
    refused.hidden = false;
    return;
  }

  class NotLoaded extends Error {}

  async function fetched(what, url) {
    const answer = await fetch(url);
    if (!answer.ok) throw new NotLoaded(`${what} could not be loaded (${answer.status}). Reload the page to try again.`);
    const total = Number(answer.headers.get("Content-Length")), reader = answer.body.getReader();
    const of = total ? ` of ${(total / 1e6).toFixed(1)}` : "", pieces = [];
    let had = 0;
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      pieces.push(piece.value);
      had += piece.value.length;
      tell(`Loading ${what}: ${(had / 1e6).toFixed(1)}${of} MB`);
    }
    return new Blob(pieces).arrayBuffer();
  }

  async function loaded(what, url, options) {
    const bytes = await fetched(what, url);
    return niivue.NVImage.loadFromUrl({ url: bytes, name: url.split("/").pop(), ...options });
  }

  const size = () => pet.dimsRAS.slice(1, 4);
  const voxel = () => size().map((count, axis) =>
    Math.min(count - 1, Math.max(0, Math.floor(nv.scene.crosshairPos[axis] * count))));

  function go(to) {
    const counts = size();
    nv.scene.crosshairPos = to.map((value, axis) =>
      (Math.min(counts[axis] - 1, Math.max(0, value)) + 0.5) / counts[axis]);
    nv.createOnLocationChange();
    nv.drawScene();
  }

  function valueAt(image, at) {
    const [a, b, c] = image.img2RASstep, first = image.img2RASstart.reduce((sum, one) => sum + one, 0);
    return image.img[first + at[0] * a + at[1] * b + at[2] * c];
  }

  function readOut() {
    const here = voxel(), counts = size(), suv = valueAt(pet, here);
    part("suv-here").textContent = `SUV ${suv.toFixed(2)} g/ml`;
    const planes = ["axial", "coronal", "sagittal"].map((name, plane) =>
      `${name} ${here[ALONG[plane]] + 1} of ${counts[ALONG[plane]]}`);
    const density = ct ? `CT ${Math.round(valueAt(ct, here))} HU; ` : "";
    part("place").textContent = `under the crosshair; ${density}slices ${planes.join(", ")}`;
  }

  // Corners of voxels to pixels of the canvas: the library lays a slice out by mm.
  function toPixels(tile, counts) {
    const u = ACROSS[tile.axCorSag], v = UP[tile.axCorSag];
    const low = nv.frac2mm([0, 0, 0]), high = nv.frac2mm([1, 1, 1]);
    let [left, above, wide, tall] = tile.leftTopWidthHeight;
    const mirrored = wide < 0;
    if (mirrored) [left, wide] = [left + wide, -wide];
    const share = (axis, value, at) =>
      (low[axis] + (value / counts[axis]) * (high[axis] - low[axis]) - tile.leftTopMM[at]) / tile.fovMM[at];
    return ([a, b]) => {
      const x = share(u, a, 0);
      return [left + (mirrored ? 1 - x : x) * wide, above + (1 - share(v, b, 1)) * tall];
    };
  }

  function stroke(pen, lines, place, width, colour, dash) {  // of closed lines, or single strokes
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.setLineDash(dash);
    pen.beginPath();
    for (const line of lines) {
      line.forEach((corner, n) => pen[n ? "lineTo" : "moveTo"](...place(corner)));
      pen.closePath();
    }
    pen.stroke();
  }

  // Lines or dots on a see-through ground, so that what lies under them is seen.
  function hatch(pen, kind, colour, dot) {
    const size = Math.max(4, Math.round(6 * dot)), tile = document.createElement("canvas");
    tile.width = tile.height = size;
    const brush = tile.getContext("2d");
    brush.fillStyle = brush.strokeStyle = colour;
    brush.globalAlpha = 0.35;
    brush.fillRect(0, 0, size, size);
    brush.globalAlpha = 1;
    brush.beginPath();
    if (kind === "dots") brush.arc(size / 2, size / 2, 1.3 * dot, 0, 7);
    else brush.rect(0, size / 2, size, dot);
    brush.fill();
    const pattern = pen.createPattern(tile, "repeat");
    if (kind === "lines") pattern.setTransform(new DOMMatrix().rotate(-45));
    return pattern;
  }

  // With a margin wider than any outline, so that a lesion of few voxels is not hidden by those.
  function fill(pen, lines, place, box, dot) {
    pen.fillStyle = pen.strokeStyle = hatch(pen, box.dataset.hatch, box.dataset.colour, dot);
    pen.lineWidth = 16 * dot;
    pen.lineJoin = "round";
    pen.setLineDash([]);
    pen.beginPath();
    for (const line of lines) {
      line.forEach((corner, n) => pen[n ? "lineTo" : "moveTo"](...place(corner)));
      pen.closePath();
    }
    pen.stroke();
    pen.fill();
    pen.lineJoin = "miter";
  }

  // Open in the middle, so that what lies under it is seen.
  function crosshair(pen, [x, y], dot) {
    const far = 1e4, gap = 7 * dot;
    const arms = [[-far, 0], [far, 0], [0, -far], [0, far]];
    const lines = arms.map(([a, b]) =>
      [[x + Math.sign(a) * gap, y + Math.sign(b) * gap], [x + a, y + b]]);
    stroke(pen, lines, (point) => point, dot, "#c2410c", []);
  }

  function drawOutlines() {
    const over = part("over"), canvas = part("slices"), pen = over.getContext("2d");
    if (over.width !== canvas.width) over.width = canvas.width;
    if (over.height !== canvas.height) over.height = canvas.height;
    pen.clearRect(0, 0, over.width, over.height);
    const dot = canvas.width / canvas.clientWidth, here = voxel(), counts = size();
    const drawn = masks.filter((one) => one.outline && one.box.checked);
    const filled = drawn.filter((one) => one.box.dataset.hatch);
    const coloured = drawn.filter((one) => one.box.dataset.colour && !one.box.dataset.hatch);
    const shown = [...coloured, ...drawn.filter((one) => !one.box.dataset.colour)];
    const growth = Math.min(0.9, 3.6 / Math.max(1, shown.length - 1));
    for (const tile of nv.screenSlices) {
      if (tile.axCorSag > 2) continue;
      const place = toPixels(tile, counts);
      const [left, above, wide, tall] = tile.leftTopWidthHeight;
      pen.save();
      pen.beginPath();
      pen.rect(Math.min(left, left + wide), above, Math.abs(wide), tall);
      pen.clip();
      const linesOf = (outline) => outline.lines(tile.axCorSag, here[ALONG[tile.axCorSag]]);
      for (const { outline, box } of filled) fill(pen, linesOf(outline), place, box, dot);
      shown.forEach(({ outline, box }, n) => {
        const lines = linesOf(outline);
        // Each thinner than the one before, so that outlines that coincide are all seen.
        const width = (1.8 + growth * (shown.length - 1 - n)) * dot, colour = box.dataset.colour;
        const dash = (box.dataset.dash || "").split(" ").filter(Boolean).map((one) => one * dot);
        stroke(pen, lines, place, colour ? width : 2.2 * dot, colour || "#000", dash);
        if (!colour) stroke(pen, lines, place, 1.1 * dot, "#fff", [4 * dot, 3 * dot]);
      });
      crosshair(pen, place([here[ACROSS[tile.axCorSag]] + 0.5, here[UP[tile.axCorSag]] + 0.5]), dot);
      pen.restore();
    }
  }

  // The arrangement in which the slices are largest, and a stage no higher than they are.
  function arrange() {
    const stage = part("stage"), counts = size(), mm = pet.pixDimsRAS.slice(1, 4);
    const [x, y, z] = counts.map((count, axis) => count * mm[axis]);
    const most = Math.min(704, Math.max(352, 0.72 * window.innerHeight));
    const [type, tall, scale] = [
      [ROW, 2 * x + y, Math.max(y, z)], [GRID, x + y, y + z], [COLUMN, Math.max(x, y), y + 2 * z],
    ].map(([one, w, h]) => [one, h, Math.min(stage.clientWidth / w, most / h)])
      .reduce((best, one) => (one[2] > best[2] ? one : best));
    stage.style.height = `${Math.ceil(tall * scale) + 2 * PAD}px`;
    nv.opts.multiplanarLayout = type;
  }

  function redraw() {
    drawOutlines();
    projection.draw(top, voxel());
  }

  function dress() {
    const share = ct ? Number(part("blend").value) / 100 : 0;
    // Fused, PET needs a colour: grey on grey says nothing.
    const colours = share ? "hotiron" : "film";
    // Setting the colours sets a window of the library's own choice, after looking at every voxel.
    if (pet.colormap !== colours) pet.colormap = colours;
    pet.cal_min = 0;
    pet.cal_max = top;
    pet.opacity = share === 1 ? 0 : 1;
    if (ct) {
      [ct.cal_min, ct.cal_max] = part("ct-window").value.split(" ").map(Number);
      ct.opacity = share;
    }
    nv.opts.backColor = share ? BLACK : CLEAR;
    section.querySelectorAll("[data-suv]").forEach((button) =>
      button.setAttribute("aria-pressed", String(Number(button.dataset.suv) === top)));
  }

  function show() {
    dress();
    nv.updateGLVolume();
  }

  function setTop(value) {
    if (!(value > 0)) return;
    top = value;
    part("suv-typed").value = String(value);
    show();
  }

  async function withCt() {
    ctAsked = ctAsked || loaded("CT", section.dataset.ct, { colormap: "gray", opacity: 0 }).then((image) => {
      ct = image;
      nv.addVolume(ct);
      readOut();
      tell("CT is loaded.");
    });
    try {
      await ctAsked;
    } catch (error) {
      ctAsked = null;  // to be asked for again
      throw error;
    }
    show();
  }

  const STEPS = {
    ArrowUp: [0, 0, 1], ArrowDown: [0, 0, -1], ArrowLeft: [1, 0, 0], ArrowRight: [-1, 0, 0],
    PageUp: [0, 1, 0], PageDown: [0, -1, 0],
  };

  function onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.key === "Tab") return;
    event.stopImmediatePropagation();  // the library has keys of its own, which nobody is told of
    const step = STEPS[event.key];
    if (step) go(voxel().map((value, axis) => value + step[axis] * (event.shiftKey ? 10 : 1)));
    else if (event.key === "Home") go(start);
    else if (event.key === "o" || event.key === "O") {
      const on = !masks.some((one) => one.box.checked);
      masks.forEach((one) => { one.box.checked = on; });
      drawOutlines();
    } else if (event.key === "j" || event.key === "J") turn("next");
    else if (event.key === "k" || event.key === "K") turn("prev");
    else return;
    event.preventDefault();
  }

  // To the next or previous case, with the slices in focus there too.
  function turn(way) {
    const link = document.querySelector(`main a[rel="${way}"]`);
    if (link) window.location.assign(`${link.href}#slices`);
    else tell(way === "next" ? "This is the last case." : "This is the first case.");
  }

  function listen() {
    section.querySelectorAll("[data-suv]").forEach((button) =>
      button.addEventListener("click", () => setTop(Number(button.dataset.suv))));
    part("suv-typed").addEventListener("change", (event) => setTop(Number(event.target.value)));
    part("voxels").addEventListener("change", (event) => nv.setInterpolation(event.target.checked));
    masks.forEach((one) => one.box.addEventListener("change", drawOutlines));
    if (!section.dataset.ct) return;
    let waiting = false;
    const blend = () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; withCt().catch(failed); });
    };
    part("blend").addEventListener("input", blend);
    part("ct-window").addEventListener("change", () => {
      if (part("blend").value === "0") part("blend").value = "100";
      blend();
    });
  }

  function failed(error) {
    section.dataset.state = "failed";
    tell(error instanceof NotLoaded ? error.message : `The viewer stopped: ${error.message}. Reload the page to try again.`);
    if (!(error instanceof NotLoaded)) throw error;
  }

  async function open() {
    section.hidden = false;
    pet = await loaded("PET", section.dataset.pet, { colormap: "gray", cal_min: 0, cal_max: top });
    nv = new niivue.Niivue({
      logLevel: "error", dragAndDropEnabled: false, isRadiologicalConvention: true, sagittalNoseLeft: true,
      multiplanarShowRender: 0, multiplanarPadPixels: PAD, dragMode: 3,
      crosshairWidth: 0, backColor: CLEAR, fontColor: [0.45, 0.45, 0.45, 1], fontMinPx: 15,
      showAllOrientationMarkers: true,
    });
    nv.addColormap("film", { R: [255, 0], G: [255, 0], B: [255, 0], A: [255, 255], I: [0, 255] });
    const stage = part("stage");
    stage.addEventListener("keydown", onKey, { capture: true });
    stage.addEventListener("keyup", (event) => event.stopImmediatePropagation(), { capture: true });
    const canvas = part("slices");
    canvas.addEventListener("pointerdown", () => canvas.focus({ preventScroll: true }));
    stage.addEventListener("wheel", (event) => {
      // Until a slice is pressed on, the wheel belongs to the page.
      if (document.activeElement !== canvas) event.stopImmediatePropagation();
    }, { capture: true, passive: true });
    await nv.attachToCanvas(canvas);
    stage.style.backgroundColor = "";
    projection = new Projection(part("projection"), pet, go);
    dress();
    arrange();
    nv.addVolume(pet);
    window.addEventListener("resize", arrange);
    const draw = nv.drawScene.bind(nv);
    nv.drawScene = () => { const text = draw(); redraw(); return text; };
    nv.onLocationChange = readOut;
    start = size().map((count) => Math.floor(count / 2));
    go(start);
    listen();
    const images = new Map();  // some boxes are of one mask
    for (const one of masks) {
      const title = one.box.parentElement.textContent.trim(), url = one.box.dataset.mask;
      one.title = title;
      if (!images.has(url)) images.set(url, await loaded(`the mask of ${title}`, url, {}));
      one.outline = new MaskOutline(images.get(url), Number(one.box.dataset.bit) || 255);
    }
    const drawn = masks.filter((one) => !one.outline.empty && !one.box.dataset.hatch);
    const reference = drawn.find((one) => !one.box.dataset.colour) || drawn[0];
    if (reference) start = reference.outline.middle();
    go(start);
    section.dataset.state = "ready";
    if (window.location.hash === "#slices") canvas.focus();
    document.querySelectorAll("[data-viewer-instead]").forEach((one) => { one.hidden = true; });
    tell(reference ? `Ready, at the largest component of ${reference.title}.`
      : masks.length ? "Ready. Every mask of this case is empty." : "Ready.");
  }

  open().catch(failed);
})();
