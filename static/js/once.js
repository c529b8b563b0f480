// A form is sent once: a second click or Enter does nothing until the page is left, shown again or has had no answer.
// A form with data-many (a download) may be sent as often as one likes.

const GIVE_UP_MS = 10000;

function release(form) {
  delete form.dataset.sent;
  for (const button of form.querySelectorAll("[aria-disabled=true]")) button.removeAttribute("aria-disabled");
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || "many" in form.dataset) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  event.submitter?.setAttribute("aria-disabled", "true");
  setTimeout(release, GIVE_UP_MS, form);
});

// The back button may bring the page out of the browser's cache, still marked as sent.
window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(release));

// An open menu or confirmation closes on Escape and when the reader goes elsewhere.
const folding = "details.menu[open], details.confirm[open]";

document.addEventListener("keydown", (event) => {
  const open = event.key === "Escape" && event.target.closest?.(folding);
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});

for (const moment of ["click", "focusin"]) {
  document.addEventListener(moment, (event) => {
    for (const open of document.querySelectorAll(folding)) if (!open.contains(event.target)) open.open = false;
  });
}
