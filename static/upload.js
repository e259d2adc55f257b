// The file goes as soon as it is chosen or dropped, while its name is being written; without this
// script the form sends it in one piece.
"use strict";

document.querySelectorAll("form[data-uploads]").forEach((form) => {
  if (!window.tus || !tus.isSupported) return;
  const input = form.querySelector("input[type=file]");
  const field = input.closest(".field");
  const bar = form.querySelector(".upload");
  const progress = bar.querySelector("progress");
  const said = bar.querySelector("[role=status]");
  const button = form.querySelector("button[type=submit]");
  const label = button.textContent;
  let current = null;
  let wanted = false;

  field.classList.add("drop");
  input.required = false;

  const tell = (text, share) => {
    bar.hidden = false;
    bar.classList.remove("bad");
    said.textContent = text;
    progress.value = share;
    document.title = share < 1 ? `${Math.floor(share * 100)} % uploaded` : "Uploaded";
  };

  const refuse = (text) => {
    current = null;
    wanted = false;
    input.value = "";
    bar.hidden = false;
    bar.classList.add("bad");
    said.textContent = text;
    button.disabled = false;
    button.textContent = label;
    input.focus();
  };

  const begin = (file) => {
    if (!file) return;
    if (current) current.abort();
    form.querySelectorAll("input[name=upload]").forEach((one) => { one.checked = false; });
    const kind = form.querySelector("[name=kind]:checked, [name=kind][type=hidden]");
    const baseline = form.querySelector("[name=baseline]");
    tell(`${file.name}: asking for room…`, 0);
    current = sendInParts(file, {
      endpoint: form.dataset.uploads,
      metadata: {
        kind: kind ? kind.value : "container",
        baseline: baseline && baseline.checked ? "on" : "",
      },
      token: form.querySelector("[name=csrfmiddlewaretoken]").value,
      told: tell,
      failed: refuse,
      done: (_, id) => {
        current = null;
        tell(`${file.name} has arrived.`, 1);
        const arrived = document.createElement("input");
        arrived.type = "hidden";
        arrived.name = "upload";
        arrived.value = id;
        form.append(arrived);
        input.disabled = true;
        if (wanted) form.requestSubmit();
      },
    });
  };

  input.addEventListener("change", () => begin(input.files[0]));
  ["dragover", "dragleave", "drop"].forEach((name) => {
    field.addEventListener(name, (event) => {
      event.preventDefault();
      field.classList.toggle("over", name === "dragover");
      if (name === "drop") begin(event.dataTransfer.files[0]);
    });
  });
  form.addEventListener("submit", (event) => {
    if (!current) return;
    event.preventDefault();
    wanted = true;
    button.disabled = true;
    button.textContent = "Submitted when it has arrived…";
  });
  window.addEventListener("beforeunload", (event) => {
    if (current) event.preventDefault();
  });
});
