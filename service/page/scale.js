/** Makes pictures small enough to be sent, and smaller ones to be shown. */

export const LONGEST_SIDE = 1600; // pixels: far more than a model sees, few enough for a phone to send

// A photograph takes a third of a second, in which a page that did it itself would not move.
let thread = new Worker(new URL("scaling.js", import.meta.url), { type: "module" });
const awaited = new Map(); // by a number: a file, and what gives it scaled to those who asked
let asked = 0;

/**
 * The picture upright, no larger than `longestSide`, and a file that the service takes; as it is
 * where it is so already or the browser cannot.
 */
export function scaledDown(file, longestSide) {
  if (!thread) return Promise.resolve(file);
  return new Promise((resolve) => {
    asked += 1;
    awaited.set(asked, { file, resolve });
    thread.postMessage([asked, file, longestSide]);
  });
}

thread.addEventListener("message", ({ data: [number, scaled] }) => {
  awaited.get(number).resolve(scaled);
  awaited.delete(number);
});

// The thread did not load.
thread.addEventListener("error", () => {
  thread = null;
  for (const { file, resolve } of awaited.values()) resolve(file);
  awaited.clear();
});
