// A program in a link: "#v1." and then {source, step, node} as JSON, deflated, in the base64 of addresses. Nothing of it ever
// reaches a server. Who made a link is unknown, so whatever is not exactly that is refused, however large it unpacks.
const PREFIX = "#v1.";
const LONGEST_LINK = 30_000; // characters
const LARGEST_PAYLOAD = 200_000; // bytes
const LONGEST_SOURCE = 50_000; // characters

/** Says in one sentence what is wrong with a link. */
export class LinkError extends Error {}

/** The fragment that holds a program, the step at which it is looked at, and the id of what is chosen in its graph. */
export async function toFragment({ source, step, node = null }) {
  const bytes = new TextEncoder().encode(JSON.stringify({ source, step, node }));
  const packed = await new Response(stream(bytes).pipeThrough(new CompressionStream("deflate-raw"))).arrayBuffer();
  const text = btoa(Array.from(new Uint8Array(packed), (byte) => String.fromCharCode(byte)).join(""));
  const fragment = PREFIX + text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  if (source.length > LONGEST_SOURCE || fragment.length > LONGEST_LINK) {
    throw new LinkError("The program is too long to be put into a link.");
  }
  return fragment;
}

/** The program in a fragment; null if it is no such link at all. */
export async function fromFragment(fragment) {
  if (!/^#v\d+\./.test(fragment)) return null;
  if (!fragment.startsWith(PREFIX)) throw new LinkError("This link was made by a newer version of this page.");
  const text = fragment.slice(PREFIX.length);
  if (fragment.length > LONGEST_LINK || !/^[\w-]+$/.test(text)) throw damaged();
  try {
    return checked(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(await inflated(text))));
  } catch {
    throw damaged();
  }
}

function damaged() {
  return new LinkError("The program in this link cannot be read: perhaps a part of the link is missing.");
}

async function inflated(text) {
  const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  const chunks = [];
  let size = 0;
  for await (const chunk of read(stream(bytes).pipeThrough(new DecompressionStream("deflate-raw")))) {
    size += chunk.length;
    if (size > LARGEST_PAYLOAD) throw damaged(); // a small link can unpack to very much
    chunks.push(chunk);
  }
  return new Blob(chunks).arrayBuffer();
}

function stream(bytes) {
  return new Blob([bytes]).stream();
}

/** Not every browser can go through a stream with `for await`. */
async function* read(from) {
  const reader = from.getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
  } finally {
    reader.cancel().catch(() => {});
  }
}

function checked({ source, step, node }) {
  if (typeof source !== "string" || source.length > LONGEST_SOURCE) throw damaged();
  const isNode = typeof node === "string" && /^[to]\d{1,6}$/.test(node);
  return { source, step: Number.isSafeInteger(step) && step >= 0 ? step : null, node: isNode ? node : null };
}
