"use strict";
(() => {
  const box = document.getElementById("filter");
  if (!box) return;
  const found = document.getElementById("found");
  const parts = [...document.querySelectorAll(".prompt, .page")];
  const sessions = [...document.querySelectorAll(".session")];
  const contents = [...document.querySelectorAll("nav li")];
  const all = [...document.querySelectorAll("details")];
  const canMark = typeof Highlight === "function" && CSS.highlights;
  const marksMax = 2000;
  const opened = new Set();
  let texts = null;
  let waiting = 0;
  // Every place of the words in what is shown, in order; what holds one is opened, and closed again with the next words.
  const mark = (words) => {
    for (const one of opened) one.open = false;
    opened.clear();
    if (canMark) CSS.highlights.delete("found");
    if (!words.length) return;
    const ranges = [];
    for (const part of parts) {
      if (part.hidden) continue;
      const walker = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node && ranges.length < marksMax; node = walker.nextNode()) {
        const text = node.data.toLowerCase();
        if (text.length !== node.data.length) continue;
        for (const word of words) {
          for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
            const range = document.createRange();
            range.setStart(node, at);
            range.setEnd(node, at + word.length);
            ranges.push(range);
          }
        }
      }
    }
    for (const { startContainer } of ranges) {
      for (let one = startContainer.parentElement?.closest("details"); one; one = one.parentElement?.closest("details")) {
        if (one.open || startContainer.parentElement.closest("summary")?.parentElement === one) continue;
        one.open = true;
        opened.add(one);
      }
    }
    if (canMark) CSS.highlights.set("found", new Highlight(...ranges));
  };
  const apply = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    texts ??= parts.map((part) => {
      const heading = part.closest(".session")?.querySelector("h2")?.textContent ?? "";
      return (heading + " " + part.textContent).toLowerCase();
    });
    let count = 0;
    parts.forEach((part, index) => {
      const shown = words.every((word) => texts[index].includes(word));
      part.hidden = !shown;
      count += shown;
    });
    for (const session of sessions) {
      session.hidden = words.length > 0 && !session.querySelector(".prompt:not([hidden])");
    }
    for (const line of contents) {
      const target = line.querySelector("a[href^='#']")?.getAttribute("href").slice(1);
      const session = target && document.getElementById(target)?.closest(".session");
      line.hidden = Boolean(session?.hidden);
    }
    found.textContent = words.length ? `${count} of ${parts.length} shown` : "";
    mark(words);
  };
  box.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(apply, 120);
  });
  const button = document.getElementById("open");
  button.hidden = all.length === 0;
  button.addEventListener("click", () => {
    const open = all.some((one) => !one.open);
    for (const one of all) one.open = open;
    opened.clear();
    button.textContent = open ? "Close all details" : "Open all details";
  });
  addEventListener("beforeprint", () => {
    for (const one of all) one.open = true;
  });
  box.closest(".filter").hidden = false;
})();
