// A further phase without a round trip, which would lose what is not saved.
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
