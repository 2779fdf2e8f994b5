/** A thread that scales pictures down; `scale.js` asks it to. */

import { LARGEST_BODY } from "./ask.js";

const READ_BY_THE_SERVER = ["image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp"];
const MAY_BE_TRANSPARENT = ["image/png", "image/webp", "image/gif", "image/avif"];

addEventListener("message", async ({ data: [number, file, longestSide] }) => {
  postMessage([number, await scaledDown(file, longestSide)]);
});

async function scaledDown(file, longestSide) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, longestSide / Math.max(bitmap.width, bitmap.height));
    const isRead = READ_BY_THE_SERVER.includes(file.type) && file.size <= LARGEST_BODY;
    if (scale === 1 && isRead) return file;
    const side = (length) => Math.max(1, Math.round(length * scale));
    const canvas = new OffscreenCanvas(side(bitmap.width), side(bitmap.height));
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const type = MAY_BE_TRANSPARENT.includes(file.type) ? "image/png" : "image/jpeg";
    return await canvas.convertToBlob({ type, quality: 0.9 });
  } catch {
    return file;
  } finally {
    bitmap?.close(); // many pictures would fill the memory before it is tidied up
  }
}
