"""Checks a page with axe-core's rules of accessibility."""

from pathlib import Path

import axe_core_python

AXE = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text()


def violations(studio):
    """What axe-core objects to, with the elements."""
    studio.browser.wait_for("['0', '1'].includes(getComputedStyle(document.getElementById('notice')).opacity)")
    if not studio.browser.evaluate("'axe' in window"):
        studio.browser.evaluate(f"{AXE}; undefined")
    # colors in between are those of a moment
    brief = "(each) => each.effect.getComputedTiming().endTime < Infinity"
    studio.browser.evaluate(f"document.getAnimations().filter({brief}).forEach((each) => each.finish())")
    found = studio.browser.evaluate("axe.run({ resultTypes: ['violations'] }).then(({ violations }) => violations)")
    return [(rule["id"], node["html"][:200], node["failureSummary"]) for rule in found for node in rule["nodes"]]
