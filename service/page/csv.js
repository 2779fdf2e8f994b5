/** Writes tables as CSV (RFC 4180). */

// A spreadsheet would compute what begins so, and a file's name may come from anyone.
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

// Without it, Excel takes letters beyond ASCII for others.
const BYTE_ORDER_MARK = "\ufeff";

/** A table's text, from rows of words, numbers and truth values. */
export const csv = (rows) =>
  BYTE_ORDER_MARK + rows.map((cells) => `${cells.map(cell).join(",")}\r\n`).join("");

function cell(value) {
  if (typeof value !== "string") return String(value);
  const harmless = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
