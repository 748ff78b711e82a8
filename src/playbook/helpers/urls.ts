// Helpers for URLs and identifiers.

import { createHash } from "node:crypto";
import { helper, HelperError, isMap, predicate, textArgument, type HelperTable } from "./definition.js";

/** Percent-escapes as Python's quote does: letters, digits, `_.-~` and what is safe stay. */
function percentEncode(text: string, safe: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/%2F/g, safe.includes("/") ? "/" : "%2F");
}

function encodeUrl(value: unknown): string {
  const pairs = isMap(value) ? Object.entries(value) : Array.isArray(value) ? value : undefined;
  if (!pairs) return percentEncode(textArgument(value), "/");
  const part = (one: unknown): string =>
    percentEncode(textArgument(one, "each name and value"), "").replaceAll("%20", "+");
  return pairs.map((pair: unknown) => (Array.isArray(pair) ? pair.map(part).join("=") : part(pair))).join("&");
}

interface UrlParts {
  readonly scheme: string;
  readonly netloc: string;
  readonly path: string;
  readonly query: string;
  readonly fragment: string;
}

/** As Python's urlsplit: any text has parts. */
function urlParts(text: string): UrlParts {
  const match = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#([\s\S]*))?$/.exec(text);
  const [, scheme = "", netloc = "", path = "", query = "", fragment = ""] = match ?? [];
  return { scheme: scheme.toLowerCase(), netloc, path, query, fragment };
}

function splitUrl(text: string): Readonly<Record<string, unknown>> {
  const parts = urlParts(text);
  const at = parts.netloc.lastIndexOf("@");
  const user = at === -1 ? undefined : parts.netloc.slice(0, at);
  const colon = user?.indexOf(":") ?? -1;
  const address = /^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/.exec(parts.netloc.slice(at + 1));
  const port = address?.[3];
  if (port !== undefined && port !== "" && !(/^\d+$/.test(port) && Number(port) <= 65535))
    throw new HelperError(`${JSON.stringify(port)} is no port`);
  return {
    fragment: parts.fragment,
    hostname: (address?.[1] ?? address?.[2] ?? "").toLowerCase() || null,
    netloc: parts.netloc,
    password: user === undefined || colon === -1 ? null : user.slice(colon + 1),
    path: parts.path,
    port: port === undefined || port === "" ? null : Number(port),
    query: parts.query,
    scheme: parts.scheme,
    username: user === undefined ? null : colon === -1 ? user : user.slice(0, colon),
  };
}

/** Ansible's namespace for names, as its to_uuid has it. */
const NAMESPACE = "361E6D51-FAEC-444A-9079-341386DA8E2E";

function nameUuid(text: string, namespace: string): string {
  const hex = namespace.replaceAll("-", "");
  if (!/^[0-9a-f]{32}$/i.test(hex)) throw new HelperError(`${JSON.stringify(namespace)} is no UUID`);
  const bytes = createHash("sha1").update(Buffer.from(hex, "hex")).update(text, "utf8").digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function isUri(value: unknown, schemes: unknown): boolean {
  if (typeof value !== "string") return false;
  const { scheme, netloc, path } = urlParts(value);
  const isKnown = !Array.isArray(schemes) || schemes.length === 0 || schemes.includes(scheme);
  return scheme !== "" && isKnown && (netloc !== "" || path !== "" || scheme === "file");
}

export const urlHelpers: HelperTable = {
  urlencode: helper("value", "Escaped for a URL; a map becomes `a=1&b=2`.", ([value]) => encodeUrl(value)),
  urldecode: helper("text", "Without the escapes of a URL.", ([text]) => {
    try {
      return decodeURIComponent(textArgument(text).replaceAll("+", " "));
    } catch {
      // URIError says nothing more than that.
      throw new HelperError("the text has a broken % escape");
    }
  }),
  urlsplit: helper(
    "url [query]",
    "Its parts, a map: scheme, netloc, hostname, port, username, password, path, query, fragment; or the one that is named.",
    ([url, query]) => {
      const parts = splitUrl(textArgument(url));
      if (query === undefined || query === null || query === "") return parts;
      const name = textArgument(query);
      if (!Object.hasOwn(parts, name))
        throw new HelperError(`a URL has no ${JSON.stringify(name)}`, `It has ${Object.keys(parts).join(", ")}.`);
      return parts[name];
    },
  ),
  is_uri: predicate("value [schemes]", "It has a scheme, one of the list if there is one.", ([value, schemes]) =>
    isUri(value, schemes),
  ),
  is_url: predicate(
    "value [schemes]",
    "It is a URI with a host.",
    ([value, schemes]) =>
      isUri(value, schemes) && (urlParts(String(value)).netloc !== "" || urlParts(String(value)).scheme === "file"),
  ),
  is_urn: predicate("value", "It is a URI of the scheme urn.", ([value]) => isUri(value, ["urn"])),
  to_uuid: helper(
    "text [namespace]",
    "The UUID (version 5) of a name: the same for the same text.",
    ([text, namespace = NAMESPACE]) => nameUuid(textArgument(text), textArgument(namespace)),
  ),
};
