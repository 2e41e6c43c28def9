// Pictures of numbers, clusters, components, weights and of how a training went; and the same of several runs.
(() => {
  "use strict";
  const { charts } = window.skribe;
  const { along, axis, base, inkOn, legend, lineStyle, percent, spoken, squeeze, tick, tip } = charts;
  const { number } = window.skribe;

  const BOUNDS = { outerBoundsMode: "same", outerBoundsContain: "all" };
  const extent = (values) => values.reduce(([low, high], value) => (value === null ? [low, high] : [Math.min(low, value), Math.max(high, value)]), [Infinity, -Infinity]);

  /** The outputs of a view as a choice, if there are several. */
  const outputChoice = (view) => (view.outputs.length < 2 ? [] : [{
    key: "output", label: "Output", list: view.outputs.length > 3, value: 0, values: view.outputs.map((one, place) => [place, `output ${one.output}`]),
  }]);
  const outputOf = (view, state) => view.outputs[state.output ?? 0];
  const pairs = (left, right) => left.map((x, place) => [x, right[place]]);

  /** Dots: small and pale where they are many. */
  const dots = (colours, data, more = {}) => ({
    type: "scatter", data, symbolSize: data.length > 1500 ? 4 : data.length > 250 ? 5.5 : 8, large: data.length > 5000,
    itemStyle: { color: colours.series[0], opacity: data.length > 250 ? 0.5 : 0.75, borderColor: colours.surface, borderWidth: data.length > 250 ? 0 : 0.6 },
    ...more,
  });
  const rule = (colours, data, more = {}) => ({
    type: "line", data, symbol: "none", silent: true, animation: false, tooltip: { show: false }, lineStyle: { color: colours.muted, width: 1.2, type: [5, 3] }, z: 5, ...more,
  });

  // -- regression

  charts.kinds.residuals = (view) => {
    if (!view.outputs?.length) return null;
    const words = "What the predictions missed, along what was predicted, and on the right how it is distributed. A good model leaves a level band without a shape.";
    return {
      height: 320, words, choices: outputChoice(view),
      option: (colours, state) => {
        const one = outputOf(view, state);
        const shape = one.histogram.counts.length > 1;
        const [low, high] = extent(one.residual);
        const pad = 0.05 * (high - low) || 1;
        const sides = { min: nice(low - pad, high - low), max: nice(high + pad, high - low), axisLabel: { showMinLabel: false, showMaxLabel: false } };
        const bars = one.histogram.counts.map((count, place) => [one.histogram.edges[place], one.histogram.edges[place + 1], count]);
        return {
          ...base(colours, words, one.residual.length),
          grid: [{ left: 66, right: shape ? "24%" : 18, top: 12, bottom: 46, outerBoundsMode: "none" }, { left: "79%", right: 14, top: 12, bottom: 46, outerBoundsMode: "none" }],
          xAxis: [axis(colours, { gridIndex: 0, name: "predicted", nameGap: 26 }), axis(colours, { gridIndex: 1, name: "rows", nameGap: 26, show: shape, scale: false, splitNumber: 2, splitLine: { show: false } })],
          yAxis: [axis(colours, { gridIndex: 0, name: "residual (true − predicted)", nameGap: 50, ...sides }), axis(colours, { gridIndex: 1, ...sides, axisLabel: { show: false }, splitLine: { show: false } })],
          tooltip: tip(colours, { formatter: (event) => (event.seriesIndex === 1 ? `${number(event.value[0])} to ${number(event.value[1])}: ${number(event.value[2])} rows` : `predicted ${number(event.value[0])}\ntrue ${number(event.value[0] + event.value[1])}\nresidual ${number(event.value[1])}`) }),
          series: [
            dots(colours, pairs(one.predicted, one.residual), { markLine: { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: colours.text, type: "solid", width: 1 }, data: [{ yAxis: 0 }] } }),
            { type: "custom", xAxisIndex: 1, yAxisIndex: 1, data: shape ? bars : [], encode: { x: 2, y: [0, 1] }, renderItem: (_, api) => boxOf(api, [0, api.value(0)], [api.value(2), api.value(1)], colours.series[0]) },
          ],
        };
      },
      table: (state) => ({ columns: ["predicted", "residual"], rows: pairs(outputOf(view, state).predicted, outputOf(view, state).residual) }),
    };
  };

  /** A limit with about two digits of the span. */
  const nice = (value, span) => (span > 0 ? Number(value.toFixed(Math.max(0, Math.min(12, 1 - Math.floor(Math.log10(span)))))) : value);

  function boxOf(api, from, to, fill, gap = 0.5) {
    const [[left, bottom], [right, top]] = [api.coord(from), api.coord(to)];
    const height = Math.max(0.5, Math.abs(bottom - top) - gap);
    return { type: "rect", shape: { x: Math.min(left, right), y: Math.min(top, bottom), width: Math.abs(right - left), height }, style: { fill, opacity: 0.65 } };
  }

  charts.kinds.predicted_vs_actual = (view) => {
    if (!view.outputs?.length) return null;
    const words = "What was predicted against what was true; on the dashed line they are equal.";
    return {
      height: 360, words, choices: outputChoice(view),
      option: (colours, state) => {
        const one = outputOf(view, state);
        const [low, high] = extent([...one.actual, ...one.predicted]);
        const pad = 0.04 * (high - low) || 0.5;
        const sides = { min: nice(low - pad, high - low), max: nice(high + pad, high - low), axisLabel: { showMinLabel: false, showMaxLabel: false } };
        return {
          ...base(colours, words, one.actual.length),
          xAxis: axis(colours, { name: "actual", ...sides }),
          yAxis: axis(colours, { name: "predicted", ...sides }),
          tooltip: tip(colours, { formatter: (event) => `actual ${number(event.value[0])}\npredicted ${number(event.value[1])}\nmissed by ${number(event.value[0] - event.value[1])}` }),
          series: [dots(colours, pairs(one.actual, one.predicted)), rule(colours, [[sides.min, sides.min], [sides.max, sides.max]])],
        };
      },
      table: (state) => ({ columns: ["actual", "predicted"], rows: pairs(outputOf(view, state).actual, outputOf(view, state).predicted) }),
    };
  };

  charts.kinds.qq = (view) => {
    if (!view.outputs?.length) return null;
    const words = "The residuals against those of a normal distribution: on the line they would be normal.";
    return {
      height: 320, words, choices: outputChoice(view),
      option: (colours, state) => {
        const one = outputOf(view, state);
        const [low, high] = extent(one.theoretical);
        const at = (x) => [x, one.line.intercept + one.line.slope * x];
        return {
          ...base(colours, words, one.theoretical.length),
          xAxis: axis(colours, { name: "normal quantile" }),
          yAxis: axis(colours, { name: "residual" }),
          tooltip: tip(colours, { formatter: (event) => `residual ${number(event.value[1])}\nexpected ${number(at(event.value[0])[1])}` }),
          series: [dots(colours, pairs(one.theoretical, one.residual)), rule(colours, [at(low), at(high)], { lineStyle: { color: colours.best, width: 1.6, type: "solid" } })],
        };
      },
      table: (state) => ({ columns: ["normal quantile", "residual"], rows: pairs(outputOf(view, state).theoretical, outputOf(view, state).residual) }),
    };
  };

  /** The same cloud of several runs: one after the other, chosen by name. */
  for (const name of ["residuals", "predicted_vs_actual", "qq", "silhouette", "cluster_sizes"]) {
    charts.compared[name] = (entries) => ({ singles: entries.map((one) => ({ title: one.name, picture: charts.kinds[name](one.view) })) });
  }

  // -- clusters and components

  const clusterName = (label) => (label === -1 ? "noise" : squeeze(spoken(label, 16), 16));

  charts.kinds.cluster_sizes = (view) => {
    if (!view.labels?.length) return null;
    const left = view.left_out ? `, and ${view.left_out} smaller ones` : "";
    const words = `How many rows each cluster has: ${view.labels.length} clusters${left}.`;
    return {
      height: 270, words,
      option: (colours) => ({
        ...base(colours, words),
        grid: { left: 6, right: 14, top: 24, bottom: 6, ...BOUNDS },
        xAxis: axis(colours, { type: "category", data: view.labels.map(clusterName), name: `cluster${left}` }),
        yAxis: axis(colours, { name: "rows", scale: false }),
        tooltip: tip(colours, { formatter: (event) => `cluster ${event.name}: ${number(event.value)} rows` }),
        series: [{
          type: "bar", barMaxWidth: 46, label: { show: view.labels.length <= 20, position: "top", color: colours.muted, fontSize: 11 },
          data: view.counts.map((value, place) => ({ value, itemStyle: { color: view.labels[place] === -1 ? colours.grey : colours.series[0], borderRadius: [2, 2, 0, 0] } })),
        }],
      }),
      table: () => ({ columns: ["cluster", "rows"], rows: view.labels.map((label, place) => [clusterName(label), view.counts[place]]) }),
    };
  };

  charts.kinds.silhouette = (view) => {
    if (!view.clusters?.length) return null;
    const total = view.clusters.reduce((all, cluster) => all + cluster.size, 0);
    const gap = Math.max(total * 0.02, 0.3);
    const knives = [];
    let bottom = 0;
    for (const [place, cluster] of view.clusters.entries()) {
      const step = cluster.size / cluster.values.length;
      knives.push({ ...cluster, place, name: clusterName(cluster.label), bottom, step, middle: bottom + cluster.size / 2 });
      bottom += cluster.size + gap;
    }
    const lowest = Math.min(-0.05, ...view.clusters.flatMap((cluster) => cluster.values).map((value) => value - 0.05));
    const sampled = view.rows < view.of ? ` (of ${view.rows} of ${view.of} rows)` : "";
    const words = `How well each row lies in its cluster; below zero it is nearer to another one. The mean, ${number(view.mean)}${sampled}, is the dashed line.`;
    return {
      height: Math.max(280, Math.min(520, 120 + view.clusters.length * 34)), words,
      option: (colours) => ({
        ...base(colours, words, 3000),
        grid: { left: 70, right: 18, top: 12, bottom: 46, outerBoundsMode: "none" },
        xAxis: axis(colours, { name: "silhouette", nameGap: 26, min: nice(lowest, 1), max: 1 }),
        yAxis: axis(colours, { min: -gap, max: bottom, inverse: true, scale: false, axisLabel: { show: false }, splitLine: { show: false } }),
        tooltip: tip(colours, { formatter: ({ data }) => `cluster ${knives[data[0]].name}\n${number(knives[data[0]].size)} rows, mean ${number(knives[data[0]].mean)}` }),
        series: [{
          type: "custom", data: knives.map((knife) => [knife.place, 0, knife.bottom]), encode: { x: 1, y: 2 },
          renderItem: (_, api) => knifeOf(api, knives[api.value(0)], colours),
          markLine: { silent: true, symbol: "none", label: { show: false }, data: [{ xAxis: view.mean, lineStyle: { color: colours.best, type: [5, 3], width: 1.5 } }, { xAxis: 0, lineStyle: { color: colours.text, type: "solid", width: 1 } }] },
        }],
      }),
      table: () => ({ columns: ["cluster", "rows", "mean silhouette", "lowest"], rows: view.clusters.map((cluster) => [clusterName(cluster.label), cluster.size, cluster.mean, extent(cluster.values)[0]]) }),
    };
  };

  /** The values of a cluster in falling order, as one shape with its name beside it. */
  function knifeOf(api, knife, colours) {
    const points = [api.coord([0, knife.bottom])];
    knife.values.forEach((value, row) => {
      points.push(api.coord([value, knife.bottom + row * knife.step]), api.coord([value, knife.bottom + (row + 1) * knife.step]));
    });
    points.push(api.coord([0, knife.bottom + knife.size]));
    const fill = knife.label === -1 ? colours.grey : colours.series[knife.place % 6];
    return {
      type: "group",
      children: [
        { type: "polygon", shape: { points }, style: { fill, opacity: 0.85 } },
        { type: "text", style: { text: knife.name, x: 62, y: api.coord([0, knife.middle])[1], align: "right", verticalAlign: "middle", fill: colours.muted, fontSize: 11, fontFamily: colours.sans } },
      ],
    };
  }

  const sums = (ratios) => {
    let all = 0;
    return ratios.map((ratio) => (all += ratio));
  };

  charts.kinds.explained_variance = (view) => {
    if (!view.ratios?.length) return null;
    const all = sums(view.ratios);
    const enough = all.findIndex((share) => share >= 0.95);
    const words = `How much of the variance each component holds, and all up to it together${enough >= 0 ? `: 95 % with ${enough + 1}` : `: ${percent(all.at(-1))} with all ${all.length}`}.`;
    return {
      height: 290, words,
      option: (colours) => ({
        ...base(colours, words, all.length),
        grid: { left: 6, right: 14, top: 32, bottom: 6, ...BOUNDS },
        legend: legend(colours),
        xAxis: axis(colours, { type: "category", data: view.ratios.map((_, place) => place + 1), name: "component" }),
        yAxis: axis(colours, { min: 0, max: 1, scale: false, name: "share of the variance", axisLabel: { formatter: percent } }),
        tooltip: tip(colours, { trigger: "axis", formatter: ([one]) => `component ${one.dataIndex + 1}: ${percent(view.ratios[one.dataIndex])}\nall up to it: ${percent(all[one.dataIndex])}` }),
        series: [
          { type: "bar", name: "each component", data: view.ratios, barMaxWidth: 30, itemStyle: { color: colours.series[0], borderRadius: [2, 2, 0, 0] } },
          { type: "line", name: "all up to it", data: all, symbolSize: 6, showSymbol: all.length <= 30, lineStyle: { color: colours.series[1], width: 2 }, itemStyle: { color: colours.series[1] }, markLine: enough < 0 ? undefined : { silent: true, symbol: "none", label: { show: false }, data: [{ yAxis: 0.95 }], lineStyle: { color: colours.grey, type: [2, 3] } } },
        ],
      }),
      table: () => ({ columns: ["component", "share", "all up to it"], rows: view.ratios.map((ratio, place) => [place + 1, ratio, all[place]]) }),
    };
  };

  charts.compared.explained_variance = (entries) => {
    const words = "The share of the variance that all components up to this one hold, a line for each run.";
    return {
      height: 320, words,
      option: (colours) => linesOption(colours, entries.map((one) => ({ name: one.name, points: sums(one.view.ratios).map((share, place) => [place + 1, share]) })), words, { x: "component", y: "share of the variance", yAxis: { min: 0, max: 1, scale: false } }),
      table: () => ({ columns: ["run", "component", "share"], rows: entries.flatMap((one) => sums(one.view.ratios).map((share, place) => [one.name, place + 1, share])) }),
    };
  };

  // -- weights

  const KIND = { coefficients: "coefficient", importances: "importance" };
  const TOP = 20;

  charts.kinds.feature_importance = (view) => {
    if (!view.series?.length || !view.features?.length) return null;
    const features = view.features.slice(0, TOP);
    const more = view.features.length - features.length + (view.left_out || 0);
    const kind = KIND[view.kind] || "weight";
    const signed = view.series.some((one) => one.values.some((value) => value < 0));
    const words = `The features that weigh most in ${view.of || "the model"}, by their ${kind}${signed ? ": blue speaks for, orange against" : ""}${view.series[0].std ? "; the lines are ± std over the trees" : ""}${more ? `; ${more} more weigh less` : ""}.`;
    const several = view.series.length > 1;
    const names = view.series.map((one) => squeeze(spoken(one.name, 30), 20));
    return {
      height: Math.max(170, 62 + features.length * 21), words,
      choices: several ? [{ key: "of", label: "Class", list: true, value: -1, values: [[-1, "all classes"], ...names.map((name, place) => [place, name])] }] : [],
      option: (colours, state, width) => (several && state.of === -1 ? weightMap(colours, view, features, names, words, width) : weightBars(colours, view.series[several ? state.of : 0], features, kind, words)),
      table: () => ({ columns: ["feature", ...(several ? names : [kind]), ...(view.series[0].std ? ["std"] : [])], rows: view.features.map((feature, place) => [feature, ...view.series.map((one) => one.values[place]), ...(view.series[0].std ? [view.series[0].std[place]] : [])]) }),
    };
  };

  const featureAxis = (colours, features) => axis(colours, { type: "category", inverse: true, data: features.map((name) => squeeze(name, 26)), axisLabel: { interval: 0, fontSize: 11 } });

  function weightBars(colours, one, features, kind, words) {
    const values = one.values.slice(0, features.length);
    const series = [{
      type: "bar", barMaxWidth: 15,
      data: values.map((value) => ({ value, itemStyle: { color: value >= 0 ? colours.series[0] : colours.series[3], borderRadius: value >= 0 ? [0, 2, 2, 0] : [2, 0, 0, 2] } })),
    }];
    if (one.std) {
      series.push({
        type: "custom", silent: true, tooltip: { show: false }, data: values.map((value, place) => [Math.max(0, value - one.std[place]), place, value + one.std[place]]), encode: { x: [0, 2], y: 1 },
        renderItem: (_, api) => whisker(api.coord([api.value(0), api.value(1)]), api.coord([api.value(2), api.value(1)]), colours.muted),
      });
    }
    return {
      ...base(colours, words),
      xAxis: axis(colours, { name: kind, scale: false }),
      yAxis: featureAxis(colours, features),
      tooltip: tip(colours, { formatter: (event) => `${squeeze(features[event.dataIndex], 60)}\n${kind} ${number(values[event.dataIndex])}${one.std ? ` ± ${number(one.std[event.dataIndex])}` : ""}` }),
      series,
    };
  }

  const whisker = ([left, y], [right], stroke) => ({ type: "line", shape: { x1: left, y1: y, x2: right, y2: y }, style: { stroke, lineWidth: 1.2 } });

  function weightMap(colours, view, features, names, words, width) {
    const rows = features.map((_, place) => view.series.map((one) => one.values[place]));
    const limit = Math.max(1e-12, ...rows.flat().map(Math.abs));
    const written = width / names.length > 52;
    return {
      ...base(colours, words),
      xAxis: axis(colours, { type: "category", position: "top", data: names, axisLine: { show: false }, axisLabel: { interval: 0, rotate: names.join("").length * 7 > width * 0.6 ? 35 : 0 } }),
      yAxis: { ...featureAxis(colours, features), axisLine: { show: false } },
      tooltip: tip(colours, { formatter: ({ value: [x, y, weight] }) => `${squeeze(features[y], 60)}\nfor ${names[x]}: ${number(weight)}` }),
      series: [{
        type: "heatmap", progressive: 0, label: { show: written, fontSize: 10.5 }, itemStyle: { borderColor: colours.surface, borderWidth: 1.5, borderRadius: 2 },
        data: rows.flatMap((row, y) => row.map((value, x) => ({
          value: [x, y, value], itemStyle: { color: along(colours.signed, (value / limit + 1) / 2) },
          label: { color: inkOn(colours.signed, (value / limit + 1) / 2, colours), formatter: `${value > 0 ? "+" : ""}${Number(value.toPrecision(2))}` },
        }))),
      }],
    };
  }

  charts.compared.feature_importance = (entries) => {
    // Of several classes the largest weight of a feature counts; coefficients and importances have other units, so each
    // run's largest counts as one when the features are put in order.
    const weights = entries.map(({ view }) => new Map(view.features.map((feature, place) => [feature, view.series.map((one) => one.values[place]).reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0)])));
    const order = new Map();
    for (const each of weights) {
      const top = Math.max(1e-300, ...[...each.values()].map(Math.abs));
      for (const [feature, value] of each) order.set(feature, Math.max(order.get(feature) || 0, Math.abs(value) / top));
    }
    const names = [...order.keys()].sort((left, right) => order.get(right) - order.get(left)).slice(0, 15);
    const kinds = new Set(entries.map(({ view }) => KIND[view.kind] || "weight"));
    const words = "The features that weigh most in any of the runs, a bar for each run.";
    return charts.bars(entries, names, (run, name, state) => {
      const value = weights[run].get(name) ?? null;
      return value === null || state.scale === "own" ? value : value / Math.max(1e-300, ...[...weights[run].values()].map(Math.abs));
    }, words, {
      choices: [{ key: "scale", label: "Scale", values: [["own", "as they are"], ["one", "largest is 1"]], value: kinds.size > 1 ? "one" : "own" }],
      value: (state) => (state.scale === "one" ? "weight, the largest of each run is 1" : [...kinds].join(" or ")), flat: true,
    });
  };

  /** Groups of bars, one for each run. */
  charts.bars = (entries, names, valueOf, words, { choices = [], value, limits = {}, flat = false } = {}) => ({
    height: flat ? 110 + names.length * (6 + 10 * entries.length) : 330, words, choices,
    option: (colours, state) => {
      const numbers = axis(colours, { name: value(state), scale: false, ...limits });
      const category = flat ? featureAxis(colours, names) : axis(colours, { type: "category", data: names.map((name) => squeeze(name, 18)), axisLabel: { interval: names.length > 24 ? "auto" : 0, rotate: names.join("").length > 30 ? 38 : 0, hideOverlap: false } });
      return {
        ...base(colours, words),
        grid: { left: 6, right: 18, top: 36, bottom: 6, ...BOUNDS },
        legend: legend(colours, { formatter: (name) => squeeze(name, 34) }),
        xAxis: flat ? numbers : category,
        yAxis: flat ? category : numbers,
        tooltip: tip(colours, { trigger: "axis", axisPointer: { type: "shadow", shadowStyle: { color: colours.text, opacity: 0.06 } }, formatter: (bars) => [squeeze(names[bars[0].dataIndex], 60), ...bars.slice(0, 12).map((bar) => `${squeeze(bar.seriesName, 30)}: ${number(bar.value)}`)].join("\n") }),
        series: entries.map((one, place) => ({ type: "bar", name: one.name, barMaxWidth: 22, barGap: "8%", data: names.map((name) => valueOf(place, name, state)), itemStyle: { color: colours.series[place % 7], borderRadius: 1.5, decal: place < 7 ? undefined : { symbol: "line" } } })),
      };
    },
    table: (state) => ({ columns: ["name", ...entries.map((one) => one.name)], rows: names.map((name) => [name, ...entries.map((_, place) => valueOf(place, name, state))]) }),
  });

  // -- how it went

  /** Lines with points [x, y]; logarithmic where that was chosen. */
  function linesOption(colours, lines, words, { x, y = "", log = false, xAxis = {}, yAxis = {}, style } = {}) {
    const points = lines.reduce((all, line) => all + line.points.length, 0);
    return {
      ...base(colours, words, points),
      grid: { left: 6, right: 18, top: lines.length > 1 ? 36 : 14, bottom: 6, ...BOUNDS },
      legend: lines.length > 1 ? legend(colours, { formatter: (name) => squeeze(name, 36) }) : { show: false },
      xAxis: axis(colours, { name: x, minInterval: 1, scale: true, splitLine: { show: false }, ...xAxis }),
      yAxis: axis(colours, log ? { type: "log", name: y, ...yAxis } : { name: y, ...yAxis }),
      tooltip: tip(colours, { trigger: "axis", axisPointer: { lineStyle: { color: colours.lineStrong } }, formatter: (found) => [`${x} ${tick(found[0].value[0])}`, ...found.slice(0, 12).map((one) => `${lines.length > 1 ? `${squeeze(one.seriesName, 36)}: ` : ""}${number(one.value[1])}`)].join("\n") }),
      series: lines.map((line, place) => {
        const drawn = style ? style(colours, line, place) : lineStyle(colours, place);
        return {
          type: "line", name: line.name, data: log ? line.points.filter(([, value]) => value > 0) : line.points, sampling: "lttb",
          showSymbol: line.points.length <= 20, symbolSize: 6, lineStyle: drawn, itemStyle: { color: drawn.color }, emphasis: { focus: lines.length > 1 ? "series" : "none" },
        };
      }),
    };
  }
  charts.linesOption = linesOption;

  /** Whether all values are positive, and whether they span so much that a logarithmic axis reads better. */
  function spanOf(values) {
    const [low, high] = extent(values);
    return { positive: low > 0, wide: low > 0 && high > 100 * low };
  }
  const logChoice = (span) => (span.positive ? [{ key: "log", label: "Scale", values: [[false, "linear"], [true, "log"]], value: span.wide }] : []);

  charts.kinds.history = (view) => {
    const lines = (view.series || []).filter((one) => one.values.length).map((one) => ({ name: String(one.name), points: pairs(one.steps.map((step, place) => step ?? place), one.values) }));
    if (!lines.length) return null;
    const values = lines.flatMap((line) => line.points.map(([, value]) => value)).filter((value) => value !== null);
    const last = lines[0].points.at(-1);
    const words = lines.length === 1 ? `Step by step, ${lines[0].points.length} values; the last is ${number(last[1])}.` : `${lines.length} curves, step by step.`;
    return {
      height: 260, words, choices: logChoice(spanOf(values)),
      option: (colours, state) => linesOption(colours, lines, words, { x: "step", log: state.log }),
      table: () => ({ columns: ["curve", "step", "value"], rows: lines.flatMap((line) => line.points.map(([step, value]) => [line.name, step, value])) }),
    };
  };

  charts.compared.history = (entries) => {
    const keys = [...new Set(entries.flatMap((one) => one.view.series.map((each) => each.name)))];
    const lines = entries.flatMap((one, run) => one.view.series.filter((each) => each.values.length).map((each) => ({
      name: keys.length > 1 ? `${one.name}, ${each.name}` : one.name, run, key: keys.indexOf(each.name), points: pairs(each.steps.map((step, place) => step ?? place), each.values),
    })));
    if (!lines.length) return null;
    const words = `${keys.length === 1 ? squeeze(keys[0], 60) : "The curves"}, step by step, a colour for each run.`;
    const style = (colours, line) => ({ ...lineStyle(colours, line.run), type: charts.DASHES[(keys.length > 1 ? line.key : line.run) % charts.DASHES.length] });
    return {
      height: 300, words, choices: logChoice(spanOf(lines.flatMap((line) => line.points.map(([, value]) => value)).filter((value) => value !== null))),
      option: (colours, state) => linesOption(colours, lines, words, { x: "step", log: state.log, style }),
      table: () => ({ columns: ["curve", "step", "value"], rows: lines.flatMap((line) => line.points.map(([step, value]) => [line.name, step, value])) }),
    };
  };
})();
