"""The page in a real browser: it shows what the service answers."""

import base64
import io
import re

import pytest
import requests
from conftest import ROOT, SPEC, Service
from PIL import ExifTags, Image, ImageDraw

from fashion_mnist.inference.head import Head
from service.page import render

BY_CNN = "Answered by the small CNN, from 28 \xd7 28 pixels."


@pytest.fixture
def page(browser, service):
    with browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.goto(service.url)
        yield page


@pytest.fixture(scope="module")
def bag(exported) -> bytes:
    """The page's sample of the class Bag."""
    return (exported / "samples" / f"{SPEC.classes.index('Bag')}.png").read_bytes()


def ask(service, path: str, picture: bytes) -> dict:
    headers = {"Content-Type": "image/png"}
    return requests.post(f"{service.url}/{path}", picture, headers=headers, timeout=10).json()


def file(content: bytes, name: str = "bag.png", kind: str = "image/png") -> dict:
    return {"name": name, "mimeType": kind, "buffer": content}


def encoded(kind: str, image: Image.Image, **options) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def percentages(texts: list[str]) -> list[float]:
    return [float(re.search(r"[\d.]+(?= %)", text)[0]) for text in texts]


def choose(page, *files: dict) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a picture").click()
    chooser.value.set_files(files)


def sample(page, name: str = "Bag") -> None:
    page.get_by_role("button", name=name, exact=True).click()


def transfer(page, content: bytes):
    """Return a DataTransfer with the file, like that of a drop or of the clipboard."""
    return page.evaluate_handle(
        """encoded => {
            const bytes = Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], "bag.png", { type: "image/png" }));
            return transfer;
        }""",
        base64.b64encode(content).decode(),
    )


def wait_for_images(page) -> None:
    # wait_for_function needs `eval`, which the page's policy forbids.
    page.evaluate("Promise.all([...document.querySelectorAll('img[src]')].map((i) => i.decode()))")


def paste(page, content: bytes) -> None:
    page.evaluate(
        """clipboardData => document.body.dispatchEvent(
            new ClipboardEvent("paste", { clipboardData, bubbles: true }))""",
        transfer(page, content),
    )


def drop(page, content: bytes) -> None:
    page.dispatch_event("#drop", "drop", {"dataTransfer": transfer(page, content)})


def with_the_keyboard(page, _content: bytes) -> None:
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Bag":
            page.keyboard.press("Enter")


@pytest.mark.parametrize(
    "give",
    [
        lambda page, bag: choose(page, file(bag)),
        lambda page, _: sample(page),
        *(paste, drop, with_the_keyboard),
    ],
    ids=["chosen", "sample", "pasted", "dropped", "keyboard"],
)
def test_the_page_shows_what_the_service_answers(give, page, service, bag):
    give(page, bag)
    page.wait_for_selector("[data-state=done]")

    (predicted,) = ask(service, "predict?top=5", bag)["predictions"]
    verdict = page.locator("#verdict").inner_text()
    assert verdict.startswith("" if predicted["sure"] else "Not sure: perhaps ")
    assert predicted["class"] in verdict
    assert page.locator("#author").inner_text() == BY_CNN
    rows = page.get_by_role("list", name="The most probable classes").get_by_role("listitem")
    shown = rows.all_inner_texts()
    assert [text.split("\n")[0] for text in shown] == [row["class"] for row in predicted["top"]]
    expected = [100 * row["probability"] for row in predicted["top"]]
    assert percentages([verdict, *shown]) == pytest.approx([expected[0], *expected], abs=0.11)
    widths = rows.locator(".bar").evaluate_all(
        "bars => bars.map((bar) => +bar.style.getPropertyValue('--probability'))"
    )
    assert widths == pytest.approx([row["probability"] for row in predicted["top"]])

    explained = ask(service, "explain", bag)
    assert page.locator("#seen").get_attribute("src") == explained["steps"][-1]["image"]
    assert page.locator("#saliency").get_attribute("src") == explained["saliency"]
    assert page.locator("#steps li").all_inner_texts() == [
        step["name"] for step in explained["steps"]
    ]

    similar = ask(service, "similar?count=10", bag)["similar"]
    items = page.locator("#similar li")
    assert items.all_inner_texts() == [item["class"] for item in similar]
    wait_for_images(page)
    assert items.locator("img").evaluate_all(
        "images => images.map((image) => [new URL(image.src).pathname, image.naturalWidth])"
    ) == [[item["image"], 28] for item in similar]


OTHER = "it looks like a garment of another kind"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            {"sure": True, "known": True, "reason": "", "model": "cnn"},
            ["Coat 61.2 %", BY_CNN],
        ),
        (
            {"sure": False, "known": True, "reason": "it is dark", "model": "photographs"},
            [
                "Not sure: perhaps Coat 61.2 %",
                "It is dark.",
                "Answered by the model of photographs.",
            ],
        ),
        (
            {"sure": False, "known": False, "reason": OTHER, "model": "mine.npz"},
            [
                "No garment that I know",
                "It looks like a garment of another kind.",
                "Answered by the head mine.npz, taught by you.",
            ],
        ),
    ],
    ids=["sure", "not sure", "unknown"],
)
def test_the_verdict_is_one_of_three_endings(answer, said, page):
    top = [{"class": "Coat", "probability": 0.612}, {"class": "Shirt", "probability": 0.3}]
    predicted = {"predictions": [{**top[0], **answer, "top": top}]}
    page.route("**/predict?top=5", lambda route: route.fulfill(json=predicted))
    sample(page)
    page.wait_for_selector("[data-state=done]")
    shown = page.get_by_role("status").first.inner_text()
    assert [line for line in shown.splitlines() if line] == said
    # What is no answer does not look like one.
    assert page.locator(".bar:visible").count() == (2 if answer["known"] else 0)
    assert page.locator("#nearest").is_visible() is not answer["known"]


def photograph(colour: str = "firebrick", at: int = 0) -> bytes:
    """Return a picture in colour of something like a shirt on a table."""
    image = Image.new("RGB", (240, 300), "lightsteelblue")
    shirt = [
        (60, 60),
        (180, 60),
        (230, 130),
        (185, 140),
        (180, 270),
        (60, 270),
        (55, 140),
        (10, 130),
    ]
    ImageDraw.Draw(image).polygon([(x, y + at) for x, y in shirt], fill=colour)
    return encoded("PNG", image)


def test_a_photograph_shows_what_few_pixels_leave_of_it(page, service):
    content = photograph()
    choose(page, file(content))
    page.wait_for_selector("[data-state=done]")
    (predicted,) = ask(service, "predict?top=5", content)["predictions"]
    assert predicted["model"] == "photographs"
    said = page.get_by_role("status").first.inner_text()
    assert "Answered by the model of photographs." in said
    assert (predicted["class"] if predicted["known"] else "No garment that I know") in said
    assert predicted["reason"][1:] in said

    by_cnn = ask(service, "explain", content)["top"][0]["class"]
    assert page.locator("#seen-title").inner_text() == "What 28 \xd7 28 pixels leave"
    assert f"the small CNN would say {by_cnn} " in page.locator("#lesson").inner_text()
    assert (
        page.locator("#meaning").inner_text().endswith("the small CNN\u2019s answer less probable.")
    )
    assert page.locator("#similar-title").inner_text() == "What the small CNN finds similar"
    assert page.locator("#agreement").inner_text().endswith(f"are labelled {by_cnn}.")
    # A sample speaks of one model again.
    sample(page)
    page.wait_for_selector("[data-state=done]")
    assert page.locator("#seen-title").inner_text() == "The model sees"
    assert page.locator("#lesson").is_hidden()


def test_a_photograph_that_the_cnn_cannot_read_is_answered_all_the_same(page, service):
    content = encoded("PNG", Image.new("RGB", (200, 300), "olive"))
    error = ask(service, "explain", content)["error"].removeprefix("picture: ")
    choose(page, file(content))
    page.wait_for_selector("[data-state=done]")
    assert page.locator("#lesson").inner_text() == f"The small CNN has no answer: {error}."
    assert page.locator(".problem:visible").count() == 0


def test_the_page_names_the_models_that_answer(page, browser, exported):
    assert "Photographs are answered by a model" in page.locator("header").inner_text()
    only_images = render(SPEC, [])
    assert f"tells {len(SPEC.classes)} classes apart" in only_images
    assert "hotographs" not in only_images
    taught = Service(exported, "--head", str(ROOT / "photographs" / "head.npz"))
    try:
        with browser.new_context() as context:
            page = context.new_page()
            page.goto(taught.url)
            assert "A head that was taught" in page.locator("header").inner_text()
            sample(page)
            page.wait_for_selector("[data-state=done]")
            said = page.locator("#author").inner_text()
            assert said == "Answered by the head head.npz, taught by you."
    finally:
        taught.stop()


def test_the_saliency_is_switched_with_the_keyboard(page):
    sample(page)
    page.wait_for_selector("[data-state=done]")
    switch = page.get_by_role("switch", name="Show what mattered")
    assert page.locator("#saliency").is_hidden()
    while not switch.evaluate("element => element === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.locator("#saliency").is_visible()


def test_samples_are_one_of_each_class_and_small(page, exported):
    names = page.get_by_role("list", name="Samples").get_by_role("button").all_inner_texts()
    assert names == SPEC.classes
    sizes = {path.name: path.stat().st_size for path in (exported / "samples").iterdir()}
    assert len(sizes) == len(SPEC.classes)
    assert max(sizes.values()) < 15_000


def test_an_error_of_the_service_is_shown_until_the_next_picture(page, service):
    sample(page)
    page.wait_for_selector("[data-state=done]")
    choose(page, file(b"a letter", "letter.png"))
    page.wait_for_selector("[data-state=error]")
    alert = page.locator("#problem")
    assert alert.inner_text() == ask(service, "predict?top=5", b"a letter")["error"]
    assert alert.get_attribute("role") == "alert"
    # Nothing of the earlier picture is left, nor a broken image.
    assert page.get_by_role("status").all_inner_texts() == ["", ""]
    assert page.locator("#stages img:visible").count() == 0
    sample(page)
    page.wait_for_selector("[data-state=done]")
    assert alert.is_hidden()


def test_an_answer_that_fails_is_explained_in_its_place_beside_the_others(page):
    page.route(
        "**/explain", lambda route: route.fulfill(status=503, json={"error": "busy; try again"})
    )
    page.route("**/similar*", lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))
    sample(page)
    page.wait_for_selector("[data-state=done]")
    assert page.locator("#explain-problem").inner_text() == "busy; try again"
    assert page.locator("#similar-problem").inner_text().startswith("The server answered 502.")
    assert page.locator("#verdict").inner_text() != ""
    assert page.locator("#problem").is_hidden()


def test_without_a_server_the_page_says_so(page, bag):
    page.context.set_offline(True)
    choose(page, file(bag))
    page.wait_for_selector("[data-state=error]")
    assert page.locator("#problem").inner_text().startswith("The server cannot be reached.")


def test_a_newer_picture_wins_over_late_answers(page):
    held = []

    def hold_the_first(route):
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/predict?top=5", hold_the_first)
    with page.expect_request("**/predict?top=5"):
        sample(page, "Trouser")
    sample(page, "Bag")
    page.wait_for_selector("[data-state=done]")
    assert page.locator("#problem").is_hidden()
    before = page.locator("#stages").inner_text()
    answer = {"class": "late", "probability": 1, "sure": True, "known": True, "top": []}
    held[0].fulfill(json={"predictions": [answer]})
    page.wait_for_timeout(200)
    assert page.locator("#stages").inner_text() == before
    assert page.locator("#picture").get_attribute("alt").startswith("Bag")
    assert page.locator("[aria-current]").all_inner_texts() == ["Bag"]


def record_what_is_sent(page) -> None:
    """Keep the body of the last request in the page, as `sent`."""
    page.evaluate(
        """() => {
            const { fetch } = window;
            window.fetch = (path, options) => {
                window.sent = options.body;
                return fetch(path, options);
            };
        }"""
    )


def lying() -> bytes:
    """Return a JPEG 3000 wide; its EXIF tag turns it upright, with its red box at the top."""
    image = Image.new("RGB", (3000, 1000), "white")
    image.paste("red", (300, 200, 1200, 800))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    return encoded("JPEG", image, exif=exif)


def transparent() -> bytes:
    """Return a transparent PNG with a grey box at the bottom."""
    image = Image.new("RGBA", (3000, 1000))
    image.paste("grey", (1000, 400, 2000, 900))
    return encoded("PNG", image)


@pytest.mark.parametrize(
    ("content", "kind", "size", "upper_middle"),
    [
        (lying(), "image/jpeg", [533, 1600], [254, 0, 0, 255]),
        (transparent(), "image/png", [1600, 533], [0, 0, 0, 0]),
    ],
    ids=["upright", "transparent"],
)
def test_large_pictures_are_sent_small(content, kind, size, upper_middle, page):
    record_what_is_sent(page)
    choose(page, file(content, "large", kind))
    page.wait_for_selector("[data-state=done]")
    assert [kind, size, upper_middle] == page.evaluate(
        """async () => {
            const bitmap = await createImageBitmap(sent);
            const context = new OffscreenCanvas(1, 1).getContext("2d");
            context.drawImage(bitmap, -bitmap.width / 2, -bitmap.height / 4);
            const { data } = context.getImageData(0, 0, 1, 1);
            return [sent.type, [bitmap.width, bitmap.height], [...data]];
        }"""
    )


def test_a_small_picture_is_sent_as_it_is(page, bag):
    record_what_is_sent(page)
    choose(page, file(bag))
    page.wait_for_selector("[data-state=done]")
    assert bytes(page.evaluate("async () => [...new Uint8Array(await sent.arrayBuffer())]")) == bag


def test_a_small_picture_of_a_kind_that_only_the_browser_reads_is_converted(page, bag):
    record_what_is_sent(page)
    choose(
        page, file(encoded("AVIF", Image.open(io.BytesIO(bag)).convert("RGB")), "bag", "image/avif")
    )
    page.wait_for_selector("[data-state=done]")
    assert page.evaluate("sent.type") == "image/png"


def test_on_a_phone_nothing_scrolls_sideways(browser, service):
    with browser.new_context(
        viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True
    ) as context:
        page = context.new_page()
        page.goto(service.url)
        assert page.get_by_role("button", name="Take a photo").is_visible()
        for act, state in (
            (sample, "done"),
            (lambda page: choose(page, file(b"a letter", "letter.png")), "error"),
        ):
            act(page)
            page.wait_for_selector(f"[data-state={state}]")
            # A phone's window grows when something does not fit.
            assert page.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [360, 360]
        fill_card(page, 0, "w" * 60, RED * 4)
        fill_card(page, 1, "blue", [*BLUE, file(photograph("firebrick", 30), "n" * 90)])
        page.get_by_text("right when left out of learning").wait_for()
        # Without a pointer to hover with, a picture shows how to remove it.
        remove = page.locator(".thumbs button").first
        assert remove.evaluate("button => getComputedStyle(button).opacity") == "1"
        assert page.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [360, 360]


RED, BLUE = [
    [file(photograph(colour, 5 * at), f"{colour}-{at}.png") for at in range(4)]
    for colour in ("firebrick", "midnightblue")
]


def fill_card(page, at: int, name: str, files: list[dict]) -> None:
    page.get_by_label("Name").nth(at).fill(name)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Drop or choose pictures").nth(at).click()
    chooser.value.set_files(files)


def test_classes_of_ones_own_are_taught_and_the_head_downloaded(page, tmp_path):
    fill_card(page, 0, "red", RED)
    fill_card(page, 1, "blue", BLUE)
    page.get_by_text("8 of 8 right when left out of learning").wait_for()
    assert page.locator(".score").all_inner_texts() == ["4 of 4 right"] * 2
    assert page.locator("#growth").is_hidden()

    # A picture in the wrong class is marked until it is removed.
    wrong = file(photograph("firebrick", 30), RED[0]["name"])
    fill_card(page, 1, "blue", [wrong])
    page.get_by_text("8 of 9 right when left out of learning").wait_for()
    marked = page.locator("[data-wrong]")
    assert marked.all_inner_texts() == ["\xd7\nlooks like “red”"]
    assert marked.get_by_role("img").get_attribute("alt") == f"2 {RED[0]['name']}"
    assert "89 % of 9 pictures" in page.get_by_role("figure").inner_text()
    marked.hover()
    marked.get_by_role("button", name="Remove").click()
    page.get_by_text("8 of 8 right").wait_for()
    assert marked.count() == 0

    with page.expect_download() as download:
        page.get_by_role("link", name="Download the head").click()
    assert download.value.suggested_filename == "head.npz"
    download.value.save_as(tmp_path / "head.npz")
    assert Head.load(tmp_path / "head.npz").info.classes == ["red", "blue"]


def test_a_picture_that_cannot_be_read_is_left_out_of_learning(page):
    fill_card(page, 0, "red", [*RED, file(b"a letter", "letter.png")])
    fill_card(page, 1, "blue", BLUE)
    page.get_by_text("8 of 8 right").wait_for()
    (line,) = page.locator("#refused li").all_inner_texts()
    assert line.startswith("letter.png: ")


def test_pictures_are_dropped_on_a_class(page, bag):
    page.dispatch_event(".card", "drop", {"dataTransfer": transfer(page, bag)})
    page.get_by_text("One more picture, please").wait_for()
    assert page.locator("#picture").is_hidden()


def test_two_classes_of_the_same_name_are_explained(page):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    fill_card(page, 0, "Red", RED)
    fill_card(page, 1, " red ", BLUE)
    said = page.get_by_text("Two classes are called red. Give one of them another name.")
    said.wait_for()
    page.wait_for_timeout(1000)
    assert [url for url in asked if url.endswith("/teach")] == []
    page.get_by_label("Name").nth(1).fill('12" blue')
    page.get_by_text("8 of 8 right").wait_for()
    assert page.locator("#teach-problem").is_hidden()
    assert page.locator(".score").all_inner_texts() == ["4 of 4 right"] * 2


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([file(b"a letter " * 700_000, f"{at}.png") for at in range(2)], "12.6 MB together"),
        ([file(b"", f"{at}.png") for at in range(402)], "400 pictures at most"),
        ([file(b"a letter", "letter.txt", "text/plain")], "no picture file"),
    ],
    ids=["bytes", "pictures", "kind"],
)
def test_what_is_too_much_to_learn_from_is_said_before_it_is_sent(files, said, page):
    fill_card(page, 0, "much", files)
    page.locator("#teach-problem").filter(has_text=said).wait_for()
    assert page.locator(".thumbs li").count() in {0, 2, 400}


def test_classes_are_added_and_removed(page):
    names, remove = page.get_by_label("Name"), page.get_by_role("button", name="Remove this class")
    assert (names.count(), remove.count()) == (2, 0)
    page.get_by_role("button", name="Add a class").click()
    assert names.nth(2).evaluate("element => element === document.activeElement")
    page.keyboard.type("third")
    remove.first.click()
    assert names.evaluate_all("inputs => inputs.map((input) => input.value)") == ["", "third"]


def test_no_other_host_is_asked_and_the_console_stays_clean(browser, service):
    with browser.new_context() as context:
        page = context.new_page()
        asked, said = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(service.url)
        sample(page)
        page.wait_for_selector("[data-state=done]")
        wait_for_images(page)
    assert len(asked) > 20
    assert {url for url in asked if not url.startswith((service.url, "data:", "blob:"))} == set()
    assert said == []


def test_behind_a_path_prefix_every_request_stays_behind_it(browser, service, bag):
    with browser.new_context() as context:
        page = context.new_page()
        asked = []

        def forward(route):
            asked.append(route.request.url)
            path = route.request.url.removeprefix(f"{service.url}/").removeprefix("clothes/")
            if route.request.method == "POST":
                # The browser gives this function no file that is sent as it is.
                route.fulfill(json=ask(service, path, bag))
            else:
                route.fulfill(response=route.fetch(url=f"{service.url}/{path}"))

        page.route("**/*", forward)
        page.goto(f"{service.url}/clothes/")
        sample(page)
        page.wait_for_selector("[data-state=done]")
        wait_for_images(page)
    assert f"{service.url}/clothes/predict?top=5" in asked
    assert [url for url in asked if not url.startswith(f"{service.url}/clothes/")] == []
