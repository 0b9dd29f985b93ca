"use strict";
(() => {
  const box = document.getElementById("filter");
  if (!box) return;
  const found = document.getElementById("found");
  const prompts = [...document.querySelectorAll(".prompt")];
  const sessions = [...document.querySelectorAll(".session")];
  let texts = null;
  let waiting = 0;
  const apply = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    texts ??= prompts.map((prompt) => {
      const heading = prompt.closest(".session")?.querySelector("h2")?.textContent ?? "";
      return (heading + " " + prompt.textContent).toLowerCase();
    });
    let count = 0;
    prompts.forEach((prompt, index) => {
      const shown = words.every((word) => texts[index].includes(word));
      prompt.hidden = !shown;
      count += shown;
    });
    for (const session of sessions) {
      session.hidden = words.length > 0 && !session.querySelector(".prompt:not([hidden])");
    }
    found.textContent = words.length ? `${count} of ${prompts.length} shown` : "";
  };
  box.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(apply, 120);
  });
  const all = [...document.querySelectorAll("details")];
  const button = document.getElementById("open");
  button.hidden = all.length === 0;
  button.addEventListener("click", () => {
    const open = all.some((one) => !one.open);
    for (const one of all) one.open = open;
    button.textContent = open ? "Close all details" : "Open all details";
  });
  addEventListener("beforeprint", () => {
    for (const one of all) one.open = true;
  });
  box.closest(".filter").hidden = false;
})();
