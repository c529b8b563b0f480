"""What the site costs while nobody uses it, how soon it is up, and what its pages weigh."""

import re
import time

from tests.benchmarks import filling
from tests.benchmarks.measure import Row, Spread, memory_mb, plain, spending
from tests.benchmarks.site import flask
from tests.campaigns.desk import now

CORE_PERCENT, MEMORY_MB, FIRST_VISIT_KB, AFTERWARDS_KB = 1, 250, 60, 15
ROWS = 40


def idle(site, scale):
    """Leave a web server and a worker alone for a while."""
    since, web = site.ask(now), site.serving()
    worker = site.start(*flask("worker")).pid
    site.until(lambda: site.ask(filling.beaten_since, moment=since))
    time.sleep(min(2, scale.idle_seconds))
    with spending(web, worker) as spent:
        time.sleep(scale.idle_seconds)
    percent, memory = 100 * spent.cpu / spent.wall, memory_mb(web, worker)
    how = f"over {scale.idle_seconds:.0f} s; against the sandbox the worker looks twice a second, else every 15 s"
    return [
        Row("web server and worker with nothing to do: CPU", how, f"{percent:.1f} % of a core", f"≤ {CORE_PERCENT} %",
            percent <= CORE_PERCENT),
        Row("web server and worker: memory", "PSS of all their processes", f"{plain(memory)} MB", f"≤ {MEMORY_MB} MB",
            memory <= MEMORY_MB),
    ]  # fmt: skip


def start_up(site, scale):
    """Start the web server anew, so often."""
    taken = []
    for _ in range(scale.starts):
        began = time.perf_counter()
        site.serve_anew()
        taken.append(time.perf_counter() - began)
    return [Row("start-up of the web server", "from the command to its first page", str(Spread(taken)))]


def weight(site, scale):
    """Weigh the day list with 40 appointments, and all that it needs."""
    site.fill(ROWS, ROWS)
    with site.browser() as browser:
        html, _seconds, page = browser.get(f"/day/{site.ask(filling.today)}")
        files = sum(browser.get(each)[2] for each in set(re.findall(r"(?:href|src)=\"(/static/[^\"]+)\"", html)))
    first, after = (page + files) / 1000, page / 1000
    shown, how = html.count('class="patient"'), "bytes of the answers' bodies, compressed as a browser asks"
    return [
        Row(f"day list with {shown} appointments, first visit", how, f"{plain(first)} kB", f"≤ {FIRST_VISIT_KB} kB",
            first <= FIRST_VISIT_KB),
        Row("the same afterwards", how, f"{plain(after)} kB", f"≤ {AFTERWARDS_KB} kB", after <= AFTERWARDS_KB),
    ]  # fmt: skip
