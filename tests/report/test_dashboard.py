# SPDX-License-Identifier: MIT
"""The dashboard in a headless browser: every view is drawn, nothing is asked of a network, keys do."""
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from programs import BUILD, SOURCE

SAMPLES = os.environ["REPORT_SAMPLES"]
MODULES = os.environ["WEB_MODULES"]
SHOTS = BUILD / "tests" / "report" / "screenshots"
VIEWS = ["timeline", "sizes", "latency", "threads", "flow", "fragmentation", "advice", "flame",
         "sites", "leaks"]
CHARTS = {"timeline": 1, "sizes": 1, "latency": 1, "threads": 1, "flow": 1, "fragmentation": 2}


def page_of(kind, folder):
    page = folder / f"{kind}.html"
    with page.open("wb") as out:
        subprocess.run([SAMPLES, kind, "html"], stdout=out, check=True)
    return page


def drive(page, width, scheme, shot=None):
    home = page.parent
    if shot:
        SHOTS.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["node", SOURCE / "tests/report/drive.mjs", MODULES, shutil.which("chromium"), page, str(width),
         scheme, SHOTS / f"{shot}.png" if shot else ""],
        capture_output=True, text=True, timeout=400,
        env=dict(os.environ) | {"HOME": str(home), "XDG_RUNTIME_DIR": str(home)})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module", params=[(1280, "light"), (400, "dark")], ids=["wide", "narrow"])
def full(request, tmp_path_factory):
    width, scheme = request.param
    page = page_of("full", tmp_path_factory.mktemp("full"))
    return width, drive(page, width, scheme, f"full-{width}-{scheme}")


def test_nothing_is_wrong_and_nothing_is_fetched(full):
    _, seen = full
    assert seen["console"] == []
    assert seen["requests"] == [seen["url"]]


def test_views_are_there_in_their_order_and_say_something(full):
    _, seen = full
    assert [view["id"] for view in seen["views"]] == VIEWS
    for view in seen["views"]:
        assert not view["empty"], view["id"]
        assert len(view["reading"]) > 15 and "NaN" not in view["reading"] and "undefined" not in view["reading"]


def test_every_chart_is_drawn(full):
    _, seen = full
    charts = {view["id"]: view["charts"] for view in seen["views"] if view["charts"]}
    assert {name: len(found) for name, found in charts.items()} == CHARTS
    for name, found in charts.items():
        for chart in found:
            assert chart["colours"] > 3 and chart["painted"] > 0.01, (name, chart)
            assert len(chart["label"]) > 15


def test_the_page_fits_its_width(full):
    width, seen = full
    assert seen["scrollWidth"] <= width
    assert {view["id"]: view["outside"] for view in seen["views"] if view["outside"]} == {}


def test_readings_are_those_of_the_profile(full):
    _, seen = full
    profile = json.loads(subprocess.run([SAMPLES, "full", "json"], capture_output=True, check=True).stdout)
    readings = {view["id"]: view["reading"] for view in seen["views"]}
    assert f"{profile['totals']['peak_bytes'] / 2**20:.1f} MiB live at the peak" in readings["timeline"]
    assert f"({profile['totals']['cross_thread_frees']:,})" in readings["flow"]
    assert readings["advice"].startswith(f"{len(profile['recommendations'])} finding")
    rows = {view["id"]: view["rows"] for view in seen["views"]}
    assert rows["sites"] == len(profile["sites"])
    assert rows["leaks"] == sum(leak["suppressed"] is None for leak in profile["leaks"])


def test_tab_reaches_every_view(full):
    _, seen = full
    reached = [place["view"] for place in seen["focus"]]
    assert seen["focus"][0]["text"].startswith("Skip to")
    assert set(VIEWS) - {"advice"} <= set(reached)  # which has nothing to press
    assert [view for view in VIEWS if view in reached] == list(dict.fromkeys(filter(None, reached)))


def test_keys_do_what_the_mouse_does(full):
    _, seen = full
    keys = seen["keys"]
    assert "live" in keys["tooltip"] and "MiB" in keys["tooltip"]
    assert keys["flameDown"]["view"] == "flame" and "%" in keys["flameDetail"]
    assert keys["flameZoomed"] and keys["flameWhole"]
    assert keys["sorted"] == "ascending" and keys["order"] == sorted(keys["order"], key=str.lower)
    assert keys["opened"] == "true" and keys["stack"] > 0
    assert keys["theme"][0] != keys["theme"][1]


@pytest.mark.parametrize("kind", ["empty", "hostile"])
def test_strange_profiles(kind, tmp_path):
    seen = drive(page_of(kind, tmp_path), 400, "light", kind)
    assert seen["console"] == [] and seen["requests"] == [seen["url"]]
    assert seen["broken"] is None
    assert [view["id"] for view in seen["views"]] == VIEWS
    assert not any("NaN" in view["reading"] for view in seen["views"])
    assert seen["scrollWidth"] <= 400


# Colours, by the contrast that WCAG 2 asks of text.


def luminance(colour):
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def themes():
    text = pathlib.Path(SOURCE, "src/report/look.css").read_text()
    return [dict(re.findall(r"--(\w+): (#\w{6})", block))
            for block in re.findall(r":root[^{]*\{([^}]*)\}", text)]


def test_text_can_be_read():
    found = themes()
    assert len(found) == 3 and found[1] == found[2]  # dark by choice, dark by the system
    for theme in found:
        for ink in ("ink", "dim", "accent", "go", "cond", "no"):
            for back in ("back", "card"):
                high, low = sorted((luminance(theme[ink]), luminance(theme[back])), reverse=True)
                assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, back, theme[ink])
