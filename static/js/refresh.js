// Quietly renews regions that carry data-refresh-seconds and an id, from data-refresh-url or this page's address.
// Waits while the tab is hidden, and leaves alone a region somebody is working in. A page renews itself only while its own
// clinic is open in this browser: otherwise the site refuses (409), and #other-clinic offers to load it anew.

const ANOTHER_CLINIC = 409;
const due = new Map();
let stands = false;

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
  const headers = { "X-Quiet-Refresh": document.body.dataset.clinic ?? "" };
  const answer = await fetch(url, { credentials: "same-origin", headers });
  if (answer.status === ANOTHER_CLINIC) return stand();
  if (answer.redirected) return location.reload();
  if (!answer.ok) throw new Error(`refresh: ${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const region of regions) {
    const fresh = page.getElementById(region.id);
    if (fresh && !inUse(region) && fresh.outerHTML !== region.outerHTML) region.replaceWith(document.adoptNode(fresh));
  }
}

// Whatever stands here belongs to the clinic in the heading, and stays as it is.
function stand() {
  stands = true;
  document.getElementById("other-clinic").hidden = false;
}

async function beat() {
  if (stands) return;
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
