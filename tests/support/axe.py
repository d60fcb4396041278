"""Checks a page with axe-core's rules of accessibility."""

from pathlib import Path

import axe_core_python

AXE = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text()


def violations(studio):
    """What axe-core objects to, with the elements."""
    studio.browser.wait_for("['0', '1'].includes(getComputedStyle(document.getElementById('notice')).opacity)")
    studio.browser.evaluate(f"{AXE}; undefined")
    # colors in between are those of a moment
    brief = "(each) => each.effect.getComputedTiming().endTime < Infinity"
    studio.browser.evaluate(f"Promise.all(document.getAnimations().filter({brief}).map(({{ finished }}) => finished))")
    found = studio.browser.evaluate("axe.run().then(({ violations }) => violations)")
    return [(rule["id"], node["html"][:200], node["failureSummary"]) for rule in found for node in rule["nodes"]]
