/** Shows many pictures in a table: each is asked about by itself, a few at a time. */

import { ask } from "./ask.js";
import { csv } from "./csv.js";
import { LONGEST_SIDE, scaledDown } from "./scale.js";
import { bar, create, ending, icon, named, page, percent, sentence } from "./shared.js";

export const MOST = 1000; // pictures of a batch
const AT_ONCE = 4; // requests
const THUMBNAIL = 96; // pixels, two for each that a thumbnail is shown on
const COLUMNS = ["file", "class", "probability", "sure", "known", "reason", "model", "error"];

const filters = page.filter.querySelectorAll("[type=radio]");
let shown; // the batch in the table

/** Pictures that were chosen together; each has a row from the moment that its turn has come. */
export class Batch {
  #end = new AbortController();

  constructor(files) {
    this.rows = create("tbody");
    this.pictures = files.map((file) => ({ name: file.name, file, answers: {}, batch: this }));
  }

  /** Ask about the pictures that are not settled yet, until `stop`. */
  start() {
    this.#end = new AbortController();
    const waiting = this.pictures.filter(({ is }) => !is).values();
    for (let at = 0; at < AT_ONCE; at += 1) work(waiting, this.#end.signal);
  }

  stop() {
    this.#end.abort();
  }

  get isStopped() {
    return this.#end.signal.aborted;
  }
}

/** Put a batch in the table. */
export function showBatch(batch) {
  if (batch !== shown) {
    shown = batch;
    page.table.tBodies[0].replaceWith(batch.rows);
    filters[0].checked = true;
    page["of-class"].replaceChildren(page["of-class"].options[0]);
  }
  // One that failed may have been answered since, when it was looked at by itself.
  for (const picture of batch.pictures) if (picture.is === "failed") settle(picture);
  refresh();
}

/** The picture of a row of the table. */
export const pictureOf = (row) => shown.pictures[row.sectionRowIndex];

/** Take pictures from those that wait, which others take from, too, and fill their rows. */
async function work(waiting, signal) {
  for (const picture of waiting) {
    picture.row ??= addRow(picture);
    const body = await scaledDown(picture.file, LONGEST_SIDE);
    const asked = ask("predict", body, signal);
    await addThumbnail(picture, body);
    const answer = await asked;
    if (signal.aborted) return;
    if (answer.error) picture.error = answer.error;
    else picture.answers.predict = answer;
    settle(picture);
    if (picture.batch === shown) {
      refresh();
      tellProgress();
    }
  }
}

function addRow({ name, batch }) {
  const button = create("button", create("span"), create("span", name));
  button.type = "button";
  const head = create("th", button);
  head.scope = "row";
  const row = create("tr", head, create("td", "…"), create("td"));
  batch.rows.append(row);
  return row;
}

/** Show a copy that is as small as its place: hundreds of photographs would not fit the memory. */
async function addThumbnail({ row }, file) {
  const image = icon(URL.createObjectURL(await scaledDown(file, THUMBNAIL)));
  // What cannot be shown leaves its place empty.
  await image.decode().then(() => row.querySelector("span").replaceChildren(image), () => {});
  URL.revokeObjectURL(image.src);
}

/** Say in a picture's row, and for the filters, what came of it. */
function settle(picture) {
  const [, answer, probability] = picture.row.cells;
  const [prediction] = picture.answers.predict?.predictions ?? [];
  probability.replaceChildren();
  if (!prediction) {
    picture.is = "failed";
    answer.replaceChildren(`Failed: ${picture.error}`);
  } else {
    picture.is = prediction.sure ? "sure" : prediction.known ? "unsure" : "unknown";
    answer.replaceChildren(...ending(prediction));
    if (prediction.reason) answer.append(create("small", sentence(prediction.reason)));
    if (prediction.known) {
      const share = prediction.probability;
      probability.append(bar(share), create("span", percent(share)));
      picture.class = prediction.class;
    }
  }
  picture.row.dataset.is = picture.is;
}

/** Bring everything around the rows up to date with them, and hide those that do not pass. */
function refresh() {
  const { pictures } = shown;
  const settled = pictures.filter(({ is }) => is);
  const isDone = settled.length === pictures.length;
  page["many-title"].textContent = `${pictures.length} pictures`;
  page.progress.max = pictures.length;
  page.progress.value = settled.length;
  page.count.textContent = `${settled.length} of ${pictures.length}`;
  page.working.hidden = isDone;
  page.stop.textContent = shown.isStopped ? "Go on" : "Stop";
  page.csv.disabled = !isDone && !shown.isStopped;
  for (const { value, labels } of filters) {
    const passing = value ? settled.filter(({ is }) => is === value) : pictures;
    labels[0].lastElementChild.textContent = passing.length;
  }
  for (const name of new Set(settled.map((picture) => picture.class))) addOption(name);
  filter();
}

/** Let the pictures be filtered by a class, in the order of the alphabet. */
function addOption(name) {
  const options = [...page["of-class"].options];
  if (!name || options.some(({ value }) => value === name)) return;
  const next = options.slice(1).find(({ value }) => value.localeCompare(name) > 0);
  page["of-class"].add(new Option(name), next);
}

function filter() {
  const { value: is } = page.filter.querySelector(":checked");
  const ofClass = page["of-class"].value;
  let passing = 0;
  for (const picture of shown.pictures) {
    const passes = (!is || picture.is === is) && (!ofClass || picture.class === ofClass);
    if (passes) passing += 1;
    if (picture.row) picture.row.hidden = !passes;
  }
  page.passing.hidden = !is && !ofClass;
  page.passing.textContent = `${passing} of ${shown.pictures.length} shown`;
}

/** Tell a reader of the screen of each quarter: of each picture would be too much. */
function tellProgress() {
  const { max, value } = page.progress;
  const quarters = (count) => Math.floor((4 * count) / max);
  if (quarters(value) > quarters(value - 1)) page.told.textContent = `${value} of ${max} done`;
}

function cells({ name, error = "", answers }) {
  const found = answers.predict?.predictions[0] ?? { error };
  return COLUMNS.map((column) => (column === "file" ? name : (found[column] ?? "")));
}

page.filter.addEventListener("change", () => {
  filter();
  page.told.textContent = page.passing.hidden ? "All are shown" : page.passing.textContent;
});

page.stop.addEventListener("click", () => {
  if (shown.isStopped) shown.start();
  else shown.stop();
  refresh();
});

page.csv.addEventListener("click", () => {
  const text = csv([COLUMNS, ...shown.pictures.map(cells)]);
  const href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  Object.assign(create("a"), { href, download: "answers.csv" }).click();
  URL.revokeObjectURL(href);
});
