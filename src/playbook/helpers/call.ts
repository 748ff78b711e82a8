// Calls helpers: puts arguments that were given by name into their places, and says which argument was wrong.

import { suggest } from "../../diagnostic/near.js";
import type { SecretKeeper } from "../../module/value.js";
import { describeValue } from "../scope/values.js";
import {
  ArgumentError,
  HelperError,
  NothingThere,
  THE_VALUE,
  type HelperDefinition,
  type HelperOptions,
} from "./definition.js";

/** What is wrong with a call before it is made. */
export interface CallFault {
  readonly message: string;
  readonly remedy: string | undefined;
}

/** Whether a helper can be called with so many values and those names; undefined where it can. */
export function checkCall(
  name: string,
  helper: HelperDefinition,
  count: number,
  options: readonly string[],
): CallFault | undefined {
  const places = new Map(options.map((one) => [one, placeOf(helper, one)]));
  for (const [option, place] of places) {
    if (place === -1 && helper.takesAlso === undefined && !helper.options.includes(option)) {
      const known = [...helper.names.slice(1), ...helper.options];
      return {
        message: `${name} has no option ${JSON.stringify(option)}`,
        remedy: suggest(option, known) ?? (known.length === 0 ? "It has none." : `It has ${known.join(", ")}.`),
      };
    }
    if (place !== -1 && place < count)
      return { message: `${name} gets ${option} twice, by its place and by its name`, remedy: undefined };
  }
  const placed = [...places.values()].filter((one) => one >= count).length;
  const isMissing = helper.names.slice(0, helper.min).some((one, index) => index >= count && !places.has(one));
  if (count <= helper.max && !isMissing) return undefined;
  const got = count + placed;
  return {
    message: `${name} takes ${range(helper)}, and gets ${got === 0 ? "none" : got}`,
    remedy: `Write ${`{{${name} ${helper.args}}}`.replace(" }}", "}}")}, in conditions ${name}(${helper.names.join(", ")}).`,
  };
}

/** Whether what is written out among the arguments is wrong by itself; `args` and `hash` have UNKNOWN for what is not written out. */
export function checkLiterals(
  name: string,
  helper: HelperDefinition,
  given: readonly unknown[],
  options: HelperOptions["hash"],
): CallFault | undefined {
  if (!helper.check) return undefined;
  const [args, hash] = placed(helper, given, options);
  try {
    helper.check(args, hash);
    return undefined;
  } catch (error) {
    if (!(error instanceof HelperError)) throw error;
    return { message: `${name}: ${error.message}`, remedy: error.remedy };
  }
}

function range({ min, max }: HelperDefinition): string {
  const values = (count: number): string => `${count} ${count === 1 ? "value" : "values"}`;
  if (max === 0) return "no values";
  if (max === Infinity) return `at least ${values(min)}`;
  return min === max ? values(min) : `${min} to ${values(max)}`;
}

/** The position of an argument that may be given by name; -1 for an option without one. */
function placeOf(helper: HelperDefinition, name: string): number {
  if (helper.options.includes(name)) return -1;
  const index = helper.names.indexOf(name);
  return index === 0 ? -1 : index;
}

/** Calls a helper. Throws a HelperError that names the helper and the argument. */
export function invoke(
  name: string,
  helper: HelperDefinition,
  given: readonly unknown[],
  options: HelperOptions,
): unknown {
  const [args, hash] = placed(helper, given, options.hash);
  try {
    const result = helper.call(args, hash === options.hash ? options : { ...options, hash });
    const { secrets } = options.scope;
    if (secrets && !secrets.isEmpty && !helper.isPredicate) keepMade(name, args, result, secrets);
    return result;
  } catch (error) {
    if (!(error instanceof HelperError)) throw error;
    const message = `${name}: ${messageOf(error, helper, args, hash)}`;
    const remedy = error.remedy ?? remedyFor(error, name, args);
    // What a helper within this one has not is not missing from this one's value.
    if (error instanceof NothingThere && error.by === undefined) throw new NothingThere(message, remedy, name);
    throw new HelperError(message, remedy);
  }
}

/** What they make of a text says nothing by itself, so it is as secret as what went in. */
const opaque = new Set(
  "hash checksum md5 sha1 sha224 sha256 sha384 sha512 password_hash b64encode b64decode urlencode to_uuid vault unvault".split(
    " ",
  ),
);
/** Shorter texts would hide what is no secret. */
const shortestMade = 6;

/**
 * What is made of a secret is a secret: of a text that is one as a whole anything, of a text that has one in it what hides it (a hash). What was
 * there before (the words of ternary) is not.
 */
function keepMade(name: string, args: readonly unknown[], result: unknown, secrets: SecretKeeper): void {
  const [text] = args;
  if (typeof text !== "string" || !(opaque.has(name) ? secrets.knows(text) : secrets.isSecret(text))) return;
  for (const one of Array.isArray(result) ? result : [result])
    if (typeof one === "string" && one.length >= shortestMade && !args.includes(one) && !secrets.knows(one))
      secrets.keep(one);
}

type Hash = HelperOptions["hash"];

function placed(helper: HelperDefinition, given: readonly unknown[], hash: Hash): [readonly unknown[], Hash] {
  const names = Object.keys(hash);
  if (!names.some((one) => placeOf(helper, one) !== -1)) return [given, hash];
  const args = [...given];
  const rest: Record<string, unknown> = {};
  for (const name of names) {
    const place = placeOf(helper, name);
    if (place === -1) rest[name] = hash[name];
    else {
      while (args.length < place) args.push(undefined);
      args[place] = hash[name];
    }
  }
  return [args, rest];
}

/** Text was wanted, and a list given: it was meant for each item. */
function remedyFor(error: HelperError, name: string, args: readonly unknown[]): string | undefined {
  const isList = error instanceof ArgumentError && Array.isArray(error.value) && error.value === args[0];
  return isList ? `For each of its items there is map with ${JSON.stringify(name)}.` : undefined;
}

function messageOf(error: HelperError, helper: HelperDefinition, args: readonly unknown[], hash: Hash): string {
  if (!(error instanceof ArgumentError) || !error.message.startsWith(`${THE_VALUE} must`)) return error.message;
  const index = args.indexOf(error.value);
  const name = index > 0 ? nameOf(helper, index) : optionOf(error.value, hash);
  return name === undefined ? error.message : `${name} must be ${error.expected}, not ${describeValue(error.value)}`;
}

function nameOf({ names }: HelperDefinition, index: number): string {
  const last = names.length - 1;
  // What repeats behind a single name is of another kind than that: a pattern's values.
  return names[index] ?? (last > 0 ? (names[last] ?? "") : `argument ${index + 1}`);
}

function optionOf(value: unknown, hash: Hash): string | undefined {
  return Object.keys(hash).find((one) => hash[one] === value);
}
