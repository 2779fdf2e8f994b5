/** Asks the service about pictures. */

export const LARGEST_BODY = 20_000_000; // bytes that the service takes at once
export const UNREACHABLE = "The server cannot be reached. Check the connection, then try again.";
const UNREADABLE = "The browser cannot read it. It may be a folder, or have moved since it was chosen.";
const FOREIGN = "The answer is not from this service; perhaps a proxy or a page to sign in gave it.";
const PATIENCE = 60; // seconds for an answer
const TOO_LATE = `The server did not finish its answer within ${PATIENCE} seconds. Try again later.`;
const TRIES = 5; // where the service is busy
const LONGEST_PAUSE = 30; // seconds that it may ask for before the next try

// The answers by example; {0: …} is a list of at least one.
const RANKED = { class: "", probability: 0 };
const VERDICT = { ...RANKED, sure: true, known: true, reason: "", model: "", top: { 0: RANKED } };
const QUESTIONS = {
  predict: { path: "predict?top=5", like: { predictions: { 0: VERDICT } } },
  explain: {
    path: "explain",
    like: { top: { 0: RANKED }, steps: { 0: { name: "", image: "" } }, saliency: "" },
  },
  similar: { path: "similar?count=10", like: { similar: { 0: { class: "", index: 0 } } } },
  teach: {
    path: "teach",
    like: {
      pictures: 0,
      right: 0,
      classes: { 0: { class: "", pictures: 0, right: 0 } },
      mistakes: [{ file: "", predicted: "" }],
      refused: [""],
      head: "",
    },
  },
};

/**
 * Post a picture, or a form of them, as a question. What failed comes back as {error}, in the
 * server's words where it has any. A busy service is asked again when it said to.
 */
export async function ask(question, body, signal) {
  if (body.size > LARGEST_BODY) {
    return { error: `It is ${megabytes(body.size)}, and ${megabytes(LARGEST_BODY)} can be sent.` };
  }
  for (let tries = 1; ; tries += 1) {
    const { pause, ...answer } = await once(QUESTIONS[question], body, signal);
    if (!(pause <= LONGEST_PAUSE) || tries === TRIES || signal.aborted) return answer;
    await new Promise((resolve) => setTimeout(resolve, 1000 * pause));
  }
}

export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/** The file at an address, or null. */
export async function download(address, signal) {
  return patiently(signal, async (end) => {
    const response = await fetch(address, { signal: end });
    return response.ok ? response.blob() : null;
  }).catch(() => null);
}

async function once({ path, like }, body, signal) {
  try {
    return await patiently(signal, async (end) => {
      const headers = {};
      if (body instanceof Blob) {
        // Of a kind that the browser doesn't know the server looks at the bytes, too.
        headers["Content-Type"] = body.type.startsWith("image/") ? body.type : "image/*";
      }
      const response = await fetch(path, { method: "POST", body, headers, signal: end });
      const answer = parsed(await response.text());
      if (response.ok) return fits(answer, like) ? answer : { error: FOREIGN };
      return { error: reason(answer, response.status), pause: pauseBefore(response) };
    });
  } catch (error) {
    if (error === TOO_LATE) return { error };
    return { error: (await isReadable(body)) ? UNREACHABLE : UNREADABLE };
  }
}

/** Do work that ends with the signal, or by an error after PATIENCE, whatever it still awaits. */
async function patiently(signal, work) {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(TOO_LATE), 1000 * PATIENCE);
  try {
    return await work(AbortSignal.any([signal, late.signal]));
  } finally {
    clearTimeout(timer);
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Whether an answer has what the example has, of the same types. */
function fits(answer, example) {
  if (Array.isArray(example)) {
    return Array.isArray(answer) && answer.every((each) => fits(each, example[0]));
  }
  if (typeof example !== "object") return typeof answer === typeof example;
  if (0 in example) return answer?.length > 0 && fits(answer, [example[0]]);
  return Object.keys(example).every((key) => fits(answer?.[key], example[key]));
}

function reason(answer, status) {
  // The server calls a picture without a name so.
  if (typeof answer?.error === "string") return answer.error.replace(/^picture: /, "");
  return `The server answered ${status}. Try again later.`;
}

/** The seconds that a busy server asks for, or NaN where it does not ask to be asked again. */
function pauseBefore({ status, headers }) {
  const said = headers.get("Retry-After") ?? "";
  if (status !== 503 || !said) return NaN;
  return Math.max(0, Number.isNaN(Number(said)) ? (Date.parse(said) - Date.now()) / 1000 : said);
}

/** Whether a file still has its bytes: a folder never had any, and a file may be gone. */
async function isReadable(body) {
  if (!(body instanceof Blob)) return true;
  return body.slice(0, 1).arrayBuffer().then(() => true, () => false);
}
