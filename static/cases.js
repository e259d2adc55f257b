// ← and → go to the case before and after, while nothing on the page has the focus.
document.addEventListener("keydown", (event) => {
  const way = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  if (!way || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
  if (document.activeElement !== document.body) return;
  const link = document.querySelector(`main a[rel="${way}"]`);
  if (!link) return;
  event.preventDefault();
  window.location.assign(link.href);
});
