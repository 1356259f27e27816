"""The page in headless Chromium, where there is one: nothing fails, figures are drawn, tables sort, text fits."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from sitspark.accuracy.report import Report, render

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = pytest.mark.skipif(BROWSER is None, reason="there is no Chromium")

# runs after the page's own script, and leaves what it sees as JSON in an element
LOOK = """
const table = [...document.querySelectorAll("#accuracy table")].find((one) => one.tHead.rows.length === 1);
const column = (n) => [...table.tBodies[0].rows].map((row) => row.cells[n].firstChild.textContent.trim());
const press = (n) => table.tHead.rows[0].cells[n].querySelector("button").click();
const seen = { names: column(0), recall: column(2) };
press(2); seen.falling = column(2); seen.sorted = table.tHead.rows[0].cells[2].getAttribute("aria-sort");
press(2); seen.rising = column(2);
press(0); press(0); seen.named = column(0); seen.sums = table.tFoot ? table.tFoot.rows.length : 0;
const times = [...document.querySelectorAll("#run table")].find((one) => one.textContent.includes("classify"));
times.tHead.rows[0].cells[1].querySelector("button").click();
seen.stages = [...times.tBodies[0].rows].map((row) => row.cells[0].textContent.trim());
seen.undrawn = [...document.images].filter((image) => !image.complete || !image.naturalWidth).length;
seen.images = document.images.length;
const over = (one) => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1;
seen.over = [...document.querySelectorAll("body *")].filter((one) => over(one) && !one.closest(".scroll, pre"))
  .map((one) => `${one.tagName} ${one.className} ${one.textContent.slice(0, 40)}`);
seen.wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
const out = document.createElement("output");
out.id = "seen"; out.textContent = JSON.stringify(seen); document.body.append(out);
"""


def looked_at(report: Report, folder: Path, *, width: int) -> tuple[dict[str, Any], str]:
    """What the page looks like at a width in pixels, and what the browser's console says."""
    page = folder / "index.html"
    watch = "<script>window.addEventListener('error', (e) => console.error(e.message));</script>"
    html = render(report).replace("<head>", f"<head>{watch}").replace("</body>", f"<script>{LOOK}</script></body>")
    page.write_text(html, encoding="utf-8")
    command = [
        str(BROWSER),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        f"--user-data-dir={folder}",
    ]
    command += [f"--window-size={width},2000", "--virtual-time-budget=4000", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'<output id="seen">(.*?)</output>', done.stdout, re.DOTALL)
    assert found is not None, done.stderr[-2000:]
    return json.loads(unescape(found[1])), "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


@pytest.mark.parametrize("width", [500, 1600])
def test_the_page_works_in_a_browser(full_report: Report, tmp_path: Path, width: int) -> None:
    seen, console = looked_at(full_report, tmp_path, width=width)
    assert console == "" and seen["undrawn"] == 0 and seen["images"] > 10
    # what is wider than the page scrolls in its own frame
    assert seen["over"] == [] and seen["wide"] <= 0

    def numbers(texts: list[str]) -> list[float]:
        return [float(match[0]) for text in texts if (match := re.match(r"\d[\d.]*", text))]

    falling, rising = numbers(seen["falling"]), numbers(seen["rising"])
    assert falling == sorted(falling, reverse=True) and rising == falling[::-1] and len(falling) > 2
    assert numbers(seen["recall"]) != falling and seen["sorted"] == "descending"
    # undefined scores stay last
    assert seen["falling"][len(falling) :] == seen["rising"][len(rising) :] == ["–"] * (len(seen["names"]) - len(falling))
    # hours before seconds, and what took no time last
    assert seen["stages"] == ["classify", "scenes", "polygons"]
    # they were in the order of the alphabet
    assert seen["named"] == seen["names"][::-1]
