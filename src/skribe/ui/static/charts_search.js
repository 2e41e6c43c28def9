// Pictures of a search: each takes the context {view, scorer, mask, onPick} and draws what it finds there at the time.
(() => {
  "use strict";
  const { charts } = window.skribe;
  const { along, axis, base, inkOn, legend, spoken, squeeze, star, tick, timeUnit, tip } = charts;
  const { number, seconds } = window.skribe;

  const LARGE = 2000;
  const finite = (values) => values.filter((value) => typeof value === "number" && Number.isFinite(value));

  function quantile(sorted, share) {
    const at = (sorted.length - 1) * share;
    const low = Math.floor(at);
    return sorted[low] + (sorted[Math.min(sorted.length - 1, low + 1)] - sorted[low]) * (at - low);
  }

  /** Limits that most scores fit into: a few that are far below would squeeze all others. */
  function frameOf(values) {
    const sorted = Float64Array.from(finite(values)).sort();
    if (!sorted.length) return { low: 0, high: 1, below: 0 };
    const [quarter, upper] = [quantile(sorted, 0.25), quantile(sorted, 0.75)];
    const floor = quarter - 6 * (upper - quarter);
    const below = sorted.length > 3 && upper > quarter ? sorted.findIndex((value) => value >= floor) : 0;
    return { low: sorted[below], high: sorted[sorted.length - 1], below, lowest: sorted[0] };
  }

  /** The axis of the scores, and the words on those that are left out of it. */
  function scoreAxis(colours, values, name, where = "yAxis") {
    const frame = frameOf(values);
    const limits = {};
    if (frame.below > 0) {
      const pad = 0.06 * (frame.high - frame.low) || 1e-3;
      limits.min = Number((frame.low - pad).toPrecision(4));
      limits.max = Number((frame.high + pad).toPrecision(4));
    }
    const said = frame.below > 0 ? `${frame.below} ${frame.below === 1 ? "score lies" : "scores lie"} below, the lowest at ${number(frame.lowest)}` : "";
    return {
      [where]: axis(colours, { name, ...limits, axisLabel: { showMinLabel: !("min" in limits), showMaxLabel: !("max" in limits) } }),
      graphic: said ? [{ type: "text", right: 22, bottom: 46, silent: true, style: { text: said, fill: colours.faint, fontSize: 11, fontFamily: colours.sans } }] : [],
    };
  }

  const picked = (ctx, row) => ctx.mask === null || ctx.mask[row] === 1;

  const DIGITS = 4;

  /** How many decimals a number of this size has when it has four digits; null where they would be too many. */
  charts.decimals = (value) => {
    const power = value ? Math.floor(Math.log10(Math.abs(value))) : -1;
    return power < -DIGITS || power > 14 ? null : Math.max(0, DIGITS - 1 - power);
  };

  /** A mean and its std in words, both with the same number of decimals: those that the mean has by itself, or given ones. */
  charts.spread = (mean, std, places = null) => {
    if (mean === null) return [number(mean), null];
    const isLost = places !== null && mean !== 0 && Math.abs(mean) < 10 ** (1 - places);
    const fixed = places === null || isLost ? charts.decimals(mean) : places;
    const told = (value) => (fixed === null ? number(value) : value.toFixed(fixed));
    return [told(mean), std === null ? null : told(std)];
  };

  /** Whether all splits of a candidate are done: what is seen of the others may change. */
  const isWhole = (view, row) => view.finished[row] >= view.splits;

  /** A candidate in words, for tooltips. */
  function candidateWords(ctx, row, more = []) {
    const { scorer, view } = ctx;
    const params = view.params.filter((param) => param.varies && param.codes[row] >= 0).slice(0, 8)
      .map((param) => `${squeeze(param.key, 30)} = ${spoken(param.values[param.codes[row]], 30)}`);
    const said = scorer.mean[row] === null ? "no score yet" : `${squeeze(scorer.name, 30)} ${charts.spread(scorer.mean[row], scorer.std[row]).filter((one) => one !== null).join(" ± ")}`;
    const until = isWhole(view, row) ? [] : [`${view.finished[row]} of ${view.splits} splits so far`];
    return [`candidate ${row}${view.rank[row] ? `, rank ${view.rank[row]}` : ""}`, said, ...until, ...more, ...params].join("\n");
  }
  charts.candidateWords = candidateWords;

  /** Dots of candidates: those that are not brushed stay behind, faded. */
  function candidateDots(colours, ctx, rows, pointOf, more = {}) {
    const large = rows.length > LARGE;
    const size = large ? 3.2 : rows.length > 300 ? 5 : 7.5;
    const style = (opacity, color) => ({ color, opacity, borderWidth: 0 });
    const part = rows.filter((row) => !isWhole(ctx.view, row));
    const whole = part.length ? rows.filter((row) => isWhole(ctx.view, row)) : rows;
    const hollow = part.length ? [{
      type: "scatter", name: "not all splits", symbolSize: size, z: 3, ...more,
      data: part.map((row) => ({ value: [...pointOf(row), row], itemStyle: { color: "transparent", borderColor: picked(ctx, row) ? colours.series[0] : colours.grey, borderWidth: 1.4, opacity: picked(ctx, row) ? 0.9 : 0.35 } })),
    }] : [];
    const dots = (name, chosen, opacity, color, z) => ({
      type: "scatter", name, data: large ? flat(chosen, pointOf) : chosen.map((row) => [...pointOf(row), row]), dimensions: ["x", "y", "row"], encode: { x: 0, y: 1 },
      symbolSize: size, large, largeThreshold: LARGE, itemStyle: style(opacity, color), z, emphasis: { disabled: large }, ...more,
    });
    if (ctx.mask === null) return [...hollow, dots("candidate", whole, large ? 0.35 : 0.65, colours.series[0], 3)];
    return [
      ...hollow,
      dots("others", whole.filter((row) => !ctx.mask[row]), large ? 0.12 : 0.2, colours.grey, 2),
      dots("brushed", whole.filter((row) => ctx.mask[row]), large ? 0.5 : 0.85, colours.series[0], 4),
    ];
  }

  /** Points one after the other, as very many of them are drawn fastest. */
  function flat(rows, pointOf) {
    const points = new Float64Array(rows.length * 3);
    rows.forEach((row, at) => {
      const [x, y] = pointOf(row);
      points[3 * at] = x;
      points[3 * at + 1] = y;
      points[3 * at + 2] = row;
    });
    return points;
  }

  const rowOf = (event) => event.data?.row ?? event.value?.[2];

  // -- score against time

  /** Of these candidates those that no other one beats in time and score, the fastest first. */
  function unbeaten(rows, took, mean) {
    let best = -Infinity;
    const order = [...rows].sort((left, right) => took[left] - took[right] || mean[right] - mean[left]);
    return order.filter((row) => {
      const isBetter = mean[row] > best;
      best = Math.max(best, mean[row]);
      return isBetter;
    });
  }

  charts.scoreAgainstTime = (ctx) => {
    const words = "Score and time of every candidate; no candidate on the orange line is beaten in both. Hollow ones have not had all splits.";
    const tookOf = (view) => view.names.map((_, row) => (view.fit_seconds[row] === null ? null : view.fit_seconds[row] + (view.score_seconds[row] ?? 0)));
    const seen = ({ view, scorer }, took) => view.names.map((_, row) => row).filter((row) => took[row] !== null && scorer.mean[row] !== null);
    return {
      height: 310, words,
      option: (colours) => {
        const { view, scorer } = ctx;
        const took = tookOf(view);
        const rows = seen(ctx, took);
        const known = Float64Array.from(rows.map((row) => took[row])).sort();
        const [divisor, unit] = timeUnit(known.length ? quantile(known, 0.5) : 1);
        const point = (row) => [took[row] / divisor, scorer.mean[row]];
        const front = unbeaten(rows.filter((row) => isWhole(view, row)), took, scorer.mean);
        const wide = known.length > 1 && known[0] > 0 && known.at(-1) >= 8 * known[0];
        const best = view.leader;
        return {
          ...base(colours, words, rows.length),
          ...scoreAxis(colours, rows.map((row) => scorer.mean[row]), scorer.name),
          xAxis: axis(colours, { type: wide ? "log" : "value", name: `fit and score, mean of the splits (${unit})`, splitLine: { show: false } }),
          tooltip: tip(colours, { formatter: (event) => (event.seriesType === "line" ? "" : candidateWords(ctx, rowOf(event), [`${seconds(took[rowOf(event)])} for each split`])) }),
          series: [
            ...candidateDots(colours, ctx, rows, point),
            { type: "line", step: "end", silent: true, symbol: "none", data: front.map(point), lineStyle: { color: colours.series[1], width: 1.6 }, z: 5, tooltip: { show: false } },
            { type: "scatter", data: front.map((row) => [...point(row), row]), symbolSize: 8, itemStyle: { color: colours.series[1], borderColor: colours.surface, borderWidth: 1 }, z: 6 },
            { type: "scatter", ...star(colours), data: best !== null && took[best] !== null && scorer.mean[best] !== null ? [[...point(best), best]] : [] },
          ],
        };
      },
      table: () => {
        const { view, scorer } = ctx;
        const took = tookOf(view);
        const front = new Set(unbeaten(seen(ctx, took).filter((row) => isWhole(view, row)), took, scorer.mean));
        return {
          columns: ["candidate", "fit seconds", "score seconds", scorer.name, "not beaten"],
          rows: view.names.map((_, row) => [String(row), view.fit_seconds[row], view.score_seconds[row], scorer.mean[row], front.has(row) ? "yes" : ""]),
        };
      },
      onClick: (event) => ctx.onPick(rowOf(event)),
    };
  };

  // -- progress

  charts.progress = (ctx) => {
    const words = "Every candidate when it was done, and the best until then.";
    return {
      height: 310, words,
      option: (colours) => {
        const course = ctx.view.views.progress;
        const [divisor, unit] = timeUnit(course.seconds.at(-1) || 1);
        const place = new Map(course.candidate.map((row, at) => [row, at]));
        const rungs = course.iteration || course.candidate.map(() => 0);
        const steps = [...new Set(rungs)].map((rung) => ({
          type: "line", step: "end", symbol: "none", silent: true, tooltip: { show: false }, lineStyle: { color: colours.series[1], width: 2 }, z: 5,
          data: course.candidate.flatMap((_, at) => (rungs[at] === rung && course.best_so_far[at] !== null ? [[course.seconds[at] / divisor, course.best_so_far[at]]] : [])), sampling: "lttb",
        }));
        const rows = course.candidate.filter((row) => course.score[place.get(row)] !== null);
        const point = (row) => [course.seconds[place.get(row)] / divisor, course.score[place.get(row)]];
        const best = ctx.view.leader;
        return {
          ...base(colours, words, rows.length),
          ...scoreAxis(colours, course.score, course.metric),
          xAxis: axis(colours, { min: 0, scale: false, name: `since the first split began (${unit})`, splitLine: { show: false } }),
          tooltip: tip(colours, { formatter: (event) => candidateWords(ctx, rowOf(event), [`done after ${seconds(event.value[0] * divisor)}`]) }),
          series: [...candidateDots(colours, ctx, rows, point), ...steps, { type: "scatter", ...star(colours), data: place.has(best) && course.score[place.get(best)] !== null ? [[...point(best), best]] : [] }],
        };
      },
      table: () => {
        const course = ctx.view.views.progress;
        return { columns: ["candidate", "seconds", "score", "best so far"], rows: course.candidate.map((row, at) => [String(row), course.seconds[at], course.score[at], course.best_so_far[at]]) };
      },
      onClick: (event) => ctx.onPick(rowOf(event)),
    };
  };

  // -- validation curves

  const keyOf = (value) => JSON.stringify(value ?? null);

  /** The axis of a parameter, and where a value lies on it. */
  function paramAxis(colours, param, name) {
    if (param.scale === "categorical") {
      const places = new Map(param.values.map((value, place) => [keyOf(value), place]));
      const names = param.values.map((value) => spoken(value, 18));
      return { axis: axis(colours, { type: "category", name, data: names, boundaryGap: true, axisLabel: { rotate: names.join("").length > 60 ? 30 : 0, interval: names.length > 20 ? "auto" : 0 } }), place: (value) => places.get(keyOf(value)) };
    }
    return { axis: axis(colours, { type: param.scale === "log" ? "log" : "value", name, splitLine: { show: false } }), place: (value) => value };
  }

  const fixedWords = (part) => Object.entries(part.fixed || {}).map(([key, value]) => `${squeeze(key, 20)} = ${spoken(value, 16)}`).concat(part.iteration === null || part.iteration === undefined ? [] : [`iteration ${part.iteration}`]).join(", ") || "mean of the splits";

  /** A band between mean − std and mean + std. */
  function band(colours, x, mean, std, color, opacity) {
    const points = mean.flatMap((value, place) => (value === null ? [] : [[x[place], value - (std[place] ?? 0), value + (std[place] ?? 0)]]));
    return {
      type: "custom", silent: true, tooltip: { show: false }, data: points.length ? [[points[0][0], points[0][1], points[0][2]]] : [], encode: { x: 0, y: [1, 2] }, clip: true, z: 1,
      renderItem: (_, api) => ({ type: "polygon", shape: { points: [...points.map(([at, low]) => api.coord([at, low])), ...points.map(([at, , high]) => api.coord([at, high])).reverse()] }, style: { fill: color, opacity } }),
    };
  }

  charts.validationCurve = (ctx) => {
    const curves = ctx.view.views.validation_curves;
    const words = "The score along one parameter. Where others were tried with it, a line keeps them fixed: the blue one runs through the best candidate, with its spread over the folds; dashed is the same on training data.";
    const of = (state) => ctx.view.views.validation_curves.find((one) => one.parameter === state.parameter) || ctx.view.views.validation_curves[0];
    return {
      height: 330, words,
      choices: [{ key: "parameter", label: "Parameter", list: curves.length > 3, value: curves[0].parameter, values: curves.map((one) => [one.parameter, squeeze(one.parameter, 34)]) }],
      option: (colours, state) => curveOption(colours, ctx, of(state), words),
      table: (state) => {
        const view = of(state);
        const parts = view.kind === "curve" ? view.slices : [cloudOf(ctx, view)];
        return { columns: [view.parameter, "mean", "std", "candidate", "fixed"], rows: parts.flatMap((part) => part.x.map((x, place) => [typeof x === "number" ? x : spoken(x, 200), part.mean[place], part.std[place], String(part.candidate[place]), part.fixed ? fixedWords(part) : ""])) };
      },
      onClick: (event) => ctx.onPick(rowOf(event)),
    };
  };

  /** All candidates that have this parameter. */
  function cloudOf(ctx, view) {
    const param = ctx.view.params.find((one) => one.key === view.parameter);
    const scorer = ctx.view.scorers[0];
    const candidate = param.codes.flatMap((code, row) => (code >= 0 ? [row] : []));
    return { candidate, x: candidate.map((row) => param.values[param.codes[row]]), mean: candidate.map((row) => scorer.mean[row]), std: candidate.map((row) => scorer.std[row]) };
  }

  function curveOption(colours, ctx, view, words) {
    const param = ctx.view.params.find((one) => one.key === view.parameter);
    const { axis: xAxis, place } = paramAxis(colours, param, view.parameter);
    const scorer = ctx.view.scorers[0];
    const rows = param.codes.flatMap((code, row) => (code >= 0 && scorer.mean[row] !== null ? [row] : []));
    const aside = param.scale === "categorical" && view.kind === "scatter" ? (row) => ((row * 0.618034) % 1 - 0.5) * 0.5 : () => 0;
    const point = (row) => [place(param.values[param.codes[row]]) + aside(row), scorer.mean[row]];
    const best = view.best;
    const series = view.kind === "curve" ? sliceSeries(colours, view, place, ctx) : candidateDots(colours, ctx, rows, point);
    if (view.kind === "curve" && ctx.mask !== null) series.push(...candidateDots(colours, ctx, rows, point).slice(1));
    if (best !== null && param.codes[best] >= 0 && scorer.mean[best] !== null) series.push({ type: "scatter", ...star(colours), data: [[place(param.values[param.codes[best]]), scorer.mean[best], best]] });
    // Dots that stand aside need an axis of numbers under the names.
    const numbered = aside(1) === 0 ? xAxis : { ...xAxis, type: "value", min: -0.5, max: param.values.length - 0.5, interval: 1, scale: false, splitLine: { show: false }, axisLabel: { ...xAxis.axisLabel, interval: undefined, formatter: (at) => (Number.isInteger(at) ? spoken(param.values[at], 14) : "") } };
    const shown = view.kind === "curve" ? view.slices.flatMap((part) => [...part.mean, ...part.folds.flat()]) : rows.map((row) => scorer.mean[row]);
    const named = series.filter((one) => one.inLegend).map((one) => one.name);
    return {
      ...base(colours, words, rows.length),
      ...scoreAxis(colours, shown, view.metric),
      grid: { left: 6, right: 18, top: named.length ? 34 : 14, bottom: 6, outerBoundsMode: "same", outerBoundsContain: "all" },
      legend: named.length ? legend(colours, { data: named }) : { show: false },
      xAxis: numbered,
      tooltip: tip(colours, { formatter: (event) => (rowOf(event) === undefined ? "" : candidateWords(ctx, rowOf(event))) }),
      series,
    };
  }

  const OTHERS = 4;

  function sliceSeries(colours, view, place, ctx) {
    const [first, ...others] = view.slices;
    const x = first.x.map(place);
    const faded = ctx.mask === null ? 1 : 0.45;
    const series = [band(colours, x, first.mean, first.std, colours.series[0], 0.14 * faded)];
    others.forEach((part, index) => series.push({
      type: "line", name: index < OTHERS ? fixedWords(part) : "the others", inLegend: index < OTHERS, symbolSize: 4, z: 2,
      data: part.x.map((value, at) => [place(value), part.mean[at], part.candidate[at]]),
      lineStyle: { color: index < OTHERS ? colours.series[index + 1] : colours.lineStrong, width: 1.2, opacity: faded }, itemStyle: { color: index < OTHERS ? colours.series[index + 1] : colours.lineStrong, opacity: faded }, emphasis: { focus: "none" },
    }));
    if (first.train_mean) {
      series.push(band(colours, x, first.train_mean, first.train_std, colours.grey, 0.13));
      series.push({ type: "line", name: "on training data", inLegend: true, symbol: "none", silent: true, data: x.map((at, index) => [at, first.train_mean[index]]), lineStyle: { color: colours.grey, type: [6, 3], width: 1.4 }, itemStyle: { color: colours.grey }, z: 2 });
    }
    series.push({ type: "scatter", silent: true, symbolSize: 4, data: first.folds.flatMap((scores, at) => scores.filter((score) => score !== null).map((score) => [x[at], score])), itemStyle: { color: colours.series[0], opacity: 0.4 * faded }, z: 3 });
    series.push({ type: "line", name: fixedWords(first), inLegend: true, symbol: "circle", symbolSize: 7, data: first.x.map((value, at) => [place(value), first.mean[at], first.candidate[at]]), lineStyle: { color: colours.series[0], width: 2.2 }, itemStyle: { color: colours.series[0] }, z: 4, emphasis: { focus: "none" } });
    return series;
  }

  // -- heat maps

  /** Names of the rows or columns: values, whole numbers of a range, or about the middle of a range. */
  function entriesOf(side) {
    return side.values.map((value, place) => {
      const edges = side.edges?.[place];
      if (!edges) return spoken(value, 16);
      const [low, high] = edges;
      if (Math.abs(low % 1) === 0.5 && Math.abs(high % 1) === 0.5) return low + 1 === high ? String(low + 0.5) : `${low + 0.5}–${high - 0.5}`;
      return `~ ${tick(Number(value.toPrecision(2)))}`;
    });
  }

  charts.heatMap = (ctx) => {
    const { maps } = ctx.view.views.heat_maps;
    const words = "The best score for each pair of values of two parameters, over all others; the frame is around the best candidate. The pairs that matter most come first.";
    const of = (state) => ctx.view.views.heat_maps.maps[state.pair] || ctx.view.views.heat_maps.maps[0];
    const tall = (map) => Math.max(250, Math.min(560, 96 + map.y.values.length * 28));
    return {
      height: tall(maps[0]), words, heightOf: (state) => tall(of(state)),
      choices: [{ key: "pair", label: "Pair of parameters", list: true, value: 0, values: maps.map((map, place) => [place, `${squeeze(map.x.parameter, 26)} × ${squeeze(map.y.parameter, 26)}`]) }],
      option: (colours, state, width) => mapOption(colours, ctx, of(state), words, width),
      table: (state) => {
        const map = of(state);
        return { columns: [`${map.y.parameter} \\ ${map.x.parameter}`, ...entriesOf(map.x)], rows: map.mean.map((row, place) => [entriesOf(map.y)[place], ...row]) };
      },
      onClick: (event) => ctx.onPick(event.data?.row),
    };
  };

  function mapOption(colours, ctx, map, words, width) {
    const frame = frameOf(map.mean.flat());
    const [x, y] = [entriesOf(map.x), entriesOf(map.y)];
    const span = frame.high - frame.low || 1;
    const written = width / x.length > 46 && x.length * y.length <= 160;
    const data = map.mean.flatMap((row, down) => row.flatMap((score, right) => {
      if (score === null) return [];
      const share = Math.max(0, (score - frame.low) / span);
      const row_ = map.candidate[down][right];
      return [{
        value: [right, down, score], row: row_,
        itemStyle: { color: along(colours.ramp, share), opacity: picked(ctx, row_) ? 1 : 0.25, borderColor: colours.surface, borderWidth: 1.5 },
        label: { show: written, color: picked(ctx, row_) ? inkOn(colours.ramp, share, colours) : colours.faint, formatter: Math.abs(score) < 10 ? score.toFixed(3) : Number(score.toPrecision(3)).toString() },
      }];
    }));
    const side = { type: "category", splitLine: { show: false }, axisLine: { show: false } };
    return {
      ...base(colours, words, Infinity),
      xAxis: axis(colours, { ...side, data: x, name: map.x.parameter, axisLabel: { rotate: x.join("").length * 7 > width * 0.8 ? 35 : 0, interval: x.length > 24 ? "auto" : 0 } }),
      yAxis: axis(colours, { ...side, data: y, name: map.y.parameter, nameGap: 30, axisLabel: { interval: y.length > 24 ? "auto" : 0 } }),
      tooltip: tip(colours, { formatter: (event) => candidateWords(ctx, event.data.row) }),
      series: [{ type: "heatmap", data, label: { fontSize: 10.5 }, progressive: 0, itemStyle: { borderRadius: 2 } }, frameAround(colours, map.best)],
    };
  }

  /** A frame around the cell of the best candidate, over its neighbours. */
  const frameAround = (colours, best) => ({
    type: "custom", silent: true, tooltip: { show: false }, z: 6, data: best ? [[best[1], best[0]]] : [],
    renderItem: (_, api) => {
      const [x, y] = api.coord([api.value(0), api.value(1)]);
      const [width, height] = api.size([1, 1]);
      return { type: "rect", shape: { x: x - width / 2, y: y - height / 2, width, height, r: 2 }, style: { fill: "transparent", stroke: colours.best, lineWidth: 2.5 } };
    },
  });

  // -- fold dots

  const TOP = 20;

  charts.foldDots = (ctx) => {
    const words = "The best candidates, with the score of each fold as a dot and mean ± std as a bar. Where the bars overlap widely, the order among them is not to be relied on.";
    const rows = () => ctx.view.names.map((_, row) => row).filter((row) => ctx.scorer.mean[row] !== null && picked(ctx, row))
      .sort((left, right) => (ctx.scorer === ctx.view.scorers[0] ? ctx.view.rank[left] - ctx.view.rank[right] : ctx.scorer.mean[right] - ctx.scorer.mean[left])).slice(0, TOP);
    const count = Math.min(TOP, ctx.view.names.length);
    return {
      height: Math.max(150, 74 + count * (count > 12 ? 33 : 22)), words,
      option: (colours) => foldOption(colours, ctx, rows(), words),
      table: () => ({ columns: ["candidate", "mean", "std", ...Array.from({ length: ctx.view.splits }, (_, split) => `fold ${split}`)], rows: rows().map((row) => [String(row), ctx.scorer.mean[row], ctx.scorer.std[row], ...ctx.scorer.folds[row]]) }),
      onClick: (event) => ctx.onPick(event.data?.row ?? event.value?.[3]),
    };
  };

  function foldOption(colours, ctx, rows, words) {
    const { scorer, view } = ctx;
    const bars = rows.map((row, place) => ({ value: [scorer.mean[row] - (scorer.std[row] ?? 0), place, scorer.mean[row] + (scorer.std[row] ?? 0), row], row }));
    const dots = rows.flatMap((row, place) => scorer.folds[row].flatMap((score, fold) => (score === null ? [] : [{ value: [score, place, fold, row], row }])));
    return {
      ...base(colours, words, Infinity),
      xAxis: axis(colours, { name: scorer.name }),
      yAxis: axis(colours, { type: "category", inverse: true, data: rows.map((row) => `#${row}`), axisLabel: { fontFamily: colours.mono, interval: 0 } }),
      tooltip: tip(colours, { formatter: (event) => (event.seriesType === "scatter" ? candidateWords(ctx, event.data.row, [`fold ${event.value[2]}: ${number(event.value[0])}`]) : candidateWords(ctx, event.data.row)) }),
      series: [
        {
          type: "custom", data: bars, encode: { x: [0, 2], y: 1 }, z: 2,
          renderItem: (_, api) => {
            const [left, y] = api.coord([api.value(0), api.value(1)]);
            const [right] = api.coord([api.value(2), api.value(1)]);
            const [middle] = api.coord([(api.value(0) + api.value(2)) / 2, api.value(1)]);
            const color = api.value(3) === view.leader ? colours.best : colours.series[0];
            return { type: "group", children: [
              { type: "rect", shape: { x: left, y: y - 4, width: Math.max(1, right - left), height: 8, r: 2 }, style: { fill: color, opacity: 0.18 } },
              { type: "line", shape: { x1: middle, y1: y - 7, x2: middle, y2: y + 7 }, style: { stroke: color, lineWidth: 2.2 } },
            ] };
          },
        },
        { type: "scatter", data: dots, symbolSize: 6, itemStyle: { color: colours.series[0], opacity: 0.75, borderColor: colours.surface, borderWidth: 0.7 }, z: 3 },
      ],
    };
  }

  // -- the timeline of workers

  const BOXES = 3000;
  const BINS = 500;

  charts.timeline = (ctx) => {
    const { workers, seconds: span } = ctx.view.views.timeline;
    const busy = workers.reduce((all, worker) => all + worker.tasks.reduce((sum, task) => sum + (task[3] ?? 0), 0), 0);
    const idle = span > 0 && workers.length ? Math.max(0, 1 - busy / (span * workers.length)) : 0;
    const words = `What each worker did when; the stronger the colour, the better the score. ${workers.length === 1 ? "The one worker" : `The ${workers.length} workers`} were idle for ${charts.percent(idle)} of the time.`.replace("worker were", "worker was");
    return {
      height: Math.min(520, 90 + Math.max(2, workers.length) * 30), words,
      option: (colours) => timelineOption(colours, ctx, words),
      table: () => ({ columns: ["worker", "candidate", "split", "began", "seconds"], rows: ctx.view.views.timeline.workers.flatMap((worker) => worker.tasks.map((task) => [String(worker.worker), ...task])) }),
      onClick: (event) => event.value.length > 5 && ctx.onPick(event.value[5]),
    };
  };

  function timelineOption(colours, ctx, words) {
    const { workers, seconds: span } = ctx.view.views.timeline;
    const [divisor, unit] = timeUnit(span || 1);
    const tasks = workers.reduce((all, worker) => all + worker.tasks.length, 0);
    const frame = frameOf(ctx.scorer.mean);
    const shade = (score) => (score === null || score === undefined ? -1 : Math.max(0, (score - frame.low) / (frame.high - frame.low || 1)) ** 2);
    const data = tasks > BOXES ? binned(ctx, workers, span, divisor, shade) : workers.flatMap((worker, place) => worker.tasks.map(([row, split, began, took]) => [place, began / divisor, (began + (took ?? 0)) / divisor, 1, shade(ctx.scorer.mean[row]), row, split]));
    return {
      ...base(colours, words, Infinity),
      xAxis: axis(colours, { min: 0, max: Number(((span / divisor) * 1.005 || 1).toPrecision(4)), scale: false, name: `since the first split began (${unit})`, splitLine: { show: false }, axisLabel: { showMaxLabel: false } }),
      yAxis: axis(colours, { type: "category", inverse: true, data: workers.map((worker) => (worker.worker ? `worker ${worker.worker}` : "a worker")) }),
      tooltip: tip(colours, { formatter: ({ value }) => (value.length > 5 ? candidateWords(ctx, value[5], [`split ${value[6]}: ${seconds((value[2] - value[1]) * divisor)}, from ${seconds(value[1] * divisor)} on`]) : `${charts.percent(value[3])} busy`) }),
      series: [{
        type: "custom", data, encode: { x: [1, 2], y: 0 }, clip: true,
        renderItem: (_, api) => {
          const [left, y] = api.coord([api.value(1), api.value(0)]);
          const [right] = api.coord([api.value(2), api.value(0)]);
          const height = Math.min(22, api.size([0, 1])[1] * 0.7) * (0.15 + 0.85 * api.value(3));
          const wide = right - left;
          const row = api.value(5);
          const faded = tasks <= BOXES && !picked(ctx, row);
          const fill = api.value(4) < 0 ? colours.grey : along(colours.lines, api.value(4));
          return { type: "rect", shape: { x: left, y: y - height / 2, width: Math.max(0.8, wide > 3 ? wide - 0.6 : wide), height }, style: { fill, opacity: faded ? 0.15 : 1 } };
        },
      }],
    };
  }

  /** Of very many tasks only how busy a worker was in each stretch of time, and with which scores on average. */
  function binned(ctx, workers, span, divisor, shade) {
    const step = span / BINS;
    return workers.flatMap((worker, place) => {
      const busy = new Float64Array(BINS);
      const score = new Float64Array(BINS);
      for (const [row, , began, took] of worker.tasks) {
        const end = began + (took ?? 0);
        const mean = shade(ctx.scorer.mean[row]);
        for (let bin = Math.floor(began / step); bin < BINS && bin * step < end; bin += 1) {
          const share = Math.min(end, (bin + 1) * step) - Math.max(began, bin * step);
          busy[bin] += share;
          score[bin] += share * Math.max(0, mean);
        }
      }
      return [...busy].flatMap((time, bin) => (time > 0 ? [[place, (bin * step) / divisor, ((bin + 1) * step) / divisor, Math.min(1, time / step), score[bin] / time]] : []));
    });
  }

  // -- the rungs of halving

  charts.rungs = (ctx) => {
    const words = "How the candidates of a halving search rose from iteration to iteration: blue went on, grey dropped out. Scores of different resources do not compare directly.";
    return {
      height: 320, words,
      option: (colours) => rungOption(colours, ctx, words),
      table: () => ({ columns: ["iteration", "resources", "candidate", "mean", "went on"], rows: ctx.view.views.rungs.rungs.flatMap((step) => step.candidates.map((row, at) => [String(step.iteration), step.resources, String(row), step.mean[at], step.survivors.includes(row) ? "yes" : ""])) }),
      onClick: (event) => ctx.onPick(rowOf(event)),
    };
  };

  function rungOption(colours, ctx, words) {
    const steps = ctx.view.views.rungs.rungs;
    const where = new Map(steps.flatMap((step, place) => step.candidates.flatMap((row, at) => (step.mean[at] === null ? [] : [[row, [place, step.mean[at]]]]))));
    const edges = steps.flatMap((step) => step.candidates.flatMap((row, at) => (where.has(row) && where.has(step.next[at]) ? [{ coords: [where.get(row), where.get(step.next[at])], lineStyle: { opacity: picked(ctx, row) ? 0.5 : 0.1 } }] : [])));
    const onward = new Set(steps.flatMap((step, place) => (place === steps.length - 1 ? step.candidates : step.survivors)));
    const dots = (stay) => [...where].filter(([row]) => onward.has(row) === stay).map(([row, [x, y]]) => ({ value: [x, y, row], itemStyle: { opacity: picked(ctx, row) ? 1 : 0.15 } }));
    const best = where.get(ctx.view.leader);
    return {
      ...base(colours, words, where.size),
      ...scoreAxis(colours, [...where.values()].map(([, mean]) => mean), ctx.view.views.rungs.metric),
      xAxis: axis(colours, { type: "category", name: "resources (number of candidates)", data: steps.map((step) => `${step.resources === null ? "?" : tick(step.resources)}\n(${step.count})`), nameGap: 40, axisLabel: { lineHeight: 15 } }),
      tooltip: tip(colours, { formatter: (event) => (rowOf(event) === undefined ? "" : candidateWords(ctx, rowOf(event))) }),
      series: [
        { type: "lines", coordinateSystem: "cartesian2d", silent: true, data: edges, lineStyle: { color: colours.series[0], width: 1.3, curveness: 0 }, z: 2 },
        { type: "scatter", data: dots(false), symbolSize: 6, itemStyle: { color: colours.lineStrong }, z: 3 },
        { type: "scatter", data: dots(true), symbolSize: 8, itemStyle: { color: colours.series[0], borderColor: colours.surface, borderWidth: 0.8 }, z: 4 },
        { type: "scatter", ...star(colours), data: best ? [[...best, ctx.view.leader]] : [] },
      ],
    };
  }

  // -- the folds of a cross-validation

  charts.folds = (ctx) => {
    const words = "The score of each fold; the band is mean ± std over the folds. Hollow marks are the same model on the data that it was trained on.";
    return {
      height: 290, words,
      option: (colours) => {
        const { scorer } = ctx;
        const known = finite(scorer.mean);
        const mean = known.reduce((all, one) => all + one, 0) / (known.length || 1);
        const std = Math.sqrt(known.reduce((all, one) => all + (one - mean) ** 2, 0) / (known.length || 1));
        const points = (values, more) => ({ type: "scatter", data: (values || []).flatMap((value, row) => (value === null ? [] : [[row, value, row]])), symbolSize: 10, ...more });
        return {
          ...base(colours, words),
          grid: { left: 6, right: 18, top: 34, bottom: 6, outerBoundsMode: "same", outerBoundsContain: "all" },
          legend: legend(colours, { data: scorer.train_mean ? ["held-out fold", "training part"] : ["held-out fold"] }),
          xAxis: axis(colours, { type: "category", name: "fold", data: ctx.view.names.map((_, row) => String(row)) }),
          yAxis: axis(colours, { name: scorer.name }),
          tooltip: tip(colours, { formatter: (event) => `fold ${event.value[0]}, ${event.seriesName}\n${squeeze(scorer.name, 40)} ${number(event.value[1])}` }),
          series: [
            points(scorer.mean, {
              name: "held-out fold", itemStyle: { color: colours.series[0] },
              markLine: { silent: true, symbol: "none", animation: false, label: { formatter: `${number(mean)} ± ${number(std)}`, position: "insideEndTop", color: colours.muted, fontSize: 11 }, lineStyle: { color: colours.series[0], type: "solid", width: 1.4 }, data: known.length ? [{ yAxis: mean }] : [] },
              markArea: { silent: true, itemStyle: { color: colours.series[0], opacity: 0.1 }, data: known.length > 1 ? [[{ yAxis: mean - std }, { yAxis: mean + std }]] : [] },
            }),
            points(scorer.train_mean, { name: "training part", symbolSize: 9, itemStyle: { color: colours.surface, borderColor: colours.grey, borderWidth: 2 } }),
          ],
        };
      },
      table: () => ({ columns: ["fold", ctx.scorer.name, ...(ctx.scorer.train_mean ? ["training"] : []), "fit seconds"], rows: ctx.view.names.map((_, row) => [String(row), ctx.scorer.mean[row], ...(ctx.scorer.train_mean ? [ctx.scorer.train_mean[row]] : []), ctx.view.fit_seconds[row]]) }),
      onClick: (event) => ctx.onPick(rowOf(event)),
    };
  };
  charts.frameOf = frameOf;
})();
