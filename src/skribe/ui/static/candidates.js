// The table of candidates: only the rows that can be seen are in the page, whatever their number. Sorted by any
// column, filtered by any, which is also the way to brush without a mouse.
(() => {
  "use strict";
  const { el, charts } = window.skribe;
  const { spoken, squeeze } = charts;
  const { number, seconds } = window.skribe;

  const ROW = 34;
  const AROUND = 8;
  const TALLEST = 560;

  class Candidates {
    /** `on` is {filter(key, filter | null), pick(row), hover(row | null)}. */
    constructor(host, on) {
      this.on = on;
      this.sorting = { key: "rank", way: 1 };
      this.filters = new Map();
      this.order = [];
      this.head = el("thead");
      this.body = el("tbody");
      this.table = el("table", { class: "table candidates" }, el("caption", { class: "visually-hidden", text: "Candidates" }), this.head, this.body);
      this.frame = el("div", { class: "table-frame candidates-frame", tabindex: "0", role: "region", "aria-label": "Candidates; scroll for more" }, this.table);
      this.frame.addEventListener("scroll", () => this.soon());
      this.body.addEventListener("click", (event) => {
        const row = event.target.closest("tr[data-row]");
        if (row && !event.target.closest("a")) this.on.pick(Number(row.dataset.row));
      });
      this.body.addEventListener("pointerover", (event) => {
        const row = event.target.closest("tr[data-row]");
        this.on.hover(row ? Number(row.dataset.row) : null);
      });
      this.body.addEventListener("pointerleave", () => this.on.hover(null));
      host.append(this.frame);
      new ResizeObserver(() => this.soon()).observe(this.frame);
      window.skribe.onTheme(() => this.fill(true));
    }

    /** `columns` are [{key, label, sort(row), cell(row), numeric, filter: {values} | true}]. */
    set(columns, { mask, filters, picked, fold }) {
      const heads = columns.map((column) => [column.key, column.label, column.filter?.values?.length]).join("|");
      this.columns = columns;
      this.sortedBy = null;
      this.mask = mask;
      this.picked = picked;
      this.fold = fold;
      this.filters = filters;
      if (heads !== this.heads) {
        this.heads = heads;
        this.makeHead();
      }
      this.showFilters();
      this.arrange();
    }

    select(mask, filters) {
      this.mask = mask;
      this.filters = filters;
      this.showFilters();
      this.arrange();
    }

    pick(row) {
      this.picked = row;
      for (const one of this.body.rows) if (one.dataset.row !== undefined) one.classList.toggle("picked", Number(one.dataset.row) === row);
    }

    // -- head

    makeHead() {
      const names = el("tr");
      const filters = el("tr", { class: "filter-row" });
      this.inputs = new Map();
      for (const column of this.columns) {
        const button = column.sort ? el("button", { type: "button", class: "sort", text: squeeze(column.label, 26), title: column.label.length > 26 ? squeeze(column.label, 200) : null }) : column.label;
        const head = el("th", { scope: "col", class: column.numeric ? "num" : null, "aria-sort": this.ariaSort(column.key) }, button);
        if (column.sort) button.addEventListener("click", () => this.sortBy(column, head));
        names.append(head);
        filters.append(el("td", { class: column.numeric ? "num" : null }, column.filter ? this.filterOf(column) : null));
      }
      this.head.replaceChildren(names, ...(this.inputs.size ? [filters] : []));
    }

    ariaSort(key) {
      return key === this.sorting.key ? (this.sorting.way > 0 ? "ascending" : "descending") : null;
    }

    sortBy(column) {
      const first = column.downFirst ? -1 : 1;
      this.sorting = { key: column.key, way: this.sorting.key === column.key ? -this.sorting.way : first };
      [...this.head.rows[0].cells].forEach((cell, place) => {
        const said = this.ariaSort(this.columns[place].key);
        if (said) cell.setAttribute("aria-sort", said);
        else cell.removeAttribute("aria-sort");
      });
      this.arrange();
      this.frame.scrollTop = 0;
    }

    filterOf(column) {
      if (column.filter.values) {
        const list = el("select", { class: "select", "aria-label": `Only ${squeeze(column.label, 60)}` }, el("option", { value: "", text: "any" }));
        column.filter.values.forEach((value, code) => list.append(el("option", { value: code, text: spoken(value, 30) })));
        list.append(el("option", { value: "several", text: "several", hidden: true }));
        list.addEventListener("change", () => this.on.filter(column.key, list.value === "" ? null : { codes: new Set([Number(list.value)]) }));
        this.inputs.set(column.key, [list]);
        return list;
      }
      const [low, high] = ["at least", "at most"].map((said) => el("input", { class: "input", type: "text", inputmode: "decimal", placeholder: said === "at least" ? "≥" : "≤", "aria-label": `${squeeze(column.label, 60)}, ${said}`, autocomplete: "off" }));
      const read = () => {
        const [from, to] = [low, high].map((input) => (input.value.trim() === "" ? null : Number(input.value.replace(",", "."))));
        for (const [input, value] of [[low, from], [high, to]]) input.setAttribute("aria-invalid", String(Number.isNaN(value)));
        if (Number.isNaN(from) || Number.isNaN(to)) return;
        this.on.filter(column.key, from === null && to === null ? null : { low: from ?? -Infinity, high: to ?? Infinity });
      };
      for (const input of [low, high]) input.addEventListener("change", read);
      this.inputs.set(column.key, [low, high]);
      return el("span", { class: "between" }, low, high);
    }

    /** What was brushed elsewhere is said in the filters here. */
    showFilters() {
      for (const [key, inputs] of this.inputs) {
        const filter = this.filters.get(key);
        const on = Boolean(filter);
        for (const input of inputs) input.classList.toggle("filtering", on);
        if (inputs.length === 1) {
          inputs[0].value = !filter ? "" : filter.codes.size === 1 ? String([...filter.codes][0]) : "several";
        } else {
          [filter?.low, filter?.high].forEach((value, place) => {
            if (document.activeElement !== inputs[place]) inputs[place].value = Number.isFinite(value) ? String(Number(value.toPrecision(4))) : "";
          });
        }
      }
    }

    // -- rows

    /** All candidates in the order that was chosen; sorted once, however often they are filtered. */
    sorted() {
      const column = this.columns.find((one) => one.key === this.sorting.key) || this.columns[0];
      if (this.sortedBy === column && this.sortedWay === this.sorting.way) return this.all;
      const keys = Array.from({ length: this.count }, (_, row) => column.sort(row));
      const { way } = this.sorting;
      const missing = (key) => key === null || key === undefined || Number.isNaN(key);
      this.all = Array.from(keys.keys()).sort((left, right) => {
        const [one, other] = [keys[left], keys[right]];
        if (missing(one) || missing(other)) return missing(one) - missing(other) || left - right;
        const order = typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(String(other), undefined, { numeric: true });
        return way * order || left - right;
      });
      [this.sortedBy, this.sortedWay] = [column, this.sorting.way];
      return this.all;
    }

    arrange() {
      const rows = this.mask === null ? this.sorted() : this.sorted().filter((row) => this.mask[row]);
      this.order = rows;
      this.table.setAttribute("aria-rowcount", String(rows.length + 2));
      const tall = Math.min(TALLEST, rows.length * ROW + 90);
      this.frame.style.maxHeight = `${TALLEST}px`;
      this.frame.style.minHeight = `${Math.min(tall, 200)}px`;
      this.fill(true);
    }

    soon() {
      if (this.frame_) return;
      this.frame_ = requestAnimationFrame(() => {
        this.frame_ = null;
        this.fill(false);
      });
    }

    fill(force) {
      if (!this.columns) return;
      const first = Math.max(0, Math.floor(this.frame.scrollTop / ROW) - AROUND);
      const last = Math.min(this.order.length, first + Math.ceil(TALLEST / ROW) + 2 * AROUND);
      if (!force && first === this.first && last === this.last) return;
      [this.first, this.last] = [first, last];
      const space = (rows) => el("tr", { class: "space", "aria-hidden": "true" }, el("td", { colspan: this.columns.length, style: { height: `${rows * ROW}px` } }));
      const rows = this.order.slice(first, last).map((row, place) => this.rowOf(row, first + place));
      if (!rows.length) rows.push(el("tr", {}, el("td", { colspan: this.columns.length, class: "nothing", text: this.count ? "No candidate is left: widen a filter, or press Escape to clear them all." : "No candidate has been tried yet." })));
      this.body.replaceChildren(...(first > 0 ? [space(first)] : []), ...rows, ...(last < this.order.length ? [space(this.order.length - last)] : []));
    }

    rowOf(row, place) {
      const made = el("tr", { "data-row": row, "aria-rowindex": place + 3, class: row === this.picked ? "picked" : null });
      for (const column of this.columns) made.append(el("td", { class: `${column.numeric ? "num" : ""} ${column.class || ""}`.trim() || null }, column.cell(row)));
      return made;
    }
  }

  /** The score of each fold as a dot, the mean as a line, ± std as a bar: the size of a word. */
  function foldDots(scores, mean, std, { low, high }) {
    const [width, height] = [130, 20];
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const canvas = el("canvas", { width: width * ratio, height: height * ratio, class: "fold-dots", role: "img", "aria-label": `folds: ${scores.map(number).join(", ")}`.slice(0, 200) });
    const paper = canvas.getContext("2d");
    paper.scale(ratio, ratio);
    const colours = charts.theme();
    const isOutside = (score) => score < low - 1e-12 || score > high + 1e-12;
    const x = (score) => 5 + Math.max(0, Math.min(1, (score - low) / (high - low || 1))) * (width - 10);
    if (mean !== null) {
      paper.fillStyle = colours.series[0];
      paper.globalAlpha = 0.16;
      paper.fillRect(x(mean - (std ?? 0)), 6, Math.max(1, x(mean + (std ?? 0)) - x(mean - (std ?? 0))), 8);
      paper.globalAlpha = 1;
      if (!isOutside(mean)) paper.fillRect(x(mean) - 1, 3, 2, 14);
    }
    paper.globalAlpha = 0.65;
    paper.fillStyle = colours.series[0];
    for (const score of scores) {
      if (score === null) continue;
      paper.beginPath();
      if (isOutside(score)) {
        const [edge, way] = score < low ? [1, 1] : [width - 1, -1];
        paper.moveTo(edge, 10);
        paper.lineTo(edge + 7 * way, 6);
        paper.lineTo(edge + 7 * way, 14);
        paper.fill();
        continue;
      }
      paper.arc(x(score), 10, 2.4, 0, 7);
      paper.fill();
    }
    return canvas;
  }

  /** The columns of a search. */
  function columnsOf(view, scorer, foldFrame) {
    const link = (row) => (view.children[row] ? el("a", { href: window.skribe.url("run", { id: view.children[row] }), "aria-label": `Run of candidate ${row}`, text: "open" }) : null);
    if (view.kind === "cv") return foldColumns(view, link);
    const columns = [
      { key: "rank", label: "rank", numeric: true, sort: (row) => view.rank[row], cell: (row) => (view.rank[row] === null ? "–" : String(view.rank[row])) },
      { key: "row", label: "no.", numeric: true, sort: (row) => row, cell: (row) => el("button", { type: "button", class: "linkish", "aria-label": `Show candidate ${row}`, text: `#${row}` }) },
      { key: "score", label: scorer.name, numeric: true, downFirst: true, filter: true, sort: (row) => scorer.mean[row], cell: (row) => scoreCell(view, scorer, row) },
      { key: "folds", label: "folds", sort: null, cell: (row) => foldDots(scorer.folds[row], scorer.mean[row], scorer.std[row], foldFrame) },
    ];
    if (scorer.train_mean) columns.push({ key: "train", label: "on training data", numeric: true, downFirst: true, sort: (row) => scorer.train_mean[row], cell: (row) => number(scorer.train_mean[row]) });
    for (const other of view.scorers) if (other !== scorer) columns.push({ key: `scorer ${other.name}`, label: other.name, numeric: true, downFirst: true, sort: (row) => other.mean[row], cell: (row) => number(other.mean[row]) });
    if (view.iteration) columns.push({ key: "iteration", label: "iteration", numeric: true, downFirst: true, sort: (row) => view.iteration[row], cell: (row) => String(view.iteration[row]) });
    if (view.resources) columns.push({ key: "resources", label: "resources", numeric: true, downFirst: true, sort: (row) => view.resources[row], cell: (row) => number(view.resources[row]) });
    for (const param of view.params.filter((one) => one.varies)) columns.push(paramColumn(param));
    columns.push({ key: "time", label: "fit", numeric: true, filter: true, sort: (row) => view.fit_seconds[row], cell: (row) => seconds(view.fit_seconds[row]) });
    if (view.children.some((child) => child)) columns.push({ key: "run", label: "run", sort: null, cell: link });
    return columns;
  }

  /** The columns of a cross-validation: each row is a fold. */
  function foldColumns(view, link) {
    const columns = [{ key: "rank", label: "fold", numeric: true, sort: (row) => row, cell: (row) => el("button", { type: "button", class: "linkish", text: String(row), "aria-label": `Fold ${row}` }) }];
    for (const one of view.scorers) {
      columns.push({ key: `score ${one.name}`, label: one.name, numeric: true, downFirst: true, sort: (row) => one.mean[row], cell: (row) => (view.failed[row] ? el("span", { class: "failed-mark", text: "failed" }) : number(one.mean[row])) });
      if (one.train_mean) columns.push({ key: `train ${one.name}`, label: `${one.name} on training data`, numeric: true, downFirst: true, sort: (row) => one.train_mean[row], cell: (row) => number(one.train_mean[row]) });
    }
    columns.push({ key: "time", label: "fit time", numeric: true, sort: (row) => view.fit_seconds[row], cell: (row) => seconds(view.fit_seconds[row]) });
    columns.push({ key: "scoring", label: "score time", numeric: true, sort: (row) => view.score_seconds[row], cell: (row) => seconds(view.score_seconds[row]) });
    if (view.children.some((child) => child)) columns.push({ key: "run", label: "run", sort: null, cell: link });
    return columns;
  }

  function paramColumn(param) {
    const few = param.scale === "categorical" && param.values.length <= 60;
    const value = (row) => (param.codes[row] < 0 ? null : param.values[param.codes[row]]);
    return {
      key: `param ${param.key}`, label: param.key, numeric: param.numeric, class: "mono",
      sort: (row) => (param.codes[row] < 0 ? null : param.numeric ? value(row) : param.codes[row]),
      cell: (row) => el("bdi", { text: param.codes[row] < 0 ? "–" : spoken(value(row), 28), title: param.codes[row] >= 0 && String(value(row)).length > 28 ? squeeze(value(row), 400) : null }),
      filter: few ? { values: param.values } : param.numeric ? true : null,
    };
  }

  function scoreCell(view, scorer, row) {
    if (view.failed[row]) {
      const all = view.failed[row] >= view.finished[row];
      const mark = el("span", { class: "failed-mark", text: all ? "failed" : `${view.failed[row]} failed` });
      return all || scorer.mean[row] === null ? mark : el("span", {}, number(scorer.mean[row]), " ", mark);
    }
    if (scorer.mean[row] === null) return view.finished[row] < view.splits ? `${view.finished[row]} of ${view.splits} …` : "–";
    return spreadCell(view, scorer, row);
  }

  const places = new WeakMap(); // how many decimals the scores of a scorer have in the table

  /** Mean ± std with as many decimals as all others of the column, so that they stand below each other. */
  function spreadCell(view, scorer, row) {
    if (!places.has(scorer)) {
      const known = Float64Array.from(scorer.mean.filter((mean) => mean !== null && mean !== 0), Math.abs).sort();
      places.set(scorer, charts.decimals(known[known.length >> 1] ?? 0));
    }
    const [mean, std] = charts.spread(scorer.mean[row], scorer.std[row], places.get(scorer));
    const more = view.finished[row] < view.splits ? `of ${view.finished[row]} of ${view.splits} splits so far` : null;
    return el("span", { class: "spread", title: more }, mean, std === null ? "" : el("span", { class: "faint", text: ` ± ${std}` }));
  }

  window.skribe.Candidates = Candidates;
  window.skribe.candidateColumns = columnsOf;
})();
