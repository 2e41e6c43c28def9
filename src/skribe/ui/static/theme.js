// Runs before the first paint, so that a chosen theme does not flash in the other one's colours.
(() => {
  "use strict";
  try {
    const chosen = window.localStorage.getItem("skribe.theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // Storage may be denied; the page then follows the system.
  }
})();
