// The page of runs: what is asked for is kept in the address; the pieces of the table are put together here.
(() => {
  "use strict";

  const skribe = window.skribe;
  const { el } = skribe;
  const { FIXED, Tree, Grid, QueryBox, Chooser, columnOf, isKeyed, frozenFetch, liveFetch, rememberColumns, rememberedColumns } = skribe.table;
  const carried = skribe.data();
  const get = (id) => document.getElementById(id);
  const BASIC = ["status", "start", "duration"];
  const STATUSES = ["running", "finished", "failed", "killed"];
  const KINDS = ["fit", "search", "cv", "manual", "stream", "candidate", "fold"];
  const CONDITION = /[<>=]|\b(params|metrics|tags)\s*[.[]/;
  const RENEWED = 60;
  const CHUNK = 1000;

  // -- what is asked for

  const standard = () => [...usual(state.experiment), ...(keys.default || [])];

  let keys = carried.keys || { params: [], metrics: [], tags: [], default: [] };
  let state = {};

  /** The state that an address asks for. */
  function read(search) {
    const args = new URLSearchParams(search);
    const experiment = args.get("experiment") || "";
    const kept = rememberedColumns(experiment);
    const columns = unpacked(experiment, args.getAll("column"), args.get("show"));
    return {
      experiment,
      where: args.get("where") || "",
      words: skribe.frozen ? args.get("words") || "" : "",
      status: args.get("status") || "",
      kind: args.get("kind") || "",
      sort: args.get("sort") || "start",
      ascending: ["1", "true"].includes(args.get("ascending")),
      columns: columns || (kept ? kept.columns : null),
      varying: args.has("varying") ? args.get("varying") === "1" : Boolean(kept?.varying),
    };
  }

  /** The address of a state; what is as usual is left out. */
  function address(of) {
    return skribe.url("runs", {
      experiment: of.experiment, where: of.where, words: of.words, status: of.status, kind: of.kind,
      sort: of.sort === "start" && !of.ascending ? null : of.sort,
      ascending: of.ascending ? "1" : null,
      ...packed(of), varying: of.varying ? "1" : null,
    });
  }

  const usual = (experiment) => [...BASIC, ...(experiment ? [] : ["experiment"])];

  /** Columns in an address: the keyed ones are `column=`, and `show=` says where they stand among the others. */
  function packed({ experiment, columns }) {
    if (!columns) return {};
    const column = columns.filter(isKeyed);
    const show = columns.map((id) => (isKeyed(id) ? "*" : id)).join(",");
    return { column, show: show === [...usual(experiment), ...column.map(() => "*")].join(",") ? null : show || "none" };
  }

  function unpacked(experiment, column, show) {
    const keyed = column.filter(isKeyed);
    if (show === null) return keyed.length ? [...usual(experiment), ...keyed] : null;
    const shown = show.split(",").map((id) => (id === "*" ? keyed.shift() : id));
    return [...new Set([...shown.filter((id) => id && (isKeyed(id) || Object.hasOwn(FIXED, id))), ...keyed])];
  }

  const chosenColumns = () => state.columns || standard();

  /** The columns that are shown: all that were chosen, or of these those that differ between runs. */
  function shownColumns() {
    if (!state.varying) return chosenColumns();
    const same = new Set();
    for (const group of ["params", "metrics", "tags"]) {
      for (const one of keys[group] || []) if (!one.varies && one.count > 1) same.add(`${group}.${one.key}`);
    }
    return chosenColumns().filter((id) => !same.has(id));
  }

  /** The keyed columns that the rows' cells are of, in their order. */
  const cellColumns = () => (skribe.frozen ? carried.runs.columns || [] : shownColumns().filter(isKeyed));

  function argsOf({ parent, offset, limit, ...more }) {
    const ofTop = parent ? { parent } : { experiment: state.experiment, where: state.where, status: state.status, kind: state.kind };
    return {
      ...ofTop, sort: state.sort, ascending: state.ascending ? "1" : null, offset: String(offset), limit: String(limit),
      column: cellColumns(), ...more,
    };
  }

  // -- the table

  const selection = new Map();
  let anchor = -1;
  let tree = null;
  let total = null;
  let seen = carried.seq ?? null;

  const grid = new Grid(get("grid-frame"), {
    open: (row, event) => {
      const link = skribe.url("run", { id: row.id });
      if (event?.ctrlKey) window.open(link, "_blank", "noopener");
      else window.location.href = link;
    },
    href: (row) => skribe.url("run", { id: row.id }),
    sort: sortBy,
    select,
    isSelected: (id) => selection.has(id),
    count: () => showCount(),
    said: (text) => say(text),
  });

  const say = (text) => {
    get("said").textContent = text;
  };

  function drawColumns() {
    const shown = shownColumns().map(columnOf);
    const cells = cellColumns();
    grid.setColumns(shown, shown.map(({ id }) => cells.indexOf(id)), { id: state.sort, ascending: state.ascending });
  }

  /** Ask anew for everything. What is shown stays until the answer is here. */
  async function load({ seed = null, keepPlace = false } = {}) {
    const asked = { ...state };
    const fetch = skribe.frozen ? frozenFetch(carried.runs, asked) : liveFetch(argsOf);
    const next = new Tree(fetch, () => next === tree && grid.renew(), (problem) => next === tree && failed(problem));
    loading?.close();
    loading = next;
    get("grid-frame").setAttribute("aria-busy", "true");
    try {
      const answer = seed || (await next.fetch({ parent: null, offset: 0, limit: 200 }, new AbortController().signal));
      if (next.dead) return;
      loading = null;
      next.seed(answer);
      take(next, answer, keepPlace);
    } catch (problem) {
      if (next.dead) return;
      loading = null;
      failed(problem);
    } finally {
      if (!next.dead) get("grid-frame").removeAttribute("aria-busy");
    }
  }

  let loading = null;
  let failing = false;
  let wasTyping = false;

  function take(next, answer, keepPlace) {
    if (tree) {
      next.reopen(tree.openIds());
      tree.close();
    }
    tree = next;
    total = answer.total;
    seen = answer.seq ?? seen;
    anchor = -1;
    get("fresh").hidden = true;
    failing = false;
    query.explain();
    drawColumns();
    grid.show(tree, { keepPlace });
    showEmpty();
    say(`${total.toLocaleString("en")} ${total === 1 ? "run" : "runs"}`);
  }

  function failed(problem) {
    failing = problem.code === 400;
    if (failing && state.where) query.fail(problem.message, problem.at);
    else skribe.toast(problem.message, { bad: true });
    if (tree) return;
    total = 0;
    get("grid-frame").removeAttribute("aria-busy");
    showCount();
    showEmpty(problem);
  }

  function showCount() {
    if (total === null) return;
    get("count").textContent = failing ? "" : `${total.toLocaleString("en")} ${total === 1 ? "run" : "runs"}`;
  }

  /** Instead of an empty table: what to do next. */
  function showEmpty(problem = null) {
    const holder = get("grid-empty");
    holder.hidden = total !== 0;
    get("grid-frame").hidden = total === 0;
    if (total !== 0) return;
    const isFiltered = state.where || state.words || state.status || state.kind;
    const isCondition = skribe.frozen && CONDITION.test(state.words);
    const clear = el("button", { type: "button", class: "button", text: "Clear the search and the filters" });
    clear.addEventListener("click", () => go({ where: "", words: "", status: "", kind: "" }));
    const first = "import skribe\n\nskribe.autolog()";
    holder.replaceChildren(el("div", { class: "empty" },
      el("h2", { text: problem ? "This could not be looked up" : isCondition ? "Conditions need the live page" : isFiltered ? "No run is like that" : "No runs yet" }),
      problem || isFiltered
        ? el("p", { text: problem ? (failing && state.where ? "Mend the search above where the mark points, or clear it." : problem.message) : isCondition ? "These are frozen pages: words are found here, in names, estimators and ids. For conditions on metrics and parameters, open the store with `skribe ui`." : "No run fits the search and the filters." })
        : el("p", { text: "Every fit after these two lines is written down here:" }),
      problem || isFiltered ? el("div", { class: "dialog-end start" }, clear) : el("div", { class: "code" }, el("pre", { tabindex: "0" }, el("code", { id: "first-run", text: first })), el("button", { type: "button", class: "button quiet small code-copy", "data-copy": "#first-run", text: "Copy" }))));
  }

  // -- changing what is asked for

  /** Go to a changed state. `replace`: the back button does not come back to this one. */
  function go(change, { replace = false } = {}) {
    const before = state;
    state = { ...state, ...change };
    const link = address(state);
    if (replace) window.history.replaceState(null, "", link);
    else window.history.pushState(null, "", link);
    return apply(before);
  }

  function apply(before) {
    fillFilters();
    if (before.experiment !== state.experiment) return arriveAt();
    const isSame = (name) => JSON.stringify(before[name]) === JSON.stringify(state[name]);
    const isOnlyLook = ["where", "words", "status", "kind", "sort", "ascending"].every(isSame);
    if (isOnlyLook && skribe.frozen) return drawColumns();
    return load({ keepPlace: isOnlyLook });
  }

  function entitle() {
    document.querySelector("h1 bdi").textContent = state.experiment ? skribe.table.printable(state.experiment, 120) : "All runs";
    document.title = `${state.experiment ? skribe.table.printable(state.experiment, 120) : "Runs"} · skribe`;
  }

  /** Another experiment has other keys. */
  async function arriveAt() {
    if (!skribe.frozen) {
      keys = await skribe.get("keys", { experiment: state.experiment }).catch(() => keys);
    }
    entitle();
    query.keys = keys;
    return load();
  }

  function sortBy(id) {
    const isAgain = state.sort === id;
    const ascending = isAgain ? !state.ascending : ["name", "status", "kind", "estimator", "experiment"].includes(id) || /^(params|tags)\./.test(id);
    go({ sort: id, ascending });
    say(`Sorted by ${columnOf(id).label || "name"}, ${ascending ? "ascending" : "descending"}`);
  }

  function setColumns(columns) {
    const isStandard = JSON.stringify(columns) === JSON.stringify(standard());
    rememberColumns(state.experiment, isStandard && !state.varying ? null : { columns, varying: state.varying });
    go({ columns: isStandard ? null : columns }, { replace: true });
  }

  const query = new QueryBox({
    keys,
    changed: ({ where, words, typing }) => {
      const isSame = where === state.where && words === state.words;
      // One step back leads to before the typing, not to each of its letters.
      const isOneMore = wasTyping;
      wasTyping = typing;
      if (isSame && !failing) return;
      failing = false;
      go({ where, words }, { replace: isOneMore || isSame });
    },
  });

  const chooser = new Chooser({ keys: () => keys, get: chosenColumns, changed: setColumns, standard });

  // -- filters

  const listed = [...get("filter-experiment").options].map((option) => option.value);
  const experiments = listed.length ? listed : carried.experiments || [...new Set((carried.runs?.rows || []).map((row) => row.experiment))];

  function fillSelect(id, all, value, any) {
    const select = get(id);
    const options = [["", any], ...all.map((one) => [one, one])];
    if (value && !all.includes(value)) options.push([value, value]);
    select.replaceChildren(...options.map(([to, label]) => el("option", { value: to, text: skribe.table.printable(label, 80) })));
    select.value = value;
    select.classList.toggle("chosen", Boolean(value));
  }

  function fillFilters() {
    fillSelect("filter-experiment", experiments, state.experiment, "All experiments");
    fillSelect("filter-status", STATUSES, state.status, "Any status");
    fillSelect("filter-kind", KINDS, state.kind, "Any kind");
    get("varying").checked = state.varying;
    fillOrders();
  }

  /** On a phone not every column has a head to press: the order is chosen from a list there. */
  function fillOrders() {
    const orders = [["start", "0", "Newest first"], ["start", "1", "Oldest first"], ["duration", "0", "Longest first"], ["name", "1", "By name"]];
    for (const id of new Set([...shownColumns(), state.sort].filter(isKeyed))) {
      const label = skribe.table.printable(columnOf(id).label, 60);
      orders.push([id, "0", `${label} ↓`], [id, "1", `${label} ↑`]);
    }
    const select = get("order");
    select.replaceChildren(...orders.map(([id, ascending, text]) => el("option", { value: JSON.stringify([id, ascending]), text })));
    select.value = JSON.stringify([state.sort, state.ascending ? "1" : "0"]);
  }

  // -- selection

  /** Select or deselect the row at a position; with `range`, all from the last one to it. */
  function select(position, { range }) {
    const { row } = tree.at(position);
    if (!row) return;
    const on = range && anchor >= 0 ? true : !selection.has(row.id);
    const [from, to] = range && anchor >= 0 ? [Math.min(anchor, position), Math.max(anchor, position)] : [position, position];
    let missing = 0;
    for (let at = from; at <= to; at++) {
      const one = tree.at(at).row;
      if (!one) missing += 1;
      else if (on) selection.set(one.id, one);
      else selection.delete(one.id);
    }
    anchor = position;
    if (missing) skribe.toast(`${missing} rows between were not loaded yet and are not selected. Scroll over them and select again.`);
    showSelection();
  }

  function showSelection() {
    const count = selection.size;
    get("actions").hidden = count === 0;
    document.body.classList.toggle("selecting", count > 0);
    get("selected-count").textContent = count === 1 ? "1 selected: choose another to compare" : `${count.toLocaleString("en")} selected`;
    const compare = get("compare");
    const fits = count >= 2 && count <= 50;
    compare.setAttribute("aria-disabled", String(!fits));
    compare.title = fits ? "" : count < 2 ? "Select two runs or more" : "Select fifty runs at most";
    if (fits) compare.href = skribe.url("compare", { ids: [...selection.keys()] });
    else compare.removeAttribute("href");
    say(count ? `${count} selected` : "Nothing is selected");
    grid.later();
  }

  /** Select what the address says; the rows need not be among those that are shown. */
  async function selectAsked() {
    const asked = [...new Set(new URLSearchParams(window.location.search).getAll("select"))].slice(0, 50);
    if (!asked.length || skribe.frozen) return;
    try {
      const where = `id in [${asked.map((id) => JSON.stringify(id)).join(", ")}]`;
      const { rows } = await skribe.get("runs", { where, children: "1", limit: "50", column: cellColumns() });
      for (const row of rows) selection.set(row.id, row);
      if (rows.length < asked.length) skribe.toast("The run to compare is not there any more.", { bad: true });
      showSelection();
    } catch (problem) {
      skribe.toast(problem.message, { bad: true });
    }
  }

  function clearSelection() {
    selection.clear();
    showSelection();
  }

  async function toTrash() {
    const rows = [...selection.values()];
    const name = rows.length === 1 ? `“${skribe.table.printable(rows[0].name, 80)}”` : `${rows.length} runs`;
    const agreed = await skribe.confirm(`Move ${name}, with the runs inside, to the trash?\nNothing is destroyed: they can be restored from the trash.`, { action: "Move to trash", bad: true });
    if (!agreed) return;
    let done = 0;
    for (const row of rows) {
      try {
        await skribe.act({ do: "delete_run", id: row.id });
        selection.delete(row.id);
        done += 1;
      } catch (problem) {
        skribe.toast(problem.message, { bad: true });
        break;
      }
    }
    skribe.toast(done === 1 ? "1 run is in the trash." : `${done} runs are in the trash.`);
    showSelection();
    load({ keepPlace: true });
  }

  // -- as a file

  /** Text as a field of CSV; what a spreadsheet would take for a formula is marked as text. */
  function field(value) {
    if (value === null || value === undefined) return "";
    if (typeof value !== "string") return value === true ? "True" : value === false ? "False" : String(value);
    const text = /^[=+\-@\t\r]/.test(value) && !Number.isFinite(Number(value)) ? `'${value}` : value;
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }

  function save(rows) {
    const shown = shownColumns();
    const cells = cellColumns();
    const fixed = ["id", "name", ...shown.filter((id) => !isKeyed(id))];
    const keyed = shown.filter(isKeyed);
    const one = (row, id) => (id === "start" && typeof row.start === "number" ? new Date(row.start * 1000).toISOString() : row[id]);
    const lines = [[...fixed, ...keyed].map(field).join(",")];
    for (const row of rows) lines.push([...fixed.map((id) => field(one(row, id))), ...keyed.map((id) => field(row.cells[cells.indexOf(id)]))].join(","));
    const blob = new Blob([`${lines.join("\r\n")}\r\n`], { type: "text/csv;charset=utf-8" });
    const link = el("a", { href: URL.createObjectURL(blob), download: `${(state.experiment || "runs").replace(/[^\p{L}\p{N}_-]+/gu, "_").slice(0, 60)}.csv` });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  /** What was selected, with the cells of the columns that are shown now. */
  async function saveSelected() {
    const rows = [...selection.values()];
    if (skribe.frozen) return save(rows);
    try {
      const fresh = new Map();
      for (let from = 0; from < rows.length; from += 100) {
        const asked = `id in [${rows.slice(from, from + 100).map(({ id }) => JSON.stringify(id)).join(", ")}]`;
        const answer = await skribe.get("runs", { where: asked, children: "1", limit: "100", column: cellColumns() });
        for (const row of answer.rows) fresh.set(row.id, row);
      }
      return save(rows.map(({ id }) => fresh.get(id)).filter(Boolean));
    } catch (problem) {
      return skribe.toast(problem.message, { bad: true });
    }
  }

  async function saveAll() {
    const button = get("download");
    button.disabled = true;
    try {
      const rows = [];
      for (let offset = 0; offset < total; offset += CHUNK) {
        const answer = await tree.fetch({ parent: null, offset, limit: CHUNK }, new AbortController().signal);
        rows.push(...answer.rows);
        if (!answer.rows.length) break;
        if (total > 5 * CHUNK) button.lastElementChild.textContent = `${Math.round((100 * rows.length) / total)} %`;
      }
      save(rows);
      skribe.toast(`${rows.length.toLocaleString("en")} runs are saved.`);
    } catch (problem) {
      skribe.toast(problem.message, { bad: true });
    }
    button.lastElementChild.textContent = "CSV";
    button.disabled = false;
  }

  // -- what is new

  /** Rows that go on are written again in place; new ones are announced, and come when asked for. */
  async function lookAgain(seq) {
    if (!tree || seq === seen) return;
    seen = seq;
    const current = tree;
    const going = [...grid.shown.values()].map((line) => line.row).filter((row) => row && row.status === "running").slice(0, RENEWED);
    const asked = going.length ? `id in [${going.map(({ id }) => JSON.stringify(id)).join(", ")}]` : null;
    const [now, fresh] = await Promise.all([
      skribe.get("runs", argsOf({ parent: null, offset: 0, limit: 1 })),
      asked && skribe.get("runs", { where: asked, children: "1", limit: String(RENEWED), column: cellColumns() }),
    ]);
    if (current !== tree) return;
    if (fresh) {
      current.renew(fresh.rows);
      grid.renew();
    }
    if (total === 0 && now.total) return load();
    announce(now.total - total);
  }

  function announce(more) {
    const pill = get("fresh");
    const text = more > 0 ? `${more.toLocaleString("en")} new ${more === 1 ? "run" : "runs"}` : more < 0 ? `${(-more).toLocaleString("en")} fewer` : "";
    if (text && pill.textContent !== text) say(`${text}; press the button beside the count to show them`);
    pill.textContent = text;
    pill.hidden = !text;
  }

  /** The time that running rows have taken goes on without a request. */
  function tick() {
    if (document.hidden || !tree) return;
    for (const line of grid.shown.values()) if (line.row?.status === "running") line.row = null;
    grid.later();
  }

  // -- begin

  function listen() {
    for (const [id, name] of [["filter-experiment", "experiment"], ["filter-status", "status"], ["filter-kind", "kind"]]) {
      get(id).addEventListener("change", (event) => go(name === "experiment" ? { experiment: event.target.value, ...choiceFor(event.target.value) } : { [name]: event.target.value }));
    }
    get("order").addEventListener("change", (event) => {
      const [sort, ascending] = JSON.parse(event.target.value);
      go({ sort, ascending: ascending === "1" });
    });
    get("varying").addEventListener("change", (event) => {
      rememberColumns(state.experiment, { columns: chosenColumns(), varying: event.target.checked });
      go({ varying: event.target.checked }, { replace: true });
    });
    get("choose-columns").addEventListener("click", () => chooser.open());
    get("download").addEventListener("click", saveAll);
    get("download-selected").addEventListener("click", saveSelected);
    get("copy-ids").addEventListener("click", () => skribe.copy([...selection.keys()].join("\n"), `${selection.size} ${selection.size === 1 ? "id" : "ids"} copied`));
    get("to-trash")?.addEventListener("click", toTrash);
    get("clear-selection").addEventListener("click", clearSelection);
    get("help").addEventListener("click", () => get("help-dialog").showModal());
    get("fresh").addEventListener("click", () => load());
    window.addEventListener("popstate", () => {
      const before = state;
      state = read(window.location.search);
      query.set(state.where || state.words);
      apply(before);
    });
    document.addEventListener("keydown", shortcut);
  }

  function choiceFor(experiment) {
    const kept = rememberedColumns(experiment);
    return { columns: kept ? kept.columns : null, varying: Boolean(kept?.varying) };
  }

  function shortcut(event) {
    const isTyping = event.target.closest?.("input:not([type=checkbox]), select, textarea, dialog");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/") get("query").focus();
    else if (/^(Arrow(Up|Down)|Page(Up|Down))$/.test(event.key) && event.target === document.body) grid.take(event);
    else if (event.key === "?") get("help-dialog").showModal();
    else if (event.key === "Escape" && selection.size) clearSelection();
    else if (event.key === "c" && get("compare").hasAttribute("href") && selection.size >= 2) get("compare").click();
    else return;
    event.preventDefault();
  }

  /** Whether the rows that came with the page are those of this state. */
  function isCarried() {
    const same = JSON.stringify(cellColumns()) === JSON.stringify((carried.runs?.columns || []).filter(isKeyed));
    return Boolean(carried.runs) && !carried.error && same && !skribe.frozen;
  }

  function start() {
    state = read(window.location.search);
    query.set(state.where || state.words);
    if (skribe.frozen && state.experiment) entitle();
    fillFilters();
    listen();
    showSelection();
    drawColumns();
    if (carried.error) failed(Object.assign(new Error(carried.error.message), { at: carried.error.at, code: 400 }));
    else load({ seed: isCarried() ? carried.runs : null });
    selectAsked();
    skribe.poll(lookAgain);
    setInterval(tick, 1000);
  }

  start();
})();
