// What was deleted comes back at the press of a button.
(() => {
  "use strict";

  const skribe = window.skribe;
  const CHANGES = {
    run: ({ id }) => ({ do: "restore_run", id }),
    experiment: ({ name }) => ({ do: "restore_experiment", name }),
    model: ({ name }) => ({ do: "restore_model", name }),
    version: ({ name, version }) => ({ do: "restore_version", name, version: Number(version) }),
  };

  /** Take the line away, and with the last one its whole table. */
  function away(line) {
    const part = line.closest("section");
    const next = line.nextElementSibling || line.previousElementSibling;
    line.remove();
    if (next) next.querySelector("[data-restore]")?.focus();
    else part.remove();
    if (!document.querySelector("[data-restore]")) window.location.reload();
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-restore]");
    if (!button) return undefined;
    button.disabled = true;
    try {
      const change = CHANGES[button.dataset.restore](button.dataset);
      // With an experiment its runs come back, which have lines of their own here.
      if (change.do === "restore_experiment") return await skribe.actAndReload(change);
      skribe.toast(await skribe.act(change));
      away(button.closest("tr"));
    } catch (problem) {
      button.disabled = false;
      skribe.toast(problem.message, { bad: true });
    }
    return undefined;
  });
})();
