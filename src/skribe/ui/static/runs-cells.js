// What stands in a cell: columns, their widths, and values as text that is short, aligned and harmless.
(() => {
  "use strict";

  const { number, seconds, ago, when, el } = window.skribe;
  const GROUPS = { metrics: "metric", params: "parameter", tags: "tag", facts: "fact" };
  const FIXED = {
    status: { label: "Status", type: "status", width: 104 },
    start: { label: "Started", type: "time", width: window.skribe.frozen ? 148 : 112 },
    duration: { label: "Duration", type: "duration", width: 104, numeric: true },
    kind: { label: "Kind", type: "text", width: 96 },
    estimator: { label: "Estimator", type: "text", width: 190 },
    experiment: { label: "Experiment", type: "text", width: 160 },
  };
  const LONGEST = 240;

  /** A column by its name: `start`, `metrics.accuracy`, `params.C`, `tags.owner`. */
  function columnOf(id) {
    if (FIXED[id]) return { id, key: id, group: "", ...FIXED[id] };
    const dot = id.indexOf(".");
    const group = id.slice(0, dot);
    const key = id.slice(dot + 1);
    return { id, key, group: GROUPS[group] || group, label: key, type: group === "metrics" ? "metric" : "value", numeric: group === "metrics" };
  }

  const isKeyed = (id) => /^(metrics|params|tags|facts)\./s.test(id);

  /** Control characters as the signs that stand for them, and no more of the text than a cell could show. */
  function printable(value, longest = LONGEST) {
    const text = String(value);
    const cut = text.length > longest ? `${text.slice(0, longest)}…` : text;
    return cut.replace(/[\u0000-\u001f\u007f-\u009f]/g, (sign) => {
      const code = sign.charCodeAt(0);
      if (code === 9 || code === 10 || code === 13) return " ";
      return code < 32 ? String.fromCharCode(0x2400 + code) : "\ufffd";
    });
  }

  /**
   * Settle widths and numbers' decimals from rows that are here, so that a column's digits stand below each other.
   * `place` is where the column's value is among a row's cells.
   */
  function settle(column, place, rows) {
    if (place < 0) return column;
    const values = rows.map((row) => row.cells[place]).filter((value) => value !== null && value !== undefined);
    const numbers = values.filter((value) => typeof value === "number" && Number.isFinite(value));
    column.settled = values.length > 0;
    column.numeric = column.type === "metric" || (numbers.length > 0 && numbers.length * 2 >= values.length);
    column.decimals = column.type === "metric" ? decimalsOf(numbers) : null;
    column.range = column.type === "metric" ? rangeOf(numbers) : null;
    const longest = Math.max(0, ...values.slice(0, 60).map((value) => textOf(column, value).length));
    const ofHeader = column.label.length * 6.7 + 34;
    const ofCells = longest * (column.numeric ? 7.6 : 7) + 28;
    column.width = Math.round(Math.max(76, Math.min(column.numeric ? 176 : 220, Math.max(ofHeader, ofCells))));
    return column;
  }

  function decimalsOf(numbers) {
    if (!numbers.length || numbers.every(Number.isInteger)) return null;
    const largest = Math.max(...numbers.map(Math.abs));
    if (largest === 0 || largest >= 1e6 || largest < 1e-3) return null;
    return Math.max(0, Math.min(6, 3 - Math.max(-1, Math.floor(Math.log10(largest)))));
  }

  function rangeOf(numbers) {
    if (numbers.length < 2) return null;
    const low = Math.min(...numbers);
    const high = Math.max(...numbers);
    return high > low ? [low, high] : null;
  }

  /** A value as the text of its cell. */
  function textOf(column, value) {
    if (value === null || value === undefined) return "";
    if (value === true) return "True";
    if (value === false) return "False";
    if (typeof value !== "number") return printable(value);
    if (column.decimals === null || column.decimals === undefined || !Number.isFinite(value)) return number(value);
    const isTooSmall = value !== 0 && Math.abs(value) < 10 ** -column.decimals / 2;
    return isTooSmall || Math.abs(value) >= 1e7 ? number(value) : value.toFixed(column.decimals);
  }

  /** How full the small bar of a metric's cell is, from 0 to 1; null for none. */
  function fillOf(column, value) {
    if (!column.range || typeof value !== "number" || !Number.isFinite(value)) return null;
    const [low, high] = column.range;
    return Math.max(0, Math.min(1, (value - low) / (high - low)));
  }

  const full = (value) => (typeof value === "number" ? String(value) : printable(value, 4000));

  /** Write a run's value into a cell that may have shown another run's. */
  function write(cell, column, place, row, sort) {
    cell.className = `cell${column.numeric ? " num" : ""}${column.group ? "" : " side"}`;
    cell.style.removeProperty("--fill");
    switch (column.type) {
      case "status": return writeStatus(cell, row.status);
      case "time": return writeText(cell, ago(row.start), typeof row.start === "number" ? when(row.start) : "");
      case "duration": return writeDuration(cell, row);
      case "text": return writeText(cell, printable(row[column.id] ?? ""), full(row[column.id] ?? ""), true);
      default: return writeValue(cell, column, row, place, sort);
    }
  }

  function writeText(cell, text, title = "", isolate = false) {
    if (isolate) cell.replaceChildren(el("bdi", { text }));
    else cell.textContent = text;
    cell.title = title === text ? "" : title;
    if (isolate && text.length > 18) cell.title = title;
  }

  function writeStatus(cell, status) {
    const known = ["finished", "failed", "running", "killed"].includes(status) ? status : "other";
    cell.replaceChildren(el("span", { class: `status status-${known}`, text: printable(status, 30) }));
    cell.title = "";
  }

  function writeDuration(cell, row) {
    const isRunning = row.status === "running" && typeof row.duration !== "number" && !window.skribe.frozen;
    if (isRunning) cell.classList.add("going");
    writeText(cell, seconds(isRunning ? Math.max(0, Date.now() / 1000 - row.start) : row.duration));
  }

  function writeValue(cell, column, row, place, sort) {
    const value = place >= 0 ? row.cells[place] : null;
    const isNone = value === null || value === undefined;
    if (isNone && row.of_child && sort === column.id) {
      cell.classList.add("of-child");
      return writeText(cell, "↳ best inside", "Placed by the best of the runs inside it");
    }
    const text = textOf(column, value);
    if (typeof value === "number") {
      cell.classList.add("num");
      const fill = fillOf(column, value);
      if (fill !== null) {
        cell.classList.add("filled");
        cell.style.setProperty("--fill", fill.toFixed(3));
      }
      return writeText(cell, text, full(value));
    }
    if (typeof value === "boolean") cell.classList.add("word");
    return writeText(cell, text, isNone ? "" : full(value), !isNone);
  }

  window.skribe.table = { ...window.skribe.table, columnOf, isKeyed, printable, settle, textOf, write, FIXED };
})();
