// Quietly renews regions that carry data-refresh-seconds and an id, from data-refresh-url or this page's address.
// Waits while the tab is hidden, and leaves alone a region somebody is working in.

const due = new Map();

const address = (region) => new URL(region.dataset.refreshUrl ?? location.href, location.href).href;
const dirty = (form) =>
  [...form.elements].some((field) => field.value !== field.defaultValue && field.defaultValue !== undefined && field.type !== "hidden") ||
  [...form.elements].some((field) => field.checked !== field.defaultChecked && field.defaultChecked !== undefined);
const inUse = (region) =>
  region.contains(document.activeElement) ||
  region.querySelector("details[open]") !== null ||
  [...region.querySelectorAll("form")].some(dirty) ||
  (getSelection()?.isCollapsed === false && getSelection().containsNode(region, true));

function regionsDue(now) {
  const groups = new Map();
  for (const region of document.querySelectorAll("[data-refresh-seconds][id]")) {
    const next = due.get(region.id) ?? now + region.dataset.refreshSeconds * 1000;
    due.set(region.id, next);
    if (next > now || inUse(region)) continue;
    due.set(region.id, now + region.dataset.refreshSeconds * 1000);
    groups.set(address(region), [...(groups.get(address(region)) ?? []), region]);
  }
  return groups;
}

async function renew(url, regions) {
  const answer = await fetch(url, { credentials: "same-origin", headers: { "X-Quiet-Refresh": "1" } });
  if (answer.redirected) return location.reload();
  if (!answer.ok) throw new Error(`refresh: ${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const region of regions) {
    const fresh = page.getElementById(region.id);
    if (fresh && !inUse(region) && fresh.outerHTML !== region.outerHTML) region.replaceWith(document.adoptNode(fresh));
  }
}

async function beat() {
  if (!document.hidden) {
    const stale = document.getElementById("stale");
    for (const [url, regions] of regionsDue(performance.now())) {
      const failed = await renew(url, regions).then(() => false, () => true);
      if (stale) stale.hidden = !failed;
    }
  }
  setTimeout(beat, 1000);
}

if (document.querySelector("[data-refresh-seconds][id]")) beat();
