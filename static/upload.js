// Shows how far an upload is. Without it the form is sent as any other.
"use strict";

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(0);
}

function watch(form) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const shown = form.querySelector(".upload");
    const bar = shown.querySelector("progress");
    const text = shown.querySelector("[role=status]");
    const button = form.querySelector("button[type=submit]");
    const request = new XMLHttpRequest();
    const started = Date.now();
    shown.hidden = false;
    button.disabled = true;
    const stop = (message) => {
      text.textContent = message;
      button.disabled = false;
    };
    request.upload.addEventListener("progress", (progress) => {
      if (!progress.lengthComputable) return;
      bar.value = progress.loaded / progress.total;
      const seconds = (Date.now() - started) / 1000;
      const left = (seconds * (progress.total - progress.loaded)) / progress.loaded;
      text.textContent =
        progress.loaded === progress.total
          ? "Received; keeping it…"
          : `${megabytes(progress.loaded)} of ${megabytes(progress.total)} MB, ` +
            `about ${Math.ceil(left)} s left`;
    });
    request.addEventListener("load", () => {
      const page = new DOMParser().parseFromString(request.responseText, "text/html");
      const again = page.querySelector("form[data-upload]");
      if (request.status < 400) {
        window.location.assign(request.responseURL);
      } else if (request.status === 422 && again) {
        form.replaceWith(again);
        watch(again);
        again.querySelector("[aria-invalid=true]")?.focus();
      } else if (request.status === 422) {
        // There is no form any more, and the page says why.
        document.querySelector("main").replaceWith(page.querySelector("main"));
        document.querySelector("main").focus();
      } else {
        stop(`The server answered ${request.status}. Reload the page and try again.`);
      }
    });
    request.addEventListener("error", () => stop("The connection was lost. Try again."));
    request.open("POST", form.action);
    request.send(new FormData(form));
  });
}

document.querySelectorAll("form[data-upload]").forEach(watch);
