// The table as the reader sees it: only the rows in view are in the document, however many there are.
// It knows positions, rows and keys; what is fetched and what is done with a selection is decided elsewhere.
(() => {
  "use strict";

  const { el } = window.skribe;
  const { printable, write, settle } = window.skribe.table;
  // Browsers do not lay out elements that are much higher; beyond it, scrolling is scaled.
  const HIGHEST = 12e6;
  const AROUND = 6;
  const NARROW = "(max-width: 640px)";

  class Grid {
    /**
     * `host` is the element to fill; `on` has `open(row)`, `sort(id)`, `select(position, {range})`, `toggle(place)`,
     * `isSelected(id)`, `count(n)` and `href(row)`.
     */
    constructor(host, on) {
      this.on = on;
      this.tree = null;
      this.columns = [];
      this.places = [];
      this.sort = { id: "start", ascending: false };
      this.active = -1;
      this.pool = [];
      this.shown = new Map();
      this.narrow = window.matchMedia(NARROW);
      this.direction = 1;
      this.lastTop = 0;
      this.build(host);
    }

    build(host) {
      this.head = el("div", { class: "grid-head", role: "rowgroup" });
      this.body = el("div", { class: "grid-body", role: "rowgroup" });
      this.element = el("div", {
        class: "grid", role: "treegrid", tabindex: "0", "aria-label": "Runs", "aria-multiselectable": "true", id: "grid",
      }, this.head, this.body);
      host.append(this.element);
      this.element.addEventListener("scroll", () => this.later(), { passive: true });
      this.element.addEventListener("keydown", (event) => this.key(event));
      this.element.addEventListener("click", (event) => this.click(event));
      this.element.addEventListener("focus", () => this.active < 0 && this.element.matches(":focus-visible") && this.activate(this.firstSeen()));
      this.element.addEventListener("dblclick", (event) => this.doubleClick(event));
      new ResizeObserver(() => this.later()).observe(this.element);
      this.narrow.addEventListener("change", () => this.reset());
    }

    get rowHeight() {
      return this.narrow.matches ? 58 : 34;
    }

    get headHeight() {
      return this.head.offsetHeight;
    }

    // -- what is shown

    /** Show this tree from its top, or from where the reader is. */
    show(tree, { keepPlace = false } = {}) {
      this.tree = tree;
      for (const column of this.columns) column.settled = false;
      if (!keepPlace) {
        this.element.scrollTop = 0;
        this.active = -1;
        this.element.removeAttribute("aria-activedescendant");
      }
      this.settled = false;
      this.renew();
    }

    setColumns(columns, places, sort) {
      this.columns = columns;
      this.places = places;
      this.sort = sort;
      this.settled = false;
      this.reset();
    }

    /** Build everything anew: columns or the width of the screen have changed. */
    reset() {
      for (const line of [...this.pool, ...this.shown.values()]) line.element.remove();
      this.pool = [];
      this.shown.clear();
      this.drawHead();
      this.renew();
    }

    /** Rows have arrived or changed: write those in view again. */
    renew() {
      this.settleWidths();
      for (const line of this.shown.values()) line.row = null;
      this.resize();
      this.later();
    }

    settleWidths() {
      if (this.settled || !this.tree) return;
      const rows = this.tree.sample();
      if (!rows.length && this.tree.top.total) return;
      this.columns.forEach((column, n) => column.settled || settle(column, this.places[n], rows));
      // Where all runs on top lack a metric, those inside may have it.
      this.settled = this.columns.every((column, n) => this.places[n] < 0 || column.settled);
      this.drawHead();
    }

    resize() {
      const count = this.tree ? this.tree.count() : 0;
      const whole = count * this.rowHeight;
      const height = Math.min(whole, HIGHEST);
      const seen = Math.max(1, this.element.clientHeight - this.headHeight);
      this.scale = whole > HIGHEST ? (whole - seen) / (HIGHEST - seen) : 1;
      this.body.style.height = `${height}px`;
      this.element.setAttribute("aria-rowcount", String(count + 1));
      this.on.count(count);
    }

    drawHead() {
      const track = (column) => `${column.width || 110}px`;
      const shown = this.visibleColumns();
      const ofNarrow = shown.length ? "minmax(216px, 62vw)" : "1fr";
      const name = this.narrow.matches ? ofNarrow : "minmax(340px, 560px)";
      this.element.style.setProperty("--tracks", [name, ...shown.map(({ column }) => track(column))].join(" "));
      const least = (this.narrow.matches ? 216 : 340) + shown.reduce((sum, { column }) => sum + (column.width || 110), 0);
      this.element.style.setProperty("--least", `${least}px`);
      const cells = [{ id: "name", label: "Run", group: "" }, ...shown.map(({ column }) => column)];
      this.head.replaceChildren(el("div", { class: "row row-head", role: "row", "aria-rowindex": "1" }, cells.map((column) => this.headCell(column))));
    }

    /** Of the narrow screen's columns, some are said in the first one. */
    visibleColumns() {
      const all = this.columns.map((column, n) => ({ column, place: this.places[n] }));
      if (!this.narrow.matches) return all;
      const rest = all.filter(({ column }) => !["status", "start", "duration"].includes(column.id));
      return [...rest.filter(({ column }) => column.group), ...rest.filter(({ column }) => !column.group)];
    }

    headCell(column) {
      const isSorted = this.sort.id === column.id;
      const button = el("button", { type: "button", class: "sort", title: column.group ? `${column.group} ${printable(column.label, 500)}` : null, dataset: { sort: column.id } },
        column.group ? el("span", { class: "head-group", text: column.group }) : null,
        el("span", { class: "head-line" },
          el("span", { class: "head-label" }, el("bdi", { text: printable(column.label, 120) })),
          isSorted && el("span", { class: "arrow", "aria-hidden": "true", text: this.sort.ascending ? "↑" : "↓" })));
      return el("div", {
        class: `cell head${column.id === "name" ? " cell-name" : ""}${column.numeric ? " num" : ""}${isSorted ? " sorted" : ""}`,
        role: "columnheader", "aria-sort": isSorted ? (this.sort.ascending ? "ascending" : "descending") : "none",
      }, button);
    }

    // -- drawing

    later() {
      if (this.frame) return;
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        this.draw();
      });
    }

    draw() {
      if (!this.tree) return;
      const top = this.element.scrollTop;
      if (top !== this.lastTop) this.direction = top > this.lastTop ? 1 : -1;
      this.lastTop = top;
      const seen = Math.max(0, this.element.clientHeight - this.headHeight);
      const at = top * this.scale;
      const first = Math.max(0, Math.floor(at / this.rowHeight) - AROUND);
      const last = Math.min(this.tree.count() - 1, Math.ceil((at + seen) / this.rowHeight) + AROUND);
      this.recycle(first, last);
      const shift = top - at;
      for (let position = first; position <= last; position++) this.place(position, shift);
      for (const line of this.pool) {
        line.element.hidden = true;
        line.element.removeAttribute("id");
      }
      if (this.shown.has(this.active)) this.element.setAttribute("aria-activedescendant", `row-${this.active}`);
      else this.element.removeAttribute("aria-activedescendant");
      this.ask(first, last);
    }

    recycle(first, last) {
      for (const [position, line] of this.shown) {
        if (position >= first && position <= last) continue;
        this.shown.delete(position);
        this.pool.push(line);
      }
    }

    place(position, shift) {
      let line = this.shown.get(position);
      if (!line) {
        line = this.pool.pop() || this.newLine();
        line.element.hidden = false;
        line.row = null;
        line.empty = null;
        this.shown.set(position, line);
      }
      const offset = position * this.rowHeight + shift;
      if (line.offset !== offset) {
        line.offset = offset;
        line.element.style.transform = `translateY(${offset}px)`;
      }
      this.fill(line, position);
    }

    newLine() {
      const check = el("input", { type: "checkbox", tabindex: "-1", class: "check" });
      const fold = el("button", { type: "button", tabindex: "-1", class: "fold" });
      const link = el("a", { tabindex: "-1", class: "run-link" }, el("bdi"));
      const id = el("span", { class: "run-id" });
      const inside = el("span", { class: "run-inside", "aria-hidden": "true" });
      const under = el("span", { class: "run-under" });
      const name = el("div", { class: "cell cell-name", role: "rowheader" }, el("label", { class: "check-area" }, check), fold, el("span", { class: "run-text" }, el("span", { class: "run-line" }, link, inside, id), under));
      const cells = this.visibleColumns().map(() => el("div", { role: "gridcell", class: "cell" }));
      const element = el("div", { class: "row", role: "row" }, name, cells);
      this.body.append(element);
      return { element, name, check, fold, link, id, inside, under, cells, row: null };
    }

    fill(line, position) {
      const { level, index, row } = this.tree.at(position);
      const element = line.element;
      element.classList.toggle("active", position === this.active);
      if (row && line.row === row && line.position === position) return this.fillState(line, row, level, index);
      line.position = position;
      element.id = `row-${position}`;
      element.setAttribute("aria-rowindex", String(position + 2));
      element.setAttribute("aria-level", String(level.depth + 1));
      element.style.setProperty("--depth", String(Math.min(level.depth, 6)));
      element.classList.toggle("inner", level.depth > 0);
      element.classList.toggle("loading", !row);
      if (!row) return this.fillEmpty(line);
      line.row = row;
      line.empty = null;
      this.fillName(line, row);
      this.visibleColumns().forEach(({ column, place }, n) => write(line.cells[n], column, place, row, this.sort.id));
      return this.fillState(line, row, level, index);
    }

    fillEmpty(line) {
      line.row = null;
      if (line.empty) return;
      line.empty = true;
      line.link.firstChild.textContent = "…";
      line.link.removeAttribute("href");
      line.id.textContent = "";
      line.inside.textContent = "";
      line.under.textContent = "";
      line.check.hidden = true;
      line.fold.hidden = true;
      line.element.removeAttribute("aria-expanded");
      line.element.removeAttribute("aria-selected");
      line.element.classList.remove("selected");
      for (const cell of line.cells) {
        cell.className = "cell";
        cell.textContent = "";
        cell.title = "";
      }
    }

    fillName(line, row) {
      const { ago, seconds } = window.skribe;
      line.check.hidden = false;
      line.check.setAttribute("aria-label", `Select ${printable(row.name || "unnamed", 80)} ${row.id.slice(-8)}`);
      line.link.href = this.on.href(row);
      line.link.firstChild.textContent = printable(row.name || "unnamed", 200);
      line.link.title = printable(row.name || "", 2000);
      line.inside.textContent = row.children ? row.children.toLocaleString("en") : "";
      line.id.textContent = row.id.slice(-8);
      line.id.title = row.id;
      if (!this.narrow.matches) return;
      const status = el("span", { class: `status status-${["finished", "failed", "running", "killed"].includes(row.status) ? row.status : "other"}`, text: row.status === "finished" ? "" : row.status });
      const said = [ago(row.start), typeof row.duration === "number" ? seconds(row.duration) : null].filter(Boolean).join(" · ");
      if (row.status === "finished") status.append(el("span", { class: "visually-hidden", text: "finished" }));
      line.under.replaceChildren(status, ` ${said}`);
    }

    fillState(line, row, level, index) {
      const isSelected = this.on.isSelected(row.id);
      line.check.checked = isSelected;
      line.element.classList.toggle("selected", isSelected);
      line.element.setAttribute("aria-selected", String(isSelected));
      const isOpen = level.open.has(index);
      line.fold.hidden = !row.children;
      line.element.classList.toggle("has-inner", Boolean(row.children));
      if (!row.children) return line.element.removeAttribute("aria-expanded");
      const said = `${row.children.toLocaleString("en")} inside`;
      line.fold.title = `${isOpen ? "Hide" : "Show"} the ${said}`;
      line.fold.setAttribute("aria-label", line.fold.title);
      line.element.setAttribute("aria-expanded", String(isOpen));
      return undefined;
    }

    /** Fetch what is in view; while the reader flies past, wait until the flight ends. */
    ask(first, last) {
      clearTimeout(this.asking);
      const now = performance.now();
      const isFlying = Math.abs(first - (this.drawnAt ?? first)) > 12 && now - (this.askedTime ?? 0) < 400;
      this.drawnAt = first;
      this.asking = setTimeout(() => {
        this.askedTime = performance.now();
        if (this.tree) this.tree.want(first, last, this.direction);
      }, isFlying ? 60 : 0);
    }

    // -- the reader's hand

    positionOf(target) {
      const element = target.closest?.(".row[id]");
      return element && this.body.contains(element) ? Number(element.id.slice(4)) : -1;
    }

    /** Take over a key that was pressed while nothing had the focus. */
    take(event) {
      this.element.focus({ preventScroll: true });
      this.key({ key: event.key, target: this.element, preventDefault: () => event.preventDefault() });
    }

    click(event) {
      const sort = event.target.closest("[data-sort]");
      if (sort) return this.on.sort(sort.dataset.sort);
      const position = this.positionOf(event.target);
      if (position < 0) return undefined;
      if (event.target.closest(".fold")) {
        this.activate(position);
        this.element.focus({ preventScroll: true });
        return this.toggle(position);
      }
      const isCheck = event.target.closest(".check-area");
      if (isCheck) {
        if (event.target.tagName !== "INPUT" && !event.shiftKey) return undefined; // the label clicks the box itself
        event.stopPropagation();
        if (event.target.tagName !== "INPUT") event.preventDefault();
        this.on.select(position, { range: event.shiftKey });
        this.activate(position);
        this.element.focus({ preventScroll: true });
        return this.later();
      }
      if (event.target.closest("a") && (event.metaKey || event.ctrlKey || event.shiftKey)) return undefined;
      this.activate(position);
      return undefined;
    }

    doubleClick(event) {
      const position = this.positionOf(event.target);
      if (position < 0 || event.target.closest("a, button, label")) return;
      const { row } = this.tree.at(position);
      if (row) this.on.open(row);
    }

    activate(position, { scroll = false } = {}) {
      const count = this.tree.count();
      if (!count) return;
      this.active = Math.max(0, Math.min(count - 1, position));
      if (scroll) this.reveal(this.active);
      this.draw();
    }

    reveal(position) {
      const seen = this.element.clientHeight - this.headHeight;
      const start = position * this.rowHeight;
      const at = this.element.scrollTop * this.scale;
      if (start < at) this.element.scrollTop = start / this.scale;
      else if (start + this.rowHeight > at + seen) this.element.scrollTop = (start + this.rowHeight - seen) / this.scale;
    }

    toggle(position, want = null) {
      const { level, index, row } = this.tree.at(position);
      if (!row || !row.children) return;
      if (want !== null && level.open.has(index) === want) return;
      const isOpen = this.tree.toggle(level, index);
      this.on.said(isOpen ? `${row.children} runs inside are shown` : "The runs inside are hidden");
      this.renew();
      this.draw();
    }

    key(event) {
      if (event.target !== this.element || event.altKey || event.metaKey || !this.tree) return;
      const page = Math.max(1, Math.floor((this.element.clientHeight - this.headHeight) / this.rowHeight) - 1);
      const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
      if (event.key in moves) this.activate(this.active < 0 ? this.firstSeen() : this.active + moves[event.key], { scroll: true });
      else if (event.key === "Home") this.activate(0, { scroll: true });
      else if (event.key === "End") this.activate(this.tree.count() - 1, { scroll: true });
      else if (this.active < 0 || !this.keyOnRow(event)) return;
      event.preventDefault();
    }

    firstSeen() {
      return Math.ceil((this.element.scrollTop * this.scale) / this.rowHeight);
    }

    keyOnRow(event) {
      const { level, index, row } = this.tree.at(this.active);
      switch (event.key) {
        case "Enter":
          if (row) this.on.open(row, event);
          return true;
        case " ":
          this.on.select(this.active, { range: event.shiftKey });
          this.draw();
          return true;
        case "ArrowRight":
          if (row?.children && level.open.has(index)) this.activate(this.active + 1, { scroll: true });
          else this.toggle(this.active, true);
          return true;
        case "ArrowLeft":
          if (level.open.has(index)) this.toggle(this.active, false);
          else if (level.up) this.activate(level.up.level.positionOf(level.up.index), { scroll: true });
          return true;
        default:
          return false;
      }
    }
  }

  window.skribe.table = { ...window.skribe.table, Grid };
})();
