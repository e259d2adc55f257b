// A file sent in parts by the tus protocol: it goes on where it broke off, also on another day.
"use strict";

function bytes(count) {
  for (const [unit, size] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) {
    if (count >= size) return `${(count / size).toFixed(count < 10 * size ? 1 : 0)} ${unit}`;
  }
  return `${count} bytes`;
}

function duration(seconds) {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

// What the server said of a refusal: its own sentence, whether alone or in JSON.
function sentence(error) {
  const body = error.originalResponse ? error.originalResponse.getBody() : "";
  try {
    return JSON.parse(body).detail || "";
  } catch {
    return body.length < 400 && !body.startsWith("<") ? body : "";
  }
}

// told(text, share), done(address, id), failed(text): what to show.
function sendInParts(file, { endpoint, metadata, token, told, done, failed }) {
  const started = { at: Date.now(), from: null };
  const upload = new tus.Upload(file, {
    endpoint,
    chunkSize: 64 * 1024 * 1024,
    retryDelays: [0, 1000, 3000, 10000, 30000, 60000],
    removeFingerprintOnSuccess: true,
    metadata: { filename: file.name, ...metadata },
    headers: { "X-CSRFToken": token },
    fingerprint: async (one) =>
      ["uptake", endpoint, one.name, one.size, one.lastModified].join("-"),
    onProgress: (sent, total) => {
      started.from ??= sent;
      const pace = (sent - started.from) / (Date.now() - started.at + 1) * 1000;
      const left = pace > 0 ? `, ${bytes(pace)}/s, about ${duration((total - sent) / pace)} left` : "";
      told(`${bytes(sent)} of ${bytes(total)}${sent < total ? left : ": keeping it…"}`, sent / total);
    },
    onShouldRetry: (error) => {
      const status = error.originalResponse ? error.originalResponse.getStatus() : 0;
      return status < 400 || status >= 500 || status === 409 || status === 423 || status === 460;
    },
    onError: (error) => failed(
      sentence(error)
        || "The connection broke. Choose the same file again: it goes on where it was."
    ),
    onSuccess: () => done(upload.url, upload.url.replace(/\/+$/, "").split("/").pop()),
  });
  upload.findPreviousUploads().then((earlier) => {
    if (earlier.length) upload.resumeFromPreviousUpload(earlier[0]);
    upload.start();
  });
  return upload;
}
