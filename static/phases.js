// A further phase without a round trip; without this script, saving gives room for one more.
document.querySelectorAll("form[data-phases]").forEach((form) => {
  const total = form.querySelector('[name="phase-TOTAL_FORMS"]');
  const template = form.querySelector("template");
  form.querySelector("[data-add]").addEventListener("click", (event) => {
    event.preventDefault();
    const place = document.createElement("div");
    place.innerHTML = template.innerHTML.replaceAll("__prefix__", total.value);
    template.before(place.firstElementChild);
    total.value = Number(total.value) + 1;
    template.previousElementSibling.querySelector("input").focus();
  });
});
