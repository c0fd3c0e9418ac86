// Before anything is painted: "auto" becomes what the system says, and follows it.
(function () {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  function apply() {
    const choice = root.dataset.themeChoice;
    root.dataset.bsTheme = choice === "auto" ? (dark.matches ? "dark" : "light") : choice;
  }
  window.tollbookTheme = apply;
  dark.addEventListener("change", apply);
  apply();
})();
