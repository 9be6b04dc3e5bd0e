// The map: every sample a dot, suspects with a ring. Drawn on a canvas, so that 100,000 of them open in a moment.

const chart = data.map && document.getElementById("map-canvas") ? unpackMap() : null;

/** The places of the map as typed arrays, and for each suspect of the page its dot. */
function unpackMap() {
  const numbers = (text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new Uint16Array(bytes.buffer);
  };
  const dot = new Map();
  const places = data.map.rows ? new Map(data.map.rows.map((row, place) => [row, place])) : null;
  for (const row of rows) {
    const place = places ? places.get(data.row[row]) : data.row[row];
    if (place !== undefined) dot.set(row, place);
  }
  return { x: numbers(data.map.x), y: numbers(data.map.y), label: numbers(data.map.label), dot };
}

/** A colour of its own for each class, as far apart as they can be. */
function hue(index) {
  return (index * 137.508 + 20) % 360;
}

const mapped = { lasso: null, width: 0, height: 0, pad: 18 };

function place(index) {
  const { width, height, pad } = mapped;
  return [pad + (width - 2 * pad) * chart.x[index] / 65535, height - pad - (height - 2 * pad) * chart.y[index] / 65535];
}

/** Draw everything again. */
function drawMap() {
  const canvas = document.getElementById("map-canvas");
  const box = canvas.parentElement.getBoundingClientRect();
  if (!box.width) return;
  const scale = devicePixelRatio || 1;
  mapped.width = box.width;
  mapped.height = Math.max(320, Math.min(innerHeight - 330, box.width * 0.62));
  canvas.width = mapped.width * scale;
  canvas.height = mapped.height * scale;
  canvas.style.height = mapped.height + "px";
  const paper = canvas.getContext("2d");
  paper.scale(scale, scale);
  const styles = getComputedStyle(document.documentElement);
  const dark = isDark();
  const only = document.getElementById("map-class").value;
  const fits = (label) => only === "" || Number(only) === label;
  const size = chart.x.length > 20000 ? 1.6 : chart.x.length > 3000 ? 2.5 : 4;
  if (!document.getElementById("map-suspects").checked) {
    const groups = new Map();
    for (let index = 0; index < chart.x.length; index++) {
      if (!groups.has(chart.label[index])) groups.set(chart.label[index], []);
      groups.get(chart.label[index]).push(index);
    }
    for (const [label, members] of groups) {
      if (!fits(label)) continue;
      paper.fillStyle = `hsl(${hue(label)} ${dark ? "55% 62%" : "55% 48%"} / .6)`;
      for (const index of members) {
        const [x, y] = place(index);
        paper.fillRect(x - size / 2, y - size / 2, size, size);
      }
    }
  }
  for (const [row, index] of [...chart.dot].reverse()) {
    if (!fits(chart.label[index]) || outcome(row) === CLEARED) continue;
    const [x, y] = place(index);
    paper.beginPath();
    paper.arc(x, y, 5, 0, 2 * Math.PI);
    paper.fillStyle = `hsl(${hue(chart.label[index])} ${dark ? "70% 62%" : "65% 42%"})`;
    paper.fill();
    paper.lineWidth = chosen && chosen.has(row) ? 3.5 : 1.8;
    paper.strokeStyle = styles.getPropertyValue("--ring");
    paper.stroke();
  }
  if (mapped.lasso) {
    paper.beginPath();
    for (const [x, y] of mapped.lasso) paper.lineTo(x, y);
    paper.closePath();
    paper.lineWidth = 1.5;
    paper.setLineDash([5, 4]);
    paper.strokeStyle = styles.getPropertyValue("--mark");
    paper.stroke();
  }
  saidOfMap();
}

/** Whether a point lies in a polygon: a ray to the right crosses its edge an odd number of times. */
function isInside([x, y], polygon) {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [ax, ay] = polygon[i], [bx, by] = polygon[j];
    if ((ay > y) !== (by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

/** The suspect under a point, or undefined. */
function suspectAt([x, y]) {
  let best, least = 10;
  for (const [row, index] of chart.dot) {
    const [px, py] = place(index);
    const far = Math.hypot(px - x, py - y);
    if (far < least && outcome(row) !== CLEARED) [best, least] = [row, far];
  }
  return best;
}

function saidOfMap() {
  const found = chosen ? [...chosen].filter((row) => outcome(row) !== CLEARED).length : 0;
  const total = chart.dot.size;
  document.getElementById("map-said").textContent =
    `${count(chart.x.length)} dots, ${count(total)} of them suspects` + (chosen ? `; ${count(found)} selected` : "") + ".";
  document.getElementById("map-clear").hidden = !chosen;
  const open = document.getElementById("map-open");
  open.hidden = !chosen || !found;
  open.textContent = `Show the ${count(found)} selected`;
  open.href = address();
}

if (chart) {
  const canvas = document.getElementById("map-canvas"), tip = document.getElementById("map-tip");
  const at = (event) => [event.offsetX, event.offsetY];
  canvas.addEventListener("pointerdown", (event) => {
    mapped.lasso = [at(event)];
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (mapped.lasso && event.buttons) {
      mapped.lasso.push(at(event));
      requestAnimationFrame(drawMap);
      return;
    }
    const row = suspectAt(at(event));
    tip.hidden = row === undefined;
    if (row === undefined) return;
    tip.replaceChildren(isolatePath(data.path[row]), ` given ${className("given", row)}, suggested ${className("suggested", row)}`);
    tip.style.transform = `translate(${Math.min(event.offsetX + 12, mapped.width - 240)}px, ${event.offsetY + 14}px)`;
  });
  canvas.addEventListener("pointerup", (event) => {
    const drawn = mapped.lasso || [];
    mapped.lasso = drawn.length > 4 ? drawn : null;
    if (mapped.lasso) {
      chosen = new Set([...chart.dot].filter(([, index]) => isInside(place(index), drawn)).map(([row]) => row));
      if (!chosen.size) chosen = mapped.lasso = null;
      filter();
    } else {
      const row = suspectAt(at(event));
      if (row !== undefined) openDetail(row, shown.rows);
    }
    drawMap();
  });
  canvas.addEventListener("pointerleave", () => (tip.hidden = true));
  canvas.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && shown.rows.length) openDetail(shown.rows[0], shown.rows);
  });
  const select = document.getElementById("map-class");
  const known = [...new Set(chart.label)].sort((a, b) => collator.compare(data.classes[a], data.classes[b]));
  for (const index of known) {
    select.append(new Option(data.classes[index], index));
    if (known.length > 12) continue;
    const entry = make("span", "", isolate(shorten(data.classes[index], 40)));
    entry.style.setProperty("--dot", `hsl(${hue(index)} 60% 50%)`);
    document.getElementById("map-legend").append(entry);
  }
  select.addEventListener("input", drawMap);
  document.getElementById("map-suspects").addEventListener("input", drawMap);
  document.getElementById("map-clear").addEventListener("click", () => {
    chosen = mapped.lasso = null;
    filter();
    drawMap();
  });
  new ResizeObserver(drawMap).observe(canvas.parentElement);
}
