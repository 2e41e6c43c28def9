// The page of a search or a cross-validation: what is brushed in one picture is brushed in all, and it is kept up to
// date while the search runs.
(() => {
  "use strict";
  const { el, charts, Parallel, Candidates } = window.skribe;
  const { seconds } = window.skribe;
  const host = document.querySelector("[data-search]");
  if (!host) return;

  const SHADES = 40;
  const part = (name) => host.querySelector(`[data-${name}]`);
  const ctx = { view: window.skribe.data().search, scorer: null, mask: null, onPick: pick };
  const filters = new Map(); // column → {low, high} or {codes}
  let columns = []; // what can be brushed
  let picked = null;
  let chosenScorer = null;
  const drawn = []; // figures that show what is brushed
  let parallel = null;
  let table = null;

  // -- columns that can be brushed

  /** Where values lie from 0 to 1 on an axis of this scale. */
  function laid(values, scale) {
    const usable = (value) => typeof value === "number" && Number.isFinite(value) && (scale !== "log" || value > 0);
    let [low, high] = [Infinity, -Infinity];
    for (const value of values) if (usable(value)) [low, high] = [Math.min(low, value), Math.max(high, value)];
    if (low > high) [low, high] = [0, 1];
    const [from, to] = scale === "log" ? [Math.log10(low), Math.log10(high)] : [low, high];
    const placeOf = (value) => (to > from ? ((scale === "log" ? Math.log10(value) : value) - from) / (to - from) : 0.5);
    const valueAt = (place) => (scale === "log" ? 10 ** (from + place * (to - from)) : from + place * (to - from));
    const places = Float32Array.from(values, (value) => (usable(value) ? placeOf(value) : NaN));
    return { low, high, placeOf, valueAt, places, scale, raw: values };
  }

  function paramColumn(param) {
    const shared = { key: `param ${param.key}`, label: param.key };
    if (param.scale !== "categorical") return { ...shared, tried: param.values, ...laid(param.codes.map((code) => (code < 0 ? null : param.values[code])), param.scale) };
    const count = param.values.length;
    const placeOf = (code) => (count > 1 ? code / (count - 1) : 0.5);
    return { ...shared, scale: "categorical", values: param.values, codes: param.codes, placeOf, places: Float32Array.from(param.codes, (code) => (code < 0 ? NaN : placeOf(code))) };
  }

  function scoreColumn(scorer) {
    // A few terrible scores would leave no room for all the others: they lie at the foot of the axis.
    const frame = charts.frameOf(scorer.mean);
    const low = frame.below ? frame.low - 0.05 * (frame.high - frame.low) : frame.low;
    const made = laid(scorer.mean.map((mean) => (mean === null ? null : Math.max(low, mean))), "linear");
    return { ...made, raw: scorer.mean, key: "score", label: scorer.name, strong: true };
  }

  function measured() {
    const { view, scorer } = ctx;
    const made = view.params.filter((param) => param.varies).map(paramColumn);
    if (view.iteration) made.unshift({ key: "iteration", label: "iteration", tried: [...new Set(view.iteration)], ...laid([...view.iteration], "linear") });
    const times = view.fit_seconds.filter((time) => time > 0);
    const wide = times.length > 1 && charts.frameOf(times).high > 8 * Math.max(1e-9, times.reduce((least, time) => Math.min(least, time), Infinity));
    made.push({ key: "time", label: "fit seconds", ...laid(view.fit_seconds, wide ? "log" : "linear") });
    made.push(scoreColumn(scorer));
    return made;
  }

  /** Which candidates pass all filters; null if there are none. */
  function maskOf() {
    const active = [...filters].flatMap(([key, filter]) => {
      const column = columns.find((one) => one.key === key);
      return column ? [[column, filter]] : [];
    });
    if (!active.length) return null;
    const count = ctx.view.names.length;
    const mask = new Uint8Array(count).fill(1);
    for (const [column, filter] of active) {
      const values = filter.codes ? column.codes : column.raw;
      for (let row = 0; row < count; row += 1) {
        const value = values[row];
        if (filter.codes ? !filter.codes.has(value) : value === null || value < filter.low || value > filter.high) mask[row] = 0;
      }
    }
    return mask;
  }

  /** A filter as a brush on its axis. */
  function rangeOf(column, filter) {
    if (filter.codes) {
      const places = [...filter.codes].map(column.placeOf);
      const half = 0.5 / Math.max(1, column.values.length);
      return [Math.max(0, Math.min(...places) - half), Math.min(1, Math.max(...places) + half)];
    }
    const at = (value, end) => (Number.isFinite(value) && (column.scale !== "log" || value > 0) ? Math.max(0, Math.min(1, column.placeOf(value))) : end);
    return [at(filter.low, 0), at(filter.high, 1)];
  }

  /** A brush on an axis as a filter. */
  function filterOf(column, [from, to]) {
    if (column.scale === "categorical") {
      const codes = column.values.flatMap((_, code) => (column.placeOf(code) >= from && column.placeOf(code) <= to ? [code] : []));
      return codes.length ? { codes: new Set(codes) } : null;
    }
    // The ends of an axis hold whatever lies beyond them.
    return { low: from <= 0.001 ? -Infinity : column.valueAt(from), high: to >= 0.999 ? Infinity : column.valueAt(to) };
  }

  // -- brushing

  let settle = null;

  function filter(key, what) {
    if (what === null) filters.delete(key);
    else filters.set(key, what);
    brushed();
  }

  /** The parallel axes follow the hand at once; what costs more waits until the hand rests. */
  function brushed(now = false) {
    ctx.mask = maskOf();
    parallel?.select(ctx.mask, new Map([...filters].flatMap(([key, one]) => {
      const column = columns.find((each) => each.key === key);
      return column ? [[key, rangeOf(column, one)]] : [];
    })));
    sayBrushed();
    clearTimeout(settle);
    settle = setTimeout(follow, now ? 0 : parallel?.busy ? 260 : 60);
  }

  function follow() {
    table?.select(ctx.mask, filters);
    // One picture in each frame, so that none of them is long.
    const waiting = [...drawn];
    const next = () => {
      const one = waiting.shift();
      if (!one) return;
      one.redraw();
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  }

  function sayBrushed() {
    const holder = part("brushed");
    if (!holder) return;
    if (ctx.mask === null) {
      holder.replaceChildren(el("span", { class: "muted small", text: "Drag along an axis to brush; click a line to see its candidate." }));
      return;
    }
    const left = ctx.mask.reduce((all, one) => all + one, 0);
    const clear = el("button", { type: "button", class: "button small", text: "Clear" });
    clear.addEventListener("click", clearAll);
    holder.replaceChildren(el("strong", { text: `${left.toLocaleString("en").replaceAll(",", " ")} of ${ctx.mask.length.toLocaleString("en").replaceAll(",", " ")}` }), " candidates ", clear, el("kbd", { text: "Esc" }));
  }

  function clearAll() {
    if (!filters.size) return;
    filters.clear();
    brushed(true);
  }

  // -- the candidate that is looked at

  function pick(row) {
    if (row === undefined || row === null || row >= ctx.view.names.length) return;
    picked = row;
    table?.pick(row);
    parallel?.hover(row);
    showCandidate();
  }

  /** A value as Python would write it. */
  function python(value) {
    if (value === null || value === undefined) return "None";
    if (typeof value === "boolean") return value ? "True" : "False";
    if (typeof value === "number") return String(value);
    if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
    if (typeof value === "object") return `{${Object.entries(value).map(([key, one]) => `${python(key)}: ${python(one)}`).join(", ")}}`;
    const text = String(value);
    const quoted = JSON.stringify(text);
    return text.includes("'") || text.includes("\\") || quoted.length !== text.length + 2 ? quoted : `'${text}'`;
  }

  const paramsOf = (row) => ctx.view.params.filter((param) => param.codes[row] >= 0).map((param) => [param.key, param.values[param.codes[row]]]);

  function showCandidate() {
    const holder = part("candidate");
    const { view, scorer } = ctx;
    const row = picked ?? view.leader;
    if (!holder) return;
    if (row === null || row === undefined || row >= view.names.length) {
      holder.replaceChildren(el("p", { class: "nothing", text: "No candidate has a score yet." }));
      return;
    }
    const isBest = row === view.leader;
    const title = isBest ? (view.chosen || view.status !== "running" ? "Best candidate" : "Best so far") : `Candidate #${row}`;
    const head = el("div", { class: "candidate-head" },
      el("h3", {}, title, " ", el("span", { class: "muted small", text: [isBest ? `#${row}` : "", view.rank[row] ? `rank ${view.rank[row]}` : ""].filter(Boolean).join(", ") })),
      el("p", { class: "candidate-score" }, el("strong", { text: charts.spread(scorer.mean[row], scorer.std[row])[0] }), scorer.std[row] === null ? "" : el("span", { class: "muted", text: ` ± ${charts.spread(scorer.mean[row], scorer.std[row])[1]}` }), el("span", { class: "muted small", text: ` ${charts.squeeze(scorer.name, 30)}` })));
    const params = paramsOf(row);
    const list = el("dl", { class: "facts small" }, params.slice(0, 30).flatMap(([key, value]) => [el("dt", {}, el("bdi", { text: charts.squeeze(key, 50) })), el("dd", { class: "mono" }, el("bdi", { text: charts.spoken(value, 160) }))]));
    const copy = el("button", { type: "button", class: "button small", text: "Copy as Python" });
    copy.addEventListener("click", () => window.skribe.copy(`{${params.map(([key, value]) => `${python(key)}: ${python(value)}`).join(", ")}}`, "Parameters copied"));
    const open = view.children[row] && view.children[row] !== window.skribe.data().run.id ? el("a", { class: "button small", href: window.skribe.url("run", { id: view.children[row] }), text: "Open its run" }) : null;
    const [mine, best] = [view.children[row], view.leader === null ? null : view.children[view.leader]];
    const beside = isBest || !mine || !best || window.skribe.frozen ? null : el("a", { class: "button small", href: window.skribe.url("compare", { ids: [best, mine] }), text: "Compare with the best" });
    const back = isBest || view.leader === null ? null : el("button", { type: "button", class: "button small quiet", text: "Back to the best" });
    back?.addEventListener("click", () => pick(view.leader));
    const times = el("p", { class: "muted small", text: `fit ${seconds(view.fit_seconds[row])}${view.score_seconds[row] === null ? "" : `, score ${seconds(view.score_seconds[row])}`} for each split` });
    const failure = view.errors.find(([place]) => place === row);
    const told = view.failed[row] ? el("div", { class: "banner banner-bad error" }, el("p", { text: `${view.failed[row]} of ${view.finished[row]} splits failed.` }), failure ? el("details", { open: true }, el("summary", { text: "Traceback" }), el("div", { class: "code" }, el("pre", { tabindex: "0" }, el("code", { text: charts.visible(failure[1].slice(-8000)) })))) : null) : null;
    holder.replaceChildren(head, params.length ? list : el("p", { class: "nothing small", text: "No parameter was searched." }), times, ...(told ? [told] : []), el("div", { class: "toolbar" }, params.length ? copy : null, open, beside, back));
  }

  // -- how far it is

  function showProgress() {
    const { view } = ctx;
    const holder = part("progress");
    if (!holder) return;
    const running = view.status === "running";
    const whole = (count) => count.toLocaleString("en").replaceAll(",", " ");
    const facts = [];
    const failed = view.failed.reduce((all, one) => all + one, 0);
    const unfinished = view.total !== null && view.done < view.total && view.status !== "finished";
    const soFar = running && (view.total === null || view.names.length * (view.kind === "cv" ? 1 : view.splits) < view.total) ? " so far" : "";
    facts.push(view.kind === "cv" ? `${view.names.length} folds${soFar}` : `${whole(view.names.length)} candidates${soFar} × ${view.splits} folds`);
    facts.push(unfinished || (running && view.total) ? `${whole(view.done)} of ${whole(view.total)} fits done` : `${whole(view.done)} fits`);
    const passed = running ? Date.now() / 1000 - view.start : view.wall;
    if (passed !== null) facts.push(`${running ? "for " : "took "}${seconds(running ? Math.max(0, Math.round(passed)) : passed)}`);
    const left = running && unfinished ? timeLeft(view) : null;
    if (left !== null) facts.push(`about ${seconds(Math.max(1, Math.round(left)))} left`);
    if (failed) facts.push(`${whole(failed)} failed`);
    const bar = running && view.total ? el("progress", { max: view.total, value: view.done, "aria-label": "Fits done" }) : null;
    holder.replaceChildren(...(bar ? [bar] : []), el("p", { class: "muted small", text: facts.join(" · ") }));
  }

  const WAVE = 0.2; // of the time that the first fit took: what comes so soon after it was begun together with it

  /** Seconds until the rest is done, if it goes on as since the first results; null as long as they are too few. */
  function timeLeft(view) {
    const { workers, start } = view.views.timeline;
    const begun = start === null ? -Infinity : view.start - start - 0.01; // what an earlier run had done is no pace
    const ends = workers.flatMap(({ tasks }) => tasks.flatMap(([, , began, took]) => (took === null || began < begun ? [] : [[began + took, took]])));
    ends.sort(([one], [other]) => one - other);
    if (ends.length < 3) return null;
    const [first, took] = ends[0];
    const after = ends.filter(([end]) => end > first + WAVE * took).length;
    return after ? ((ends.at(-1)[0] - first) / after) * (view.total - view.done) : null;
  }

  function showAdvice() {
    const holder = part("advice");
    const said = (ctx.view.views.advice || []).map((one) => one.text);
    holder.hidden = !said.length;
    holder.replaceChildren(...said.map((text) => el("li", { text: charts.visible(text.slice(0, 1000)) })));
  }

  function showScorers() {
    const holder = part("scorers");
    const { scorers } = ctx.view;
    if (scorers.length < 2) return holder.replaceChildren();
    const choice = { key: "scorer", label: "Which score", value: ctx.scorer.name, values: scorers.map((one) => [one.name, charts.squeeze(one.name, 24)]) };
    return holder.replaceChildren(charts.chooser(choice, (_, value) => {
      chosenScorer = value;
      renew();
    }));
  }

  // -- all together

  function count() {
    return ctx.view.names.length;
  }

  /** Take up a new state of the search. */
  function renew() {
    const { view } = ctx;
    ctx.scorer = view.scorers.find((one) => one.name === chosenScorer) || view.scorers[0] || { name: view.metric || "score", mean: view.names.map(() => null), std: view.names.map(() => null), folds: view.names.map(() => []), train_mean: null, train_std: null };
    columns = measured();
    ctx.mask = maskOf();
    if (parallel) {
      const frame = charts.frameOf(ctx.scorer.mean);
      const shade = Int8Array.from(ctx.scorer.mean, (mean) => (mean === null ? -1 : Math.round(Math.max(0, Math.min(1, (mean - frame.low) / (frame.high - frame.low || 1))) ** 2 * (SHADES - 1))));
      const order = Uint32Array.from(ctx.scorer.mean.keys()).sort((left, right) => (ctx.scorer.mean[left] ?? -Infinity) - (ctx.scorer.mean[right] ?? -Infinity));
      parallel.set(columns, { shade, order, best: view.leader });
    }
    showProgress();
    showAdvice();
    showScorers();
    if (picked !== null && picked >= count()) picked = null;
    showCandidate();
    if (table) {
      table.count = count();
      table.set(window.skribe.candidateColumns(view, ctx.scorer, foldFrame()), { mask: ctx.mask, filters, picked });
    }
    addFigures();
    brushed(true);
  }

  /** From where to where the dots of the folds go: what lies far below all others has an arrow at the edge. */
  function foldFrame() {
    const { folds } = ctx.scorer;
    return charts.frameOf((folds.length > 3000 ? folds.filter((_, place) => place % 5 === 0) : folds).flat());
  }

  const made = new Set();

  /** Pictures come when there is something to draw in them, and stay. */
  function addFigures() {
    const { view } = ctx;
    const { views } = view;
    const several = view.names.length > 1;
    const wanted = view.kind === "cv" ? [
      ["folds", "Score of each fold", () => charts.folds(ctx), view.scorers.length],
      ["timeline", "Who did what when", () => charts.timeline(ctx), views.timeline?.workers.length],
    ] : [
      ["curve", "Along one parameter", () => charts.validationCurve(ctx), views.validation_curves?.length],
      ["map", "Pairs of parameters", () => charts.heatMap(ctx), views.heat_maps?.maps.length],
      ["rungs", "Iteration by iteration", () => charts.rungs(ctx), views.rungs?.rungs.length],
      ["folds", "Fold by fold", () => charts.foldDots(ctx), several],
      ["time", "Score against time", () => charts.scoreAgainstTime(ctx), several],
      ["progress", "How it went", () => charts.progress(ctx), views.progress?.candidate.length > 1],
      ["timeline", "Who did what when", () => charts.timeline(ctx), views.timeline?.workers.length],
    ];
    for (const [key, title, picture, there] of wanted) {
      if (!there || made.has(key)) continue;
      made.add(key);
      const shape = key === "timeline" && view.kind !== "cv" ? "span" : key === "folds" && view.kind !== "cv" && view.names.length > 12 ? "tall" : "";
      drawn.push(window.skribe.figure(part("figures"), picture(), { title, file: `${view.name}-${key}`, shape }));
    }
  }

  // -- while it runs

  let waiting = null;

  async function ask() {
    const { view } = ctx;
    let wait = count() > 5000 ? 6000 : count() > 1000 ? 3000 : 1200;
    try {
      if (!document.hidden) {
        const fresh = await window.skribe.get("search", { id: view.run, known: view.stamp });
        if (!fresh.unchanged) {
          ctx.view = fresh;
          renew();
        } else {
          showProgress();
        }
      }
    } catch (problem) {
      if (problem.code === 404) return;
      wait = 8000;
    }
    if (ctx.view.status === "running") waiting = setTimeout(ask, wait);
    else document.dispatchEvent(new CustomEvent("skribe:search-ended"));
  }

  /** A search without a candidate yet: the page looks again until there is one. */
  function waitForFirst() {
    part("progress").replaceChildren(el("p", { class: "muted", text: "The search has begun; its first results are awaited." }));
    const id = window.skribe.data().run.id;
    const look = async () => {
      try {
        ctx.view = await window.skribe.get("search", { id });
        start();
      } catch {
        setTimeout(look, 1500);
      }
    };
    if (!window.skribe.frozen) setTimeout(look, 800);
  }

  function start() {
    for (const one of host.querySelectorAll("[data-when-there]")) one.hidden = false;
    if (ctx.view.kind !== "cv" && ctx.view.params.some((param) => param.varies)) {
      const words = "Each line is a candidate, from parameter to parameter to its score. The table below has the same values, and filters that brush.";
      parallel = new Parallel(part("parallel"), {
        words,
        on: {
          brush: (key, range) => filter(key, range === null ? null : filterOf(columns.find((one) => one.key === key), range)),
          hover: () => {},
          pick,
          words: (row) => charts.candidateWords(ctx, row),
        },
      });
    } else {
      part("parallel-figure")?.remove();
    }
    table = new Candidates(part("table"), { filter, pick, hover: (row) => parallel?.hover(row) });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !document.querySelector("dialog[open]")) clearAll();
    });
    renew();
    if (ctx.view.status === "running" && !window.skribe.frozen && waiting === null) waiting = setTimeout(ask, 800);
  }

  if (ctx.view) start();
  else waitForFirst();
})();
