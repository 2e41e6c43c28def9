// What every page needs: the embedded data, links, requests, small words, the theme, messages and questions.
// Everything hangs on `window.skribe`; nothing here writes HTML from values.
(() => {
  "use strict";

  const root = document.documentElement;
  const frozen = root.dataset.frozen === "true";
  const readonly = root.dataset.readonly === "true";
  const base = root.dataset.root || "";

  // -- data and links

  let parsed;

  /** The data that this page carries. */
  function data() {
    if (parsed === undefined) {
      const holder = document.getElementById("data");
      parsed = holder ? JSON.parse(holder.textContent) : {};
    }
    return parsed;
  }

  function query(args) {
    const pairs = new URLSearchParams();
    for (const [key, value] of Object.entries(args)) {
      for (const one of Array.isArray(value) ? value : [value]) {
        if (one === undefined || one === null || one === "") continue;
        pairs.append(key, one === true ? "1" : one === false ? "0" : String(one));
      }
    }
    const text = pairs.toString();
    return text ? `?${text}` : "";
  }

  const inside = (path) => String(path).split("/").map(encodeURIComponent).join("/");

  /** The page of a model; of a frozen page only those links are known that it carries. */
  function modelUrl(name) {
    if (!frozen) return `${base}model${query({ name })}`;
    const links = data().model_links || {};
    return Object.hasOwn(links, name) ? links[name] : `${base}models.html`;
  }

  /** A link that works under any prefix and from a file. */
  function url(kind, args = {}) {
    const { id, ids, name, path, ...rest } = args;
    const html = frozen ? ".html" : "";
    switch (kind) {
      case "home": return frozen ? `${base}index.html` : base || ".";
      case "runs": case "models": case "trash": return `${base}${kind}${html}${query(rest)}`;
      case "run": return `${base}runs/${encodeURIComponent(id)}${html}${query(rest)}`;
      case "compare": return `${base}compare${html}${query({ run: ids, ...rest })}`;
      case "model": return modelUrl(name);
      case "static": return `${base}static/${inside(name)}`;
      case "artifact": return `${base}runs/${encodeURIComponent(id)}/files/${inside(path)}`;
      case "api": return `${base}api/${path}${query({ id, name, ...rest })}`;
      default: throw new Error(`there is no page of the kind ${kind}`);
    }
  }

  // -- requests

  async function answerOf(request) {
    let response;
    try {
      response = await request;
    } catch (problem) {
      if (problem.name === "AbortError") throw problem;
      const error = new Error("The server of this page does not answer. Is `skribe ui` still running?");
      error.offline = true;
      throw error;
    }
    const body = await response.json().catch((problem) => {
      if (problem.name === "AbortError") throw problem;
      return null;
    });
    if (response.ok && body !== null) return body;
    const told = body && body.error ? body.error : {};
    const otherwise = response.ok ? "The server's answer could not be read. Reload the page." : `The server answered with ${response.status}.`;
    const error = new Error(told.message || otherwise);
    error.at = told.at ?? null;
    error.code = response.status;
    throw error;
  }

  /** The JSON of `api/<path>`. Rejects with the API's own message, and `.at` where a query is wrong. */
  function get(path, args = {}, { signal } = {}) {
    if (frozen) return Promise.reject(new Error("These are frozen pages: they only show what they carry."));
    const headers = { Accept: "application/json" };
    return answerOf(fetch(url("api", { ...args, path }), { headers, signal, credentials: "same-origin" }));
  }

  /** Change something: `act({do: "delete_run", id})`. Gives the sentence that says what was done. */
  async function act(what) {
    if (frozen || readonly) throw new Error("Nothing can be changed from here: these pages are read-only.");
    const answer = await answerOf(fetch(url("api", { path: "do" }), {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Skribe": "1", Accept: "application/json" },
      credentials: "same-origin",
      body: JSON.stringify(what),
    }));
    return answer.done || "Done.";
  }

  // -- elements

  /**
   * A new element. `class`, `text`, `dataset`, `style` (an object) and `on…` handlers are understood; other
   * attributes are set as they are, and left out when null or false. Children are elements or plain text.
   */
  function el(tag, attrs = {}, ...children) {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(attrs || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (key === "class") made.className = value;
      else if (key === "text") made.textContent = value;
      else if (key === "dataset") Object.assign(made.dataset, value);
      else if (key === "style") for (const [name, to] of Object.entries(value)) setStyle(made, name, to);
      else if (key.startsWith("on") && typeof value === "function") made.addEventListener(key.slice(2), value);
      else made.setAttribute(key, value === true ? "" : String(value));
    }
    made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
    return made;
  }

  function setStyle(element, name, value) {
    if (name.startsWith("--")) element.style.setProperty(name, value);
    else element.style[name] = value;
  }

  // -- words

  /** A number with four significant digits; integers whole. */
  function number(value) {
    if (value === null || value === undefined || typeof value === "boolean") return value === true ? "True" : value === false ? "False" : "–";
    if (typeof value !== "number") return String(value);
    if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
    if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
    const power = Math.floor(Math.log10(Math.abs(Number(value.toPrecision(4)))));
    if (power < -4 || power >= 4 + (Number.isInteger(value) ? 11 : 2)) {
      const [mantissa, exponent] = value.toExponential(3).split("e");
      return `${trimmed(mantissa)}e${exponent.replace("+", "")}`;
    }
    if (power >= 4) return String(Math.round(value));
    return trimmed(value.toFixed(Math.max(0, 3 - power)));
  }

  const trimmed = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);

  /** A duration with the unit that fits it: `830 µs`, `12.4 ms`, `3.21 s`, `4 min 10 s`. */
  function seconds(value) {
    if (typeof value !== "number" || !Number.isFinite(value)) return "–";
    if (value < 1e-3) return `${Math.round(value * 1e6)} µs`;
    if (value < 1) return `${Number((value * 1e3).toPrecision(3))} ms`;
    if (value < 100) return `${Number(value.toPrecision(3))} s`;
    const whole = Math.round(value);
    const minutes = Math.floor(whole / 60);
    if (minutes < 60) return `${minutes} min ${whole % 60} s`;
    return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  }

  /** How long ago a moment (seconds since 1970) was; the date if that is long, or if the page is frozen. */
  function ago(moment) {
    if (typeof moment !== "number" || !Number.isFinite(moment)) return "–";
    if (frozen) return when(moment).slice(0, 16);
    const past = Date.now() / 1000 - moment;
    if (past < 5) return "just now";
    if (past < 60) return `${Math.floor(past)} s ago`;
    if (past < 3600) return `${Math.floor(past / 60)} min ago`;
    if (past < 86400) return `${Math.floor(past / 3600)} h ago`;
    if (past < 30 * 86400) return past < 2 * 86400 ? "yesterday" : `${Math.floor(past / 86400)} days ago`;
    return when(moment).slice(0, 10);
  }

  /** The moment in the reader's own time zone, to the second. */
  function when(moment) {
    const date = new Date(moment * 1000);
    if (Number.isNaN(date.getTime())) return "–";
    const two = (part) => String(part).padStart(2, "0");
    const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
    return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  }

  // -- messages and questions

  /** A short message that goes away by itself; `bad: true` for a failure, which stays longer. */
  function toast(text, { bad = false } = {}) {
    const holder = document.getElementById("toasts");
    if (!holder) return;
    for (const before of holder.children) if (before.dataset.text === String(text)) before.remove();
    const shown = el("div", { dataset: { text: String(text) }, class: bad ? "toast toast-bad" : "toast" }, String(text).slice(0, 600));
    const close = el("button", { type: "button", class: "toast-close", "aria-label": "Dismiss", text: "×" });
    close.addEventListener("click", () => shown.remove());
    shown.append(close);
    holder.append(shown);
    while (holder.children.length > 4) holder.firstElementChild.remove();
    setTimeout(() => shown.remove(), bad ? 12000 : 4500);
  }

  /** Put text on the clipboard, and say so. */
  async function copy(text, said = "Copied") {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      if (!copyTheOldWay(text)) return toast("The browser does not allow copying here; select the text instead.", { bad: true });
    }
    return toast(said);
  }

  /** Pages over plain http from another machine have no clipboard of the new kind. */
  function copyTheOldWay(text) {
    const area = el("textarea", { class: "visually-hidden", "aria-hidden": "true" });
    area.value = text;
    const before = document.activeElement;
    (document.querySelector("dialog[open]") || document.body).append(area);
    area.select();
    let done = false;
    try {
      done = document.execCommand("copy");
    } catch {
      done = false;
    }
    area.remove();
    if (before && before.focus) before.focus();
    return done;
  }

  /** Ask before something is done. Resolves with whether it was agreed to. */
  function confirm(text, { action = "OK", bad = false } = {}) {
    return new Promise((resolve) => {
      const yes = el("button", { class: bad ? "button primary danger" : "button primary", value: "yes", text: action });
      const no = el("button", { class: "button", value: "no", text: "Cancel" });
      const asked = el("p", { id: "asked", text });
      const form = el("form", { method: "dialog" }, asked, el("div", { class: "dialog-end" }, no, yes));
      const dialog = el("dialog", { class: "dialog dialog-small", "aria-labelledby": "asked" }, form);
      dialog.addEventListener("close", () => {
        dialog.remove();
        resolve(dialog.returnValue === "yes");
      });
      document.body.append(dialog);
      dialog.showModal();
      yes.focus();
    });
  }

  /**
   * Ask for texts in a dialog and do something with them: `fields` are [{label, value, …attributes}], and `act(texts)`
   * gives a promise, of the selector of what has the focus then. The dialog closes when it is kept; what went wrong is
   * said inside, and the texts stay.
   */
  function ask(title, fields, action, act) {
    const inputs = fields.map(({ label, value, ...attrs }) => {
      const input = el("input", { class: "input", autocomplete: "off", "aria-describedby": "ask-problem", ...attrs });
      input.value = value ?? "";
      return [el("label", { class: "field" }, el("span", { text: label }), input), input];
    });
    const said = el("p", { class: "field-problem", id: "ask-problem", role: "alert", hidden: true });
    const cancel = el("button", { type: "button", class: "button", text: "Cancel" });
    const yes = el("button", { class: "button primary", text: action });
    const form = el("form", {}, el("div", { class: "dialog-head" }, el("h2", { id: "ask-title", text: title })), inputs.map(([label]) => label), said, el("div", { class: "dialog-end" }, cancel, yes));
    const dialog = el("dialog", { class: "dialog dialog-small", "aria-labelledby": "ask-title" }, form);
    cancel.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => dialog.remove());
    form.addEventListener("input", () => {
      said.hidden = true;
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      yes.disabled = true;
      try {
        const then = await act(inputs.map(([, input]) => input.value.trim()));
        dialog.close();
        if (then) document.querySelector(then)?.focus();
      } catch (problem) {
        said.textContent = problem.message.slice(0, 600);
        said.hidden = false;
        inputs[0][1].focus();
      }
      yes.disabled = false;
    });
    document.body.append(dialog);
    dialog.showModal();
    inputs[0][1].select();
  }

  // -- the theme

  const themeListeners = new Set();
  const darkSystem = window.matchMedia("(prefers-color-scheme: dark)");

  /** Call `fn` each time the colours change; gives what stops it. */
  function onTheme(fn) {
    themeListeners.add(fn);
    return () => themeListeners.delete(fn);
  }

  const tellTheme = () => themeListeners.forEach((fn) => fn(isDark()));

  const isDark = () => (root.dataset.theme === "auto" ? darkSystem.matches : root.dataset.theme === "dark");

  function chooseTheme(theme) {
    root.dataset.theme = theme;
    remember("skribe.theme", theme);
    tellTheme();
  }

  /** The value of a custom property: `css("accent")` or `css("--accent")`. */
  function css(name) {
    return getComputedStyle(root).getPropertyValue(name.startsWith("--") ? name : `--${name}`).trim();
  }

  /** Keep something for the next visit. Nothing happens where storage is denied or full. */
  function remember(key, value) {
    try {
      if (value === null) window.localStorage.removeItem(key);
      else window.localStorage.setItem(key, typeof value === "string" ? value : JSON.stringify(value));
    } catch {
      // Only comfort is lost.
    }
  }

  /** What was kept under this key, or null. */
  function recall(key) {
    try {
      return window.localStorage.getItem(key);
    } catch {
      return null;
    }
  }

  // -- what is new

  const pollers = new Set();
  let pollTimer = null;
  let lastSeq = null;
  let misses = 0;

  /**
   * Call `fn(seq)` whenever the store has something new (every two seconds while the page is seen).
   * Gives what stops it. Frozen pages never call it.
   */
  function poll(fn) {
    if (frozen) return () => {};
    pollers.add(fn);
    if (lastSeq === null && typeof data().seq === "number") lastSeq = data().seq;
    if (pollTimer === null) schedulePoll();
    return () => pollers.delete(fn);
  }

  function schedulePoll() {
    clearTimeout(pollTimer);
    const wait = (document.hidden ? 15000 : 2000) * Math.min(8, 2 ** misses);
    pollTimer = setTimeout(pollOnce, wait);
  }

  async function pollOnce() {
    try {
      const { seq } = await get("seq");
      misses = 0;
      const isNew = lastSeq !== null && seq !== lastSeq;
      lastSeq = seq;
      if (isNew) await Promise.allSettled([...pollers].map((fn) => fn(seq)));
    } catch {
      misses = Math.min(3, misses + 1);
    }
    const mark = document.getElementById("offline");
    if (mark) mark.hidden = misses < 2;
    if (pollers.size) schedulePoll();
    else pollTimer = null;
  }

  document.addEventListener("visibilitychange", () => {
    if (pollTimer !== null && !document.hidden) {
      misses = 0;
      schedulePoll();
    }
  });

  // -- what works by itself on every page

  function start() {
    const theme = document.getElementById("theme");
    if (theme) {
      theme.value = root.dataset.theme;
      theme.addEventListener("change", () => chooseTheme(theme.value));
    }
    darkSystem.addEventListener("change", tellTheme);
    document.addEventListener("click", (event) => {
      const button = event.target.closest ? event.target.closest("[data-copy]") : null;
      const from = button && document.querySelector(button.dataset.copy);
      if (from) copy("value" in from ? from.value : from.textContent);
    });
    tickTimes();
    setInterval(tickTimes, 20000);
    const said = recall("skribe.said");
    if (said) toast(said);
    remember("skribe.said", null);
  }

  /** Change something, then show the page anew with the sentence that says what was done. */
  async function actAndReload(what) {
    remember("skribe.said", await act(what));
    window.location.reload();
  }

  /** "3 min ago" becomes "4 min ago" while the page is open; on frozen pages the date is said instead. */
  function tickTimes() {
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const moment = Number(time.dataset.ago);
      time.textContent = ago(moment);
      time.title = when(moment);
    }
  }

  window.skribe = {
    ...window.skribe,
    frozen, readonly, data, url, get, act, el, number, seconds, ago, when, toast, copy, confirm, ask,
    onTheme, isDark, css, actAndReload, poll, remember, recall,
  };

  start();
})();
