// Pages that fetch themselves anew: what has not changed stays untouched, so that an open log, a
// selection and the keyboard's place survive, and a screen reader says only what is new.
"use strict";

const LOST = "No answer from the server. This page keeps asking; what it shows may be out of date.";
const ELSEWHERE = "This page can no longer be updated. Reload it, and sign in again if asked.";

function say(text) {
  const place = document.getElementById("stale");
  if (place && place.textContent !== text) place.textContent = text;
}

function asSent(element) {
  const copy = element.cloneNode(true);
  copy.querySelectorAll("details").forEach((log) => log.removeAttribute("open"));
  return copy;
}

document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { fragment } = event.detail;
  const fresh = fragment instanceof Element ? fragment : fragment.firstElementChild;
  if (fresh && asSent(fresh).isEqualNode(asSent(event.detail.target))) {
    event.detail.shouldSwap = false;
  }
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, pathInfo } = event.detail;
  const asked = new URL(pathInfo.finalRequestPath, window.location.href);
  const answered = new URL(xhr.responseURL || asked, asked);
  if (xhr.status === 200 && answered.pathname === asked.pathname) {
    say("");
  } else {
    event.detail.shouldSwap = false;
    say(xhr.status >= 500 ? LOST : ELSEWHERE);
  }
});

document.addEventListener("htmx:sendError", () => say(LOST));
document.addEventListener("htmx:timeout", () => say(LOST));
