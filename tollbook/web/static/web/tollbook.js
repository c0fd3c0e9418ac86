// Small behaviours; every page also works without them.
(function () {
  "use strict";
  const root = document.documentElement;
  const body = document.body;
  const find = (selector, inside) => (inside || document).querySelector(selector);
  const all = (selector, inside) => Array.from((inside || document).querySelectorAll(selector));

  // Colours: light, dark, as the system. Kept in a cookie, so the server paints the right ones at once.
  const themes = ["auto", "light", "dark"];
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-toggle]");
    if (!button) return;
    const next = themes[(themes.indexOf(root.dataset.themeChoice) + 1) % themes.length];
    root.dataset.themeChoice = next;
    button.setAttribute("aria-label", "Colours: " + next);
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = "tollbook-theme=" + next + "; Path=/; Max-Age=31536000; SameSite=Lax" + secure;
    window.tollbookTheme();
  });

  // Navigation on small screens.
  const toggle = find(".nav-toggle");
  function showNavigation(open) {
    body.classList.toggle("nav-open", open);
    toggle.setAttribute("aria-expanded", String(open));
  }
  if (toggle) {
    toggle.addEventListener("click", () => {
      showNavigation(!body.classList.contains("nav-open"));
      if (body.classList.contains("nav-open")) find(".side-link[aria-current], .side-link").focus();
    });
    document.addEventListener("click", (event) => {
      if (body.classList.contains("nav-open") && !event.target.closest(".side, .nav-toggle")) showNavigation(false);
    });
  }

  // Menus close when something else is clicked or Escape is pressed.
  document.addEventListener("click", (event) => {
    all("details.menu[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });

  // Forms that are sent by a change of a select.
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-submit-on-change]");
    if (form) form.requestSubmit();
  });

  // A check box at the head of a column checks all below it.
  document.addEventListener("change", (event) => {
    const head = event.target.closest("[data-check-all]");
    if (head) all('input[type="checkbox"][name="' + head.dataset.checkAll + '"]', head.closest("form")).forEach((box) => { box.checked = head.checked; });
  });

  // Palette.
  const palette = document.getElementById("palette");
  if (palette) {
    const input = find("input", palette);
    const results = find(".palette-results", palette);
    let asked = 0;
    let timer = 0;
    const options = () => all("a", results);
    function choose(index) {
      const links = options();
      links.forEach((link, number) => link.setAttribute("aria-selected", String(number === index)));
      if (links[index]) {
        links[index].scrollIntoView({ block: "nearest" });
        input.setAttribute("aria-activedescendant", links[index].id);
      }
    }
    const chosen = () => options().findIndex((link) => link.getAttribute("aria-selected") === "true");
    async function ask() {
      const number = ++asked;
      const answer = await fetch(palette.dataset.source + "?q=" + encodeURIComponent(input.value), { headers: { Accept: "text/html" }, credentials: "same-origin" });
      if (number !== asked) return;
      if (!answer.ok || answer.redirected) { location.reload(); return; }
      results.innerHTML = await answer.text();
      choose(0);
    }
    function open() {
      if (palette.open) return;
      palette.showModal();
      input.select();
      ask();
    }
    input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 120); });
    input.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) {
        event.preventDefault();
        const count = options().length;
        if (count) choose((chosen() + step + count) % count);
      } else if (event.key === "Enter") {
        event.preventDefault();
        const link = options()[Math.max(0, chosen())];
        if (link) location.href = link.href;
      }
    });
    palette.addEventListener("click", (event) => { if (event.target === palette) palette.close(); });
    all("[data-palette-open]").forEach((button) => button.addEventListener("click", open));
    document.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); open(); }
    });
  }

  // Escape closes what is open and gives the focus back to what opened it.
  function leave() {
    all("details.menu[open]").forEach((menu) => {
      const inside = menu.contains(document.activeElement);
      menu.open = false;
      if (inside) find("summary", menu).focus();
    });
    if (toggle && body.classList.contains("nav-open")) { showNavigation(false); toggle.focus(); }
  }

  // A table that changes in place is a new one: the focus goes to what was used, by its field, its column or its words.
  // While it loads it says so, to the eye and to a screen reader.
  let used = null;
  const busy = (table, is) => { if (table) table.setAttribute("aria-busy", String(is)); };
  document.addEventListener("htmx:finally:request", () => all(".data-table[aria-busy=true]").forEach((table) => busy(table, false)));
  document.addEventListener("htmx:before:request", (event) => {
    const here = document.activeElement;
    const table = here && here.closest(".data-table");
    busy(event.target.closest ? event.target.closest(".data-table") : table, true);
    if (!table) { used = null; return; }
    const head = here.closest("th");
    used = { table: table.id, field: here.name || "", column: head ? head.cellIndex : -1, words: here.textContent.trim() };
  });
  document.addEventListener("htmx:after:swap", () => {
    const table = used && document.getElementById(used.table);
    if (!table || table.contains(document.activeElement)) return;
    const same = used.field ? all("input, select, button", table).find((each) => each.name === used.field)
      : used.column >= 0 ? find("thead th:nth-child(" + (used.column + 1) + ") a", table)
      : all(".pager a, .table-tools a, .table-tools button", table).find((each) => each.textContent.trim() === used.words);
    (same || find(".table-wrap", table)).focus();
    used = null;
  });

  // Rows of a table by j and k, or the arrows once one is chosen; Enter follows the row's link by itself.
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea, dialog, [contenteditable]")) return;
    if (event.key === "Escape") { leave(); return; }
    const links = all("[data-rows] tbody .row-link");
    const here = links.indexOf(document.activeElement);
    const down = event.key === "j" || (event.key === "ArrowDown" && here >= 0);
    const up = event.key === "k" || (event.key === "ArrowUp" && here >= 0);
    if (!links.length || !(down || up)) return;
    event.preventDefault();
    links[Math.min(links.length - 1, Math.max(0, here + (down ? 1 : -1)))].focus();
  });

  // Copy what a button names.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button && navigator.clipboard) navigator.clipboard.writeText(button.dataset.copy).then(() => {
      button.setAttribute("data-copied", "");
      setTimeout(() => button.removeAttribute("data-copied"), 2000);
    });
  });
})();
