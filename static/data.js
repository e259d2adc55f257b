// Resumable uploads; without this script the form sends the file in one piece.
"use strict";

document.querySelectorAll("form[data-tus]").forEach((form) => {
  if (!window.tus || !tus.isSupported) return;
  const bar = form.querySelector(".upload");
  const progress = bar.querySelector("progress");
  const said = bar.querySelector("[role=status]");
  const button = form.querySelector("button[type=submit]");
  form.addEventListener("submit", (event) => {
    const file = form.querySelector("input[type=file]").files[0];
    if (!file) return;
    event.preventDefault();
    button.disabled = true;
    bar.hidden = false;
    sendInParts(file, {
      endpoint: form.dataset.tus,
      metadata: {},
      token: form.querySelector("[name=csrfmiddlewaretoken]").value,
      told: (text, share) => {
        progress.value = share;
        said.textContent = text;
      },
      done: (address) => location.assign(address.replace("/uploads/", "/")),
      failed: (text) => {
        said.textContent = text;
        button.disabled = false;
      },
    });
  });
});
