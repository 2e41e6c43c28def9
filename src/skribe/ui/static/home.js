// The list of experiments: renamed, put into the trash; what is new is announced, and running searches move on.
(() => {
  "use strict";

  const skribe = window.skribe;

  async function change(what) {
    try {
      await skribe.actAndReload(what);
    } catch (problem) {
      skribe.toast(problem.message, { bad: true });
    }
  }

  function rename(name) {
    skribe.ask("Rename the experiment", [{ label: "New name", value: name, maxlength: "2000", required: true }], "Rename", async ([renamed]) => {
      if (renamed && renamed !== name) await skribe.actAndReload({ do: "rename_experiment", name, new: renamed });
    });
  }

  const short = (name) => (name.length > 80 ? `${name.slice(0, 80)}…` : name);

  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("button");
    if (!button) return;
    if (button.dataset.rename !== undefined) {
      rename(button.dataset.rename);
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
