// The list of experiments: renamed, put into the trash; what is new is announced, and running searches move on.
(() => {
  "use strict";

  const skribe = window.skribe;
  const { el } = skribe;

  async function change(what) {
    try {
      await skribe.actAndReload(what);
    } catch (problem) {
      skribe.toast(problem.message, { bad: true });
    }
  }

  /** Ask for a name in a dialog. Resolves with null if it was not given. */
  function askName(title, value) {
    return new Promise((resolve) => {
      const input = el("input", { class: "input", id: "new-name", maxlength: "2000", required: true });
      input.value = value;
      const form = el("form", { method: "dialog" },
        el("div", { class: "dialog-head" }, el("h2", { id: "name-title", text: title })),
        el("label", { class: "field", for: "new-name" }, el("span", { text: "New name" }), input),
        el("div", { class: "dialog-end" }, el("button", { class: "button", value: "no", type: "button", text: "Cancel", onclick: () => dialog.close("no") }), el("button", { class: "button primary", value: "yes", text: "Rename" })));
      const dialog = el("dialog", { class: "dialog dialog-small", "aria-labelledby": "name-title" }, form);
      dialog.addEventListener("close", () => {
        dialog.remove();
        const name = input.value.trim();
        resolve(dialog.returnValue === "yes" && name && name !== value ? name : null);
      });
      document.body.append(dialog);
      dialog.showModal();
      input.select();
    });
  }

  const short = (name) => (name.length > 80 ? `${name.slice(0, 80)}…` : name);

  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("button");
    if (!button) return;
    if (button.dataset.rename !== undefined) {
      const name = button.dataset.rename;
      const renamed = await askName("Rename the experiment", name);
      if (renamed) change({ do: "rename_experiment", name, new: renamed });
    } else if (button.dataset.trash !== undefined) {
      const name = button.dataset.trash;
      const agreed = await skribe.confirm(`Move “${short(name)}” with its runs to the trash?\nNothing is destroyed: it can be restored from the trash.`, { action: "Move to trash", bad: true });
      if (agreed) change({ do: "delete_experiment", name });
    } else if (button.closest("#fresh-page")) window.location.reload();
  });

  // -- what is new

  const fresh = () => document.getElementById("fresh-page");
  let last = 0;

  /** Whether the reader's hand or keyboard is on a list just now, which then must not move. */
  const isHeld = () => document.querySelector("#main .table:hover, #main .table:focus-within, dialog[open]") !== null;

  /** Show this page as the server writes it now, in place. */
  async function renew() {
    last = Date.now();
    const response = await fetch(window.location.href, { credentials: "same-origin" });
    if (!response.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const main = page.getElementById("main");
    if (!main) return;
    if (isHeld()) {
      fresh().hidden = false;
      return;
    }
    document.getElementById("main").replaceChildren(...document.importNode(main, true).childNodes);
  }

  skribe.poll(() => {
    if (Date.now() - last > 3000) return renew();
    return undefined;
  });
})();
