// Parallel coordinates on plain canvases: all lines once, as a picture that fades while the brushed ones are drawn over
// it, some thousand lines in each frame. So ten thousand candidates can be brushed without a stutter.
(() => {
  "use strict";
  const { el, charts } = window.skribe;
  const { along, spoken, squeeze, theme, tick } = charts;

  const TOP = 46;
  const BOTTOM = 18;
  const SIDE = 56;
  const NARROWEST = 92;
  const SHADES = 40;
  const BUDGET = 7; // milliseconds of drawing in each frame
  const NEAR = 20;
  const FEW = 8; // values: each has its tick
  const APART = 0.04; // of the length of an axis

  const now = () => performance.now();
  const paperOf = (canvas) => canvas.getContext("2d", { willReadFrequently: true });

  /** Round ticks of an axis from low to high. */
  function ticksOf(column) {
    if (column.scale === "categorical") {
      const every = Math.ceil(column.values.length / 16);
      return column.values.flatMap((value, code) => (code % every ? [] : [[column.placeOf(code), spoken(value, 14)]]));
    }
    const { low, high } = column;
    if (low === high) return [[0.5, tick(low)]];
    const tried = (column.tried || []).filter((value) => typeof value === "number" && value >= low && value <= high);
    if (tried.length && tried.length <= FEW) return apart(tried.map((value) => [column.placeOf(value), tick(value)]));
    const found = column.scale === "log" ? decades(low, high) : rounds(low, high);
    return found.map((value) => [column.placeOf(value), tick(value)]);
  }

  /** Those of the ticks, from the lowest on, that do not stand on each other. */
  function apart(ticks) {
    let last = -1;
    return ticks.sort(([one], [other]) => one - other).filter(([place]) => {
      const isFree = place - last >= APART || last < 0;
      if (isFree) last = place;
      return isFree;
    });
  }

  function decades(low, high) {
    const [from, to] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
    const every = Math.max(1, Math.ceil((to - from) / 7));
    const found = [];
    for (let power = from; power <= to; power += every) found.push(10 ** power);
    return found.length > 1 ? found : rounds(low, high);
  }

  function rounds(low, high) {
    const raw = (high - low) / 5;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].find((one) => one * power >= raw) * power;
    const found = [];
    for (let value = Math.ceil(low / step - 1e-9) * step; value <= high + step * 1e-9; value += step) found.push(Number(value.toPrecision(10)));
    return found;
  }

  class Parallel {
    /** `on` is {brush(key, range | null), hover(row | null), pick(row)}; a range is [from, to] in places from 0 to 1. */
    constructor(host, { words, on }) {
      this.on = on;
      this.columns = [];
      this.brushes = new Map();
      this.mask = null;
      this.hovered = null;
      this.best = null;
      this.base = el("canvas", { class: "parallel-layer", "aria-hidden": "true" });
      this.front = el("canvas", { class: "parallel-layer", "aria-hidden": "true" });
      this.axes = el("canvas", { class: "parallel-layer parallel-axes", role: "img", "aria-label": words });
      this.tip = el("div", { class: "parallel-tip", hidden: true });
      this.inner = el("div", { class: "parallel-inner" }, this.base, this.front, this.axes, this.tip);
      this.box = el("div", { class: "parallel" }, this.inner);
      host.append(this.box);
      this.hidden = document.createElement("canvas");
      this.jobs = { base: null, front: null };
      this.listen();
      new ResizeObserver(() => this.resize()).observe(this.box);
      window.skribe.onTheme(() => this.repaint());
    }

    /** `columns` are [{key, label, scale, places: Float32Array (NaN: none), placeOf, low, high, values}]. */
    set(columns, { shade, order, best }) {
      this.columns = columns;
      this.shade = shade;
      this.order = order;
      this.best = best;
      for (const key of [...this.brushes.keys()]) if (!columns.some((column) => column.key === key)) this.brushes.delete(key);
      this.resize(true);
    }

    select(mask, brushes) {
      this.mask = mask;
      this.brushes = brushes;
      this.base.style.opacity = mask === null ? "1" : "0.16";
      if (mask === null) {
        this.jobs.front = null;
        this.frontStale = false;
        this.clear(this.front);
      } else {
        this.frontStale = true;
        this.schedule();
      }
      this.paintAxes();
    }

    /** Whether the hand is brushing just now. */
    get busy() {
      return Boolean(this.drag);
    }

    hover(row) {
      if (this.hovered === row) return;
      this.hovered = row;
      this.paintAxes();
    }

    // -- sizes

    resize(force = false) {
      const width = Math.max(this.box.clientWidth, SIDE * 2 + NARROWEST * Math.max(1, this.columns.length - 1));
      const height = this.box.clientHeight || 380;
      const ratio = Math.min(2, window.devicePixelRatio || 1);
      if (!force && width === this.width && height === this.height && ratio === this.ratio) return;
      [this.width, this.height, this.ratio] = [width, height, ratio];
      this.inner.style.width = `${width}px`;
      for (const canvas of [this.base, this.front, this.axes, this.hidden]) {
        canvas.width = Math.round(width * ratio);
        canvas.height = Math.round(height * ratio);
        canvas.style.width = `${width}px`;
        canvas.style.height = `${height}px`;
      }
      this.repaint();
    }

    x(place) {
      return SIDE + (place * (this.width - 2 * SIDE)) / Math.max(1, this.columns.length - 1);
    }

    y(place) {
      return this.height - BOTTOM - place * (this.height - TOP - BOTTOM);
    }

    repaint() {
      if (!this.width || !this.columns.length) return;
      const colours = theme();
      this.colours = Array.from({ length: SHADES }, (_, shade) => along(colours.lines, shade / (SHADES - 1)));
      this.jobs.base = this.job(this.base, null);
      this.clear(this.base);
      if (this.mask !== null) this.frontStale = true;
      this.paintAxes();
      this.schedule();
    }

    clear(canvas) {
      paperOf(canvas).clearRect(0, 0, canvas.width, canvas.height);
    }

    // -- lines, some in each frame

    job(canvas, mask) {
      const count = mask === null ? this.order.length : this.order.reduce((all, row) => all + mask[row], 0);
      const alpha = count > 4000 ? 0.07 : count > 1200 ? 0.16 : count > 250 ? 0.5 : 0.8;
      return { canvas, mask, at: 0, alpha };
    }

    schedule() {
      if (this.frame) return;
      this.frame = requestAnimationFrame(() => {
        this.frame = null;
        this.work();
      });
    }

    work() {
      const until = now() + BUDGET;
      if (!this.jobs.front && this.frontStale && this.mask !== null) {
        this.frontStale = false;
        this.clear(this.hidden);
        this.jobs.front = this.job(this.hidden, this.mask);
      }
      // What was brushed goes before: the reader waits for it. A pass is finished before the next one begins, and shown
      // as a whole, so that nothing flickers while the brush moves.
      if (this.jobs.front && this.draw(this.jobs.front, until)) {
        const paper = paperOf(this.front);
        paper.clearRect(0, 0, this.front.width, this.front.height);
        if (this.mask !== null) paper.drawImage(this.hidden, 0, 0);
        this.jobs.front = null;
      }
      if (this.jobs.base && now() < until && this.draw(this.jobs.base, until)) this.jobs.base = null;
      if (this.jobs.front || this.jobs.base || (this.frontStale && this.mask !== null)) this.schedule();
    }

    /** Draw lines until the time is up; true when all are there. The order is from the worst to the best. */
    draw(job, until) {
      const paper = paperOf(job.canvas);
      paper.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
      paper.globalAlpha = job.alpha;
      paper.lineWidth = this.order.length > 1200 ? 1 : 1.3;
      paper.lineJoin = "bevel";
      const { order } = this;
      let shade = -2;
      let inPath = 0;
      let strokes = 0;
      while (job.at < order.length) {
        const row = order[job.at];
        job.at += 1;
        if (job.mask !== null && !job.mask[row]) continue;
        if (this.shade[row] !== shade || inPath >= 40) {
          if (inPath) {
            paper.stroke();
            // Strokes are only noted down until somebody looks: one pixel is read so that the clock sees the painting.
            if ((strokes += 1) % 3 === 0) paper.getImageData(0, 0, 1, 1);
          }
          if (now() > until) {
            job.at -= 1;
            return false;
          }
          shade = this.shade[row];
          paper.strokeStyle = shade < 0 ? theme().grey : this.colours[shade];
          paper.beginPath();
          inPath = 0;
        }
        this.trace(paper, row);
        inPath += 1;
      }
      if (inPath) paper.stroke();
      paper.getImageData(0, 0, 1, 1);
      paper.globalAlpha = 1;
      return true;
    }

    trace(paper, row) {
      let drawing = false;
      for (let place = 0; place < this.columns.length; place += 1) {
        const at = this.columns[place].places[row];
        if (Number.isNaN(at)) {
          drawing = false;
          continue;
        }
        if (drawing) paper.lineTo(this.x(place), this.y(at));
        else paper.moveTo(this.x(place), this.y(at));
        drawing = true;
      }
    }

    // -- axes, brushes, and the lines that stand out

    paintAxes() {
      if (!this.width || !this.columns.length) return;
      const colours = theme();
      const paper = this.axes.getContext("2d");
      paper.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
      paper.clearRect(0, 0, this.width, this.height);
      if (this.best !== null && this.best !== undefined) this.outline(paper, this.best, colours.best, 2);
      if (this.hovered !== null) this.outline(paper, this.hovered, colours.text, 2.2);
      this.columns.forEach((column, place) => this.paintAxis(paper, colours, column, this.x(place)));
    }

    outline(paper, row, colour, width) {
      for (const [stroke, line] of [[theme().surface, width + 2.5], [colour, width]]) {
        paper.beginPath();
        this.trace(paper, row);
        paper.strokeStyle = stroke;
        paper.lineWidth = line;
        paper.lineJoin = "round";
        paper.stroke();
      }
    }

    paintAxis(paper, colours, column, x) {
      const spacing = (this.width - 2 * SIDE) / Math.max(1, this.columns.length - 1);
      const [top, bottom] = [this.y(1), this.y(0)];
      paper.lineWidth = 1;
      paper.strokeStyle = colours.muted;
      paper.beginPath();
      paper.moveTo(Math.round(x) + 0.5, top - 5);
      paper.lineTo(Math.round(x) + 0.5, bottom + 5);
      paper.stroke();
      this.paintBrush(paper, colours, column, x);
      paper.font = `11px ${colours.sans}`;
      paper.textAlign = "right";
      paper.textBaseline = "middle";
      for (const [at, text] of ticksOf(column)) this.write(paper, colours, text, x - 7, this.y(at), colours.muted);
      paper.textAlign = "center";
      paper.font = `${column.strong ? "600 " : ""}12px ${colours.sans}`;
      const letters = Math.max(8, Math.floor(spacing / 6.4));
      this.write(paper, colours, squeeze(column.label, letters), Math.min(Math.max(x, 50), this.width - 50), 16, column.strong ? colours.text : colours.muted);
      if (column.scale === "log") {
        paper.font = `10px ${colours.sans}`;
        this.write(paper, colours, "log", x, 30, colours.faint);
      }
    }

    write(paper, colours, text, x, y, colour) {
      paper.lineWidth = 3.5;
      paper.strokeStyle = colours.surface;
      paper.lineJoin = "round";
      paper.strokeText(text, x, y);
      paper.fillStyle = colour;
      paper.fillText(text, x, y);
    }

    paintBrush(paper, colours, column, x) {
      const range = this.brushes.get(column.key);
      if (!range) return;
      const [bottom, top] = range.map((place) => this.y(place));
      paper.globalAlpha = 0.28;
      paper.fillStyle = colours.accent;
      paper.fillRect(x - 9, top, 18, Math.max(2, bottom - top));
      paper.globalAlpha = 1;
      paper.strokeStyle = colours.accent;
      paper.lineWidth = 1.5;
      paper.strokeRect(x - 9, top, 18, Math.max(2, bottom - top));
    }

    // -- the hand

    listen() {
      const { axes } = this;
      axes.addEventListener("pointerdown", (event) => this.down(event));
      axes.addEventListener("pointermove", (event) => this.moved(event));
      axes.addEventListener("pointerup", (event) => this.up(event));
      axes.addEventListener("pointercancel", () => { this.drag = null; });
      axes.addEventListener("lostpointercapture", () => { this.drag = null; });
      axes.addEventListener("pointerleave", () => !this.drag && this.point(null));
    }

    where(event) {
      const box = this.axes.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    }

    place(y) {
      return Math.max(0, Math.min(1, (this.height - BOTTOM - y) / (this.height - TOP - BOTTOM)));
    }

    axisAt(x) {
      const spacing = (this.width - 2 * SIDE) / Math.max(1, this.columns.length - 1);
      const place = Math.max(0, Math.min(this.columns.length - 1, Math.round((x - SIDE) / spacing)));
      return Math.abs(x - this.x(place)) <= NEAR ? this.columns[place] : null;
    }

    down(event) {
      if (event.button !== 0) return;
      const [x, y] = this.where(event);
      const column = this.axisAt(x);
      if (!column) {
        if (this.hovered !== null) this.on.pick(this.hovered);
        return;
      }
      this.axes.setPointerCapture(event.pointerId);
      const at = this.place(y);
      const range = this.brushes.get(column.key);
      const reach = 7 / (this.height - TOP - BOTTOM);
      this.drag = { column, from: at, kind: "new", range };
      if (range && Math.abs(at - range[0]) < reach) this.drag = { column, from: range[1], kind: "new", range };
      else if (range && Math.abs(at - range[1]) < reach) this.drag = { column, from: range[0], kind: "new", range };
      else if (range && at > range[0] && at < range[1]) this.drag.kind = "move";
      this.drag.moved = false;
      this.point(null);
      event.preventDefault();
    }

    moved(event) {
      const [x, y] = this.where(event);
      if (!this.drag) {
        const column = this.axisAt(x);
        this.axes.style.cursor = column ? "ns-resize" : "";
        this.latest = [x, y];
        if (!this.pointing) {
          this.pointing = requestAnimationFrame(() => {
            this.pointing = null;
            if (!this.drag) this.point(this.nearest(...this.latest), this.latest);
          });
        }
        return;
      }
      const at = this.place(y);
      const { drag } = this;
      drag.moved = drag.moved || Math.abs(at - drag.from) > 0.008;
      if (!drag.moved) return;
      let range = [Math.min(drag.from, at), Math.max(drag.from, at)];
      if (drag.kind === "move") {
        const size = drag.range[1] - drag.range[0];
        const low = Math.max(0, Math.min(1 - size, drag.range[0] + at - drag.from));
        range = [low, low + size];
      }
      drag.last = range;
      if (this.telling) return;
      this.telling = requestAnimationFrame(() => {
        this.telling = null;
        if (drag.last) this.on.brush(drag.column.key, drag.last);
      });
    }

    up() {
      const { drag } = this;
      this.drag = null;
      if (drag && !drag.moved) this.on.brush(drag.column.key, null);
      else if (drag?.last) this.on.brush(drag.column.key, drag.last);
    }

    /** The candidate whose line is nearest to this point, if one is near. */
    nearest(x, y) {
      const spacing = (this.width - 2 * SIDE) / Math.max(1, this.columns.length - 1);
      const left = Math.max(0, Math.min(this.columns.length - 2, Math.floor((x - SIDE) / spacing)));
      const share = (x - this.x(left)) / spacing;
      const [from, to] = [this.columns[left]?.places, this.columns[left + 1]?.places];
      if (!from || !to || y < TOP - 8) return null;
      let best = null;
      let least = 9;
      for (let at = this.order.length - 1; at >= 0; at -= 1) {
        const row = this.order[at];
        if (this.mask !== null && !this.mask[row]) continue;
        const distance = Math.abs(this.y(from[row] + (to[row] - from[row]) * share) - y);
        if (distance < least) [best, least] = [row, distance];
      }
      return best;
    }

    point(row, at) {
      this.hover(row);
      this.on.hover(row);
      this.tip.hidden = row === null;
      if (row === null) return;
      this.tip.textContent = this.on.words(row);
      const wide = 250;
      const [x, y] = at;
      this.tip.style.left = `${x + wide + 20 > this.width ? Math.max(0, x - wide - 14) : x + 14}px`;
      this.tip.style.top = `${Math.max(4, Math.min(this.height - 120, y - 20))}px`;
    }
  }

  window.skribe.Parallel = Parallel;
})();
