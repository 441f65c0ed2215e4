(() => {
  const KEY = "duress-verdicts";
  const held = (() => {
    try { return JSON.parse(localStorage.getItem(KEY)) || {}; } catch { return {}; /* kept as long as the page is open */ }
  })();
  const keep = () => { try { localStorage.setItem(KEY, JSON.stringify(held)); } catch { /* see above */ } };
  document.addEventListener("DOMContentLoaded", () => {
    const fields = [...document.querySelectorAll("fieldset.verdict")];
    const saves = document.querySelector("button.saves");
    const name = document.querySelector(".save input");
    const given = () => fields.filter((field) => held[field.dataset.mark] && held[field.dataset.mark].verdict !== field.dataset.said);
    const show = () => {
      for (const field of fields) {
        const said = held[field.dataset.mark] ? held[field.dataset.mark].verdict : field.dataset.said;
        for (const button of field.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.value === said));
      }
      if (saves) saves.disabled = given().length === 0;
    };
    for (const field of fields) {
      for (const button of field.querySelectorAll("button")) {
        button.addEventListener("click", () => {
          const known = held[field.dataset.mark];
          if (known && known.verdict === button.value) delete held[field.dataset.mark];
          else held[field.dataset.mark] = { verdict: button.value, at: Date.now() / 1000 };
          keep();
          show();
        });
      }
    }
    if (saves) {
      saves.addEventListener("click", () => {
        const lines = given().map((field) => JSON.stringify({
          run: field.dataset.run,
          kind: field.dataset.kind,
          mark: field.dataset.mark,
          verdict: held[field.dataset.mark].verdict,
          score: Number(field.dataset.score),
          by: name.value.trim(),
          at: held[field.dataset.mark].at,
        }) + "\n");
        const link = document.createElement("a");
        link.href = URL.createObjectURL(new Blob(lines, { type: "application/jsonl" }));
        link.download = document.body.dataset.verdicts;
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 1000);
      });
    }
    show();
  });
})();
