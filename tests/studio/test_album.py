"""An album in the browser: from the drop of photos to the zip file, in a fresh browser, and in two at a time."""

import json
import zipfile

import numpy as np
import pytest
from PIL import Image
from skimage import data

from chromahint import Colorizer
from chromahint.hints.hint_file import read_hints
from chromahint.inference.look import Look

pytestmark = pytest.mark.slow

POINTS = (0.3, 0.4), (0.7, 0.6)
COUNT = 14
THUMBNAILS = "[...document.querySelectorAll('#filmstrip-photos .thumbnail')]"


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    """Gray photos of different sizes, more than the first page shows."""
    folder = tmp_path_factory.mktemp("box")
    sources = [data.coffee(), data.astronaut(), data.chelsea(), data.rocket()]
    for number in range(COUNT):
        source = sources[number % 4]
        top, left = 5 * number, 7 * (number % 5)
        crop = source[top : top + 150 + number, left : left + 200]
        Image.fromarray(crop).convert("L").save(folder / f"photo {number + 1:02}.png")
    return sorted(folder.iterdir())


def drop(studio, files):
    studio.browser.evaluate(
        "document.body.append(Object.assign(document.createElement('input'), "
        "{ type: 'file', id: 'stash', multiple: true }))"
    )
    studio.browser.set_files("#stash", *files)
    studio.browser.evaluate("""(() => {
      const data = new DataTransfer();
      const stash = document.getElementById('stash');
      for (const file of stash.files) data.items.add(file);
      stash.remove();
      document.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
    })()""")


def wait_for_count(studio, count):
    shown = count if count > 1 else 0  # there is no strip of a single photo
    counted = f"document.getElementById('count-all').textContent === '{count}'"
    studio.browser.wait_for(f"{counted} && {THUMBNAILS}.length === {shown}")


def test_album_from_drop_to_zip_in_a_fresh_browser(studio, second, server, box):
    drop(studio, box)
    wait_for_count(studio, COUNT)
    studio.browser.wait_for("document.getElementById('progress').hidden")
    for number, photo in enumerate(box):
        studio.browser.wait_for(f"document.getElementById('photo-name').textContent.startsWith('{photo.name}')")
        studio.wait_until_idle()
        for point in POINTS:
            studio.click(*point)
        studio.browser.wait_for(f"document.getElementById('annotation-count').textContent === '{len(POINTS)} points'")
        if number < 3:
            studio.wait_until_idle()  # the suggested color of the last point has come
            studio.browser.press("m")
            studio.browser.wait_for(f"document.getElementById('count-done').textContent === '{number + 1}'")
        studio.browser.press("PageDown")
    studio.browser.wait_for("document.getElementById('notice').textContent === 'This is the last photo.'")
    studio.wait_until_saved()

    # nothing depends on what the first browser has stored
    second.open(server.address)
    second.browser.wait_for("document.querySelectorAll('#recent-photos li').length === 12")
    second.browser.wait_for("[...document.querySelectorAll('#recent-photos img')].every((each) => each.naturalWidth)")
    second.wait_for_colors(
        lambda: second.browser.evaluate("document.querySelector('#recent-photos li > button').click()")
    )
    wait_for_count(second, COUNT)
    assert second.annotation_count() == 2
    for _ in POINTS:  # undo reaches back to before the page was opened
        second.wait_for_colors(lambda: second.browser.press("z", modifiers=2))
    assert second.annotation_count() == 0
    for _ in POINTS:
        second.wait_for_colors(lambda: second.browser.press("z", modifiers=10))
    second.wait_until_saved()
    assert [second.text(f"count-{name}") for name in ("all", "to-do", "done")] == [str(COUNT), str(COUNT - 3), "3"]
    second.browser.evaluate("document.querySelector('#filmstrip-filter [value=done]').click()")
    names = second.browser.evaluate(f"{THUMBNAILS}.filter((e) => e.matches('.is-done')).map((each) => each.title)")
    assert names == [photo.name for photo in box[:3]]

    second.click_button("download-all")
    second.browser.wait_for("document.getElementById('export-dialog').open")
    second.browser.evaluate("document.querySelector('#export-dialog [value=zip]').click()")
    archive = zipfile.ZipFile(second.browser.wait_for_download(".zip"))
    assert archive.testzip() is None
    assert archive.namelist() == [f"{photo.stem}-colored.png" for photo in box]
    second.browser.wait_for(f"document.getElementById('notice').textContent.startsWith('Done! {COUNT} colored photos')")
    sessions = {json.loads(file.read_text())["photo"]["name"]: file for file in server.project.rglob("*.json")}
    for photo in box:
        hints = read_hints(sessions[photo.name])
        size = Image.open(photo).size
        assert [(p.x / size[0], p.y / size[1]) for p in hints.points] == pytest.approx(np.array(POINTS), abs=0.02)
        colored = np.array(Image.open(archive.open(f"{photo.stem}-colored.png")))
        if photo in box[::7]:
            settings = json.loads(sessions[photo.name].read_text())["settings"]
            look = Look(settings["strength"] / 100, settings["reach"])
            expected = Colorizer.load(device="cpu").colorize(np.array(Image.open(photo)), hints, look)
            assert np.array_equal(colored, expected)
    assert second.errors() == []


def test_points_are_copied_to_chosen_photos(studio, server, box):
    drop(studio, box[:3])
    wait_for_count(studio, 3)
    studio.wait_until_idle()
    studio.wait_for_colors(lambda: studio.click(*POINTS[0]))
    studio.wait_until_saved()
    studio.browser.wait_for("!document.getElementById('copy-to').disabled")
    studio.click_button("copy-to")
    studio.browser.wait_for("document.querySelectorAll('#copy-targets input').length === 2")
    assert studio.browser.evaluate("document.getElementById('copy-confirm').disabled")
    studio.browser.evaluate("document.querySelectorAll('#copy-targets input')[1].click()")
    studio.click_button("copy-confirm")
    studio.browser.wait_for("document.getElementById('notice').textContent === 'Copied to 1 photo.'")
    marks = studio.browser.evaluate(
        "fetch('/api/project').then((response) => response.json())"
        ".then((project) => project.photos.map((photo) => photo.count))"
    )
    assert marks == [1, 0, 1]
    studio.wait_for_colors(lambda: studio.browser.evaluate(f"{THUMBNAILS}[2].click()"))
    assert studio.annotation_count() == 1
    studio.wait_for_colors(lambda: studio.browser.press("z", modifiers=2))
    assert studio.annotation_count() == 0


def test_files_that_are_no_photos_are_named(studio, box, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixed")
    (folder / "scan.psd").write_bytes(b"8BPS" + bytes(100))
    (folder / "letter.txt").write_text("Dear Emma")
    drop(studio, [box[0], folder / "scan.psd", folder / "letter.txt"])
    wait_for_count(studio, 1)
    studio.browser.wait_for("document.getElementById('notice').classList.contains('error')")
    text = studio.text("notice")
    assert text.startswith("2 of 3 files were not added. scan.psd: ")
    assert "letter.txt: " in text
    studio.browser.errors.clear()  # the browser complains about each answer 422


def open_in_both(studio, second, photo):
    drop(studio, [photo])
    wait_for_count(studio, 1)
    studio.wait_until_idle()
    studio.wait_for_colors(lambda: studio.click(*POINTS[0]))
    studio.wait_until_saved()
    second.open(second.address)
    second.wait_for_colors(
        lambda: second.browser.evaluate("document.querySelector('#recent-photos li > button').click()")
    )
    # both change it; the first one to save wins
    studio.wait_for_colors(lambda: (studio.click(*POINTS[1]), studio.click_swatch("grass")))
    studio.wait_until_saved()
    second.click(0.5, 0.2)
    second.browser.wait_for("document.getElementById('conflict-dialog').open")


def counts(server):
    files = sorted((server.project / "sessions").rglob("*.json"))
    return {file.name: len(json.loads(file.read_text())["hints"]["points"]) for file in files}


def test_conflict_keeps_both_versions(studio, second, server, box):
    open_in_both(studio, second, box[0])
    assert counts(server) == {"photo 01.png.json": 2}
    second.browser.evaluate("document.querySelector('#conflict-dialog [value=copy]').click()")
    second.browser.wait_for("document.getElementById('photo-name').textContent.startsWith('photo 01 (2).png')")
    wait_for_count(second, 2)
    second.wait_until_idle()
    assert second.annotation_count() == 2
    second.wait_until_saved()
    [original, copy] = [json.loads(file.read_text()) for file in sorted(server.project.rglob("*.json"), reverse=True)]
    assert [point["y"] for point in copy["hints"]["points"]] != [point["y"] for point in original["hints"]["points"]]
    assert [len(each["hints"]["points"]) for each in (original, copy)] == [2, 2]
    [complaint] = second.browser.errors
    assert "412" in complaint["entry"]["text"]


def test_conflict_can_load_the_other_version(studio, second, server, box):
    open_in_both(studio, second, box[1])
    second.wait_for_colors(
        lambda: second.browser.evaluate("document.querySelector('#conflict-dialog [value=load]').click()")
    )
    assert second.annotation_count() == 2
    assert np.abs(second.lab_color(*POINTS[1]) - studio.lab_color(*POINTS[1])).max() < 1
    second.wait_for_colors(lambda: second.click(0.5, 0.2))
    second.wait_until_saved()
    assert counts(server) == {"photo 02.png.json": 3}


def test_work_survives_while_the_server_refuses_it(studio, server, box):
    drop(studio, [box[2]])
    wait_for_count(studio, 1)
    studio.wait_until_idle()
    studio.browser.evaluate("""
      window.plain = window.fetch;
      window.fetch = async (address, options = {}) => {
        if (options.method === 'PUT') throw new TypeError('no network');
        return plain(address, options);
      };
    """)
    studio.wait_for_colors(lambda: studio.click(*POINTS[0]))
    studio.browser.wait_for("document.getElementById('notice').textContent.startsWith('Not saved yet')")
    assert counts(server) == {}
    studio.open(studio.address)
    studio.wait_until_idle()
    assert studio.annotation_count() == 1
    studio.wait_until_saved()
    assert counts(server) == {"photo 03.png.json": 1}


def test_work_of_earlier_versions_moves_from_the_browser_to_the_server(studio, server):
    studio.browser.evaluate("""new Promise((done) => {
      const open = indexedDB.open('chromahint-studio', 3);
      open.onsuccess = () => {
        const transaction = open.result.transaction('photos', 'readwrite');
        const point = { x: 40, y: 30, l: 50, a: 30, b: 20, gray: false, radius: 4 };
        transaction.objectStore('photos').put({
          digest: 'abc', savedAt: 1, name: 'coffee.png', source: { sample: 'coffee' }, model: 'levin',
          annotations: { points: [point], strokes: [] },
        });
        transaction.oncomplete = () => { open.result.close(); done(); };
      };
    })""")
    studio.open(studio.address)
    studio.browser.wait_for("document.querySelectorAll('#recent-photos li').length === 1")
    [file] = (server.project / "sessions").rglob("*.json")
    session = json.loads(file.read_text())
    assert session["settings"] == {"model": "levin"}
    assert [(point["x"], point["y"]) for point in session["hints"]["points"]] == [(40, 30)]
    studio.wait_until_saved()


def test_page_follows_what_another_window_has_saved(studio, second, server, box):
    drop(studio, [box[0]])
    wait_for_count(studio, 1)
    studio.wait_until_idle()
    studio.wait_for_colors(lambda: studio.click(*POINTS[0]))
    studio.wait_until_saved()
    second.open(second.address)
    second.wait_for_colors(
        lambda: second.browser.evaluate("document.querySelector('#recent-photos li > button').click()")
    )
    second.wait_for_colors(lambda: second.click(*POINTS[1]))
    second.wait_until_saved()
    studio.wait_for_colors(
        lambda: studio.browser.evaluate("document.dispatchEvent(new Event('visibilitychange')); undefined")
    )
    assert studio.annotation_count() == 2
    assert studio.text("notice") == "This photo was changed in another window."


def test_mark_and_a_change_at_the_same_time_are_both_saved(studio, server, box):
    drop(studio, [box[3]])
    wait_for_count(studio, 1)
    studio.wait_for_colors(lambda: studio.click(*POINTS[0]))
    studio.wait_until_saved()
    # the server has marked the photo, but its answer takes longer than the page waits before it saves
    studio.browser.evaluate("""
      window.plain = window.fetch;
      window.fetch = async (address, options) => {
        const response = await plain(address, options);
        if (String(address).endsWith('/done')) await new Promise((answer) => { window.answer = answer; });
        return response;
      };
    """)
    studio.browser.press("m")
    studio.browser.wait_for("window.answer !== undefined")
    studio.click(*POINTS[1])
    studio.browser.evaluate("new Promise((passed) => { setTimeout(passed, 1500); })")
    studio.browser.evaluate("window.answer()")
    studio.wait_until_saved()
    assert counts(server) == {"photo 04.png.json": 2}
    [session] = (server.project / "sessions").rglob("*.json")
    assert json.loads(session.read_text())["done"] is True
    assert not studio.browser.evaluate("document.getElementById('conflict-dialog').open")
    assert studio.browser.evaluate("document.getElementById('count-done').textContent") == "1"
