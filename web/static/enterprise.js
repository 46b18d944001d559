// The application form: saved while somebody types, files uploaded at once with progress. Works without it, too.
"use strict";

const draft = document.getElementById("draft");
const check = document.getElementById("check");
const key = draft.elements.form_key.value;
let timer = 0;
let sending = false;
let again = false;

function texts() {
  const fields = new FormData(draft);
  for (const [name, value] of [...fields]) {
    if (value instanceof File) fields.delete(name);
  }
  return fields;
}

// Marks what was filled in wrongly; what is still empty is only listed beside the form.
function mark() {
  const wrong = new Map();
  for (const line of check.querySelectorAll("[data-trouble][data-filled]")) {
    wrong.set(line.dataset.trouble, line.textContent);
  }
  for (const field of draft.querySelectorAll("[data-field]")) {
    const sentence = wrong.get(field.dataset.field) || "";
    const place = field.querySelector(".trouble");
    field.classList.toggle("field--bad", sentence !== "");
    place.textContent = sentence;
    place.hidden = sentence === "";
  }
}

async function save() {
  if (sending) {
    again = true;
    return;
  }
  sending = true;
  try {
    const answer = await fetch(draft.dataset.autosave, {
      method: "POST",
      body: texts(),
      headers: { "x-form-key": key },
      redirect: "error",
    });
    if (!answer.ok) throw new Error(String(answer.status));
    check.innerHTML = await answer.text();
    mark();
  } catch {
    const said = document.createElement("p");
    said.className = "bad";
    said.textContent = "自动保存没有成功；请按“保存草稿”，或检查网络、重新登录。";
    check.replaceChildren(said);
  }
  sending = false;
  if (again) {
    again = false;
    save();
  }
}

draft.addEventListener("input", (event) => {
  if (event.target.type === "file") return;
  clearTimeout(timer);
  timer = setTimeout(save, 1200);
});

draft.addEventListener("submit", () => clearTimeout(timer));

function send(name, file, progress) {
  return new Promise((done) => {
    const request = new XMLHttpRequest();
    const fields = new FormData();
    fields.append("form_key", key);
    fields.append(name, file);
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) progress.value = (event.loaded / event.total) * 100;
    });
    request.addEventListener("loadend", () => done(request));
    request.open("POST", draft.dataset.upload);
    request.setRequestHeader("x-form-key", key);
    request.send(fields);
  });
}

draft.addEventListener("change", async (event) => {
  const input = event.target;
  if (input.type !== "file") return;
  const progress = input.parentElement.querySelector("progress");
  const list = document.getElementById("files-list");
  const refused = [];
  progress.hidden = false;
  for (const file of [...input.files]) {
    const request = await send(input.name, file, progress);
    const fragment = request.getResponseHeader("x-fragment") === "files";
    if (fragment) {
      list.innerHTML = request.responseText;
      refused.push(...[...list.querySelectorAll(".bad")].map((line) => line.textContent));
    } else {
      const why = request.status === 413 ? request.responseText : "没有传上去；请检查网络或重新登录。";
      refused.push(`“${file.name}”：${why}`);
    }
  }
  list.querySelectorAll(".bad").forEach((line) => line.remove());
  for (const sentence of refused) {
    const line = document.createElement("p");
    line.className = "bad";
    line.setAttribute("role", "alert");
    line.textContent = sentence;
    list.prepend(line);
  }
  progress.hidden = true;
  input.value = "";
  save();
});
