"""The pictures of the README: `python -m benchmarks.screenshots STORE`, on a store of `benchmarks.month`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

import skribe
from skribe.ui.serve import background

IMAGES = Path(__file__).parent.parent / "docs" / "images"
LAPTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 780}


def _brushed(page: Page) -> None:
    """The better half of the scores is brushed on the last axis."""
    place = page.locator("canvas").first
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    assert box is not None
    right = box["x"] + box["width"] * 0.934
    page.mouse.move(right, box["y"] + box["height"] * 0.1)
    page.mouse.down()
    page.mouse.move(right, box["y"] + box["height"] * 0.26, steps=8)
    page.mouse.up()
    page.mouse.move(box["x"] - 30, box["y"])
    page.evaluate("window.scrollTo(0, 150)")


def _verdict(page: Page) -> None:
    """The paired test, and the folds."""
    page.get_by_role("heading", name="Is the difference real?").scroll_into_view_if_needed()
    page.evaluate("window.scrollBy(0, 330)")


def _pictures(page: Page) -> None:
    """The pictures of a run, drawn as one scrolls to them."""
    page.locator("#pictures, [aria-labelledby=pictures-h]").first.scroll_into_view_if_needed()


def wanted(store: Path) -> dict[str, tuple[str, dict[str, int], str, Any]]:
    """Each picture: the address, the size of the window, light or dark, and what is done before."""
    table = skribe.runs(store=store, columns=["run_id", "experiment", "kind", "status"])
    done = table[table["status"] == "finished"]

    def of(kind: str, experiment: str) -> list[str]:
        return list(done[(done["kind"] == kind) & (done["experiment"] == experiment)]["run_id"])

    search = max(of("search", "digits"), key=lambda run: len(skribe.get_run(run, store=store).children))
    folds = "&".join(f"run={run}" for run in of("cv", "clinic")[:3])
    return {
        "runs": ("runs?experiment=clinic&sort=metrics.training_accuracy_score", LAPTOP, "light", None),
        "search": (f"runs/{search}", {"width": 1280, "height": 900}, "light", _brushed),
        "compare": (f"compare?{folds}", LAPTOP, "dark", _verdict),
        "run": (f"runs/{of('fit', 'clinic')[0]}", LAPTOP, "light", _pictures),
        "phone": ("runs", PHONE, "dark", None),
    }


def main(store: str) -> None:
    """Take them all."""
    IMAGES.mkdir(exist_ok=True)
    served = background(store)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, (address, size, scheme, before) in wanted(Path(store)).items():
            page = browser.new_page(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
            page.goto(served.url + address)
            page.wait_for_load_state("networkidle")
            page.wait_for_timeout(1000)
            if before is not None:
                before(page)
                page.wait_for_timeout(1500)
            page.screenshot(path=IMAGES / f"{name}.png")
            page.close()
        browser.close()
    served.stop()


if __name__ == "__main__":
    main(sys.argv[1])
