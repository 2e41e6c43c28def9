// Which columns the table has, and in which order: a dialog over every key that the runs have.
(() => {
  "use strict";

  const { el } = window.skribe;
  const { FIXED, columnOf, printable } = window.skribe.table;
  const MOST = 300;

  const key = (id) => `skribe.columns.${id}`;

  /** What was chosen here before, or null. */
  function remembered(experiment) {
    try {
      const kept = JSON.parse(window.skribe.recall(key(experiment || "")) || "null");
      const isList = Array.isArray(kept?.columns) && kept.columns.every((id) => typeof id === "string" && id.length < 2000);
      return isList ? { columns: kept.columns.slice(0, 200), varying: kept.varying === true } : null;
    } catch {
      return null;
    }
  }

  /** Keep a choice for this experiment; null forgets it. */
  function remember(experiment, choice) {
    window.skribe.remember(key(experiment || ""), choice && JSON.stringify(choice));
  }

  /** Every column there could be, in groups. */
  function everyColumn(keys) {
    const fixed = Object.keys(FIXED).map((id) => ({ id, label: FIXED[id].label, count: null, varies: true }));
    const groups = [["Run", fixed]];
    for (const [group, title] of [["metrics", "Metrics"], ["params", "Parameters"], ["tags", "Tags"]]) {
      groups.push([title, (keys[group] || []).map((one) => ({ id: `${group}.${one.key}`, label: one.key, ...one }))]);
    }
    return groups;
  }

  class Chooser {
    /** `changed(columns)` is called at each change; `get()` gives the columns there are now. */
    constructor({ keys, get, changed, standard }) {
      Object.assign(this, { keys, get, changed, standard });
      this.build();
    }

    build() {
      const close = el("button", { class: "button primary", value: "done", text: "Done" });
      this.search = el("input", { class: "input", type: "search", placeholder: "Find a key", "aria-label": "Find a key" });
      this.onlyVarying = el("input", { type: "checkbox", role: "switch" });
      this.keysList = el("div", { class: "keys-list", tabindex: "0", role: "group", "aria-label": "Every key" });
      this.chosenList = el("ol", { class: "chosen-list", "aria-label": "Columns, in their order" });
      this.said = el("p", { class: "visually-hidden", role: "status" });
      this.dialog = el("dialog", { class: "dialog dialog-columns", "aria-labelledby": "columns-title" },
        el("form", { method: "dialog" },
          el("div", { class: "dialog-head" }, el("h2", { id: "columns-title", text: "Columns" }), close),
          el("div", { class: "toolbar presets" }, this.presets()),
          el("div", { class: "choosing" },
            el("section", {}, el("div", { class: "choosing-head" }, this.search, el("label", { class: "switch" }, this.onlyVarying, "Varying only")), this.keysList),
            el("section", {}, el("h3", { text: "Shown, in this order" }), this.chosenList)),
          this.said));
      document.body.append(this.dialog);
      this.search.addEventListener("input", () => this.drawKeys());
      this.search.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
      this.onlyVarying.addEventListener("change", () => this.drawKeys());
      this.keysList.addEventListener("change", (event) => this.check(event.target));
      this.chosenList.addEventListener("click", (event) => this.press(event.target.closest("button")));
      this.listenToDrags();
    }

    presets() {
      const basic = ["status", "start", "duration"];
      const of = (group, fits = () => true) => (this.keys()[group] || []).filter(fits).map((one) => `${group}.${one.key}`).slice(0, 60);
      const sets = {
        Standard: () => this.standard(),
        "All metrics": () => [...basic, ...of("metrics")],
        "What varies": () => [...basic, ...of("metrics", (one) => one.varies).slice(0, 8), ...of("params", (one) => one.varies)],
        "Parameters": () => ["status", ...of("params")],
        "Bare": () => basic,
      };
      return Object.entries(sets).map(([name, make]) => {
        const button = el("button", { type: "button", class: "button small", text: name });
        button.addEventListener("click", () => this.apply(make(), `${name}: the columns have changed`));
        return button;
      });
    }

    open() {
      this.search.value = "";
      this.draw();
      this.dialog.showModal();
      this.search.focus();
    }

    apply(columns, said = "") {
      this.changed([...new Set(columns)]);
      this.draw();
      this.said.textContent = said;
    }

    draw() {
      this.drawKeys();
      this.drawChosen();
    }

    drawKeys() {
      const wanted = this.search.value.trim().toLowerCase();
      const chosen = new Set(this.get());
      const top = this.keysList.scrollTop;
      let left = MOST;
      let hidden = 0;
      const parts = [];
      for (const [title, all] of everyColumn(this.keys())) {
        const fits = all.filter((one) => (!wanted || one.id.toLowerCase().includes(wanted) || one.label.toLowerCase().includes(wanted)) && (!this.onlyVarying.checked || one.varies));
        if (!fits.length) continue;
        const shown = fits.slice(0, Math.max(0, left));
        left -= shown.length;
        hidden += fits.length - shown.length;
        parts.push(el("fieldset", {}, el("legend", {}, title, " ", el("span", { class: "hint", text: String(fits.length) })), shown.map((one) => this.keyLine(one, chosen))));
      }
      if (hidden) parts.push(el("p", { class: "hint", text: `… and ${hidden} more: type to narrow them down` }));
      if (!parts.length) parts.push(el("p", { class: "hint", text: "No key is called that." }));
      this.keysList.replaceChildren(...parts);
      this.keysList.scrollTop = top;
    }

    keyLine(one, chosen) {
      const box = el("input", { type: "checkbox", dataset: { id: one.id } });
      box.checked = chosen.has(one.id);
      const hint = one.count === null ? "" : `${one.count.toLocaleString("en")}${one.varies || one.count < 2 ? "" : " · same"}`;
      return el("label", { class: "key-line", title: printable(one.id, 500) }, box, el("bdi", { text: printable(one.label, 120) }), el("span", { class: "hint", text: hint }));
    }

    drawChosen() {
      const columns = this.get().map(columnOf);
      this.chosenList.replaceChildren(...columns.map((column, n) => {
        const name = printable(column.label, 120);
        const button = (act, sign, label, off) => el("button", { type: "button", class: "button quiet small", dataset: { act, n }, "aria-label": `${label} ${name}`, disabled: off, text: sign });
        return el("li", { draggable: "true", dataset: { n } },
          el("span", { class: "grip", "aria-hidden": "true", text: "⠿" }),
          el("span", { class: "chosen-name" }, column.group ? el("span", { class: "hint", text: `${column.group} ` }) : null, el("bdi", { text: name, title: printable(column.id, 500) })),
          button("up", "↑", "Move up", n === 0), button("down", "↓", "Move down", n === columns.length - 1), button("away", "×", "Remove"));
      }));
    }

    check(box) {
      if (!box.dataset.id) return;
      const columns = this.get().filter((id) => id !== box.dataset.id);
      this.changed(box.checked ? [...columns, box.dataset.id] : columns);
      this.drawChosen();
    }

    press(button) {
      if (!button) return;
      const n = Number(button.dataset.n);
      const columns = [...this.get()];
      const { act } = button.dataset;
      const to = act === "up" ? n - 1 : n + 1;
      const name = columnOf(columns[n]).label;
      if (act === "away") columns.splice(n, 1);
      else columns.splice(to, 0, ...columns.splice(n, 1));
      this.apply(columns, act === "away" ? `${name} is removed` : `${name} is at place ${to + 1}`);
      const again = act === "away" ? null : this.chosenList.children[to]?.querySelector(`[data-act=${act}]:not([disabled])`);
      (again || this.chosenList.children[Math.min(n, columns.length - 1)]?.querySelector("button:not([disabled])") || this.search).focus();
    }

    listenToDrags() {
      let dragged = -1;
      const lineOf = (event) => event.target.closest?.("li");
      this.chosenList.addEventListener("dragstart", (event) => {
        dragged = Number(lineOf(event)?.dataset.n ?? -1);
        event.dataTransfer.effectAllowed = "move";
        event.dataTransfer.setData("text/plain", "");
        lineOf(event)?.classList.add("dragged");
      });
      this.chosenList.addEventListener("dragover", (event) => {
        if (dragged >= 0) event.preventDefault();
        for (const line of this.chosenList.children) line.classList.toggle("over", line === lineOf(event));
      });
      this.chosenList.addEventListener("drop", (event) => {
        event.preventDefault();
        const to = Number(lineOf(event)?.dataset.n ?? -1);
        if (dragged < 0 || to < 0) return;
        const columns = [...this.get()];
        columns.splice(to, 0, ...columns.splice(dragged, 1));
        this.apply(columns);
      });
      this.chosenList.addEventListener("dragend", () => {
        dragged = -1;
        this.drawChosen();
      });
    }
  }

  window.skribe.table = { ...window.skribe.table, Chooser, rememberColumns: remember, rememberedColumns: remembered };
})();
