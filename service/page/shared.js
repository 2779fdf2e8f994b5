/** What looking at a picture and teaching classes share. */

const LARGEST_FILE = 10_000_000; // bytes that the service takes
const READ_BY_THE_SERVER = ["image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp"];
const MAY_BE_TRANSPARENT = ["image/png", "image/webp", "image/gif", "image/avif"];
export const UNREACHABLE = "The server cannot be reached. Check the connection, then try again.";
export const NO_PICTURE = "That holds no picture file. Save the picture, then choose it.";

/** The elements of the page, by their ids. */
export const page = {};
for (const element of document.querySelectorAll("[id]")) page[element.id] = element;

/**
 * Post a picture, or a form of them; what failed comes back as {error}, in the server's words where
 * it has any.
 */
export async function ask(path, body, signal) {
  try {
    const headers = {};
    if (body instanceof Blob) {
      // Of a kind that the browser doesn't know the server looks at the bytes, too.
      headers["Content-Type"] = body.type.startsWith("image/") ? body.type : "image/*";
    }
    const response = await fetch(path, { method: "POST", body, headers, signal });
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer;
    return { error: answer.error ?? `The server answered ${response.status}. Try again later.` };
  } catch {
    return { error: UNREACHABLE };
  }
}

/**
 * The picture upright, no larger than `longestSide`, and a file that the service takes; as it is
 * where it is so already or the browser cannot.
 */
export async function scaledDown(file, longestSide) {
  try {
    const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, longestSide / Math.max(bitmap.width, bitmap.height));
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

export function create(tag, ...children) {
  const element = document.createElement(tag);
  element.append(...children);
  return element;
}

/** A picture beside its name, which says all there is to say. */
export function icon(source) {
  return Object.assign(new Image(), { src: source, alt: "" });
}
