// One suspect in full: large, beside an image like it, with what is known about it. cards.js comes first.

const dialog = document.getElementById("detail");

/** The largest picture there is of a suspect: the original where the page can reach it. */
function largest(row, alt) {
  const small = picture(data.picture[row], alt, data.problem[row]);
  const address = data.live ? `image/${data.row[row]}` : data.link[row];
  if (!address || data.picture[row] < 0) return small;
  const image = make("img");
  image.alt = alt;
  image.addEventListener("load", () => {
    sharpen(image);
    small.replaceWith(image);
  });
  image.src = address;
  return small;
}

/** Bars of shares between 0 and 1: [name, share, text] each. */
function bars(entries, className) {
  const list = make("dl", "shares " + className);
  for (const [name, share, text] of entries) {
    const fill = make("span", "fill");
    fill.style.width = 100 * share + "%";
    const bar = make("dd", "", make("span", "track", fill), make("span", "figure", text));
    list.append(make("div", "", make("dt", "", isolate(name)), bar));
  }
  return list;
}

/** The images like a suspect of one class; each can be put beside it in large. */
function lookAlikes(row, role, beside) {
  const strip = make("div", "near");
  for (const other of data.near[row][look(role)]) {
    const alt = `${data.nearPath[other]}, believed to be ${className(role, row)}`;
    const show = makeButton("", () => {
      const again = show.getAttribute("aria-pressed") === "true";
      for (const button of dialog.querySelectorAll(".near button")) button.setAttribute("aria-pressed", "false");
      show.setAttribute("aria-pressed", String(!again));
      const frame = make("span", "picture", nearLargest(other, alt));
      beside.replaceChildren(...(again ? [] : [frame, make("span", "caption", "believed to be ", isolate(className(role, row)))]));
      beside.hidden = again;
    });
    show.setAttribute("aria-pressed", "false");
    show.title = `Compare with ${data.nearPath[other]}`;
    show.append(picture(data.nearPicture[other], alt, " "));
    strip.append(make("figure", "", show, make("figcaption", "", isolatePath(data.nearPath[other]))));
  }
  return strip;
}

function nearLargest(other, alt) {
  const small = picture(data.nearPicture[other], alt, " ");
  if (!data.live) return small;
  const image = make("img");
  image.alt = alt;
  image.addEventListener("load", () => {
    sharpen(image);
    small.replaceWith(image);
  });
  image.src = `image/${data.nearRow[other]}`;
  return small;
}

/** What is known about a suspect, in words and bars. */
function facts(row, beside) {
  const parts = make("div", "facts-of");
  const said = data.said[row], judged = data.outcomes[outcome(row)];
  const decided = said && ["wrong", "cleared"].includes(judged);
  parts.append(decided ? make("h3", "lead decided " + judged, capital(said)) : make("h3", "lead likely", capital(chanceOf(row))));
  for (const role of ["given", "suggested"]) {
    parts.append(label(role, row, 200));
    if (data.near[row]) parts.append(lookAlikes(row, role, beside));
  }
  const reason = data.reasons[data.reason[row]];
  if (reason) parts.append(make("p", "", capital(reason) + "."));
  if (said && !decided) parts.append(make("p", "decided", capital(said) + "."));
  for (const remark of data.remarks[row] || []) parts.append(make("p", "muted", remark));
  if (data.split) parts.append(make("p", "muted", "Split: " + data.split[row]));
  parts.append(make("h3", "", "Most likely classes, by the models"));
  parts.append(bars(data.best[row].map((index, place) => [data.classes[index], data.bestProb[row][place],
    percent(data.bestProb[row][place])]), "classes-of"));
  const methods = Object.entries(data.methods);
  if (methods.length) {
    const folded = make("details", "", make("summary", "", "What each method says"));
    folded.append(make("p", "muted", "More suspicious than this share of all samples:"));
    folded.append(bars(methods.map(([name, values]) => [name.replaceAll("_", " "), values[row],
      (100 * values[row]).toFixed(1) + "%"]), "methods-of"));
    for (const [name, about] of Object.entries(data.shown)) {
      const value = about.values[row];
      const text = value === true ? "yes" : value === false ? "no" : String(value);
      const line = make("p", "muted", `${name.replaceAll("_", " ")}: ${text}`);
      line.title = about.says;
      folded.append(line);
    }
    parts.append(folded);
  }
  return parts;
}

/** Open `row`, one of `list`, to which the arrows lead on. */
function openDetail(row, list) {
  const place = list.indexOf(row);
  const title = make("h2", "", isolatePath(data.path[row]));
  title.id = "detail-title";
  const step = (text, name, to) => {
    const button = makeButton(text, () => openDetail(list[to], list));
    button.setAttribute("aria-label", name);
    button.disabled = !(to in list);
    button.dataset.step = name;
    return button;
  };
  const close = makeButton("Close", () => dialog.close());
  const copyPath = makeButton("Copy path", () => copy(copyPath, pathOf(row)), "copy");
  const position = make("span", "position", place < 0 ? "" : `${count(place + 1)} of ${count(list.length)}`);
  const beside = make("div", "beside");
  beside.hidden = true;
  const body = make("div", data.pictured ? "body" : "body flat");
  if (data.pictured) {
    const alt = `${data.path[row]}, labelled ${className("given", row)}`;
    body.append(make("div", "pair", make("span", "picture", largest(row, alt)), beside));
  }
  body.append(facts(row, beside));
  const had = document.activeElement && document.activeElement.dataset.step;
  const open = dialog.querySelector("details[open]");
  const sheet = make("div", "sheet", make("div", "bar-top", title, position,
    step("←", "Previous suspect", place - 1), step("→", "Next suspect", place + 1), copyPath, close), body);
  if (data.live) sheet.append(verdictBar(row));
  dialog.replaceChildren(sheet);
  if (open && sheet.querySelector("details")) sheet.querySelector("details").open = true;
  if (!dialog.open) dialog.showModal();
  const again = had && [...dialog.querySelectorAll("[data-step]")].find((button) => button.dataset.step === had);
  (again && !again.disabled ? again : close).focus();
  dialog.onkeydown = (event) => {
    const to = { ArrowRight: place + 1, ArrowLeft: place - 1 }[event.key];
    if (to in list) openDetail(list[to], list);
    else if (data.live) verdictKey(event, row);
  };
  dialog.onclose = () => {
    if (list === shown.rows && location.hash.startsWith("#suspects")) focusCard(place);
  };
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});
