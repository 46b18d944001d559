// In each table with rows to choose, one box that ticks every row of the page.
"use strict";

for (const table of document.querySelectorAll("table")) {
  const boxes = [...table.querySelectorAll('input[type="checkbox"][name="chosen"]')];
  if (boxes.length) {
    const all = document.createElement("input");
    all.type = "checkbox";
    all.setAttribute("aria-label", "选择本页全部");
    all.addEventListener("change", () => boxes.forEach((box) => { box.checked = all.checked; }));
    table.querySelector("thead th").replaceChildren(all);
  }
}
