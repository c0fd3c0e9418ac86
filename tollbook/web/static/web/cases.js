// The queue of exceptions by keyboard: x checks the box of the row one is on, and how many are chosen is said.
(function () {
  "use strict";
  const boxes = () => Array.from(document.querySelectorAll('input[name="case"][form="bulk"]'));
  const said = document.querySelector("[data-chosen]");
  const before = said ? said.textContent : "";
  function count() {
    const chosen = boxes().filter((box) => box.checked).length;
    if (said) said.textContent = chosen ? chosen + (chosen === 1 ? " is chosen" : " are chosen") : before;
  }
  // The head's box checks the others in a handler of its own; this one counts when that is done.
  document.addEventListener("change", () => setTimeout(count, 0));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "x" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input:not([type=checkbox]), select, textarea, dialog")) return;
    const row = event.target.closest("[data-rows] tbody tr");
    const box = row && row.querySelector('input[name="case"]');
    if (!box) return;
    event.preventDefault();
    box.checked = !box.checked;
    count();
  });
  count();
})();
