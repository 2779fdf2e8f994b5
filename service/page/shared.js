/** What the parts of the page share: its elements, and the words for answers. */

export const NO_PICTURE = "That holds no picture file. Save the picture, then choose it.";
const LONGEST_WHOLE = 12; // letters of a word that even a narrow column holds

/** The elements of the page, by their ids. */
export const page = {};
for (const element of document.querySelectorAll("[id]")) page[element.id] = element;

export const { side, item } = document.body.dataset;

export function create(tag, ...children) {
  const element = document.createElement(tag);
  element.append(...children);
  return element;
}

/** A picture beside its name, which says all there is to say. */
export function icon(source) {
  return Object.assign(new Image(), { src: source, alt: "" });
}

/** The parts of a class's name: "T-shirt/top" goes on in a new line behind its slash only. */
export function named(name) {
  return name.split(/(?=\s)|(?<=[\s/])/).flatMap((word) => {
    const whole = word.includes("-") && word.length <= LONGEST_WHOLE;
    const part = whole ? Object.assign(create("span", word), { className: "whole" }) : word;
    return word.endsWith("/") ? [part, create("wbr")] : [part];
  });
}

/** The words for one of three endings: a class, one that is not sure, or none that is known. */
export function ending({ class: name, sure, known }) {
  if (sure) return named(name);
  return known ? ["Not sure: perhaps ", ...named(name)] : [`No ${item} that I know`];
}

/** The bar of a probability. */
export function bar(probability) {
  const element = create("span");
  element.className = "bar";
  element.style.setProperty("--probability", probability);
  return element;
}

/** 0.981 as "98.1 %"; what rounds to certain or impossible is not called so. */
export function percent(probability) {
  if (probability >= 0.9995) return "> 99.9 %";
  if (probability < 0.0005) return "< 0.1 %";
  return `${(100 * probability).toFixed(1)} %`;
}

/** The server's words as a sentence. */
export function sentence(words) {
  return words && `${words[0].toUpperCase()}${words.slice(1)}.`;
}
