// The live preview: sends the form as it stands to data-preview-url and shows the answer in #preview.
// Where the clocks change it asks which time is meant; that question goes beside the time, into #which-time.

const PAUSE_MS = 250;
const region = document.getElementById("preview");
const form = document.querySelector("form[data-preview-url]");
let timer;
let request = new AbortController();

function content(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const asked = page.getElementById("which-time");
  const asking = document.getElementById("which-time");
  if (asked && asking && asked.textContent.trim() !== asking.textContent.trim()) asking.replaceChildren(...asked.childNodes);
  asked?.remove();
  return (page.getElementById("preview") ?? page.body).childNodes;
}

async function show() {
  request.abort();
  request = new AbortController();
  const mine = request;
  region.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.dataset.previewUrl, {
      method: "POST",
      body: new FormData(form),
      signal: mine.signal,
      credentials: "same-origin",
      headers: { "X-Requested-With": "preview" },
    });
    if (answer.redirected || ![200, 422].includes(answer.status)) throw new Error(`preview: ${answer.status}`);
    const html = await answer.text();
    if (mine === request) region.replaceChildren(...content(html));
  } catch (error) {
    if (error.name === "AbortError" || mine !== request) return;
    const words = document.createElement("p");
    words.className = "hint";
    words.textContent = "The preview could not be refreshed. Saving shows it on the next page.";
    region.replaceChildren(words);
  }
  if (mine === request) region.removeAttribute("aria-busy");
}

function later() {
  clearTimeout(timer);
  timer = setTimeout(show, PAUSE_MS);
}

const typed = (field) => field.type !== "hidden" && field.defaultValue !== undefined && field.value !== field.defaultValue;

if (region && form) {
  // Somebody may have begun to type before this script came, or has come back to a form that is filled in.
  if ([...form.elements].some(typed)) later();
  if (!region.hasAttribute("aria-live")) region.setAttribute("aria-live", "polite");
  form.addEventListener("input", later);
  form.addEventListener("change", later);
  form.addEventListener("submit", () => {
    clearTimeout(timer);
    request.abort();
  });
}
