// Charts: one figure is a picture, its words, its numbers as a table, and what can be chosen in it.
// A picture is {height, words, option(theme, state, width), table(state), choices, points, onClick}.
(() => {
  "use strict";
  const { el } = window.skribe;

  // -- colours, from the custom properties of the page

  let known = null;

  /** The colours and letters of the page as it is now. */
  function theme() {
    if (known) return known;
    const css = window.skribe.css;
    const dark = window.skribe.isDark();
    const named = {};
    for (const name of ["bg", "surface", "raised", "text", "muted", "faint", "line", "line-strong", "accent", "bad", "warn", "good", "sans", "mono"]) {
      named[name.replace("-s", "S")] = css(name);
    }
    known = {
      ...named,
      dark,
      series: [1, 2, 3, 4, 5, 6, 7].map((number) => css(`series-${number}`)),
      grey: css("series-8"),
      best: css("series-4"),
      ramp: dark
        ? ["#23272c", "#2d4354", "#3b6a8c", "#62a3d0", "#a9d6f5", "#f1f8fd"]
        : ["#f1efe9", "#cfdde6", "#93bcd8", "#4b8fc0", "#165f97", "#06304f"],
      lines: dark
        ? ["#4a4f57", "#46627a", "#4b89b4", "#86c4ee", "#e4f3fd"]
        : ["#c9c4b9", "#a6bccb", "#5f9cc6", "#1d6aa5", "#05294a"],
      signed: dark
        ? ["#f07f38", "#96562f", "#25282c", "#33678a", "#4ea6de"]
        : ["#c24a00", "#eba67a", "#f4f2ee", "#85b5d6", "#00629b"],
    };
    return known;
  }

  const parsed = new Map();

  /** The three parts of a colour written as #rrggbb. */
  function rgb(colour) {
    if (!parsed.has(colour)) {
      parsed.set(colour, [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16)));
    }
    return parsed.get(colour);
  }

  /** The colour at this place (0 to 1) along a ramp. */
  function along(ramp, place) {
    const at = Math.max(0, Math.min(1, place)) * (ramp.length - 1);
    const first = Math.min(ramp.length - 2, Math.floor(at));
    const [from, to] = [rgb(ramp[first]), rgb(ramp[first + 1])];
    return `rgb(${from.map((part, index) => Math.round(part + (to[index] - part) * (at - first))).join(",")})`;
  }

  /** Letters that can be read on this place of a ramp. */
  function inkOn(ramp, place, colours) {
    const parts = along(ramp, place).match(/\d+/g).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    const light = 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
    const dark = colours.dark ? "#131416" : "#1d1b18";
    return (light + 0.05) / 0.058 > 1.05 / (light + 0.05) ? dark : "#ffffff";
  }

  // -- words

  // Control characters become their pictures, so that they are seen and cannot act.
  const visible = (text) => String(text).replace(/[\u0000-\u0008\u000b-\u001f]/g, (one) => String.fromCharCode(0x2400 + one.charCodeAt(0)))
    .replace(/[\u202a-\u202e\u2066-\u2069]/g, "");

  /** One line of at most `width` characters; what is left out is from the middle, for names often differ at their ends. */
  function squeeze(text, width = 24) {
    const line = visible(String(text).slice(0, 2000)).replace(/\s+/g, " ").trim();
    if (line.length <= width) return line;
    const end = Math.floor((width - 1) / 2);
    return `${line.slice(0, width - 1 - end)}…${line.slice(-end)}`;
  }

  /** A value as Python would say it, short. */
  function spoken(value, width = 24) {
    if (value === null || value === undefined) return "None";
    if (typeof value === "boolean") return value ? "True" : "False";
    if (typeof value === "number") return window.skribe.number(value);
    return squeeze(typeof value === "string" ? value : JSON.stringify(value), width);
  }

  const percent = (share) => {
    if (share === null || !Number.isFinite(share)) return "–";
    const said = share * 100;
    return `${share === 0 || share === 1 || (said >= 1 && said <= 99) ? said.toFixed(0) : said.toFixed(1)}\u202f%`;
  };

  /** A tick of an axis: 0.001, 20, 1e6. */
  function tick(value) {
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (size >= 1e5 || size < 1e-3) return Number(value.toPrecision(4)).toExponential().replace("+", "");
    return String(Number(value.toPrecision(6)));
  }

  /** What to divide seconds by, and the unit they are in then. */
  function timeUnit(longest) {
    if (longest < 1e-3) return [1e-6, "µs"];
    if (longest < 1) return [1e-3, "ms"];
    if (longest < 300) return [1, "s"];
    return longest < 7200 ? [60, "min"] : [3600, "h"];
  }

  // -- pieces of options

  const still = window.matchMedia("(prefers-reduced-motion: reduce)");

  /** What all charts share. */
  function base(colours, words, points = 0) {
    return {
      animation: !still.matches && points <= 2000,
      animationDuration: 260,
      animationDurationUpdate: 200,
      textStyle: { fontFamily: colours.sans, color: colours.text, fontSize: 12 },
      aria: { enabled: true, label: { description: words.slice(0, 900) } },
      grid: { left: 6, right: 18, top: 14, bottom: 6, outerBoundsMode: "same", outerBoundsContain: "all" },
      tooltip: tip(colours),
    };
  }

  const tip = (colours, more = {}) => ({
    renderMode: "richText",
    confine: true,
    backgroundColor: colours.dark ? "#2a2e33" : "#ffffff",
    borderColor: colours.lineStrong,
    borderWidth: 1,
    padding: [7, 10],
    textStyle: { color: colours.text, fontSize: 12, fontFamily: colours.sans, lineHeight: 17 },
    ...more,
  });

  /** An axis in our style. */
  function axis(colours, more = {}) {
    const { axisLabel, splitLine, ...rest } = more;
    if (rest.name) rest.name = squeeze(rest.name, 44);
    return {
      type: "value",
      scale: true,
      nameLocation: "middle",
      nameGap: 24,
      nameTextStyle: { color: colours.muted, fontSize: 12, fontFamily: colours.sans },
      nameTruncate: { maxWidth: 320, ellipsis: "…" },
      axisLine: { show: true, lineStyle: { color: colours.lineStrong } },
      axisTick: { show: false },
      axisLabel: { color: colours.muted, fontSize: 11, hideOverlap: true, formatter: rest.type === "category" ? undefined : tick, ...axisLabel },
      splitLine: { show: rest.type !== "category", lineStyle: { color: colours.line, width: 1 }, ...splitLine },
      ...rest,
    };
  }

  const legend = (colours, more = {}) => ({
    type: "scroll",
    top: 3,
    left: 0,
    right: 0,
    itemWidth: 18,
    itemHeight: 9,
    itemGap: 14,
    icon: "roundRect",
    textStyle: { color: colours.muted, fontSize: 12, lineHeight: 18, padding: [1, 0] },
    inactiveColor: colours.lineStrong,
    pageIconColor: colours.muted,
    pageIconInactiveColor: colours.lineStrong,
    pageIconSize: 10,
    pageTextStyle: { color: colours.muted },
    ...more,
  });

  const DASHES = ["solid", [6, 3], [2, 2], [7, 2, 2, 2], [10, 3]];
  const MARKS = ["circle", "rect", "triangle", "diamond", "roundRect", "pin", "arrow"];
  /** The colour and the dashes of the line with this number: neighbours differ in both. */
  const lineStyle = (colours, number, width = 2) => ({
    color: colours.series[number % colours.series.length],
    type: DASHES[number % DASHES.length],
    width,
  });

  const STAR = "path://M0,-10L2.9,-3.1L10,-3.1L4.3,1.5L6.2,8.8L0,4.6L-6.2,8.8L-4.3,1.5L-10,-3.1L-2.9,-3.1Z";
  const star = (colours) => ({
    symbol: STAR, symbolSize: 17, itemStyle: { color: colours.best, borderColor: colours.surface, borderWidth: 1 }, z: 9,
  });

  // -- the figure

  const alive = new Set();
  const due = new WeakMap();
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const one = due.get(entry.target);
      if (!one) continue;
      one.visible = entry.isIntersecting;
      if (entry.isIntersecting) later(one);
    }
  }, { rootMargin: "250px" });

  const queue = new Set();

  /** Charts that come into view together are drawn one in each frame, so that scrolling goes on. */
  function later(one) {
    queue.add(one);
    if (queue.size > 1) return;
    const next = () => {
      const [first] = queue;
      if (!first) return;
      if (first.visible) first.wake();
      queue.delete(first);
      if (queue.size) requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  }

  const sizes = new ResizeObserver((entries) => {
    for (const entry of entries) due.get(entry.target)?.resized(entry.contentRect.width);
  });

  /** The canvas of a chart, made when it is scrolled into view, and redrawn when size, colours or content change. */
  class Canvas {
    constructor(holder, build) {
      this.holder = holder;
      this.build = build;
      this.chart = null;
      this.stale = true;
      this.visible = false;
      this.width = 0;
      this.handlers = [];
      due.set(holder, this);
      alive.add(this);
      seen.observe(holder);
      sizes.observe(holder);
    }

    wake() {
      if (!this.holder.isConnected || !this.holder.clientWidth) return;
      if (!this.chart) {
        this.chart = window.echarts.init(this.holder, null, { renderer: "canvas" });
        for (const [event, handler] of this.handlers) this.chart.on(event, handler);
      }
      if (this.stale) this.paint();
    }

    paint() {
      this.stale = false;
      this.width = this.holder.clientWidth;
      this.chart.setOption(this.build(theme(), this.width), { notMerge: true, lazyUpdate: false });
    }

    /** Draw anew: now if it is seen, or when it will be. */
    redraw() {
      this.stale = true;
      if (this.visible) this.wake();
    }

    resized(width) {
      if (!this.chart || Math.abs(width - this.width) < 1) {
        if (this.visible) this.wake();
        return;
      }
      clearTimeout(this.timer);
      this.timer = setTimeout(() => {
        if (!this.chart) return;
        this.chart.resize();
        this.paint();
      }, 80);
    }

    on(event, handler) {
      this.handlers.push([event, handler]);
      if (this.chart) this.chart.on(event, handler);
    }

    dispose() {
      clearTimeout(this.timer);
      seen.unobserve(this.holder);
      sizes.unobserve(this.holder);
      alive.delete(this);
      if (this.chart) this.chart.dispose();
      this.chart = null;
    }
  }

  new MutationObserver(() => {
    for (const one of alive) if (!one.holder.isConnected) one.dispose();
  }).observe(document.documentElement, { childList: true, subtree: true });

  window.skribe.onTheme(() => {
    known = null;
    for (const one of alive) one.redraw();
  });

  // On paper everything is in view.
  window.addEventListener("beforeprint", () => alive.forEach((one) => one.wake()));

  let figures = 0;

  /**
   * Put a picture into `host`. `title` is its heading, `level` that of the heading, `file` the name of what is saved.
   * Gives {redraw, canvas, state, set}.
   */
  function figure(host, picture, { title = "", level = 3, file = "", note = "", shape = "" } = {}) {
    const id = `figure-${++figures}`;
    const state = {};
    for (const choice of picture.choices || []) state[choice.key] = choice.value;
    const holder = el("div", { class: "chart", role: "img", "aria-label": picture.words.slice(0, 300), tabindex: "-1" });
    holder.style.height = `${picture.height || 300}px`;
    const canvas = new Canvas(holder, (colours, width) => picture.option(colours, state, width));
    const set = (key, value) => {
      state[key] = value;
      if (picture.heightOf) holder.style.height = `${picture.heightOf(state)}px`;
      canvas.redraw();
    };
    const heading = title ? el(`h${level}`, { id }, el("bdi", { text: squeeze(title, 90) })) : null;
    const tools = (picture.choices || []).map((choice) => chooser(choice, set));
    const head = heading || tools.length ? el("div", { class: "figure-head" }, heading, el("div", { class: "figure-tools" }, tools)) : null;
    const words = el("figcaption", { class: "figure-words", text: note ? `${picture.words} ${note}` : picture.words });
    const made = el("figure", { class: `figure ${shape}`.trim(), "aria-labelledby": heading ? id : null }, head, holder, words);
    const numbers = picture.table ? numbersOf(picture, state, canvas, file || title) : null;
    made.append(...(numbers ? [numbers] : []));
    host.append(made);
    if (picture.onClick) canvas.on("click", (event) => picture.onClick(event, state));
    return { canvas, state, set, element: made, redraw: () => canvas.redraw() };
  }

  /** Buttons for two to four choices, a list for more. */
  function chooser(choice, set) {
    if (choice.values.length < 2) return null;
    if (choice.values.length <= 4 && !choice.list) {
      const group = el("div", { class: "segments", role: "group", "aria-label": choice.label });
      for (const [value, text] of choice.values) {
        const button = el("button", { type: "button", text, "aria-pressed": String(value === choice.value) });
        button.addEventListener("click", () => {
          for (const other of group.children) other.setAttribute("aria-pressed", String(other === button));
          set(choice.key, value);
        });
        group.append(button);
      }
      return group;
    }
    const list = el("select", { class: "select", "aria-label": choice.label });
    choice.values.forEach(([value, text], index) => list.append(el("option", { value: index, text: squeeze(text, 60), selected: value === choice.value })));
    list.addEventListener("change", () => set(choice.key, choice.values[Number(list.value)][0]));
    return list;
  }

  const ROWS = 300;

  /** The numbers behind a picture, made when they are asked for. */
  function numbersOf(picture, state, canvas, name) {
    const inside = el("div", { class: "numbers-table" });
    const fill = () => inside.replaceChildren(tableOf(picture.table(state), picture.words));
    const save = el("div", { class: "numbers-save" },
      el("button", { type: "button", class: "button quiet small", text: "CSV", "aria-label": `Save the numbers as CSV`, onclick: () => saveCsv(picture.table(state), name) }),
      el("button", { type: "button", class: "button quiet small", text: "PNG", "aria-label": `Save the picture as PNG`, onclick: () => savePng(canvas, name) }));
    const details = el("details", { class: "numbers" }, el("summary", { text: "Numbers" }), inside);
    details.addEventListener("toggle", () => details.open && fill());
    return el("div", { class: "numbers-row" }, details, save);
  }

  function tableOf({ columns, rows }, caption) {
    const body = el("tbody");
    for (const row of rows.slice(0, ROWS)) {
      body.append(el("tr", {}, row.map((cell, place) => el(place ? "td" : "th", {
        scope: place ? null : "row", class: typeof cell === "number" ? "num" : null,
      }, el("bdi", { text: cell === null || cell === undefined ? "–" : typeof cell === "number" ? window.skribe.number(cell) : squeeze(cell, 80) })))));
    }
    const head = el("tr", {}, columns.map((column) => el("th", { scope: "col", text: squeeze(column, 40) })));
    const table = el("table", { class: "table table-small" }, el("caption", { class: "visually-hidden", text: caption }), el("thead", {}, head), body);
    const more = rows.length > ROWS ? el("p", { class: "muted small", text: `The first ${ROWS} of ${rows.length} rows; the CSV has all of them.` }) : null;
    return el("div", {}, el("div", { class: "table-frame", tabindex: "0", role: "group", "aria-label": "Numbers" }, table), more);
  }

  // -- saving

  const fileName = (name, ending) => `${squeeze(name, 60).replace(/[^\p{L}\p{N}._-]+/gu, "_").replace(/^[._]+|_+$/g, "") || "skribe"}.${ending}`;

  function save(blob, name) {
    const link = el("a", { href: URL.createObjectURL(blob), download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  /** A cell of a CSV file. What a spreadsheet would run as a formula is made plain text. */
  function csvCell(value) {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return String(value);
    const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }

  function saveCsv({ columns, rows }, name) {
    const lines = [columns, ...rows].map((row) => row.map(csvCell).join(","));
    save(new Blob([`\ufeff${lines.join("\r\n")}\r\n`], { type: "text/csv" }), fileName(name, "csv"));
  }

  async function savePng(canvas, name) {
    canvas.wake();
    if (!canvas.chart) return;
    const drawn = canvas.chart.renderToCanvas({ pixelRatio: 2, backgroundColor: theme().surface });
    drawn.toBlob((blob) => blob && save(blob, fileName(name, "png")));
  }

  /** A chart from any option, without choices: `chart(element, option | (theme) => option, {label})`. */
  function chart(host, option, { label = "", height = 300, title = "", table = null } = {}) {
    const given = typeof option === "function" ? option : () => option;
    const picture = { height, words: label, table, option: (colours) => ({ ...base(colours, label), ...given(colours) }) };
    return figure(host, picture, { title });
  }

  /** What is drawn where there is nothing to draw. */
  function nothing(words) {
    return el("p", { class: "nothing figure-nothing", text: words });
  }

  // What the pictures are called, in the order in which they are shown.
  const titles = {
    confusion_matrix: "Confusion matrix", class_report: "Report per class", roc: "ROC curve", precision_recall: "Precision and recall", calibration: "Calibration",
    predicted_vs_actual: "Predicted against actual", residuals: "Residuals", qq: "Normal Q–Q of the residuals", feature_importance: "What the features weigh",
    explained_variance: "Explained variance", cluster_sizes: "Cluster sizes", silhouette: "Silhouette", history: "Iteration by iteration",
  };
  const order = Object.keys(titles);

  window.skribe.chart = chart;
  window.skribe.figure = figure;
  window.skribe.charts = {
    theme, along, inkOn, squeeze, spoken, visible, percent, tick, timeUnit, base, tip, axis, legend, lineStyle, star,
    chooser, nothing, titles, orderOf: (name) => order.indexOf(name), DASHES, MARKS, kinds: {}, compared: {},
  };
})();
