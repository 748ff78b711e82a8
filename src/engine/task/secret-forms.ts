// The shapes in which a secret may turn up: quoted for a shell, escaped for JSON or a URL, in base64, line by line.

/** Shorter shapes would hide what is no secret. */
const shortestForm = 6;
/** Lines of a secret of several lines that are shorter than this say too little of it. */
const shortestLine = 8;
/** A file of more lines than this is no secret to be known by its lines. */
const mostLines = 2000;

/** The secret itself first; none of the shapes is empty. */
export function formsOf(secret: string): Set<string> {
  const forms = new Set([secret]);
  const bare = secret.replace(/^\s+|\s+$/g, "");
  for (const text of new Set([secret, bare])) {
    if (text === "") continue;
    for (const form of shapesOf(text)) if (form.length >= shortestForm) forms.add(form);
  }
  if (bare.length >= 3) forms.add(bare);
  const lines = bare.split(/\r?\n/);
  if (lines.length > 1 && lines.length <= mostLines) {
    for (const line of lines.map((one) => one.trim()).filter((one) => one.length >= shortestLine)) {
      forms.add(line);
      forms.add(JSON.stringify(line).slice(1, -1));
    }
  }
  return forms;
}

function* shapesOf(text: string): Generator<string> {
  const json = JSON.stringify(text).slice(1, -1);
  yield json;
  yield json.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  yield text.replaceAll("'", "'\\''");
  yield text.replaceAll("'", `'"'"'`);
  yield text.replace(/["\\$`]/g, "\\$&");
  yield* urlShapes(text);
  yield* base64Shapes(Buffer.from(text, "utf8"));
}

function* urlShapes(text: string): Generator<string> {
  if (/[\ud800-\udfff]/.test(text)) return;
  const url = encodeURIComponent(text);
  yield url;
  yield url.replaceAll("%20", "+");
  yield url.replaceAll("%2F", "/");
  yield url.replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Also where something stands before and behind it: the characters that depend on the secret alone, for each place in a group of three. */
function* base64Shapes(bytes: Buffer): Generator<string> {
  // By itself, with the end that what comes behind would change.
  yield bytes.toString("base64");
  yield bytes.toString("base64url");
  for (const [before, start] of [
    [0, 0],
    [1, 2],
    [2, 3],
  ] as const) {
    const whole = Buffer.concat([Buffer.alloc(before), bytes]);
    const end = Math.floor((8 * whole.length) / 6);
    const inner = whole.toString("base64").slice(start, end);
    yield inner;
    yield inner.replaceAll("+", "-").replaceAll("/", "_");
  }
}
