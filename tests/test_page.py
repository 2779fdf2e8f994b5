"""The page in a real browser: it shows what the service answers."""

import base64
import codecs
import csv
import io
import itertools
import re
import time

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


def without_name(error: str) -> str:
    """Return the service's error about a picture whose name it does not know."""
    return error.removeprefix("picture: ")


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
        page.get_by_role("button", name="Choose pictures", exact=True).click()
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
    error = without_name(ask(service, "explain", content)["error"])
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
    error = without_name(ask(service, "predict?top=5", b"a letter")["error"])
    assert alert.inner_text() == f"letter.png: {error}"
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
    problems = [page.locator(f"#{part}-problem").inner_text() for part in ("explain", "similar")]
    assert problems == [
        "Bag, a sample: busy; try again",
        "Bag, a sample: The server answered 502. Try again later.",
    ]
    assert page.locator("#verdict").inner_text() != ""
    assert page.locator("#problem").is_hidden()


def test_without_a_server_the_page_says_so(page, bag):
    page.context.set_offline(True)
    choose(page, file(bag))
    page.wait_for_selector("[data-state=error]")
    said = page.locator("#problem").inner_text()
    assert said.startswith("bag.png: The server cannot be reached.")


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
        choose(page, *(file(content, name * 30) for name, content in PICTURES.items()))
        page.wait_for_selector("#csv:enabled")
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


PICTURES = {
    "red.png": photograph(),
    "letter.png": b"a letter",
    "green.png": photograph("seagreen"),
    '=1+1, "quoted".png': photograph("firebrick", 10),
    "blue.png": photograph("midnightblue"),
}


def choose_many(page, pictures: dict[str, bytes] = PICTURES) -> None:
    choose(page, *(file(content, name) for name, content in pictures.items()))


def answered(page) -> None:
    page.wait_for_selector("#csv:enabled")


def rows(page):
    return page.locator("tbody tr:visible")


def predicted(label: str, **changes) -> dict:
    """Return an answer to /predict."""
    verdict = {"class": label, "probability": 0.612, "sure": True, "known": True, "reason": ""}
    top = [{"class": label, "probability": 0.612}]
    return {"predictions": [{**verdict, "model": "cnn", "top": top, **changes}]}


def answer_by_name(page, answers: dict[str, dict]) -> None:
    """Let the pictures have these answers of /predict instead of the service's."""
    page.evaluate(
        """answers => {
            const { fetch } = window;
            window.fetch = async (path, options) => {
                const answer = path.startsWith("predict") && answers[options.body?.name];
                return answer ? new Response(JSON.stringify(answer)) : fetch(path, options);
            };
        }""",
        answers,
    )


def test_many_pictures_are_answered_in_a_table_in_their_order(page, service):
    choose_many(page)
    answered(page)
    expected = []
    for name, content in PICTURES.items():
        answer = ask(service, "predict?top=5", content)
        if "error" in answer:
            expected.append([name, f"Failed: {without_name(answer['error'])}", ""])
            continue
        (verdict,) = answer["predictions"]
        said = verdict["class"] if verdict["sure"] else f"Not sure: perhaps {verdict['class']}"
        if not verdict["known"]:
            said = "No garment that I know"
        reason = verdict["reason"] and f"\n{verdict['reason'].capitalize()}."
        share = f"{verdict['probability']:.1%}".replace("%", " %") if verdict["known"] else ""
        expected.append([name, said + reason, share])
    shown = rows(page).all()
    assert [
        [row.get_by_role(role).inner_text() for role in ("rowheader",)]
        + row.get_by_role("cell").all_inner_texts()
        for row in shown
    ] == expected
    assert page.get_by_role("heading", name="5 pictures").is_visible()
    assert page.get_by_role("columnheader").all_inner_texts() == [
        *("Picture", "The model says", "Probability")
    ]
    # The broken one has no picture, and the others have small ones.
    wait_for_images(page)
    widths = rows(page).locator("img").evaluate_all("all => all.map((each) => each.naturalWidth)")
    assert widths == [77] * 4
    assert page.locator("#told").inner_text() == "5 of 5 done"
    assert page.get_by_role("progressbar").is_hidden()


def test_many_pictures_are_sent_one_by_one_and_a_few_at_a_time(page):
    page.evaluate(
        """() => {
            window.sending = window.most = window.sent = 0;
            window.fetch = async () => {
                sent += 1;
                sending += 1;
                most = Math.max(most, sending);
                await new Promise((resolve) => setTimeout(resolve, 30));
                sending -= 1;
                return new Response("{}");
            };
            window.told = [];
            const status = document.querySelector("#told");
            const note = () => told.push(status.textContent);
            new MutationObserver(note).observe(status, { childList: true });
        }"""
    )
    names = [f"{at}.png" for at in range(20)]
    choose_many(page, dict.fromkeys(names, PICTURES["red.png"]))
    answered(page)
    assert page.evaluate("[sent, most]") == [20, 4]
    assert rows(page).get_by_role("rowheader").all_inner_texts() == names
    # A reader of the screen is told of quarters.
    assert page.evaluate("told") == [f"{count} of 20 done" for count in (5, 10, 15, 20)]


def test_many_pictures_stop_and_go_on_and_the_csv_has_what_is_answered(page):
    page.evaluate(
        """answer => {
            window.sent = 0;
            window.most = 8;
            window.fetch = async (path, { signal }) => {
                sent += 1;
                if (sent > most) {
                    await new Promise((_, reject) => signal.addEventListener("abort", reject));
                }
                return new Response(JSON.stringify(answer));
            };
        }""",
        predicted("Coat"),
    )
    names = [f"{at}.png" for at in range(20)]
    choose_many(page, dict.fromkeys(names, PICTURES["red.png"]))
    page.get_by_text("8 of 20").wait_for()
    assert page.locator("#csv").is_disabled()
    page.get_by_role("button", name="Stop").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    text = download.value.path().read_text(encoding="utf-8-sig")
    table = list(csv.DictReader(io.StringIO(text)))
    assert [(row["file"], row["class"], row["error"]) for row in table] == [
        (name, "Coat" if at < 8 else "", "") for at, name in enumerate(names)
    ]
    page.evaluate("window.most = Infinity")
    page.get_by_role("button", name="Go on").click()
    page.locator("#working").wait_for(state="hidden")
    assert page.evaluate("sent") == 8 + 4 + 12  # four were under way
    assert rows(page).locator("td:nth-of-type(1)").all_inner_texts() == ["Coat"] * 20


KINDS = {
    "a.png": predicted("Coat"),
    "b.png": predicted("T-shirt/top", sure=False, reason="it is dark"),
    "c.png": predicted("Coat", sure=False, reason="it is dark"),
    "d.png": predicted("Bag", sure=False, known=False, reason="it is a cat"),
    "e.png": {},
}


@pytest.fixture
def kinds(page):
    """The page with a table that has a picture of each kind, and two coats."""
    answer_by_name(page, KINDS)
    choose_many(page, dict.fromkeys(KINDS, PICTURES["red.png"]))
    answered(page)
    return page


def test_the_table_is_filtered_by_answer_and_by_class(kinds):
    def names() -> list[str]:
        return [name.removesuffix(".png") for name in rows(kinds).locator("th").all_inner_texts()]

    labels = kinds.get_by_role("group", name="Show by answer").locator("label").all_inner_texts()
    assert [label.split("\xa0")[0].strip() for label in labels] == [
        *("All 5", "Sure 1", "Not sure 2", "No garment that I know 1", "Failed 1")
    ]
    shown = {}
    for label in labels:
        kinds.get_by_text(label, exact=True).click()
        shown[label] = "".join(names())
    assert list(shown.values()) == ["abcde", "a", "bc", "d", "e"]
    kinds.get_by_role("radio", name="Failed").press("ArrowRight")
    assert names() == list("abcde")

    by_class = kinds.get_by_role("combobox", name="Class")
    assert by_class.locator("option").all_inner_texts() == ["Any", "Coat", "T-shirt/top"]
    by_class.select_option("Coat")
    assert names() == ["a", "c"]
    assert kinds.locator("#told").inner_text() == "2 of 5 shown"
    kinds.get_by_role("radio", name="Not sure").check(force=True)
    assert names() == ["c"]


def test_the_csv_opens_in_a_spreadsheet_with_all_pictures_and_no_formulas(page):
    names = ["=1+1.png", 'a "b", c.png', "-2.png", "@d.png", "+3.png", "été.png"]
    answers = [
        predicted("=2+2", reason="dark, and\nblurred", sure=False),
        *(predicted("Coat", probability=0.123456789) for _ in names[1:5]),
        {},
    ]
    answer_by_name(page, dict(zip(names, answers, strict=True)))
    choose_many(page, dict.fromkeys(names, PICTURES["red.png"]))
    answered(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    assert download.value.suggested_filename == "answers.csv"
    content = download.value.path().read_bytes()
    assert content.startswith(codecs.BOM_UTF8)
    text = content.decode("utf-8-sig")
    assert text.startswith("file,class,probability,sure,known,reason,model,error\r\n")
    assert text.splitlines()[1].startswith("'=1+1.png,'=2+2,0.612,false,true,")
    table = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["file"] for row in table] == [
        *("'=1+1.png", 'a "b", c.png', "'-2.png", "'@d.png", "'+3.png", "été.png")
    ]
    assert table[0]["reason"] == "dark, and\nblurred"
    assert table[1] == {
        **{"file": 'a "b", c.png', "class": "Coat", "probability": "0.123456789", "sure": "true"},
        **{"known": "true", "reason": "", "model": "cnn", "error": ""},
    }
    assert table[-1]["error"].startswith("The answer is not from this service")
    assert table[-1]["class"] == table[-1]["probability"] == table[-1]["sure"] == ""


def test_a_row_opens_its_picture_and_back_returns_to_it(page, service):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    choose_many(page)
    answered(page)
    before = page.locator("#many").inner_text()
    asked.clear()
    row = rows(page).nth(2).get_by_role("button", name="green.png")
    row.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#stages[data-state=done]")
    assert page.locator("#many").is_hidden()
    assert page.locator("#picture").get_attribute("alt") == "green.png"
    answer = ask(service, "predict?top=5", PICTURES["green.png"])["predictions"][0]
    assert page.locator("#reason").inner_text()[1:-1] == answer["reason"][1:]
    # The answer in the table is not asked for again.
    posted = [url.rpartition("/")[2] for url in asked if "?" in url or url.endswith("explain")]
    assert sorted(posted) == ["explain", "similar?count=10"]

    back = page.get_by_role("button", name="All 5 pictures")
    assert back.evaluate("element => element === document.activeElement")
    page.keyboard.press("Enter")
    page.wait_for_selector("#many:visible")
    assert page.locator("#stages").is_hidden()
    assert page.locator("#many").inner_text() == before
    assert row.evaluate("element => element === document.activeElement")
    page.go_forward()
    page.wait_for_selector("#stages:visible")
    assert page.locator("#picture").get_attribute("alt") == "green.png"


def test_something_new_stops_the_others_until_back_returns_to_them(page):
    page.evaluate(
        """() => {
            const { fetch } = window;
            window.held = [];
            window.fetch = (path, options) => {
                if (!options.body?.name?.startsWith("many")) return fetch(path, options);
                return new Promise((resolve) => held.push([options.signal, resolve]));
            };
        }"""
    )
    names = [f"many{at}.png" for at in range(6)]
    choose_many(page, dict.fromkeys(names, PICTURES["red.png"]))
    page.get_by_text("0 of 6").wait_for()
    assert page.get_by_role("button", name="Download as CSV").is_disabled()
    while page.evaluate("held.length") < 4:
        page.wait_for_timeout(10)
    sample(page)
    page.wait_for_selector("#stages[data-state=done]")
    assert page.evaluate("held.map(([signal]) => signal.aborted)") == [True] * 4
    # What still comes of them changes nothing.
    page.evaluate("held.splice(0).forEach(([, resolve]) => resolve(new Response('{}')))")
    page.wait_for_timeout(50)
    page.go_back()
    page.get_by_text("0 of 6").wait_for()
    while page.evaluate("held.length") < 4:
        page.wait_for_timeout(10)
    assert rows(page).count() == 4


def drop_files(page, script: str) -> None:
    """Drop files on the page that the script makes there."""
    page.evaluate(
        f"""() => {{
            const dataTransfer = new DataTransfer();
            for (const file of {script}) dataTransfer.items.add(file);
            document.body.dispatchEvent(new DragEvent("drop", {{ dataTransfer, bubbles: true }}));
        }}"""
    )


def test_more_pictures_than_it_takes_are_left_out_and_said_so(page):
    page.evaluate("() => { window.fetch = () => new Promise(() => {}); }")
    drop_files(page, "Array.from({ length: 1002 }, (_, at) => new File([], `${at}.png`))")
    said = "It takes 1000 pictures at a time; the other 2 were left out."
    assert page.locator(".problem:visible").all_inner_texts() == [said]
    assert page.get_by_role("heading", name="1000 pictures").is_visible()


def test_the_verdict_does_not_wait_for_the_explanation(page, service, bag):
    sample(page, "Trouser")
    page.wait_for_selector("[data-state=done]")
    held = []
    page.route(re.compile("/(explain|similar)"), lambda route: held.append(route))
    choose(page, file(bag))
    page.wait_for_selector("#picture[alt='bag.png']")
    page.wait_for_selector("#prediction[aria-busy=false]")
    (verdict,) = ask(service, "predict?top=5", bag)["predictions"]
    assert verdict["class"] in page.locator("#verdict").inner_text()
    assert page.locator("#stages").get_attribute("data-state") == "busy"
    busy = page.locator("[aria-busy=true]")
    assert busy.evaluate_all("all => all.map(({ id }) => id)") == ["explanation", "likes"]
    # The parts on the picture before are not taken for parts on this one.
    faded = page.locator("#seen, #similar")
    page.wait_for_timeout(500)
    opacities = faded.evaluate_all("all => all.map((each) => getComputedStyle(each).opacity)")
    assert opacities == ["0", "0"]
    similar = next(route for route in held if "similar" in route.request.url)
    similar.continue_()
    page.wait_for_selector("#likes[aria-busy=false]")
    assert page.locator("#explanation").get_attribute("aria-busy") == "true"
    next(route for route in held if "explain" in route.request.url).continue_()
    page.wait_for_selector("[data-state=done]")
    assert busy.count() == 0


def test_back_and_forward_keep_the_answers(page, bag):
    def shown() -> list[str]:
        parts = page.locator("#verdict, #reason, #classes, #steps, #agreement, #similar")
        return [page.locator("#picture").get_attribute("alt"), *parts.all_inner_texts()]

    empty = shown()
    sample(page, "Trouser")
    page.wait_for_selector("[data-state=done]")
    first = shown()
    choose(page, file(photograph()))
    page.wait_for_selector("#picture[alt='bag.png']")
    page.wait_for_selector("[data-state=done]")
    second = shown()
    assert first != second

    page.route("**/*", lambda route: route.abort())  # it asks nobody
    page.go_back()
    page.wait_for_selector("#picture[alt^=Trouser]")
    page.wait_for_selector("[data-state=done]")
    assert shown() == first
    assert page.locator("[aria-current]").all_inner_texts() == ["Trouser"]
    page.go_back()
    page.wait_for_selector("[data-state=empty]")
    assert shown() == empty
    page.go_forward()
    page.go_forward()
    page.wait_for_selector("#picture[alt='bag.png']")
    page.wait_for_selector("[data-state=done]")
    assert shown() == second

    # A page that is loaded again has forgotten, and shows nothing else in place of it.
    page.unroute_all()
    page.reload()
    sample(page)
    page.wait_for_selector("[data-state=done]")
    for _ in range(2):
        page.go_back()
        page.wait_for_selector("[data-state=empty]")
    assert shown() == empty


def test_leaving_the_page_and_coming_back_keeps_the_answer(page):
    sample(page)
    page.wait_for_selector("[data-state=done]")
    before = page.locator("#stages").inner_text()
    page.get_by_role("link", name="API").click()
    page.wait_for_url("**/docs")
    page.go_back(wait_until="commit")
    assert page.locator("#stages").inner_text() == before


def test_names_of_classes_do_not_break_at_a_hyphen(page):
    name = "T-shirt/top"
    similar = {"similar": [{"class": name, "index": 0}] * 10}
    page.route("**/predict?top=5", lambda route: route.fulfill(json=predicted(name)))
    page.route("**/similar*", lambda route: route.fulfill(json=similar))
    page.set_viewport_size({"width": 230, "height": 800})  # too narrow for all of them
    sample(page, "Coat")
    page.wait_for_selector("[data-state=done]")
    lines = """root => {
        const counts = [];
        const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
        while (texts.nextNode()) {
            const { data } = texts.currentNode;
            if (!texts.currentNode.parentNode.checkVisibility()) continue;
            for (const { index } of data.matchAll("T-shirt")) {
                const range = new Range();
                range.setStart(texts.currentNode, index);
                range.setEnd(texts.currentNode, index + 7);
                counts.push(new Set([...range.getClientRects()].map(({ top }) => top)).size);
            }
        }
        return counts;
    }"""
    # A sample, the verdict, a row, the likes' labels, and how many of them agree.
    assert page.locator("main").evaluate(lines) == [1] * 14
    # Behind the slash they do break.
    tops = "e => new Set([...e.getClientRects()].map(({ top }) => top)).size"
    assert page.locator("#samples button > span").first.evaluate(tops) == 2
    choose_many(page)
    answered(page)
    assert page.locator("table").evaluate(lines) == [1] * 5


@pytest.mark.parametrize(
    "answer",
    [
        {"body": "<!doctype html><title>Sign in</title>", "content_type": "text/html"},
        {"json": None},
        {"json": {"predictions": []}},
        {"json": {"predictions": [{"class": "Coat"}]}},
        {"json": [1]},
    ],
    ids=["html", "null", "empty", "incomplete", "list"],
)
def test_an_answer_from_someone_else_is_called_so(answer, page, bag):
    page.route("**/predict?top=5", lambda route: route.fulfill(**answer))
    choose(page, file(bag))
    page.wait_for_selector("[data-state=error]")
    (said,) = page.locator(".problem:visible").all_inner_texts()
    assert said.startswith("bag.png: The answer is not from this service;")
    assert page.locator("#verdict").inner_text() == ""


def test_an_answer_that_does_not_end_is_not_awaited_forever(page, bag):
    page.clock.install()
    with page.expect_request("**/similar*"):
        page.route("**/similar*", lambda route: None)
        choose(page, file(bag))
    page.wait_for_selector("#explanation[aria-busy=false]")
    page.clock.fast_forward(59_000)
    page.wait_for_timeout(50)
    assert page.locator("#likes").get_attribute("aria-busy") == "true"
    page.clock.fast_forward(2_000)
    page.wait_for_selector("[data-state=done]")
    assert page.locator("#similar-problem").inner_text() == (
        "bag.png: The server did not finish its answer within 60 seconds. Try again later."
    )


def test_a_busy_service_is_asked_again_when_it_says_to(page, bag):
    busy = {"status": 503, "json": {"error": "busy"}, "headers": {"Retry-After": "1"}}
    times = []

    def answer(route):
        times.append(time.monotonic())
        route.fulfill(**busy) if len(times) < 3 else route.continue_()

    page.route("**/predict?top=5", answer)
    choose(page, file(bag))
    page.wait_for_selector("[data-state=done]")
    assert len(times) == 3
    assert min(after - before for before, after in itertools.pairwise(times)) >= 1


@pytest.mark.parametrize(("pause", "times"), [("0", 5), ("31", 1), ("soon", 1)])
def test_a_service_that_stays_busy_is_asked_a_few_times(pause, times, page, bag):
    asked = []

    def refuse(route):
        asked.append(route.request.url)
        route.fulfill(status=503, json={"error": "busy"}, headers={"Retry-After": pause})

    page.route("**/predict?top=5", refuse)
    choose(page, file(bag))
    page.wait_for_selector("[data-state=error]")
    assert page.locator("#problem").inner_text() == "bag.png: busy"
    assert len(asked) == times


def test_a_file_that_is_gone_is_told_from_a_server_that_is(page, tmp_path, bag):
    paths = [tmp_path / f"{at}.png" for at in range(2)]
    for path in paths:
        path.write_bytes(bag)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose pictures", exact=True).click()
    chooser.value.set_files(paths)
    answered(page)
    paths[1].unlink()
    rows(page).nth(1).click()
    page.wait_for_selector("#stages[data-state=done]")
    assert "1.png: The browser cannot read it." in page.locator("#explain-problem").inner_text()


def test_too_large_a_file_is_not_sent(page):
    drop_files(page, "[new File([new Uint8Array(20_800_000)], 'letter.png')]")
    page.wait_for_selector("[data-state=error]")
    said = page.locator("#problem").inner_text()
    assert said == "letter.png: It is 20.8 MB, and 20.0 MB can be sent."


def test_without_its_thread_the_page_sends_pictures_as_they_are(browser, service, bag):
    with browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(10_000)
        held = []
        page.route("**/scaling.js", lambda route: held.append(route))
        page.goto(service.url)
        choose(page, file(bag))
        page.wait_for_selector("#picture[alt='bag.png']")
        held[0].fulfill(body="<h1>Sign in</h1>")
        page.wait_for_selector("[data-state=done]")
        choose(page, file(bag, "after.png"))
        page.wait_for_selector("#picture[alt='after.png']")
        page.wait_for_selector("[data-state=done]")


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
    ("files", "said", "shown"),
    [
        ([file(b"a letter " * 700_000, f"{at}.png") for at in range(4)], "25.2 MB together", 4),
        ([file(b"", f"{at}.png") for at in range(402)], "400 pictures at most", 400),
        ([file(b"a letter", "letter.txt", "text/plain")], "no picture file", 0),
    ],
    ids=["bytes", "pictures", "kind"],
)
def test_what_is_too_much_to_learn_from_is_said_before_it_is_sent(files, said, shown, page):
    fill_card(page, 0, "much", files)
    page.locator("#teach-problem").filter(has_text=said).wait_for()
    assert page.locator(".thumbs li").count() == shown


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
