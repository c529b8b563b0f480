"""Every posting form of some pages, read from their HTML as a browser would send it."""

from dataclasses import dataclass

import html5lib


@dataclass(frozen=True)
class Form:
    """Where a form goes and what stands in it, one for each of its buttons."""

    action: str
    fields: tuple

    @property
    def data(self):
        """Return what a browser would send."""
        return dict(self.fields)


def forms_of(html, address):
    """List the forms of a page that post, once for each button, each with its own address."""
    tree = html5lib.parse(html, namespaceHTMLElements=False)
    found = []
    for form in tree.iter("form"):
        if form.get("method") != "post" or form.get("action") == "#":
            continue
        inside = [*form.iter(), *(tag for tag in tree.iter() if form.get("id") and tag.get("form") == form.get("id"))]
        typed = [(tag.get("name"), _value(tag)) for tag in inside if tag.get("name") and _is_sent(tag)]
        buttons = [tag for tag in inside if tag.tag == "button"]  # one without any cannot be sent
        for button in buttons:
            pressed = [(button.get("name"), button.get("value") or "")] if button.get("name") else []
            action = button.get("formaction") or form.get("action") or address
            found.append(Form(action, tuple(typed + pressed)))
    return found


def _is_sent(tag):
    if tag.tag == "input" and tag.get("type") in {"checkbox", "radio"}:
        return tag.get("checked") is not None
    return tag.tag in {"input", "select", "textarea"}


def _value(tag):
    if tag.tag == "textarea":
        return tag.text or ""
    if tag.tag == "select":
        options = list(tag.iter("option"))
        chosen = [option for option in options if option.get("selected") is not None] or options[:1]
        return chosen[0].get("value") if chosen else ""
    return tag.get("value") or "on" if tag.get("type") == "checkbox" else tag.get("value") or ""
