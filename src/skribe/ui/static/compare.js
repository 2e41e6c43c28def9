// The page of a comparison: runs as columns, what differs as rows, and their pictures over each other.
(() => {
  "use strict";
  const { el, charts } = window.skribe;
  const { number } = window.skribe;

  // -- adding a run works also where nothing is compared yet

  const idsOfPage = () => new URLSearchParams(window.location.search).getAll("run");

  document.querySelector("[data-add]")?.addEventListener("submit", (event) => {
    event.preventDefault();
    const id = event.target.elements.id.value.trim();
    if (id) add(event.target, id);
  });
  document.querySelector("[data-add] [name=id]")?.addEventListener("input", (event) => sayBeside(event.target.form, ""));

  /** Go to the comparison with this run too, if there is such a run; what is shown stays otherwise. */
  async function add(form, id) {
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const known = compared ? order.map((place) => compared.runs[place].id) : (await Promise.all(idsOfPage().map(found))).flatMap((run) => (run ? [run.id] : []));
      const one = await window.skribe.get("run", { id });
      if (known.includes(one.id)) throw new Error("This run is here already.");
      const ids = [...known, one.id];
      if (ids.length > 1) await window.skribe.get("compare", { run: ids });
      window.location.href = window.skribe.url("compare", { ids });
    } catch (problem) {
      sayBeside(form, problem.message);
      form.elements.id.focus();
    }
    button.disabled = false;
  }

  function sayBeside(form, text) {
    const said = form.querySelector("[data-problem]");
    said.textContent = text.slice(0, 400);
    said.hidden = !text;
    form.elements.id.setAttribute("aria-invalid", String(Boolean(text)));
  }

  const found = (id) => window.skribe.get("run", { id }).catch(() => null);

  /** Where nothing can be compared yet: the runs that the address names. */
  async function showGiven() {
    const holder = document.querySelector("[data-given]");
    const ids = idsOfPage().slice(0, 50);
    if (!holder || !ids.length) return;
    const runs = await Promise.all(ids.map(found));
    holder.replaceChildren(...ids.map((id, place) => {
      const run = runs[place];
      const short = id.length > 40 ? `${id.slice(0, 40)}…` : id;
      return el("li", {}, run ? el("a", { href: window.skribe.url("run", { id: run.id }) }, el("bdi", { text: run.name.slice(0, 80) })) : el("span", { class: "muted", text: "no such run:" }), " ", el("span", { class: "mono faint", text: run ? run.id.slice(-8) : short }));
    }));
    holder.hidden = false;
  }

  const data = window.skribe.data();
  const compared = data.compared || null;
  const order = compared ? compared.runs.map((_, place) => place) : [];
  if (!compared && !window.skribe.frozen) showGiven();
  if (!compared || !charts) return;

  const { squeeze, visible } = charts;
  const state = { all: false, baseline: null, data: null };
  const host = (name) => document.querySelector(`[data-${name}]`);

  // -- what they are called

  const fullName = (place) => `${squeeze(compared.runs[place].name, 34)} ${compared.runs[place].id.slice(-8)}`;
  const alike = new Set(compared.runs.map((run) => run.name)).size < compared.runs.length;
  const nameOf = (place) => (alike ? fullName(place) : squeeze(compared.runs[place].name, 34));

  // -- the table

  const TITLES = { run: "Run", parameters: "Parameters", metrics: "Metrics", data: "Data", environment: "Environment", packages: "Packages", tags: "Tags" };
  const FIRST = ["metrics", "parameters", "run", "data", "environment", "packages", "tags"];
  const CLIP = 140;

  function drawTable() {
    const sections = [...compared.sections].sort((left, right) => FIRST.indexOf(left.title) - FIRST.indexOf(right.title));
    const table = el("table", { class: "table table-small compare-table" },
      el("caption", { class: "visually-hidden", text: "The runs beside each other" }), el("thead", {}, headRow()), sections.map(sectionOf));
    const frame = host("table");
    const at = frame.scrollLeft;
    frame.replaceChildren(table);
    frame.scrollLeft = at;
    const hidden = compared.sections.reduce((all, section) => all + section.rows.filter((row) => !row.differs).length, 0);
    host("said").textContent = state.all || !hidden ? "" : `${hidden} rows are the same in all runs, or defaults that only some have, and not shown.`;
  }

  function headRow() {
    return el("tr", {}, el("td"), order.map((place, at) => {
      const run = compared.runs[place];
      const button = (text, label, act, more = {}) => el("button", { type: "button", class: "button quiet small icon-only", text, "aria-label": `${label}: ${squeeze(run.name, 40)}`, onclick: act, ...more });
      const based = state.baseline === place;
      return el("th", { scope: "col", class: based ? "baseline" : null },
        el("a", { href: window.skribe.url("run", { id: run.id }) }, el("bdi", { text: squeeze(run.name, 42) })),
        el("span", { class: "mono faint compare-id", text: run.id.slice(-8) }),
        el("span", { class: "compare-swatch", style: { background: charts.theme().series[at % 7] }, "aria-hidden": "true" }),
        el("span", { class: "compare-tools" },
          el("button", { type: "button", class: "button quiet small", "aria-pressed": String(based), text: "baseline", "aria-label": `Take ${squeeze(run.name, 40)} as the baseline`, onclick: () => rebase(place) }),
          button("←", "Move to the left", () => move(at, -1), { disabled: at === 0 }),
          button("→", "Move to the right", () => move(at, 1), { disabled: at === order.length - 1 }),
          button("×", "Remove", () => remove(at), { disabled: order.length < 3 && window.skribe.frozen })));
    }));
  }

  function sectionOf(section) {
    const rows = section.rows.filter((row) => state.all || row.differs);
    const title = el("tr", { class: "section-row" }, el("th", { scope: "rowgroup", colspan: order.length + 1 }, el("span", { text: TITLES[section.title] || section.title }),
      rows.length ? null : el("span", { class: "faint section-same", text: "the same in all" })));
    return el("tbody", {}, title, rows.map((row) => rowOf(section, row)));
  }

  function rowOf(section, row) {
    return el("tr", { class: row.differs ? null : "same" }, el("th", { scope: "row" }, el("bdi", { text: squeeze(row.key, 60), title: row.key.length > 60 ? visible(row.key.slice(0, 500)) : null })), order.map((place) => cellOf(section, row, place)));
  }

  function cellOf(section, row, place) {
    const text = row.cells[place];
    if (text === null || text === undefined) return el("td", { class: "faint" }, "–");
    const numeric = section.title === "metrics";
    const best = row.best === place && row.differs;
    const cell = el("td", { class: `${numeric ? "num" : ""}${best ? " best" : ""}`.trim() || null }, best ? el("span", { class: "visually-hidden", text: "best: " }) : null, clipped(text));
    if (numeric && state.baseline !== null && state.baseline !== place) {
      const [value, from] = [row.values[place], row.values[state.baseline]];
      if (typeof value === "number" && typeof from === "number") cell.append(deltaOf(row, value - from, place));
    }
    return cell;
  }

  /** The difference from the baseline; its colour says better or worse where that is known. */
  function deltaOf(row, change, place) {
    if (change === 0) return el("span", { class: "delta faint", text: "=" });
    const way = wayOf(row);
    const mood = way === 0 ? "faint" : change * way > 0 ? "delta-good" : "delta-bad";
    const said = way === 0 ? "" : change * way > 0 ? "better" : "worse";
    return el("span", { class: `delta ${mood}`, title: said || null }, `${change > 0 ? "+" : "−"}${number(Math.abs(change))}`, said ? el("span", { class: "visually-hidden", text: ` ${said} than the baseline` }) : null);
  }

  /** Whether more of a metric is better (1), less (−1), or that is not known (0): told by which value is marked best. */
  function wayOf(row) {
    if (row.best === null || row.best === undefined) return 0;
    const known = row.values.filter((value) => typeof value === "number");
    return row.values[row.best] >= Math.max(...known) ? 1 : -1;
  }

  function clipped(text) {
    if (text.length <= CLIP) return el("bdi", { text: visible(text) });
    const shown = el("bdi", { text: `${visible(text.slice(0, CLIP))}…` });
    const more = el("button", { type: "button", class: "more", text: "show all", "aria-expanded": "false" });
    more.addEventListener("click", () => {
      const open = more.getAttribute("aria-expanded") !== "true";
      shown.textContent = open ? visible(text.slice(0, 100000)) : `${visible(text.slice(0, CLIP))}…`;
      more.setAttribute("aria-expanded", String(open));
      more.textContent = open ? "show less" : "show all";
    });
    return el("span", { class: "compare-long" }, shown, more);
  }

  // -- columns

  function rebase(place) {
    state.baseline = state.baseline === place ? null : place;
    drawTable();
  }

  function move(at, by) {
    const [place] = order.splice(at, 1);
    order.splice(at + by, 0, place);
    tellAddress();
    drawTable();
    drawPictures();
    drawCurves();
    host("table").querySelectorAll("thead th")[at + by]?.querySelector(by < 0 ? "[aria-label^='Move to the left']:not([disabled])" : "[aria-label^='Move to the right']:not([disabled])")?.focus();
  }

  function remove(at) {
    const ids = order.filter((_, place) => place !== at).map((place) => compared.runs[place].id);
    if (!window.skribe.frozen) {
      window.location.href = window.skribe.url("compare", { ids });
      return;
    }
    const [place] = order.splice(at, 1);
    if (state.baseline === place) state.baseline = null;
    drawTable();
    drawPictures();
    drawCurves();
  }

  function tellAddress() {
    if (window.skribe.frozen) return;
    const pairs = new URLSearchParams(order.map((place) => ["run", compared.runs[place].id]));
    window.history.replaceState(null, "", `${window.location.pathname}?${pairs}`);
  }

  // -- pictures

  const entriesOf = (bodies) => order.flatMap((place) => {
    const view = bodies?.[compared.runs[place].id];
    return view ? [{ name: nameOf(place), view }] : [];
  });

  function drawPictures() {
    const holder = host("pictures");
    if (!holder) return;
    const shown = compared.pictures.filter(([name]) => charts.compared[name]);
    const sets = [...new Set(shown.map(([, set]) => set))].sort((left, right) => (left === "training") - (right === "training"));
    if (!sets.includes(state.data)) state.data = sets[0];
    const chooser = charts.chooser({ key: "of", label: "Which data", value: state.data, values: sets.map((set) => [set, squeeze(set, 24)]) }, (_, value) => {
      state.data = value;
      drawPictures();
    });
    host("of").replaceChildren(...(chooser ? [el("span", { class: "muted small", text: "of" }), chooser] : []));
    holder.replaceChildren();
    const names = shown.filter(([, set]) => set === state.data).map(([name]) => name).sort((left, right) => charts.orderOf(left) - charts.orderOf(right));
    for (const name of names) attempt(() => drawPicture(holder, name));
    if (!holder.children.length) holder.append(charts.nothing("The runs have no picture in common."));
  }

  /** A picture whose data is damaged must not take the others with it. */
  function attempt(draw) {
    try {
      draw();
    } catch (problem) {
      console.warn("skribe: a picture cannot be drawn:", problem);
    }
  }

  function drawPicture(holder, name) {
    const entries = entriesOf(data.pictures[`${name}|${state.data}`]);
    if (entries.length < 2) return;
    const picture = charts.compared[name](entries);
    if (!picture) return;
    const title = charts.titles[name] || name;
    if (!picture.singles) {
      window.skribe.figure(holder, picture, { title, file: `compared-${name}` });
      return;
    }
    for (const one of picture.singles) if (one.picture) window.skribe.figure(holder, one.picture, { title: `${title} · ${one.title}`, file: `${one.title}-${name}` });
    if (picture.difference) window.skribe.figure(holder, picture.difference, { title: `${title} · difference`, file: `difference-${name}` });
  }

  function drawCurves() {
    const holder = host("curves");
    if (!holder) return;
    holder.replaceChildren();
    for (const key of compared.curves.slice(0, 30)) {
      attempt(() => {
        const entries = entriesOf(data.curves[key]).map((one) => ({ name: one.name, view: { series: [{ ...one.view, name: key }] } }));
        const picture = entries.length > 1 ? charts.compared.history(entries) : null;
        if (picture) window.skribe.figure(holder, picture, { title: key, file: `compared-${key}` });
      });
    }
  }

  // -- the paired test

  function drawPaired() {
    const holder = host("paired");
    if (!holder || !compared.paired.length) return;
    const placeOf = new Map(compared.runs.map((run, place) => [run.id, place]));
    for (const one of compared.paired) {
      if (!placeOf.has(one.best) || !placeOf.has(one.other)) continue;
      const [best, other] = [nameOf(placeOf.get(one.best)), nameOf(placeOf.get(one.other))];
      const plot = el("div");
      holder.append(el("div", { class: "card paired" },
        el("div", {}, el("h3", {}, el("bdi", { text: best }), el("span", { class: "muted", text: " against " }), el("bdi", { text: other })), el("p", { class: "paired-said", text: one.said }),
          el("dl", { class: "facts small" },
            el("dt", { text: "score" }), el("dd", {}, el("bdi", { text: squeeze(one.scorer, 60) })),
            el("dt", { text: "mean difference" }), el("dd", { class: "mono", text: number(one.difference) }),
            el("dt", { text: "95 % interval" }), el("dd", { class: "mono", text: `${number(one.low)} to ${number(one.high)}` }),
            el("dt", { text: "p" }), el("dd", { class: "mono", text: number(one.p) }))),
        plot));
      window.skribe.figure(plot, slopesOf(one, best, other), { file: `paired-${best}-${other}` });
    }
  }

  /** A line for each fold, from the one run to the other: all falling, or crossing. */
  function slopesOf(one, best, other) {
    const fell = one.folds.filter(([left, right]) => left > right).length;
    const words = `Fold by fold: the first run is better on ${fell} of ${one.folds.length} folds.`;
    const means = [0, 1].map((side) => one.folds.reduce((all, fold) => all + fold[side], 0) / one.folds.length);
    return {
      height: 230, words,
      option: (colours) => ({
        ...charts.base(colours, words),
        xAxis: charts.axis(colours, { type: "category", data: [squeeze(best, 22), squeeze(other, 22)], boundaryGap: true }),
        yAxis: charts.axis(colours, { name: squeeze(one.scorer, 24) }),
        tooltip: charts.tip(colours, { formatter: (event) => event.seriesName }),
        series: [
          ...one.folds.map(([left, right], fold) => ({ type: "line", name: `fold ${fold}: ${number(left)} and ${number(right)}`, data: [left, right], symbolSize: 6, triggerLineEvent: true, lineStyle: { color: left > right ? colours.series[0] : colours.series[3], width: 1.3, opacity: 0.7 }, itemStyle: { color: left > right ? colours.series[0] : colours.series[3] } })),
          { type: "line", name: `mean: ${number(means[0])} and ${number(means[1])}`, data: means, symbolSize: 8, lineStyle: { color: colours.text, width: 2.6 }, itemStyle: { color: colours.text }, z: 6 },
        ],
      }),
      table: () => ({ columns: ["fold", best, other], rows: one.folds.map(([left, right], fold) => [String(fold), left, right]) }),
    };
  }

  host("all").addEventListener("change", (event) => {
    state.all = event.target.checked;
    drawTable();
  });
  window.skribe.onTheme(drawTable);
  drawTable();
  drawPaired();
  drawCurves();
  drawPictures();
})();
