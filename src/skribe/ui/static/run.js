// The page of a run: its pictures, what can be unfolded, copied, sorted and changed, and how it is kept up to date.
(() => {
  "use strict";
  const { el, charts } = window.skribe;
  const root = document.documentElement;
  let data = window.skribe.data();

  // -- what is long

  /** The value at a path of the run, whole. */
  const valueAt = (path) => path.reduce((value, step) => (value === null || value === undefined ? value : value[step]), data.run);

  const LONGEST = 200000;

  function showAll(button) {
    const holder = button.closest(".long");
    const whole = String(valueAt(JSON.parse(button.dataset.more)) ?? "");
    const text = holder.querySelector("bdi");
    const before = text.textContent;
    const said = button.textContent;
    const open = button.getAttribute("aria-expanded") !== "true";
    if (!("before" in holder.dataset)) holder.dataset.before = before;
    text.textContent = open ? visible(whole.slice(0, LONGEST)) : holder.dataset.before;
    holder.classList.toggle("long-open", open);
    button.setAttribute("aria-expanded", String(open));
    if (open) button.dataset.said = said;
    button.textContent = open ? (whole.length > LONGEST ? "… the rest is too long to show here; show less" : "show less") : button.dataset.said;
  }

  const visible = (text) => text.replace(/[\u0000-\u0008\u000b-\u001f]/g, (one) => (one === "\n" || one === "\r" ? one : String.fromCharCode(0x2400 + one.charCodeAt(0))));

  // -- pictures and curves

  let chosenData = null;

  function drawPictures() {
    const host = document.querySelector("[data-pictures]");
    if (!host || !charts) return;
    const names = data.run.pictures.filter(([name]) => charts.kinds[name]);
    const sets = [...new Set(names.map(([, set]) => set))].sort((left, right) => (left === "training") - (right === "training"));
    if (!sets.includes(chosenData)) chosenData = sets[0];
    const of = document.querySelector("[data-of]");
    const choice = { key: "of", label: "Which data", value: chosenData, values: sets.map((set) => [set, charts.squeeze(set, 24)]) };
    const switcher = charts.chooser(choice, (_, value) => {
      chosenData = value;
      fillPictures(host, names);
    });
    of.replaceChildren(...(switcher ? [el("span", { class: "muted small", text: "of" }), switcher] : [el("span", { class: "muted small", text: `of ${charts.squeeze(chosenData ?? "", 40)} data` })]));
    fillPictures(host, names);
  }

  function fillPictures(host, names) {
    host.replaceChildren();
    const shown = names.filter(([, set]) => set === chosenData).map(([name]) => name).sort((left, right) => charts.orderOf(left) - charts.orderOf(right));
    for (const name of shown) {
      const body = data.pictures[`${name}|${chosenData}`];
      const picture = body ? attempt(() => charts.kinds[name](body)) : null;
      if (picture) window.skribe.figure(host, picture, { title: charts.titles[name] || name, file: `${data.run.name}-${chosenData}-${name}` });
    }
    if (!host.children.length) host.append(charts.nothing("Nothing can be drawn of this data."));
  }

  /** A picture whose data is damaged must not take the others with it. */
  function attempt(make) {
    try {
      return make();
    } catch (problem) {
      console.warn("skribe: a picture cannot be drawn:", problem);
      return null;
    }
  }

  const CURVES = 8;

  function drawCurves() {
    const host = document.querySelector("[data-curves]");
    if (!host || !charts) return;
    const keys = data.run.curves.filter((key) => data.curves[key]);
    const draw = (key) => {
      const picture = attempt(() => charts.kinds.history({ series: [{ ...data.curves[key], name: key }] }));
      if (picture) window.skribe.figure(host, { ...picture, height: 220 }, { title: key, file: `${data.run.name}-${key}` });
    };
    host.replaceChildren();
    keys.slice(0, CURVES).forEach(draw);
    if (keys.length > CURVES) {
      const more = el("button", { type: "button", class: "button", text: `Show ${keys.length - CURVES} more curves` });
      more.addEventListener("click", () => {
        more.remove();
        keys.slice(CURVES).forEach(draw);
      });
      host.append(more);
    }
    document.querySelectorAll("canvas[data-spark]").forEach(drawSpark);
  }

  /** A curve the size of a word. */
  function drawSpark(canvas) {
    const curve = data.curves?.[canvas.dataset.spark];
    const values = (curve?.values || []).filter((value) => typeof value === "number");
    if (values.length < 2) return;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [88, 22];
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const paper = canvas.getContext("2d");
    paper.scale(ratio, ratio);
    const low = Math.min(...values.slice(-5000));
    const high = Math.max(...values.slice(-5000));
    const y = (value) => height - 3 - ((value - low) / (high - low || 1)) * (height - 6);
    const every = Math.max(1, Math.floor(values.length / 300));
    paper.beginPath();
    values.forEach((value, place) => {
      if (place % every && place !== values.length - 1) return;
      paper.lineTo(2 + (place / (values.length - 1)) * (width - 6), y(value));
    });
    paper.strokeStyle = window.skribe.css("accent");
    paper.lineWidth = 1.4;
    paper.lineJoin = "round";
    paper.stroke();
    paper.beginPath();
    paper.arc(width - 4, y(values.at(-1)), 2, 0, 7);
    paper.fillStyle = window.skribe.css("accent");
    paper.fill();
  }

  // -- tables of any shape

  function drawTables() {
    const host = document.querySelector("[data-tables]");
    if (!host) return;
    host.replaceChildren(...data.run.tables.map(([name, of]) => {
      const body = data.tables?.[`${name}|${of}`];
      const { columns, rows } = rowsOf(body);
      const head = el("tr", {}, columns.map((column) => el("th", { scope: "col", text: cut(column, 60) })));
      const lines = rows.slice(0, 200).map((row) => el("tr", {}, row.map((cell) => el("td", { class: typeof cell === "number" ? "num" : null }, el("bdi", { text: typeof cell === "number" ? window.skribe.number(cell) : cut(cell, 300) })))));
      const table = el("table", { class: "table table-small" }, el("caption", { text: cut(`${name}, ${of}`, 100) }), el("thead", {}, head), el("tbody", {}, lines));
      const more = rows.length > 200 ? el("p", { class: "muted small", text: `The first 200 of ${rows.length} rows.` }) : null;
      return el("div", {}, el("div", { class: "table-frame", tabindex: "0", role: "region", "aria-label": cut(name, 100) }, table), more);
    }));
  }

  const cut = (value, width) => {
    const text = visible(typeof value === "string" ? value : value === null || value === undefined ? "–" : JSON.stringify(value));
    return text.length > width ? `${text.slice(0, width - 1)}…` : text;
  };

  /** Columns and rows of a list of objects, an object of lists, or any other value. */
  function rowsOf(body) {
    if (Array.isArray(body?.columns) && Array.isArray(body.rows || body.data)) return { columns: body.columns, rows: body.rows || body.data };
    if (Array.isArray(body) && body.length && body.every((one) => one && typeof one === "object" && !Array.isArray(one))) {
      const columns = [...new Set(body.flatMap(Object.keys))];
      return { columns, rows: body.map((one) => columns.map((column) => one[column])) };
    }
    const parts = Object.entries(body && typeof body === "object" ? body : { value: body });
    if (parts.length && parts.every(([, list]) => Array.isArray(list) && list.length === parts[0][1].length)) {
      return { columns: parts.map(([key]) => key), rows: parts[0][1].map((_, row) => parts.map(([, list]) => list[row])) };
    }
    return { columns: ["what", "value"], rows: parts };
  }

  // -- sorting a table that is all there

  function sortable(holder) {
    const table = holder.querySelector("table");
    const body = table?.tBodies[0];
    if (!body || body.rows.length < 2) return;
    table.querySelectorAll("th[data-sort]").forEach((head, place) => {
      const button = el("button", { type: "button", class: "sort", text: head.textContent });
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") !== "descending";
        table.querySelectorAll("th").forEach((one) => one.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        sortRows(body, place, head.dataset.sort === "number", down ? -1 : 1);
      });
    });
  }

  function sortRows(body, place, numeric, way) {
    const keyOf = (row) => {
      const cell = row.cells[place];
      if (!numeric) return cell.textContent.trim();
      return cell.dataset.value === "" ? NaN : Number(cell.dataset.value ?? cell.textContent);
    };
    const rows = [...body.rows].map((row) => [keyOf(row), row]);
    rows.sort(([left], [right]) => {
      if (!numeric) return way * left.localeCompare(right, undefined, { numeric: true });
      return Number.isNaN(left) - Number.isNaN(right) || way * (left - right) || 0;
    });
    body.append(...rows.map(([, row]) => row));
  }

  // -- files

  const IMAGES = new Set(["png", "jpg", "jpeg", "gif", "webp", "avif", "bmp"]);
  const TEXTS = new Set("txt log md rst csv tsv json jsonl ndjson yaml yml toml ini cfg conf py r sql sh tex diff patch ipynb".split(" "));
  const BARE = new Set(["mlmodel", "license", "readme", "dockerfile", "makefile", "requirements"]);
  const FRAMED = new Set(["html", "htm", "svg"]);

  function kindOf(path) {
    const name = path.split("/").at(-1).toLowerCase();
    const ending = name.includes(".") ? name.split(".").at(-1) : "";
    if (IMAGES.has(ending)) return "image";
    if (TEXTS.has(ending) || BARE.has(name)) return "text";
    return FRAMED.has(ending) ? "frame" : null;
  }

  /** Show a file below its name, or take it away again. */
  function showFile(link, event) {
    const kind = kindOf(link.dataset.file);
    if (!kind || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const row = link.closest("li");
    const open = row.querySelector(".viewer");
    link.setAttribute("aria-expanded", String(!open));
    if (open) {
      open.remove();
      return;
    }
    const viewer = el("div", { class: "viewer" });
    row.append(viewer);
    fillViewer(viewer, kind, link);
  }

  async function fillViewer(viewer, kind, link) {
    const name = cut(link.dataset.file, 120);
    if (kind === "image") {
      viewer.append(el("img", { src: link.href, alt: name }));
    } else if (kind === "text" && !window.skribe.frozen && Number(link.dataset.size) <= 2e6) {
      const text = await textOf(link.href);
      viewer.append(el("pre", { tabindex: "0", "aria-label": name }, el("code", { text })));
    } else {
      // What a run has brought along is shown where it can neither run, nor ask, nor look around.
      viewer.append(el("iframe", { src: link.href, sandbox: "", title: name, referrerpolicy: "no-referrer" }));
    }
  }

  async function textOf(address) {
    try {
      const response = await fetch(address, { credentials: "same-origin" });
      if (!response.ok) return `The file cannot be read: the server answered with ${response.status}.`;
      const text = await response.text();
      return visible(text.length > LONGEST ? `${text.slice(0, LONGEST)}\n… the rest is left out here; save the file to see it.` : text);
    } catch {
      return "The server of this page does not answer.";
    }
  }

  // -- changes

  /** Do it, say it, and show it; the focus goes on from `then`. */
  async function change(what, then = null) {
    try {
      window.skribe.toast(await window.skribe.act(what));
      await refresh(true);
      if (then) document.querySelector(then)?.focus();
    } catch (problem) {
      window.skribe.toast(problem.message, { bad: true });
    }
  }

  async function deleteRun() {
    const children = data.run.n_children ? ` and its ${data.run.n_children} children` : "";
    const sure = await window.skribe.confirm(`Put “${cut(data.run.name, 80)}”${children} into the trash? It can be restored from there.`, { action: "Delete", bad: true });
    if (sure) await change({ do: "delete_run", id: data.run.id }, "[data-restore]");
  }

  /** Ask for the name under which a model is registered. */
  function askToRegister(path) {
    const label = "Name of the model; under a name that is there already, it becomes the next version";
    const before = data.run.models[0]?.versions[0]?.name;
    window.skribe.ask("Register this model", [{ label, name: "name", value: before, required: true, maxlength: "250" }], "Register", async ([name]) => {
      window.skribe.toast(await window.skribe.act({ do: "register", id: data.run.id, path, name }));
      await refresh(true);
      return "[data-register]";
    });
  }

  // -- keeping up

  /** Ask for the page anew, and exchange the parts that are different now. */
  async function refresh(force = false) {
    if (window.skribe.frozen) return;
    const response = await fetch(window.location.pathname + window.location.search, { credentials: "same-origin" }).catch(() => null);
    if (!response || !response.ok) {
      if (response && (response.status === 404 || response.status === 410)) gone();
      return;
    }
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    const holder = fresh.getElementById("data");
    if (!holder) return;
    const before = data;
    data = JSON.parse(holder.textContent);
    // A part that has come or gone changes the whole page: the outline is then built anew by the server.
    const ids = (page) => [...page.querySelectorAll(".detail-body [id].block")].map((one) => one.id).join();
    if (ids(fresh) !== ids(document) && !force && !document.querySelector("dialog[open], .detail-body :focus")) {
      window.location.reload();
      return;
    }
    for (const part of fresh.querySelectorAll("[data-live][id]")) exchange(part, force === true);
    if (JSON.stringify([data.pictures, data.run.pictures]) !== JSON.stringify([before.pictures, before.run.pictures])) drawPictures();
    if (JSON.stringify(data.curves) !== JSON.stringify(before.curves)) drawCurves();
    prepare();
    if (data.run.status !== "running") document.dispatchEvent(new CustomEvent("skribe:ended"));
  }

  function exchange(part, force) {
    const old = document.getElementById(part.id);
    if (!old || old.dataset.was === part.innerHTML) return;
    const was = part.innerHTML;
    if (!force && old.dataset.was === undefined && sameWords(old, part)) {
      old.dataset.was = was;
      return;
    }
    if (!force && old.contains(document.activeElement) && document.activeElement.matches("input, textarea, button")) return;
    const open = new Set([...old.querySelectorAll("details[open][id]")].map((one) => one.id));
    part.querySelectorAll("details[id]").forEach((one) => { one.open = one.open || open.has(one.id); });
    if (old.open) part.open = true;
    part.dataset.was = was;
    old.replaceWith(document.adoptNode(part));
  }

  const sameWords = (left, right) => left.textContent.replace(/\s+/g, " ") === right.textContent.replace(/\s+/g, " ");

  function gone() {
    stop();
    if (document.getElementById("gone")) return;
    const said = el("div", { class: "banner banner-warn", id: "gone", role: "status" }, el("strong", { text: "This run is no longer there." }),
      el("span", { text: "It was removed while you were looking. What you see is what it was." }), el("a", { href: window.skribe.url("runs"), text: "All runs" }));
    document.querySelector(".detail-body").prepend(said);
  }

  let stop = () => {};
  let last = 0;

  /** How long to wait, at least, before the page is asked for again. */
  function patience() {
    const running = data.run.status === "running";
    if (data.search) return running ? 12000 : data.search.names.length > 500 ? Infinity : 15000; // it looks after itself
    return running ? 0 : 8000;
  }

  function keepUp() {
    if (window.skribe.frozen) return;
    stop = window.skribe.poll(async () => {
      if (Date.now() - last < patience()) return;
      last = Date.now();
      await refresh();
    });
    if (data.run.status !== "running") return;
    document.addEventListener("skribe:search-ended", () => refresh());
    setInterval(tickSince, 1000);
  }

  function tickSince() {
    for (const one of document.querySelectorAll("[data-since]")) one.textContent = window.skribe.seconds(Math.max(0, Math.round(Date.now() / 1000 - Number(one.dataset.since))));
  }

  // -- the outline

  function watchOutline() {
    const links = new Map([...document.querySelectorAll(".toc a")].map((link) => [link.hash.slice(1), link]));
    const seen = new Map();
    const watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) seen.set(entry.target.id, entry.isIntersecting);
      const first = [...links.keys()].find((id) => seen.get(id));
      for (const [id, link] of links) {
        if (id === first) link.setAttribute("aria-current", "location");
        else link.removeAttribute("aria-current");
      }
    }, { rootMargin: "-70px 0px -55% 0px" });
    for (const id of links.keys()) {
      const section = document.getElementById(id);
      if (section) watcher.observe(section);
    }
  }

  // -- events

  function onClick(event) {
    const on = (selector) => (event.target.closest ? event.target.closest(selector) : null);
    let found;
    if ((found = on("[data-more]"))) showAll(found);
    else if ((found = on("[data-copy-text]"))) window.skribe.copy(found.dataset.copyText);
    else if ((found = on("a[data-file]"))) showFile(found, event);
    else if (on("[data-delete]")) deleteRun();
    else if (on("[data-restore]")) change({ do: "restore_run", id: data.run.id });
    else if ((found = on("[data-register]"))) askToRegister(found.dataset.register);
    else if ((found = on("[data-untag]"))) change({ do: "delete_tag", id: data.run.id, key: JSON.parse(found.dataset.untag) }, "[data-tag-form] [name=key]");
  }

  function onSubmit(event) {
    if (!event.target.matches("[data-tag-form]")) return;
    event.preventDefault();
    const form = event.target;
    const key = form.elements.key.value.trim();
    if (key) change({ do: "set_tag", id: data.run.id, key, value: form.elements.value.value }, "[data-tag-form] [name=key]");
  }

  function onInput(event) {
    const list = event.target.dataset?.filter && document.querySelector(event.target.dataset.filter);
    if (!list) return;
    const wanted = event.target.value.trim().toLowerCase();
    for (const one of list.children) one.hidden = !one.textContent.toLowerCase().includes(wanted);
  }

  /** What is new in the page since it was last looked through. */
  function prepare() {
    for (const holder of document.querySelectorAll("[data-sortable]:not([data-ready])")) {
      holder.dataset.ready = "";
      sortable(holder);
    }
    document.querySelectorAll("canvas[data-spark]").forEach(drawSpark);
    tickSince();
  }

  document.addEventListener("click", onClick);
  document.addEventListener("submit", onSubmit);
  document.addEventListener("input", onInput);
  window.skribe.onTheme(() => document.querySelectorAll("canvas[data-spark]").forEach(drawSpark));
  root.classList.add("scripted");
  prepare();
  drawPictures();
  drawCurves();
  drawTables();
  watchOutline();
  keepUp();
})();
