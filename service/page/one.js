/** Shows one picture and the answers to it, each as it comes: pixels, classes, likes. */

import { ask, UNREACHABLE } from "./ask.js";
import { LONGEST_SIDE, scaledDown } from "./scale.js";
import { bar, create, ending, icon, named, page, percent, sentence, side } from "./shared.js";

const pixels = `${side} × ${side} pixels`;
const AUTHORS = {
  cnn: `the small CNN, from ${pixels}`,
  photographs: "the model of photographs",
};
const ANSWERED = [page.explanation, page.prediction, page.likes];

/**
 * Show a picture: {name, file, answers}, with `load`, which promises the file, where that is yet to
 * come. The answers are kept with the picture, and only those that it lacks are asked for. This
 * ends with the verdict, and the other answers follow; the signal ends it all, whatever it awaits.
 */
export async function showPicture(picture, signal) {
  const { name } = picture;
  page.problem.textContent = "";
  page.stages.dataset.state = "busy";
  for (const stage of ANSWERED) stage.ariaBusy = "true";

  picture.file ??= await picture.load(signal);
  if (signal.aborted) return;
  if (!picture.file) return fail(about(name, UNREACHABLE));
  showFile(picture);

  const [predict, explain, similar] = askAll(picture, signal);
  const predicted = await predict;
  if (signal.aborted) return;
  if (predicted.error) return fail(about(name, predicted.error));
  const [prediction] = predicted.predictions;
  const byCnn = prediction.model === "cnn";
  showPrediction(prediction);

  const explaining = explain.then((explained) => {
    if (!signal.aborted) showExplanation(explained, byCnn, name);
    return explained.top?.[0].class;
  });
  // Where the CNN did not answer, what it finds similar is compared with what it would say.
  const answer = byCnn ? prediction.class : explaining;
  const liking = Promise.all([similar, answer]).then(([found, answer]) => {
    if (!signal.aborted) showSimilar(found, answer, byCnn, name);
  });
  Promise.all([explaining, liking]).then(() => {
    if (!signal.aborted) page.stages.dataset.state = "done";
  });
}

/** Show that there is no picture yet. */
export function showNone() {
  page.problem.textContent = "";
  showFile({ name: "", file: null });
  clear("empty");
}

function askAll(picture, signal) {
  const body = scaledDown(picture.file, LONGEST_SIDE);
  return ["predict", "explain", "similar"].map(async (question) => {
    const answer = picture.answers[question] ?? (await ask(question, await body, signal));
    if (!answer.error) picture.answers[question] = answer;
    return answer;
  });
}

const about = (name, error) => error && `${name}: ${error}`;

function fail(message) {
  clear("error");
  page.problem.textContent = message;
  page.problem.scrollIntoView({ block: "nearest" });
}

function clear(state) {
  for (const part of ["verdict", "reason", "author", "nearest", "classes"]) {
    page[part].replaceChildren();
  }
  for (const mark of ["data-unsure", "data-unknown"]) page.stages.removeAttribute(mark);
  page.prediction.ariaBusy = "false";
  showExplanation({});
  showSimilar({});
  page.stages.dataset.state = state;
}

function showFile({ name, file }) {
  URL.revokeObjectURL(page.picture.src);
  put(page.picture, file ? URL.createObjectURL(file) : "", name);
}

function showPrediction(prediction) {
  const { probability, sure, known, reason, top, model } = prediction;
  page.stages.toggleAttribute("data-unsure", !sure);
  page.stages.toggleAttribute("data-unknown", !known);
  page.verdict.replaceChildren(create("strong", ...ending(prediction)));
  if (known) page.verdict.append(" ", create("span", percent(probability)));
  page.reason.textContent = sentence(reason);
  page.author.textContent = `Answered by ${AUTHORS[model] ?? `the head ${model}, taught by you`}.`;
  page.nearest.textContent = known ? "" : "Its guesses, none of them an answer:";
  page.classes.replaceChildren(...top.map(row));
  page.prediction.ariaBusy = "false";
}

function row({ class: name, probability }) {
  const shown = create("span", percent(probability));
  return create("li", create("span", ...named(name)), " ", bar(probability), shown);
}

/** How the CNN reads the picture; where it did not answer, that shows what its pixels leave. */
function showExplanation({ steps = [], saliency = "", top, error = "" }, byCnn = true, name = "") {
  page.stages.toggleAttribute("data-elsewhere", !byCnn);
  page["seen-title"].textContent = byCnn ? "The model sees" : `What ${pixels} leave`;
  page.lesson.replaceChildren(...(byCnn ? [] : lesson(top, error)));
  page.whose.textContent = byCnn ? "the answer" : "the small CNN\u2019s answer";
  put(page.seen, steps.at(-1)?.image ?? "", "The picture as the model sees it");
  put(page.saliency, saliency, "Coloured where it mattered");
  page.steps.replaceChildren(
    ...steps.map(({ name, image }) => create("li", icon(image), create("span", name))),
  );
  page["explain-problem"].textContent = byCnn ? about(name, error) : "";
  page.explanation.ariaBusy = "false";
}

/** What the CNN would answer to a picture that was not for it. */
function lesson(top, error) {
  if (!top) return [`The small CNN has no answer: ${error}.`];
  const [{ class: name, probability }] = top;
  const answer = create("strong", ...named(name));
  return ["From these the small CNN would say ", answer, " ", percent(probability)];
}

function showSimilar({ similar = [], error = "" }, answer, byCnn = true, name = "") {
  const agreeing = similar.filter((item) => item.class === answer).length;
  page["similar-title"].textContent = byCnn
    ? "Most similar in training"
    : "What the small CNN finds similar";
  page.agreement.replaceChildren();
  if (similar.length && answer) {
    page.agreement.append(`${agreeing} of ${similar.length} are labelled `, ...named(answer), ".");
  }
  if (!byCnn && !answer) page.agreement.textContent = "Nothing, because it has no answer.";
  page.similar.replaceChildren(
    ...similar.map(({ class: name, index }) => {
      // A relative address holds behind a path prefix, which the service may not know of.
      const image = icon(`training-images/${index}.png`);
      const item = create("li", image, create("span", ...named(name)));
      item.toggleAttribute("data-other", name !== answer);
      return item;
    }),
  );
  // Without an answer there is nothing to compare; the lesson says why.
  page["similar-problem"].textContent = byCnn || answer ? about(name, error) : "";
  page.likes.ariaBusy = "false";
}

/** Give an <img> its source and text, or hide it where there is no source. */
function put(image, source, text) {
  image.hidden = !source;
  if (source) image.src = source;
  else image.removeAttribute("src");
  image.alt = text;
}

// The server says what is wrong with it; a broken image says nothing.
page.picture.addEventListener("error", () => put(page.picture, "", ""));
