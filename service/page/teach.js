/** Teaches classes of a visitor's own: cards of pictures, and what the service learned from them. */

import { ask, LARGEST_BODY, megabytes } from "./ask.js";
import { scaledDown } from "./scale.js";
import { create, icon, named, NO_PICTURE, page } from "./shared.js";

const LONGEST_SIDE = 320; // pixels: more than the network reads
const LEAST = 2; // pictures of a class: one to learn from and one to check
const MOST = 400; // pictures
const HEADERS = 500; // bytes of a form that announce a picture, at most
const PAUSE = 600; // milliseconds without a change before the service learns

const cards = []; // {element, input, list, score, pictures: [{name, blob, item, mark}]}
const growth = new Map(); // the share that was right, by the number of pictures
let cardsMade = 0;
let current = new AbortController();
let timer;

function addCard() {
  const element = page.card.content.firstElementChild.cloneNode(true);
  const part = (name) => element.querySelector(`.${name}`);
  const [input, list, score, files] = ["name", "thumbs", "score", "files"].map(part);
  const card = { element, input, list, score, pictures: [] };
  cardsMade += 1;
  input.placeholder = `Class ${cardsMade}`;
  input.addEventListener("input", changed);
  part("add").addEventListener("click", () => files.click());
  part("drop-class").addEventListener("click", () => {
    for (const picture of [...card.pictures]) removePicture(card, picture);
    cards.splice(cards.indexOf(card), 1);
    element.remove();
    page["add-class"].focus();
    changed();
  });
  files.addEventListener("change", () => {
    addPictures(card, [...files.files]);
    files.value = ""; // or choosing the same files again would be no change
  });
  element.addEventListener("dragover", () => element.toggleAttribute("data-over", true));
  element.addEventListener("dragleave", ({ relatedTarget }) => {
    if (!element.contains(relatedTarget)) element.removeAttribute("data-over");
  });
  element.addEventListener("drop", ({ dataTransfer }) => {
    element.removeAttribute("data-over");
    addPictures(card, [...dataTransfer.files]);
  });
  element.addEventListener("paste", ({ clipboardData }) => {
    if (clipboardData.files.length) addPictures(card, [...clipboardData.files]);
  });
  cards.push(card);
  page.cards.append(element);
  return card;
}

/** Scale the pictures down one after the other: a phone has no memory for all at once. */
async function addPictures(card, files) {
  const pictures = files.filter(({ type }) => type.startsWith("image/"));
  if (!pictures.length) page["teach-problem"].textContent = NO_PICTURE;
  for (const file of pictures) {
    const blob = await scaledDown(file, LONGEST_SIDE);
    if (!cards.includes(card)) return;
    if (allPictures().length === MOST) {
      page["teach-problem"].textContent =
        `It learns from ${MOST} pictures at most; the others were left out.`;
      return;
    }
    addPicture(card, unusedName(file.name), blob);
    changed();
  }
}

function addPicture(card, name, blob) {
  const button = create("button", "×");
  const mark = create("span");
  const image = Object.assign(icon(URL.createObjectURL(blob)), { alt: name });
  const picture = { name, blob, mark, item: create("li", image, button, mark) };
  button.type = "button";
  button.ariaLabel = `Remove ${name}`;
  button.addEventListener("click", () => {
    const next = picture.item.nextElementSibling?.querySelector("button");
    removePicture(card, picture);
    (next ?? card.element.querySelector(".add")).focus();
    changed();
  });
  card.pictures.push(picture);
  card.list.append(picture.item);
}

function removePicture(card, picture) {
  URL.revokeObjectURL(picture.item.firstChild.src);
  picture.item.remove();
  card.pictures.splice(card.pictures.indexOf(picture), 1);
}

const allPictures = () => cards.flatMap(({ pictures }) => pictures);

/** A name that no other picture has, because the service tells its mistakes by name. */
function unusedName(name) {
  const taken = new Set(allPictures().map((picture) => picture.name));
  const plain = withoutQuotes(name);
  let unused = plain;
  for (let number = 2; taken.has(unused); number += 1) unused = `${number} ${plain}`;
  return unused;
}

/** A form would carry a straight quote as "%22". */
const withoutQuotes = (name) => name.replaceAll('"', "\u201d");

const nameOf = ({ input }) => withoutQuotes(input.value.trim()) || input.placeholder;

/** Learn soon, unless something else changes before. */
function changed() {
  current.abort();
  clearTimeout(timer);
  const ready = cards.filter(({ pictures }) => pictures.length >= LEAST);
  const problem = whatHinders();
  page["teach-problem"].textContent = problem;
  for (const { pictures, score } of cards) {
    if (pictures.length < LEAST) score.textContent = pictures.length ? "One more picture, please" : "";
  }
  if (problem || ready.length < 2) forget();
  else timer = setTimeout(learn, PAUSE, ready);
}

/** What keeps the pictures from being sent, in words, or "". */
function whatHinders() {
  const names = cards.map((card) => nameOf(card).toLowerCase());
  const doubled = cards.find((_, at) => names.indexOf(names[at]) !== at);
  for (const card of cards) card.input.ariaInvalid = String(card === doubled);
  if (doubled) return `Two classes are called ${nameOf(doubled)}. Give one of them another name.`;
  const bytes = allPictures().reduce((sum, { blob }) => sum + blob.size + HEADERS, 0);
  if (bytes <= LARGEST_BODY) return "";
  const most = megabytes(LARGEST_BODY);
  return `These pictures are ${megabytes(bytes)} together, and ${most} can be sent. Remove a few.`;
}

/** Let the service learn from the cards; a newer call ends an older one. */
async function learn(ready) {
  current = new AbortController();
  const { signal } = current;
  const form = new FormData();
  for (const card of ready) {
    for (const { name, blob } of card.pictures) form.append(nameOf(card), blob, name);
  }
  page.taught.textContent = "Learning …";
  const answer = await ask("teach", form, signal);
  if (signal.aborted) return;
  if (answer.error) {
    forget();
    page["teach-problem"].textContent = answer.error;
  } else showTaught(answer);
}

function forget() {
  page.taught.textContent = "";
  page["taught-more"].hidden = true;
  showScores([], []);
}

function showTaught({ pictures, right, classes, mistakes, refused, head }) {
  page.taught.replaceChildren(
    create("strong", `${right} of ${pictures}`),
    " right when left out of learning",
  );
  showScores(classes, mistakes);
  growth.set(pictures, right / pictures);
  showGrowth();
  page.refused.replaceChildren(...refused.map((line) => create("li", line)));
  URL.revokeObjectURL(page.download.href);
  const bytes = Uint8Array.from(atob(head), (character) => character.charCodeAt(0));
  page.download.href = URL.createObjectURL(new Blob([bytes]));
  page["taught-more"].hidden = false;
}

/** How many pictures of each class were answered rightly, and which ones were not. */
function showScores(classes, mistakes) {
  const predicted = new Map(mistakes.map((mistake) => [mistake.file, mistake.predicted]));
  for (const card of cards) {
    const found = classes.find((each) => each.class === nameOf(card));
    if (card.pictures.length >= LEAST) {
      card.score.textContent = found ? `${found.right} of ${found.pictures} right` : "";
    }
    for (const { name, item, mark } of card.pictures) {
      item.toggleAttribute("data-wrong", predicted.has(name));
      mark.replaceChildren();
      if (predicted.has(name)) {
        mark.append("looks like \u201c", ...named(predicted.get(name)), "\u201d");
      }
    }
  }
}

/** Draw the share that was right over the number of pictures, 0 % at the bottom. */
function showGrowth() {
  const counts = [...growth.keys()].sort((one, other) => one - other);
  const [least, most] = [counts[0], counts.at(-1)];
  page.growth.hidden = counts.length < 2;
  if (page.growth.hidden) return;
  const points = counts.map((count) => [
    3 + (194 * (count - least)) / (most - least),
    57 - 54 * growth.get(count),
  ]);
  page["growth-line"].setAttribute("points", points.join(" "));
  page["growth-end"].setAttribute("cx", points.at(-1)[0]);
  page["growth-end"].setAttribute("cy", points.at(-1)[1]);
  const share = (count) => `${Math.round(100 * growth.get(count))} % of ${count} pictures`;
  page["growth-words"].textContent = `Right: ${share(least)}, ${share(most)}`;
}

page["add-class"].addEventListener("click", () => {
  addCard().input.focus();
  changed();
});
addCard();
addCard();
