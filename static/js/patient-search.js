// Turns a .search box into a combobox (WAI-ARIA: list autocomplete, manual selection). Without it the Find button works.
// What is typed is posted (no name in an address). The answer is {"items": [{"id", "name", "detail"}]}; a choice fills the hidden field named data-search-name.

const PAUSE_MS = 120;
const LEAST = 2;

function make(name, attributes, words = "") {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = words;
  return element;
}

class PatientSearch {
  constructor(box) {
    this.box = box;
    this.input = box.querySelector("input[type=text]");
    this.chosen = box.querySelector(".search-chosen");
    this.list = make("ul", { role: "listbox", id: `${this.input.id}-list`, class: "search-list", "aria-label": "Patients" });
    this.status = make("p", { role: "status", class: "visually-hidden" });
    this.list.hidden = true;
    this.request = new AbortController();
    this.dress();
    this.listen();
    // Somebody may have begun to type before this script came.
    if (document.activeElement === this.input && this.input.value && !this.hidden()?.value) this.find();
  }

  dress() {
    const roles = { role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": this.list.id };
    for (const [key, value] of Object.entries(roles)) this.input.setAttribute(key, value);
    this.box.querySelector("button[name=find]")?.remove();
    this.box.querySelector(".search-row").append(this.list);
    this.box.append(this.status);
  }

  listen() {
    this.input.addEventListener("input", () => {
      this.set("");
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.find(), PAUSE_MS);
    });
    this.input.addEventListener("keydown", (event) => this.press(event));
    this.input.addEventListener("blur", () => this.close());
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => this.pick(event.target.closest("[role=option]")));
  }

  async find() {
    const typed = this.input.value.trim();
    this.request.abort();
    if (typed.length < LEAST) return this.close();
    this.request = new AbortController();
    const token = this.input.form.elements.csrf_token.value;
    try {
      const answer = await fetch(this.box.dataset.searchUrl, {
        method: "POST",
        body: new URLSearchParams({ typed }),
        signal: this.request.signal,
        headers: { Accept: "application/json", "X-CSRFToken": token },
      });
      if (!answer.ok || answer.redirected) throw new Error(`search: ${answer.status}`);
      this.show((await answer.json()).items, typed);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.close();
      this.status.textContent = "The search did not answer. Type again to retry.";
    }
  }

  show(items, typed) {
    const options = items.map((item, index) => {
      const option = make("li", { role: "option", id: `${this.list.id}-${index}`, "aria-selected": "false", "data-id": item.id });
      option.append(make("span", {}, item.name), make("span", { class: "minor" }, item.detail));
      return option;
    });
    const fresh = this.box.dataset.searchNew && document.querySelector(this.box.dataset.searchNew);
    if (fresh) {
      const attributes = { role: "option", id: `${this.list.id}-new`, class: "search-new", "aria-selected": "false" };
      options.push(make("li", attributes, `New patient “${typed}”`));
    }
    this.list.replaceChildren(...options);
    this.open(options.length > 0 && document.activeElement === this.input);
    this.status.textContent = items.length === 1 ? "1 patient found" : `${items.length || "No"} patients found`;
    if (items.length) this.mark(options[0]);
  }

  open(shown) {
    this.list.hidden = !shown;
    this.input.setAttribute("aria-expanded", String(shown));
    if (!shown) this.mark(null);
  }

  close() {
    clearTimeout(this.timer);
    this.request.abort();
    this.open(false);
  }

  mark(option) {
    this.list.querySelector("[aria-selected=true]")?.setAttribute("aria-selected", "false");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) this.input.setAttribute("aria-activedescendant", option.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  press(event) {
    if (event.isComposing || event.ctrlKey || event.metaKey) return;
    const marked = this.list.querySelector("[aria-selected=true]");
    if (this.list.hidden) {
      const asks = event.key === "Enter" && this.input.value.trim() && !this.hidden()?.value;
      if (asks || event.key === "ArrowDown" || event.key === "ArrowUp") this.find();
      else return;
    } else if (event.key === "ArrowDown") this.mark(marked?.nextElementSibling ?? this.list.firstElementChild);
    else if (event.key === "ArrowUp") this.mark(marked?.previousElementSibling ?? this.list.lastElementChild);
    else if (event.key === "Enter" && marked) this.pick(marked);
    else if (event.key === "Escape") this.close();
    else return;
    event.preventDefault();
  }

  pick(option) {
    if (!option) return;
    if (option.dataset.id) {
      this.input.value = option.firstElementChild.textContent;
      this.set(option.dataset.id, option.lastElementChild.textContent);
    } else this.begin();
    this.close();
  }

  begin() {
    const place = document.querySelector(this.box.dataset.searchNew);
    if (place.tagName === "DETAILS") place.open = true;
    const field = place.querySelector("input:not([type=hidden])");
    if (field && !field.value) field.value = this.input.value.trim();
    field?.focus();
    field?.dispatchEvent(new Event("input", { bubbles: true }));
  }

  hidden() {
    return this.box.querySelector(`input[type=hidden][name="${this.box.dataset.searchName}"]`);
  }

  set(id, detail = "") {
    this.box.querySelector(".search-matches")?.remove();
    let hidden = this.hidden();
    if (!hidden) this.box.append((hidden = make("input", { type: "hidden", name: this.box.dataset.searchName })));
    this.chosen.textContent = detail;
    if (hidden.value === id) return;
    hidden.value = id;
    hidden.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

for (const box of document.querySelectorAll(".search[data-search-url]")) new PatientSearch(box);
