// The search box: plain words or a condition, completed from the keys that there are; a mistake is pointed at.
(() => {
  "use strict";

  const { el } = window.skribe;
  const { printable } = window.skribe.table;
  const FIELDS = {
    name: "text", kind: "fit, search, cv …", status: "finished, failed …", experiment: "text", estimator: "text", id: "text",
    parent_id: "text", duration: "seconds", start: '"2026-01-31"', end: '"2026-01-31"',
  };
  const WORDS = {
    status: ["finished", "running", "failed", "killed"],
    kind: ["fit", "search", "candidate", "cv", "fold", "stream", "manual"],
  };
  const MOST = 12;
  // Keywords of Python cannot stand behind a dot.
  const KEYWORDS = new Set("False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield".split(" "));

  // -- words become a condition

  const CONDITION = /[=<>!()[\]"'`{}]|\b(?:and|or|not|is|in)\b\s|\b(?:metrics|params|tags|facts)\.|^\s*(?:True|False)\s*$/;

  const quoted = (text) => JSON.stringify(text);

  /** The condition for what was typed: itself, or for plain words one that looks for each of them in the name. */
  function conditionOf(text) {
    const typed = text.trim();
    if (!typed) return { where: "", rewritten: false };
    if (CONDITION.test(typed)) return { where: typed, rewritten: false };
    const parts = typed.split(/\s+/).map((word) => {
      const inName = `${quoted(word.toLowerCase())} in name.lower()`;
      return /^[0-9a-f-]{6,}$/i.test(word) ? `(${inName} or ${quoted(word.toLowerCase())} in id)` : inName;
    });
    return { where: parts.join(" and "), rewritten: true };
  }

  /** The words that a condition was made from; the condition itself if it was not made from words. */
  function wordsOf(where) {
    const one = /\(?("(?:[^"\\]|\\.)*") in name\.lower\(\)(?: or "[^"]*" in id\))?/g;
    const words = [];
    for (const found of where.matchAll(one)) words.push(JSON.parse(found[1]));
    return words.length && conditionOf(words.join(" ")).where === where ? words.join(" ") : where;
  }

  // -- suggestions

  const asKey = (group, key) => {
    const isPlain = key.split(".").every((part) => /^[A-Za-z_]\w*$/.test(part) && !KEYWORDS.has(part));
    return isPlain ? `${group}.${key}` : `${group}[${quoted(key)}]`;
  };

  function everything(keys) {
    const all = Object.entries(FIELDS).map(([name, hint]) => ({ text: name, label: name, hint }));
    for (const group of ["metrics", "params", "tags"]) {
      for (const { key, count } of keys[group] || []) {
        all.push({ text: asKey(group, key), label: `${group}.${key}`, hint: `${count.toLocaleString("en")} runs` });
      }
    }
    return all;
  }

  const EXAMPLES = (keys) => {
    const metric = keys.metrics?.[0]?.key ?? "training_accuracy_score";
    const param = keys.params?.find(({ key, varies }) => varies && /(?:^|_)C$/.test(key))?.key ?? "C";
    return [
      { text: `${asKey("metrics", metric)} > 0.9`, hint: "a metric" },
      { text: `${asKey("params", param)} in (1, 10)`, hint: "a parameter" },
      { text: '"forest" in name.lower()', hint: "a word in the name" },
      { text: 'status == "failed"', hint: "what went wrong" },
      { text: 'kind == "search" and duration > 60', hint: "long searches" },
    ].map((one) => ({ ...one, label: one.text, whole: true }));
  };

  /** What could stand where the caret is: `{from, to, list}`. */
  function suggest(text, caret, keys) {
    if (!text.trim()) return { from: 0, to: text.length, list: EXAMPLES(keys) };
    const before = text.slice(0, caret);
    const value = /\b(status|kind)\s*(?:==|!=)\s*"?(\w*)$/.exec(before);
    if (value) {
      const from = caret - value[2].length - (before[caret - value[2].length - 1] === '"' ? 1 : 0);
      const list = WORDS[value[1]].filter((word) => word.startsWith(value[2])).map((word) => ({ text: `"${word}"`, label: word, hint: value[1] }));
      return { from, to: text[caret] === '"' ? caret + 1 : caret, list };
    }
    const token = /[\p{L}_][\p{L}\p{N}_.]*$/u.exec(before);
    if (!token || /["'][^"']*$/.test(before.replace(/"[^"]*"|'[^']*'/g, ""))) return { from: caret, to: caret, list: [] };
    return { from: caret - token[0].length, to: caret, list: matching(token[0].toLowerCase(), keys) };
  }

  function matching(token, keys) {
    const ranked = [];
    for (const one of everything(keys)) {
      const place = one.label.toLowerCase().indexOf(token);
      const bare = one.label.slice(one.label.indexOf(".") + 1).toLowerCase();
      if (place < 0 || one.label.toLowerCase() === token) continue;
      ranked.push([place === 0 || bare.startsWith(token) ? 0 : 1, ranked.length, one]);
    }
    ranked.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    return ranked.slice(0, MOST).map(([, , one]) => one);
  }

  // -- the box

  class QueryBox {
    /** `changed({where, words, typing})` is called when what is asked for has changed. */
    constructor({ keys, changed }) {
      this.input = document.getElementById("query");
      this.list = document.getElementById("suggestions");
      this.note = document.getElementById("query-note");
      this.clearButton = document.getElementById("query-clear");
      this.keys = keys;
      this.changed = changed;
      this.chosen = -1;
      this.offered = { from: 0, to: 0, list: [] };
      this.frozenNote = [...this.note.childNodes];
      this.listen();
    }

    get completes() {
      return !window.skribe.frozen;
    }

    listen() {
      this.input.addEventListener("input", () => this.typed());
      this.input.addEventListener("keydown", (event) => this.key(event));
      this.input.addEventListener("focus", () => this.offer());
      this.input.addEventListener("click", () => this.offer());
      this.input.addEventListener("blur", () => setTimeout(() => this.close(), 120));
      this.list.addEventListener("mousedown", (event) => event.preventDefault());
      this.list.addEventListener("click", (event) => {
        const option = event.target.closest("[role=option]");
        if (option) this.accept(Number(option.dataset.number));
      });
      this.clearButton.addEventListener("click", () => {
        this.set("");
        this.tell(false);
        this.input.focus();
      });
      document.getElementById("query-form").addEventListener("submit", (event) => {
        event.preventDefault();
        this.close();
        this.tell(false);
      });
    }

    /** Show a condition, as words if it was made from some. */
    set(where) {
      this.input.value = wordsOf(where || "");
      this.decorate();
      this.explain();
    }

    typed() {
      this.decorate();
      this.offer();
      clearTimeout(this.waiting);
      clearTimeout(this.failing);
      this.waiting = setTimeout(() => this.tell(true), 350);
    }

    decorate() {
      this.clearButton.hidden = !this.input.value;
      const isCondition = !window.skribe.frozen && CONDITION.test(this.input.value);
      this.input.classList.toggle("mono", isCondition);
    }

    tell(typing) {
      clearTimeout(this.waiting);
      clearTimeout(this.failing);
      this.typing = typing;
      if (window.skribe.frozen) return this.changed({ where: "", words: this.input.value.trim(), typing });
      const { where } = conditionOf(this.input.value);
      this.explain();
      return this.changed({ where, words: "", typing });
    }

    /** Under the box: the condition that plain words became. */
    explain() {
      clearTimeout(this.failing);
      this.input.removeAttribute("aria-invalid");
      this.note.classList.remove("bad");
      if (window.skribe.frozen) return this.note.replaceChildren(...this.frozenNote);
      const { where, rewritten } = conditionOf(this.input.value);
      if (!rewritten) return this.note.replaceChildren();
      const edit = el("button", { type: "button", class: "linked", text: "edit" });
      edit.addEventListener("click", () => {
        this.input.value = where;
        this.decorate();
        this.tell(false);
        this.input.focus();
      });
      return this.note.replaceChildren(el("span", { text: "asked as " }), el("code", { text: printable(where, 300) }), " ", edit);
    }

    /** Say what is wrong; in the middle of typing only once the reader pauses. */
    fail(message, at) {
      clearTimeout(this.failing);
      if (this.typing) this.failing = setTimeout(() => this.point(message, at), 1300);
      else this.point(message, at);
    }

    /** Under the box: what is wrong, with a mark below the place. */
    point(message, at) {
      this.input.setAttribute("aria-invalid", "true");
      this.note.classList.add("bad");
      const { where } = conditionOf(this.input.value);
      const said = el("span", { text: printable(message, 600) });
      if (typeof at !== "number" || where.length > 400) return this.note.replaceChildren(said);
      const from = Math.max(0, at - 60);
      const shown = (from ? "…" : "") + printable(where.slice(from, at + 60));
      const mark = `${" ".repeat(at - from + (from ? 1 : 0))}^`;
      return this.note.replaceChildren(said, el("pre", { class: "pointed", "aria-hidden": "true", text: `${shown}\n${mark}` }));
    }

    // -- completion

    offer() {
      if (!this.completes || document.activeElement !== this.input) return;
      this.offered = suggest(this.input.value, this.input.selectionStart ?? this.input.value.length, this.keys);
      this.chosen = -1;
      if (!this.offered.list.length) {
        this.close();
        return;
      }
      this.list.replaceChildren(...this.offered.list.map((one, number) => el("li", {
        role: "option", id: `suggestion-${number}`, "aria-selected": "false", dataset: { number },
      }, el("code", {}, el("bdi", { text: printable(one.label, 120) })), el("span", { class: "hint", text: one.hint }))));
      this.list.hidden = false;
      this.input.setAttribute("aria-expanded", "true");
      this.input.removeAttribute("aria-activedescendant");
    }

    close() {
      this.list.hidden = true;
      if (!this.completes) return;
      this.input.setAttribute("aria-expanded", "false");
      this.input.removeAttribute("aria-activedescendant");
      this.chosen = -1;
    }

    choose(number) {
      const options = [...this.list.children];
      const stops = options.length + 1; // one of them is the box itself
      this.chosen = ((number + 1 + stops) % stops) - 1;
      options.forEach((option, n) => option.setAttribute("aria-selected", String(n === this.chosen)));
      if (this.chosen < 0) return this.input.removeAttribute("aria-activedescendant");
      this.input.setAttribute("aria-activedescendant", options[this.chosen].id);
      return options[this.chosen].scrollIntoView({ block: "nearest" });
    }

    accept(number) {
      const { from, to, list } = this.offered;
      const one = list[number];
      const text = this.input.value;
      const space = one.whole || /^\s/.test(text.slice(to)) ? "" : " ";
      this.input.value = text.slice(0, from) + one.text + space + text.slice(to);
      const caret = from + one.text.length + space.length;
      this.input.focus();
      this.input.setSelectionRange(caret, caret);
      this.decorate();
      if (one.whole) {
        this.close();
        this.tell(false);
      } else this.offer();
    }

    key(event) {
      const isOpen = !this.list.hidden;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        if (!isOpen) this.offer();
        if (this.list.hidden) {
          if (event.key === "ArrowDown") document.getElementById("grid").focus();
          return event.preventDefault();
        }
        this.choose(this.chosen + (event.key === "ArrowDown" ? 1 : -1));
        return event.preventDefault();
      }
      if ((event.key === "Enter" || event.key === "Tab") && isOpen && this.chosen >= 0) {
        this.accept(this.chosen);
        return event.preventDefault();
      }
      if (event.key === "Escape" && isOpen) {
        this.close();
        return event.preventDefault();
      }
      return undefined;
    }
  }

  window.skribe.table = { ...window.skribe.table, QueryBox, conditionOf, wordsOf, suggest };
})();
