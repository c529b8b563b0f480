// Keeps the phones fresh: fetches the same page now and then and swaps the parts marked data-live that have changed.
const PAUSE_MS = 1200;

function toEnd(part) {
  if (part && "end" in part.dataset) part.scrollTop = part.scrollHeight;
}

function appendNew(part, fresh) {
  // New bubbles are added, not redrawn, so that only they arrive with a movement.
  const known = [...part.children].map((child) => child.outerHTML);
  const coming = [...fresh.children];
  const same = known.length > 0 && known.every((html, index) => coming[index]?.outerHTML === html);
  if (same) part.append(...coming.slice(known.length));
  else part.replaceChildren(...coming);
}

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(part.id);
    if (!fresh || fresh.outerHTML === part.outerHTML) continue;
    const atEnd = part.scrollHeight - part.scrollTop - part.clientHeight < 40;
    if ("end" in part.dataset) appendNew(part, fresh);
    else part.replaceWith(fresh);
    if (atEnd) toEnd(part);
  }
}

async function keepFresh() {
  try {
    await refresh();
  } catch {
    // The sandbox is away for a moment; the next round tries again.
  }
  setTimeout(keepFresh, PAUSE_MS);
}

document.querySelectorAll("[data-end]").forEach(toEnd);
setTimeout(keepFresh, PAUSE_MS);
