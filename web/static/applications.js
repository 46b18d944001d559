// One box that ticks every row of the page.
"use strict";

const boxes = () => [...document.querySelectorAll('input[name="chosen"]')];
const place = document.querySelector("form[action='/applications/batch'] thead th");
if (place && boxes().length) {
  const all = document.createElement("input");
  all.type = "checkbox";
  all.setAttribute("aria-label", "选择本页全部");
  all.addEventListener("change", () => boxes().forEach((box) => { box.checked = all.checked; }));
  place.replaceChildren(all);
}
