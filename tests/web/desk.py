"""What tests of the desk's pages share: opening a page, sending its form as a browser would."""

import re


def page(client, url, status=200):
    """Open a page and return its HTML."""
    answer = client.get(url)
    assert answer.status_code == status, (url, answer.status)
    return answer.get_data(as_text=True)


def token(html):
    """Return the form token that stands in a page."""
    return re.search(r'name="csrf_token"[^>]*value="([^"]+)"', html).group(1)


def send(client, url, data, *, opened=None):
    """Send a form to `url` with the token of the page it stands on."""
    html = page(client, opened or url)
    return client.post(url, data={"csrf_token": token(html), **data})


def errors(html):
    """List the refusals that stand beside fields."""
    found = re.findall(r'class="error"[^>]*>.*?</svg><span><span[^>]*>Error: </span>(.*?)</span></p>', html, re.DOTALL)
    return [re.sub(r"&#39;", "'", words) for words in found]
