/** Hands one picture to the service and shows the answers: picture, pixels, classes, likes. */

const LONGEST_SIDE = 1600; // pixels: far more than the model sees, few enough for a phone to send
const LARGEST_FILE = 10_000_000; // bytes that the service takes
const READ_BY_THE_SERVER = ["image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp"];
const MAY_BE_TRANSPARENT = ["image/png", "image/webp", "image/gif", "image/avif"];
const UNREACHABLE = "The server cannot be reached. Check the connection, then try again.";
const NO_PICTURE = "That holds no picture file. Save the picture, then choose it.";

const page = {};
for (const element of document.querySelectorAll("[id]")) page[element.id] = element;
const samples = page.samples.querySelectorAll("button");

// The policy forbids it in the HTML.
document.body.style.setProperty("--side", document.body.dataset.side);

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

  const body = await scaledDown(file);
  const [predicted, explained, similar] = await Promise.all([
    ask("predict?top=5", body, signal),
    ask("explain", body, signal),
    ask("similar?count=10", body, signal),
  ]);
  if (signal.aborted) return;
  if (predicted.error) return fail(predicted.error);

  const [prediction] = predicted.predictions;
  showPrediction(prediction);
  showExplanation(explained);
  showSimilar(similar, prediction.class);
  page.stages.dataset.state = "done";
  if (page.verdict.getBoundingClientRect().bottom > innerHeight) page.stages.scrollIntoView();
}

/** Post the picture; what failed comes back as {error}, in the server's words where it has any. */
async function ask(path, body, signal) {
  try {
    // Of a kind that the browser doesn't know the server looks at the bytes, too.
    const headers = { "Content-Type": body.type.startsWith("image/") ? body.type : "image/*" };
    const response = await fetch(path, { method: "POST", body, headers, signal });
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer;
    return { error: answer.error ?? `The server answered ${response.status}. Try again later.` };
  } catch {
    return { error: UNREACHABLE };
  }
}

/**
 * The picture upright, no larger than LONGEST_SIDE, and a file that the service takes; as it is
 * where it is so already or the browser cannot.
 */
async function scaledDown(file) {
  try {
    const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
    const isRead = READ_BY_THE_SERVER.includes(file.type) && file.size <= LARGEST_FILE;
    if (scale === 1 && isRead) return file;
    const side = (length) => Math.max(1, Math.round(length * scale));
    const canvas = new OffscreenCanvas(side(bitmap.width), side(bitmap.height));
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    bitmap.close();
    const type = MAY_BE_TRANSPARENT.includes(file.type) ? "image/png" : "image/jpeg";
    return await canvas.convertToBlob({ type, quality: 0.9 });
  } catch {
    return file;
  }
}

function fail(message) {
  page.verdict.replaceChildren();
  page.classes.replaceChildren();
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

function showPrediction({ class: name, probability, sure, top }) {
  page.stages.toggleAttribute("data-unsure", !sure);
  page.verdict.replaceChildren(
    create("strong", sure ? name : `Not sure: perhaps ${name}`),
    " ",
    create("span", percent(probability)),
  );
  page.classes.replaceChildren(...top.map(row));
}

function row({ class: name, probability }) {
  const bar = create("span");
  bar.className = "bar";
  bar.style.setProperty("--probability", probability);
  return create("li", create("span", name), " ", bar, create("span", percent(probability)));
}

function showExplanation({ steps = [], saliency = "", error = "" }) {
  put(page.seen, steps.at(-1)?.image ?? "", "The picture as the model sees it");
  put(page.saliency, saliency, "Coloured where it mattered");
  page.steps.replaceChildren(
    ...steps.map(({ name, image }) => create("li", icon(image), create("span", name))),
  );
  page["explain-problem"].textContent = error;
}

function showSimilar({ similar = [], error = "" }, predicted) {
  const agreeing = similar.filter((item) => item.class === predicted).length;
  page.agreement.textContent = similar.length
    ? `${agreeing} of ${similar.length} are labelled ${predicted}.`
    : "";
  page.similar.replaceChildren(
    ...similar.map(({ class: name, image }) => {
      // A relative address holds behind a path prefix, too.
      const item = create("li", icon(image.replace(/^\//, "")), create("span", name));
      item.toggleAttribute("data-other", name !== predicted);
      return item;
    }),
  );
  page["similar-problem"].textContent = error;
}

/** Give an <img> its source and text, or hide it where there is no source. */
function put(image, source, text) {
  image.hidden = !source;
  if (source) image.src = source;
  else image.removeAttribute("src");
  image.alt = text;
}

function create(tag, ...children) {
  const element = document.createElement(tag);
  element.append(...children);
  return element;
}

/** A picture beside its name, which says all there is to say. */
function icon(source) {
  return Object.assign(new Image(), { src: source, alt: "" });
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

document.addEventListener("paste", (event) => receive(event.clipboardData.files));

document.addEventListener("dragover", (event) => {
  event.preventDefault();
  page.drop.toggleAttribute("data-over", true);
});
document.addEventListener("dragleave", (event) => {
  // Without a related target the pointer has left the window, not just an element.
  if (!event.relatedTarget) page.drop.toggleAttribute("data-over", false);
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  page.drop.toggleAttribute("data-over", false);
  receive(event.dataTransfer.files);
});
