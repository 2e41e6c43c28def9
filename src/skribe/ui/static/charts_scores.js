// Pictures of labels and of scores: confusion matrix, report per class, ROC, precision and recall, calibration.
// The same of several runs: curves over each other, matrices side by side and their difference.
(() => {
  "use strict";
  const { charts } = window.skribe;
  const { along, axis, base, inkOn, legend, lineStyle, percent, spoken, squeeze, tip } = charts;
  const { number } = window.skribe;

  const counted = (count) => (Number.isInteger(count) && Math.abs(count) < 1e6 ? String(count) : Number(count.toPrecision(3)).toString());
  const sum = (list) => list.reduce((total, one) => total + one, 0);
  const square = (count) => Math.max(270, Math.min(560, 100 + count * (count <= 12 ? 46 : 26)));

  // -- the confusion matrix

  /** Rows are what was true; `shares` are of each row. */
  function matrixOf(labels, counts) {
    const totals = counts.map(sum);
    const taken = labels.map((_, column) => sum(counts.map((row) => row[column])));
    const shares = counts.map((row, place) => row.map((count) => (totals[place] ? count / totals[place] : 0)));
    return { labels, names: labels.map((label) => squeeze(spoken(label, 60), 18)), counts, totals, taken, shares };
  }

  function cellWords(matrix, row, column) {
    const count = matrix.counts[row][column];
    const right = row === column ? "right" : `taken for ${matrix.names[column]}`;
    const lines = [`true ${matrix.names[row]}, ${right}`, `${counted(count)} of ${counted(matrix.totals[row])} rows: ${percent(matrix.shares[row][column])}`];
    if (matrix.taken[column]) lines.push(`${percent(count / matrix.taken[column])} of what was predicted as ${matrix.names[column]}`);
    return lines.join("\n");
  }

  /** Names along both sides, and no lines that a cell could be mistaken for. */
  function grid(colours, names, width, more = {}) {
    const room = Math.max(2, Math.floor(width / 34));
    const every = Math.ceil(names.length / room) - 1;
    const slant = sum(names.map((name) => name.length * 6.5)) > width * 0.75 && names.length > 2 ? 38 : 0;
    const shared = { type: "category", data: names, splitLine: { show: false }, axisLine: { show: false } };
    return {
      grid: { left: 6, right: 10, top: 8, bottom: 6, outerBoundsMode: "same", outerBoundsContain: "all" },
      xAxis: axis(colours, { ...shared, name: "predicted", axisLabel: { interval: names.length > 30 ? every : 0, rotate: slant } }),
      yAxis: axis(colours, { ...shared, name: "true", inverse: true, axisLabel: { interval: names.length > 30 ? every : 0 } }),
      ...more,
    };
  }

  const cells = (rows, make) => rows.flatMap((row, y) => row.map((_, x) => make(x, y)));

  function matrixOption(colours, matrix, words, show, width) {
    const size = matrix.names.length;
    const most = show === "counts" ? Math.max(1, ...matrix.counts.flat()) : 1;
    const shown = show === "counts" ? matrix.counts : matrix.shares;
    const written = size <= 30 && width / size > 26;
    const data = cells(shown, (x, y) => {
      const place = shown[y][x] / most;
      const silent = !matrix.counts[y][x] && size > 6;
      return {
        value: [x, y, shown[y][x]],
        itemStyle: { color: along(colours.ramp, place) },
        label: { show: written && !silent, color: inkOn(colours.ramp, place, colours), formatter: show === "counts" ? counted(matrix.counts[y][x]) : percent(matrix.shares[y][x]).replace("\u202f", size > 8 ? "" : "\u202f") },
      };
    });
    return {
      ...base(colours, words, Infinity),
      ...grid(colours, matrix.names, width),
      tooltip: tip(colours, { formatter: (one) => cellWords(matrix, one.value[1], one.value[0]) }),
      series: [{
        type: "heatmap", data, label: { fontSize: size > 14 ? 9.5 : size > 8 ? 11 : 13 }, progressive: 0,
        itemStyle: { borderColor: colours.surface, borderWidth: size > 30 ? 0 : 2, borderRadius: size > 14 ? 0 : 2 },
        emphasis: { itemStyle: { borderColor: colours.text, borderWidth: 1.5 } },
      }],
    };
  }

  const SHOW = { key: "show", label: "What the cells show", values: [["shares", "share"], ["counts", "count"]], value: "shares" };

  charts.kinds.confusion_matrix = (view) => {
    if (!view.labels?.length) return null;
    const matrix = matrixOf(view.labels, view.counts);
    const right = sum(matrix.counts.map((row, place) => row[place])) / Math.max(1, sum(matrix.totals));
    const worst = worstOf(matrix);
    const words = `How often which class was taken for which, as a share of the true class: ${percent(right)} of all rows are right${worst ? `; most often mistaken: ${worst}` : ""}.`;
    return {
      height: square(matrix.names.length), words, choices: [SHOW],
      option: (colours, state, width) => matrixOption(colours, matrix, words, state.show, width),
      table: () => ({
        columns: ["true", ...matrix.labels.map((label) => `predicted ${label}`)],
        rows: matrix.labels.map((label, place) => [label, ...matrix.counts[place]].map((cell, at) => (at ? cell : String(cell)))),
      }),
    };
  };

  /** The largest mistake, in words. */
  function worstOf(matrix) {
    let [most, said] = [0, ""];
    matrix.counts.forEach((row, y) => row.forEach((count, x) => {
      if (x !== y && count > most) [most, said] = [count, `${matrix.names[y]} for ${matrix.names[x]} (${counted(count)})`];
    }));
    return said;
  }

  /** The matrix over all classes that any of the runs knows. */
  function aligned(view, labels) {
    const places = new Map(view.labels.map((label, place) => [label, place]));
    return labels.map((row) => labels.map((column) => (places.has(row) && places.has(column) ? view.counts[places.get(row)][places.get(column)] : 0)));
  }

  /** Of several runs: each matrix, and what `second` has more or less than `first`. */
  charts.compared.confusion_matrix = (entries) => {
    const labels = [...new Set(entries.flatMap((one) => one.view.labels))];
    const matrices = entries.map((one) => matrixOf(labels, aligned(one.view, labels)));
    const singles = entries.map((one, place) => ({ title: one.name, picture: charts.kinds.confusion_matrix({ labels, counts: matrices[place].counts }) }));
    return { singles, difference: differenceOf(entries, matrices, labels) };
  };

  function differenceOf(entries, matrices, labels) {
    const names = matrices[0].names;
    const words = "The difference in percentage points of the true class: blue where the second run has more, orange where it has less. Blue on the diagonal and orange beside it is an improvement.";
    const change = (state) => matrices[state.second].shares.map((row, y) => row.map((share, x) => 100 * (share - matrices[state.first].shares[y][x])));
    const pick = (key, label, value) => ({ key, label, value, list: true, values: entries.map((one, place) => [place, `${label} ${squeeze(one.name, 28)}`]) });
    return {
      height: square(names.length), words,
      choices: [pick("second", "from", 1), pick("first", "minus", 0)],
      option: (colours, state, width) => {
        const rows = change(state);
        const limit = Math.max(1e-9, ...rows.flat().map(Math.abs));
        const data = cells(rows, (x, y) => {
          const place = (rows[y][x] / limit + 1) / 2;
          const said = `${rows[y][x] > 0 ? "+" : ""}${rows[y][x].toFixed(1)}`;
          return {
            value: [x, y, rows[y][x]], itemStyle: { color: along(colours.signed, place) },
            label: { show: names.length <= 30 && width / names.length > 26 && (Math.abs(rows[y][x]) >= 0.05 || names.length <= 6), color: inkOn(colours.signed, place, colours), formatter: said },
          };
        });
        return {
          ...base(colours, words, Infinity),
          ...grid(colours, names, width),
          tooltip: tip(colours, { formatter: ({ value: [x, y, points] }) => `true ${names[y]}, predicted ${names[x]}\n${percent(matrices[state.first].shares[y][x])} → ${percent(matrices[state.second].shares[y][x])}  (${points > 0 ? "+" : ""}${points.toFixed(2)} points)` }),
          series: [{ type: "heatmap", data, label: { fontSize: names.length > 8 ? 10.5 : 12.5 }, progressive: 0, itemStyle: { borderColor: colours.surface, borderWidth: 2, borderRadius: 2 } }],
        };
      },
      table: (state) => ({ columns: ["true", ...labels.map((label) => `predicted ${label}`)], rows: change(state).map((row, place) => [String(labels[place]), ...row]) }),
    };
  }

  // -- the report per class

  const COLUMNS = [["precision", "precision"], ["recall", "recall"], ["f1", "F1"]];

  charts.kinds.class_report = (view) => {
    if (!view.labels?.length) return null;
    const averages = Object.entries(view.averages || {});
    const names = [...view.labels.map((label) => squeeze(spoken(label, 60), 20)), ...averages.map(([name]) => `${name} average`)];
    const rows = [...view.labels.map((_, place) => COLUMNS.map(([key]) => view[key][place])), ...averages.map(([, average]) => COLUMNS.map(([key]) => average[key]))];
    const total = sum(view.support);
    const support = names.map((_, place) => counted(place < view.labels.length ? view.support[place] : total));
    const words = `Precision, recall and F1 of each class, with its number of rows on the right${"accuracy" in view ? `; accuracy ${number(view.accuracy)}` : ""}.`;
    return {
      height: Math.max(150, Math.min(900, 66 + names.length * 27)), words,
      option: (colours) => {
        const data = cells(rows, (x, y) => ({
          value: [x, y, rows[y][x]], itemStyle: { color: along(colours.ramp, rows[y][x] ?? 0) },
          label: { color: inkOn(colours.ramp, rows[y][x] ?? 0, colours), formatter: rows[y][x] === null ? "–" : rows[y][x].toFixed(3) },
        }));
        const side = { type: "category", inverse: true, splitLine: { show: false }, axisLine: { show: false } };
        return {
          ...base(colours, words, Infinity),
          xAxis: axis(colours, { type: "category", position: "top", data: COLUMNS.map(([, name]) => name), splitLine: { show: false }, axisLine: { show: false } }),
          yAxis: [axis(colours, { ...side, data: names }), axis(colours, { ...side, data: support, position: "right", axisLabel: { align: "right", margin: 44 } })],
          tooltip: tip(colours, { formatter: ({ value: [x, y] }) => `${COLUMNS[x][1]} of ${names[y]}: ${number(rows[y][x])}\n${support[y]} rows` }),
          series: [{ type: "heatmap", data, label: { show: names.length <= 40, fontSize: 12 }, progressive: 0, itemStyle: { borderColor: colours.surface, borderWidth: 2, borderRadius: 2 } }],
        };
      },
      table: () => ({ columns: ["class", ...COLUMNS.map(([, name]) => name), "rows"], rows: rows.map((row, place) => [names[place], ...row, Number(support[place])]) }),
    };
  };

  charts.compared.class_report = (entries) => {
    const rows = entries.map((one) => new Map([
      ...one.view.labels.map((label, place) => [String(label), COLUMNS.map(([key]) => one.view[key][place])]),
      ...Object.entries(one.view.averages || {}).map(([name, average]) => [`${name} average`, COLUMNS.map(([key]) => average[key])]),
    ]));
    const names = [...new Set(rows.flatMap((row) => [...row.keys()]))].slice(0, 40);
    const words = "The scores of each class and of their averages, a bar for each run.";
    return charts.bars(entries, names, (run, name, state) => rows[run].get(name)?.[state.score] ?? null, words, {
      choices: [{ key: "score", label: "Score", values: COLUMNS.map(([, name], place) => [place, name]), value: 2 }],
      value: (state) => COLUMNS[state.score][1], limits: { max: 1 },
    });
  };

  // -- curves of scores

  const KINDS = {
    roc: {
      x: "fpr", y: "tpr", score: "auc", short: "AUC", xName: "false positive rate", yName: "true positive rate", average: "macro",
      words: "How many of the positives are found at the price of how many false alarms; the dotted line is guessing",
    },
    precision_recall: {
      x: "recall", y: "precision", score: "average_precision", short: "AP", xName: "recall", yName: "precision", average: "micro",
      words: "How many of the positives are found, and how many of the found are positive",
    },
  };

  const nameOf = (curve) => ("average" in curve ? `${curve.average} average` : squeeze(spoken(curve.class, 60), 24));

  /** Lines of one kind: [{name, curve, style}]. */
  function curvesOption(colours, kind, lines, words) {
    const many = lines.length > 1;
    const series = lines.map(({ name, curve, style }) => ({
      type: "line", name, showSymbol: false, symbolSize: 7, triggerLineEvent: true, connectNulls: true,
      data: curve[kind.x].map((x, place) => [x, curve[kind.y][place]]),
      lineStyle: style(colours), itemStyle: { color: style(colours).color }, emphasis: { focus: many ? "series" : "none", lineStyle: { width: 3 } },
      z: "average" in curve ? 5 : 3,
    }));
    const guess = { type: "line", silent: true, symbol: "none", tooltip: { show: false }, lineStyle: { color: colours.grey, type: [2, 3], width: 1 }, z: 1, animation: false };
    if (kind === KINDS.roc) series.push({ ...guess, data: [[0, 0], [1, 1]] });
    const shares = new Set(lines.map(({ curve }) => curve.share));
    if (kind === KINDS.precision_recall && shares.size === 1) series.push({ ...guess, data: [[0, [...shares][0]], [1, [...shares][0]]] });
    const limits = { min: 0, max: 1, interval: 0.25, scale: false };
    return {
      ...base(colours, words, sum(lines.map(({ curve }) => curve[kind.x].length))),
      grid: { left: 6, right: 18, top: many ? 34 : 12, bottom: 6, outerBoundsMode: "same", outerBoundsContain: "all" },
      legend: many ? legend(colours, { data: lines.map(({ name }) => name), formatter: (name) => squeeze(name, 34) }) : { show: false },
      xAxis: axis(colours, { ...limits, name: kind.xName, axisPointer: { lineStyle: { color: colours.lineStrong } } }),
      yAxis: axis(colours, { ...limits, name: kind.yName }),
      tooltip: tip(colours, { trigger: "axis", axisPointer: { type: "line", snap: true }, formatter: (points) => curveWords(kind, lines, points) }),
      series,
    };
  }

  function curveWords(kind, lines, points) {
    const said = [];
    for (const point of points.slice(0, 9)) {
      const line = lines[point.seriesIndex];
      if (!line) continue;
      const threshold = line.curve.thresholds?.[point.dataIndex];
      const name = lines.length > 1 ? `${squeeze(line.name, 30)}\n   ` : "";
      const at = threshold === undefined || threshold === null ? "" : `  at threshold ${number(threshold)}`;
      said.push(`${name}${kind.yName} ${number(point.value[1])} · ${kind.xName} ${number(point.value[0])}${at}`);
    }
    return said.join("\n");
  }

  function curvesTable(kind, lines) {
    return {
      columns: ["curve", kind.xName, kind.yName, "threshold"],
      rows: lines.flatMap(({ name, curve }) => curve[kind.x].map((x, place) => [name, x, curve[kind.y][place], curve.thresholds?.[place] ?? null])),
    };
  }

  function curves(kind, view) {
    if (!view.curves?.length) return null;
    const averages = view.curves.filter((curve) => "average" in curve);
    const classes = view.curves.filter((curve) => !("average" in curve));
    const said = (curve) => `${nameOf(curve)}  ${kind.short} ${curve[kind.score].toFixed(3)}`;
    const lines = [
      ...averages.map((curve, place) => ({ name: said(curve), curve, style: (colours) => ({ color: colours.text, type: place ? [6, 3] : "solid", width: 2.6 }) })),
      ...classes.map((curve, place) => ({ name: said(curve), curve, style: (colours) => lineStyle(colours, place, classes.length < 6 ? 2 : 1.4) })),
    ];
    const words = `${kind.words}. ${kind.short} ${lines.length === 1 ? number(view.curves[0][kind.score]) : lines.slice(0, 3).map((line) => line.name.replace("  ", ": ")).join("; ")}.`;
    return { height: 320, words, option: (colours) => curvesOption(colours, kind, lines, words), table: () => curvesTable(kind, lines) };
  }

  charts.kinds.roc = (view) => curves(KINDS.roc, view);
  charts.kinds.precision_recall = (view) => curves(KINDS.precision_recall, view);

  /** Which curves the runs have, the average first, as a choice. */
  function curveChoice(entries, average) {
    const names = [...new Set(entries.flatMap((one) => one.view.curves.map(nameOf)))];
    if (names.length === 1 || entries.every((one) => one.view.curves.length === 1)) return null;
    const preferred = [`${average} average`, "macro average", "micro average"].find((name) => names.includes(name)) ?? names[0];
    names.sort((left, right) => (right === preferred) - (left === preferred));
    return { key: "curve", label: "Which curve", list: true, value: preferred, values: names.map((name) => [name, name]) };
  }

  const chosen = (one, name) => (name === undefined ? one.view.curves[0] : one.view.curves.find((curve) => nameOf(curve) === name));

  function comparedCurves(kind, entries) {
    const choice = curveChoice(entries, kind.average);
    const linesOf = (state) => entries.flatMap((one, place) => {
      const curve = chosen(one, state.curve);
      return curve ? [{ name: `${one.name}  ${kind.short} ${curve[kind.score].toFixed(3)}`, curve, style: (colours) => lineStyle(colours, place) }] : [];
    });
    const words = `${kind.words}, a line for each run.`;
    return { height: 360, words, choices: choice ? [choice] : [], option: (colours, state) => curvesOption(colours, kind, linesOf(state), words), table: (state) => curvesTable(kind, linesOf(state)) };
  }

  charts.compared.roc = (entries) => comparedCurves(KINDS.roc, entries);
  charts.compared.precision_recall = (entries) => comparedCurves(KINDS.precision_recall, entries);

  // -- calibration

  function calibrationOption(colours, lines, words) {
    const many = lines.length > 1;
    const series = lines.map(({ name, curve }, number_) => ({
      type: "line", name, xAxisIndex: 0, yAxisIndex: 0, symbol: charts.MARKS[number_ % charts.MARKS.length], symbolSize: 8, connectNulls: true,
      data: curve.predicted.map((x, place) => [x, curve.observed[place], curve.counts[place]]).filter(([x]) => x !== null),
      lineStyle: lineStyle(colours, number_), itemStyle: { color: colours.series[number_ % 7] }, emphasis: { focus: many ? "series" : "none" },
    }));
    series.push({ type: "line", silent: true, symbol: "none", animation: false, tooltip: { show: false }, data: [[0, 0], [1, 1]], lineStyle: { color: colours.grey, type: [2, 3], width: 1 } });
    lines.forEach(({ name, curve }, number_) => {
      const width = 1 / curve.counts.length;
      // Bars of the chart library would widen their axis, and no longer stand below the curve.
      series.push({
        type: "custom", name, xAxisIndex: 1, yAxisIndex: 1, encode: { x: 0, y: 1 }, clip: true,
        data: curve.counts.map((count, place) => [(place + 0.5) * width, count]), itemStyle: { color: colours.series[number_ % 7] },
        renderItem: (_, api) => {
          const [share, x] = [(0.88 * width) / lines.length, api.value(0) + (number_ / lines.length - 0.5) * 0.88 * width];
          const [[left, top], [right, foot]] = [api.coord([x, api.value(1)]), api.coord([x + share, 0])];
          return { type: "rect", shape: { x: left, y: top, width: Math.max(1, right - left - (lines.length > 1 ? 0.5 : 0)), height: foot - top }, style: { fill: colours.series[number_ % 7], opacity: 0.6 } };
        },
      });
    });
    const limits = { min: 0, max: 1, interval: 0.25, scale: false };
    const bounds = { outerBoundsMode: "none" };
    return {
      ...base(colours, words),
      legend: many ? legend(colours, { data: lines.map(({ name }) => name), formatter: (name) => squeeze(name, 28) }) : { show: false },
      grid: [{ left: 62, right: 18, top: many ? 36 : 12, bottom: 132, ...bounds }, { left: 62, right: 18, height: 62, bottom: 46, ...bounds }],
      xAxis: [axis(colours, { ...limits, gridIndex: 0, axisLabel: { show: false } }), axis(colours, { ...limits, gridIndex: 1, name: "predicted probability", nameGap: 26, splitLine: { show: false } })],
      yAxis: [axis(colours, { ...limits, gridIndex: 0, name: "share of positives", nameGap: 42 }), axis(colours, { gridIndex: 1, scale: false, name: "rows", nameGap: 42, splitNumber: 2 })],
      tooltip: tip(colours, { formatter: (one) => (one.seriesType === "custom" ? `${squeeze(one.seriesName, 30)}\n${counted(one.value[1])} rows about ${number(one.value[0])}` : `${squeeze(one.seriesName, 30)}\nsaid ${percent(one.value[0])}, came true ${percent(one.value[1])}\n${counted(one.value[2])} rows`) }),
      series,
    };
  }

  function calibrationPicture(linesOf, words, choices = []) {
    return {
      height: 390, words, choices,
      option: (colours, state) => calibrationOption(colours, linesOf(state), words),
      table: (state) => ({
        columns: ["curve", "predicted", "observed", "rows"],
        rows: linesOf(state).flatMap(({ name, curve }) => curve.predicted.map((x, place) => [name, x, curve.observed[place], curve.counts[place]])),
      }),
    };
  }

  charts.kinds.calibration = (view) => {
    if (!view.curves?.length) return null;
    const lines = view.curves.map((curve) => ({ name: nameOf(curve), curve }));
    return calibrationPicture(() => lines, "What came true of what was said, and below it how often which probability was said; on the dotted line the probabilities can be taken at their word.");
  };

  charts.compared.calibration = (entries) => {
    const choice = curveChoice(entries, "");
    const linesOf = (state) => entries.flatMap((one) => {
      const curve = chosen(one, state.curve);
      return curve ? [{ name: one.name, curve }] : [];
    });
    return calibrationPicture(linesOf, "What came true of what was said, a line for each run; on the dotted line the probabilities can be taken at their word.", choice ? [choice] : []);
  };
})();
