// The rows of the table: asked for page by page, kept for a while, children below their parent. The grid sees one
// long list of positions; which run is at a position is known once its page has arrived.
(() => {
  "use strict";

  const PAGE = 100;
  const MOST_PAGES = 60;

  /** One level: the runs of the store, or the children of one run; children of its rows hang below it. */
  class Level {
    constructor(tree, parent = null, up = null) {
      this.tree = tree;
      this.parent = parent;
      this.up = up;
      this.depth = up ? up.level.depth + 1 : 0;
      this.total = up ? up.level.row(up.index).children : 0;
      this.pages = new Map();
      this.asked = new Map();
      this.open = new Map();
    }

    /** The positions that this level takes, with what is open below it. */
    count() {
      let sum = this.total;
      for (const below of this.open.values()) sum += below.count();
      return sum;
    }

    row(index) {
      const page = this.pages.get(Math.floor(index / PAGE));
      return page ? page[index % PAGE] : undefined;
    }

    opened() {
      return [...this.open.entries()].sort((a, b) => a[0] - b[0]);
    }

    locate(position) {
      let shift = 0;
      for (const [index, below] of this.opened()) {
        const own = index + shift;
        if (position <= own) break;
        const size = below.count();
        if (position <= own + size) return below.locate(position - own - 1);
        shift += size;
      }
      return { level: this, index: position - shift };
    }

    /** The position of one of this level's rows among all. */
    positionOf(index) {
      let position = index;
      for (const [at, below] of this.open) if (at < index) position += below.count();
      return this.up ? position + 1 + this.up.level.positionOf(this.up.index) : position;
    }

    keep(number, rows) {
      this.pages.delete(number);
      this.pages.set(number, rows);
      for (const row of rows) this.tree.known.set(row.id, row);
      if (this.pages.size > MOST_PAGES) this.forget();
    }

    /** Let go of the page that was used least lately, unless something is open in it. */
    forget() {
      for (const number of this.pages.keys()) {
        if ([...this.open.keys()].some((index) => Math.floor(index / PAGE) === number)) continue;
        for (const row of this.pages.get(number)) this.tree.known.delete(row.id);
        this.pages.delete(number);
        return;
      }
    }

    async ask(number) {
      if (this.pages.has(number) || this.asked.has(number)) return;
      const control = new AbortController();
      this.asked.set(number, control);
      const tree = this.tree;
      try {
        const answer = await tree.fetch({ parent: this.parent, offset: number * PAGE, limit: PAGE }, control.signal);
        if (tree.dead) return;
        if (this.parent !== null) this.total = answer.total;
        this.keep(number, answer.rows);
        tree.changed();
      } catch (problem) {
        if (problem.name !== "AbortError" && !tree.dead) tree.failed(problem);
      } finally {
        if (this.asked.get(number) === control) this.asked.delete(number);
      }
    }

    /** Give up what is asked for, except the pages that `keep(level, number)` wants. */
    abort(keep = () => false) {
      for (const [number, control] of this.asked) {
        if (keep(this, number)) continue;
        this.asked.delete(number);
        control.abort();
      }
      for (const below of this.open.values()) below.abort(keep);
    }
  }

  /** What the grid shows. `fetch(args, signal)` gives `{total, rows}`; `changed()` and `failed(error)` are told. */
  class Tree {
    constructor(fetch, changed, failed) {
      this.fetch = fetch;
      this.changed = changed;
      this.failed = failed;
      this.known = new Map();
      this.dead = false;
      this.top = new Level(this);
    }

    /** Begin with an answer that is already here. */
    seed(answer) {
      this.top.total = answer.total;
      for (let from = 0; from < answer.rows.length; from += PAGE) {
        const rows = answer.rows.slice(from, from + PAGE);
        if (rows.length === PAGE || from + rows.length >= answer.total) this.top.keep(from / PAGE, rows);
      }
    }

    count() {
      return this.top.count();
    }

    /** `{level, index, row}` of a position; `row` is undefined while it is on its way. */
    at(position) {
      const place = this.top.locate(position);
      return { ...place, row: place.level.row(place.index) };
    }

    /** Ask for what is missing between two positions and drop what is asked for and no longer seen. */
    want(first, last, ahead) {
      const wanted = new Map();
      const end = Math.min(last, this.count() - 1);
      for (let position = Math.max(0, first); position <= end; position++) {
        const { level, index } = this.top.locate(position);
        if (!wanted.has(level)) wanted.set(level, new Set());
        wanted.get(level).add(Math.floor(index / PAGE));
      }
      const beyond = this.beyond(ahead > 0 ? end : first, ahead);
      this.top.abort((level, number) => wanted.get(level)?.has(number) || (level === this.top && number === beyond));
      for (const [level, numbers] of wanted) for (const number of numbers) this.refresh(level, number);
      if (beyond !== null) this.top.ask(beyond);
    }

    refresh(level, number) {
      const page = level.pages.get(number);
      if (page) level.keep(number, page);
      else level.ask(number);
    }

    /** The page that comes next in the direction of scrolling, or null. */
    beyond(position, ahead) {
      const { level, index } = this.top.locate(Math.max(0, position));
      const number = Math.floor((level === this.top ? index : level.up.index) / PAGE) + (ahead < 0 ? -1 : 1);
      const isThere = number >= 0 && number * PAGE < this.top.total;
      return isThere && !this.top.pages.has(number) ? number : null;
    }

    isOpen(level, index) {
      return level.open.has(index);
    }

    /** Show or hide the children of a row. Gives whether they are shown now. */
    toggle(level, index) {
      const below = level.open.get(index);
      if (below) {
        below.abort();
        level.open.delete(index);
        return false;
      }
      const row = level.row(index);
      if (!row || !row.children) return false;
      level.open.set(index, new Level(this, row.id, { level, index }));
      return true;
    }

    /** The ids of the runs on top whose children are shown. */
    openIds() {
      return new Set([...this.top.open.keys()].map((index) => this.top.row(index)?.id));
    }

    /** Show the children of these runs, of those that are here. */
    reopen(ids) {
      if (!ids.size) return;
      for (const [number, rows] of this.top.pages) {
        rows.forEach((row, n) => ids.has(row.id) && this.toggle(this.top, number * PAGE + n));
      }
    }

    /** Some of the rows that are here, the first ones first. */
    sample() {
      const rows = [];
      for (const row of this.known.values()) if (rows.push(row) >= 300) break;
      return rows;
    }

    /** Put newer versions of rows in the place of those that are shown. */
    renew(rows) {
      for (const fresh of rows) {
        const old = this.known.get(fresh.id);
        if (old) Object.assign(old, fresh, { of_child: old.of_child });
      }
      for (const below of this.top.open.values()) this.regrow(below);
    }

    /** A running search that is open has got more children: fetch those pages of it again that are shown. */
    async regrow(level) {
      const row = level.up.level.row(level.up.index);
      if (!row || row.children === level.total || level.growing) return;
      level.growing = true;
      try {
        const numbers = [...new Set([...level.pages.keys(), Math.floor(level.total / PAGE)])];
        const answers = await Promise.all(numbers.map((number) =>
          this.fetch({ parent: level.parent, offset: number * PAGE, limit: PAGE }, new AbortController().signal)));
        if (this.dead || level.open.size) return;
        answers.forEach((answer, n) => level.keep(numbers[n], answer.rows));
        level.total = answers[0].total;
        this.changed();
      } catch {
        // The next look at what is new tries again.
      } finally {
        level.growing = false;
      }
    }

    close() {
      this.dead = true;
      this.top.abort();
    }
  }

  // -- frozen pages: all rows are here

  const lower = (value) => String(value ?? "").toLowerCase();

  /** The value by which a row is sorted. */
  function valueOf(row, sort, columns) {
    const place = columns.indexOf(sort);
    return place >= 0 ? row.cells[place] : row[sort];
  }

  function comparing(ascending) {
    const sign = ascending ? 1 : -1;
    const isNone = (value) => value === null || value === undefined;
    return (a, b) => {
      if (isNone(a) || isNone(b)) return isNone(a) - isNone(b);
      if (typeof a === "number" && typeof b === "number") return sign * (a - b);
      if (typeof a === "number" || typeof b === "number") return sign * (typeof a === "number" ? -1 : 1);
      return sign * String(a).localeCompare(String(b));
    };
  }

  /** What `api/runs` would answer, from the rows that the page carries. */
  function frozenFetch(carried, state) {
    const columns = carried.columns || [];
    const ids = new Set(carried.rows.map((row) => row.id));
    const below = new Map();
    for (const row of carried.rows) {
      const parent = row.parent && ids.has(row.parent) ? row.parent : null;
      if (!below.has(parent)) below.set(parent, []);
      below.get(parent).push(row);
    }
    const words = lower(state.words).split(/\s+/).filter(Boolean);
    const fits = (row) =>
      (!state.experiment || row.experiment === state.experiment) &&
      (!state.status || row.status === state.status) &&
      (!state.kind || row.kind === state.kind) &&
      words.every((word) => [row.name, row.estimator, row.id].some((text) => lower(text).includes(word)));
    const compare = comparing(state.ascending);
    const placed = (row) => placeOf(row, state, columns, below, compare);
    const lists = new Map();
    const list = (parent) => {
      if (!lists.has(parent)) {
        const rows = (below.get(parent) || []).filter((row) => parent !== null || fits(row));
        const keyed = rows.map((row) => ({ row, ...placed(row) }));
        keyed.sort((a, b) => compare(a.value, b.value) || (a.row.id < b.row.id ? 1 : -1));
        lists.set(parent, keyed.map(({ row, ofChild }) => ({
          ...row, of_child: ofChild, children: (below.get(row.id) || []).length,
        })));
      }
      return lists.get(parent);
    };
    return async ({ parent, offset, limit }) => {
      const rows = list(parent);
      return { total: rows.length, offset, columns, rows: rows.slice(offset, offset + limit) };
    };
  }

  function placeOf(row, state, columns, below, compare) {
    const own = valueOf(row, state.sort, columns);
    const isMetric = state.sort.startsWith("metrics.");
    if (!isMetric || (own !== null && own !== undefined)) return { value: own, ofChild: false };
    const values = (below.get(row.id) || []).map((child) => valueOf(child, state.sort, columns));
    const best = values.filter((value) => value !== null && value !== undefined).sort(compare)[0];
    return { value: best, ofChild: best !== undefined };
  }

  /** What asks the server, for this state. */
  function liveFetch(argsOf) {
    return ({ parent, offset, limit }, signal) =>
      window.skribe.get("runs", argsOf({ parent, offset, limit }), { signal });
  }

  window.skribe.table = { ...window.skribe.table, PAGE, Tree, frozenFetch, liveFetch };
})();
