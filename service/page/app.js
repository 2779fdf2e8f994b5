/** Hands one picture to the service and shows the answers: picture, pixels, classes, likes. */

import { ask, create, icon, NO_PICTURE, page, scaledDown, UNREACHABLE } from "./shared.js";

const LONGEST_SIDE = 1600; // pixels: far more than the model sees, few enough for a phone to send
const samples = page.samples.querySelectorAll("button");

const { side, item } = document.body.dataset;
const pixels = `${side} × ${side} pixels`;
const AUTHORS = {
  cnn: `the small CNN, from ${pixels}`,
  photographs: "the model of photographs",
};

// The policy forbids it in the HTML.
document.body.style.setProperty("--side", side);

let current = new AbortController();

/**
 * Take a picture through the service. A newer call ends an older one, whatever that still awaits.
 * `load` gets the signal of that end and promises the file.
 */
async function show(name, load) {
  current.abort();
  current = new AbortController();
  const { signal } = current;
  for (const button of samples) button.removeAttribute("aria-current");
  page.problem.textContent = "";
  page.stages.dataset.state = "busy";

  const file = await load(signal).catch(() => null);
  if (signal.aborted) return;
  if (!file) return fail(UNREACHABLE);
  showPicture(name, file);

  const body = await scaledDown(file, LONGEST_SIDE);
  const [predicted, explained, similar] = await Promise.all([
    ask("predict?top=5", body, signal),
    ask("explain", body, signal),
    ask("similar?count=10", body, signal),
  ]);
  if (signal.aborted) return;
  if (predicted.error) return fail(predicted.error);

  const [prediction] = predicted.predictions;
  const byCnn = prediction.model === "cnn";
  showPrediction(prediction);
  showExplanation(explained, byCnn);
  showSimilar(similar, byCnn ? prediction.class : explained.top?.[0].class, byCnn);
  page.stages.dataset.state = "done";
  if (page.verdict.getBoundingClientRect().bottom > innerHeight) page.stages.scrollIntoView();
}

function fail(message) {
  for (const part of ["verdict", "reason", "author", "nearest", "classes"]) {
    page[part].replaceChildren();
  }
  showExplanation({});
  showSimilar({});
  page.problem.textContent = message;
  page.problem.scrollIntoView({ block: "nearest" });
  page.stages.dataset.state = "error";
}

function showPicture(name, file) {
  URL.revokeObjectURL(page.picture.src);
  put(page.picture, URL.createObjectURL(file), name);
}

/** One of three endings: a class, a class that is not sure, or nothing that the model knows. */
function showPrediction({ class: name, probability, sure, known, reason, top, model }) {
  page.stages.toggleAttribute("data-unsure", !sure);
  page.stages.toggleAttribute("data-unknown", !known);
  const words = sure ? name : known ? `Not sure: perhaps ${name}` : `No ${item} that I know`;
  page.verdict.replaceChildren(create("strong", words));
  if (known) page.verdict.append(" ", create("span", percent(probability)));
  page.reason.textContent = reason && `${reason[0].toUpperCase()}${reason.slice(1)}.`;
  page.author.textContent = `Answered by ${AUTHORS[model] ?? `the head ${model}, taught by you`}.`;
  page.nearest.textContent = known ? "" : "Its guesses, none of them an answer:";
  page.classes.replaceChildren(...top.map(row));
}

function row({ class: name, probability }) {
  const bar = create("span");
  bar.className = "bar";
  bar.style.setProperty("--probability", probability);
  return create("li", create("span", name), " ", bar, create("span", percent(probability)));
}

/** How the CNN reads the picture; where it did not answer, that shows what its pixels leave. */
function showExplanation({ steps = [], saliency = "", top, error = "" }, byCnn = true) {
  page.stages.toggleAttribute("data-elsewhere", !byCnn);
  page["seen-title"].textContent = byCnn ? "The model sees" : `What ${pixels} leave`;
  page.lesson.replaceChildren(...(byCnn ? [] : lesson(top, error)));
  page.whose.textContent = byCnn ? "the answer" : "the small CNN\u2019s answer";
  put(page.seen, steps.at(-1)?.image ?? "", "The picture as the model sees it");
  put(page.saliency, saliency, "Coloured where it mattered");
  page.steps.replaceChildren(
    ...steps.map(({ name, image }) => create("li", icon(image), create("span", name))),
  );
  page["explain-problem"].textContent = byCnn ? error : "";
}

/** What the CNN would answer to a picture that was not for it. */
function lesson(top, error) {
  if (!top) return [`The small CNN has no answer: ${error.replace(/^picture: /, "")}.`];
  const [{ class: name, probability }] = top;
  return ["From these the small CNN would say ", create("strong", name), " ", percent(probability)];
}

function showSimilar({ similar = [], error = "" }, answer, byCnn = true) {
  const agreeing = similar.filter((item) => item.class === answer).length;
  page["similar-title"].textContent = byCnn
    ? "Most similar in training"
    : "What the small CNN finds similar";
  page.agreement.textContent =
    similar.length && answer ? `${agreeing} of ${similar.length} are labelled ${answer}.` : "";
  if (!byCnn && !answer) page.agreement.textContent = "Nothing, because it has no answer.";
  page.similar.replaceChildren(
    ...similar.map(({ class: name, image }) => {
      // A relative address holds behind a path prefix, too.
      const item = create("li", icon(image.replace(/^\//, "")), create("span", name));
      item.toggleAttribute("data-other", name !== answer);
      return item;
    }),
  );
  // Without an answer there is nothing to compare; the lesson says why.
  page["similar-problem"].textContent = byCnn || answer ? error : "";
}

/** Give an <img> its source and text, or hide it where there is no source. */
function put(image, source, text) {
  image.hidden = !source;
  if (source) image.src = source;
  else image.removeAttribute("src");
  image.alt = text;
}

/** 0.981 as "98.1 %"; what rounds to certain or impossible is not called so. */
function percent(probability) {
  if (probability >= 0.9995) return "> 99.9 %";
  if (probability < 0.0005) return "< 0.1 %";
  return `${(100 * probability).toFixed(1)} %`;
}

/** Show the first picture that a drop, the clipboard or a chooser holds. */
function receive(files) {
  const file = [...files].find(({ type }) => type.startsWith("image/")) ?? files[0];
  if (file) show(file.name, async () => file);
  else page.problem.textContent = NO_PICTURE;
}

for (const button of samples) {
  button.addEventListener("click", () => {
    const load = async (signal) => (await fetch(button.firstChild.src, { signal })).blob();
    show(`${button.textContent}, a sample`, load);
    button.setAttribute("aria-current", "true");
  });
}

for (const [button, input] of [
  [page.choose, page.file],
  [page.drop, page.file],
  [page.photograph, page.camera],
]) {
  button.addEventListener("click", () => input.click());
}

for (const input of [page.file, page.camera]) {
  input.addEventListener("change", () => {
    receive(input.files);
    input.value = ""; // or choosing the same file again would be no change
  });
}

// The server says what is wrong with it; a broken image says nothing.
page.picture.addEventListener("error", () => put(page.picture, "", ""));

/** A card of a class to be taught takes what is dropped on it or pasted there itself. */
const isForACard = ({ target }) => Boolean(target.closest?.(".card"));

document.addEventListener("paste", (event) => {
  if (!isForACard(event)) receive(event.clipboardData.files);
});

document.addEventListener("dragover", (event) => {
  event.preventDefault();
  page.drop.toggleAttribute("data-over", !isForACard(event));
});
document.addEventListener("dragleave", (event) => {
  // Without a related target the pointer has left the window, not just an element.
  if (!event.relatedTarget) page.drop.toggleAttribute("data-over", false);
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  page.drop.toggleAttribute("data-over", false);
  if (!isForACard(event)) receive(event.dataTransfer.files);
});
