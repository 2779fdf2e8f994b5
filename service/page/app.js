/** Takes pictures in, shows one of them or many, and lets Back and Forward come to them again. */

import { download } from "./ask.js";
import { Batch, MOST, pictureOf, showBatch } from "./many.js";
import { showNone, showPicture } from "./one.js";
import { named, NO_PICTURE, page, side } from "./shared.js";

const samples = page.samples.querySelectorAll("button");

// The policy forbids it in the HTML.
document.body.style.setProperty("--side", side);

// What the entries of the browser's history show: nothing, a picture, or a batch of them. They are
// gone when the page is loaded again, so each entry says by which loading it was made.
const visits = [undefined];
const loading = performance.timeOrigin;
let at = 0;
let looking = new AbortController(); // at one picture
let working; // the batch that asks

/** Show a picture or a batch that is new here. */
async function visit(what) {
  visits.splice(at + 1, Infinity, what);
  history.pushState({ loading, at: at + 1 }, "");
  const answered = come(at + 1);
  const { signal } = looking;
  if (what instanceof Batch) page.many.scrollIntoView({ block: "nearest" });
  else if (what.batch) page.back.scrollIntoView();
  await answered;
  const isBelow = page.verdict.getBoundingClientRect().bottom > innerHeight;
  if (isBelow && !signal.aborted) page.stages.scrollIntoView();
}

/** Show a visit. Whatever runs for another one ends, but a batch runs on behind its pictures. */
function come(to) {
  const [left, what] = [visits[at], visits[to]];
  const isBatch = what instanceof Batch;
  const batch = isBatch ? what : what?.batch;
  const focused = document.activeElement;
  at = to;
  looking.abort();
  looking = new AbortController();
  if (batch !== working) {
    working?.stop();
    working = batch;
    working?.start();
  }
  for (const button of samples) button.ariaCurrent = button === what?.sample ? "true" : null;
  page.many.hidden = !isBatch;
  page.stages.hidden = isBatch;
  page.back.hidden = isBatch || !batch;
  if (batch) page.back.textContent = `All ${batch.pictures.length} pictures`;
  if (focused.closest("[hidden]")) {
    const opened = left?.batch === what && left?.row?.querySelector("button");
    const here = isBatch ? opened || page["many-title"] : batch ? page.back : page.choose;
    here.focus({ preventScroll: true });
  }
  if (isBatch) return showBatch(what);
  return what ? showPicture(what, looking.signal) : showNone();
}

/** Show the files that a drop, the clipboard or a chooser holds: one by itself, many in a table. */
function receive(files) {
  const [file, ...others] = files;
  if (!file) say(NO_PICTURE);
  else if (others.length) visit(new Batch([...files].slice(0, MOST)));
  else visit({ name: file.name, file, answers: {} });
  if (files.length > MOST) {
    say(`It takes ${MOST} pictures at a time; the other ${files.length - MOST} were left out.`);
  }
}

/** Say what is wrong with what was handed over, where the eyes are. */
function say(problem) {
  page[page.many.hidden ? "problem" : "many-problem"].textContent = problem;
}

for (const button of samples) {
  const label = button.lastElementChild;
  const name = label.textContent;
  label.replaceChildren(...named(name));
  button.addEventListener("click", () => {
    const load = (signal) => download(button.firstChild.src, signal);
    visit({ name: `${name}, a sample`, load, answers: {}, sample: button });
  });
}

addEventListener("popstate", ({ state }) => come(state?.loading === loading ? state.at : 0));

page.back.addEventListener("click", () => history.back());

page.table.addEventListener("click", ({ target }) => {
  const row = target.closest("tbody tr");
  if (row) visit(pictureOf(row));
});

for (const [button, input] of [
  [page.choose, page.file],
  [page["choose-others"], page.file],
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

/** A card of a class to be taught takes what is dropped on it or pasted there itself. */
const isForACard = ({ target }) => Boolean(target.closest?.(".card"));

document.addEventListener("paste", (event) => {
  if (!isForACard(event)) receive(event.clipboardData.files);
});

document.addEventListener("dragover", (event) => {
  event.preventDefault();
  markOver(!isForACard(event));
});
document.addEventListener("dragleave", (event) => {
  // Without a related target the pointer has left the window, not just an element.
  if (!event.relatedTarget) markOver(false);
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  markOver(false);
  if (!isForACard(event)) receive(event.dataTransfer.files);
});

function markOver(isOver) {
  for (const place of [page.drop, page.many]) place.toggleAttribute("data-over", isOver);
}
