// Resumable uploads; without this script the form sends the file in one piece.
document.querySelectorAll("form[data-tus]").forEach((form) => {
  if (!window.tus || !tus.isSupported) return;
  const bar = form.querySelector(".upload");
  const progress = bar.querySelector("progress");
  const told = bar.querySelector("[role=status]");
  const button = form.querySelector("button[type=submit]");
  form.addEventListener("submit", (event) => {
    const file = form.querySelector("input[type=file]").files[0];
    if (!file) return;
    event.preventDefault();
    button.disabled = true;
    bar.hidden = false;
    const upload = new tus.Upload(file, {
      endpoint: form.dataset.tus,
      chunkSize: 64 * 1024 * 1024,
      retryDelays: [0, 1000, 3000, 10000, 30000, 60000],
      removeFingerprintOnSuccess: true,
      metadata: { filename: file.name },
      headers: { "X-CSRFToken": form.querySelector("[name=csrfmiddlewaretoken]").value },
      onProgress: (sent, total) => {
        progress.value = sent / total;
        told.textContent = `${(sent / 1e6).toFixed(0)} of ${(total / 1e6).toFixed(0)} MB`;
      },
      onError: (error) => {
        const answer = error.originalResponse ? error.originalResponse.getBody() : "";
        told.textContent = answer && answer.length < 400 ? answer
          : "The connection broke. Choose the same file again: the upload goes on where it was.";
        button.disabled = false;
      },
      onSuccess: () => {
        location.assign(upload.url.replace("/uploads/", "/"));
      },
    });
    upload.findPreviousUploads().then((earlier) => {
      if (earlier.length) upload.resumeFromPreviousUpload(earlier[0]);
      upload.start();
    });
  });
});
