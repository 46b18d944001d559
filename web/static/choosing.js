// One box that ticks every row of the page.
"use strict";

const boxes = [...document.querySelectorAll('input[type="checkbox"][name="chosen"]')];
const place = boxes[0]?.closest("table").querySelector("thead th");
if (place) {
  const all = document.createElement("input");
  all.type = "checkbox";
  all.setAttribute("aria-label", "选择本页全部");
  all.addEventListener("change", () => boxes.forEach((box) => { box.checked = all.checked; }));
  place.replaceChildren(all);
}
