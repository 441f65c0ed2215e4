(() => {
  const root = document.documentElement;
  const store = (act) => { try { return act(localStorage); } catch { return null; /* no storage: a choice lasts as long as the page */ } };
  const chosen = store((held) => held.getItem("duress-theme"));
  if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
  document.addEventListener("DOMContentLoaded", () => {
    document.querySelector("button.theme").addEventListener("click", () => {
      const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
      const next = (root.dataset.theme || system) === "dark" ? "light" : "dark";
      if (next === system) {
        delete root.dataset.theme;
        store((held) => held.removeItem("duress-theme"));
      } else {
        root.dataset.theme = next;
        store((held) => held.setItem("duress-theme", next));
      }
    });
  });
})();
