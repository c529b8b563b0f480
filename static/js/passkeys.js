// Passkeys: the browser's own question stands between the button and the form, which is then sent as any other.
// Where the browser knows none, the button stays hidden and everything else works as it does without this file.

const REFUSED = "No passkey was used. You can try again, or go on without one.";
const KNOWN = "This device has a passkey for your account already.";

function ask(kind, options) {
  if (kind === "create") {
    return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
  }
  return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
}

async function press(form) {
  const said = form.querySelector("[data-passkey-said]");
  said.hidden = true;
  form.dataset.asking = "yes";
  try {
    const options = JSON.parse(form.querySelector("[data-passkey-options]").value);
    const answer = await ask(form.dataset.passkey, options);
    form.elements.passkey_answer.value = JSON.stringify(answer.toJSON());
    form.submit();
  } catch (error) {
    said.textContent = error.name === "InvalidStateError" ? KNOWN : REFUSED;
    said.hidden = false;
    delete form.dataset.asking;
  }
}

if (window.PublicKeyCredential?.parseCreationOptionsFromJSON) {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    for (const shown of [form, ...form.querySelectorAll("[data-passkey-button]")]) shown.hidden = false;
    form.querySelector("[data-passkey-without]")?.remove();
    form.addEventListener("submit", (event) => {
      if (!event.submitter?.hasAttribute("data-passkey-button")) return;
      event.preventDefault();
      if (!form.dataset.asking) press(form);
    });
  }
  // The back button may bring the page out of the browser's cache, with an answer that counts no longer.
  window.addEventListener("pageshow", (event) => event.persisted && location.reload());
}
