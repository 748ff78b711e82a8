// Helpers that go through lists with another helper or test: map, select, reject, selectattr, rejectattr.

import { NO_SCOPE } from "../scope/no-scope.js";
import { checkCall, checkLiterals, invoke } from "./call.js";
import {
  attributeOf,
  helper,
  HelperError,
  literal,
  UNKNOWN,
  type HelperDefinition,
  isMap,
  listArgument,
  noField,
  textArgument,
  type HelperOptions,
  type HelperTable,
} from "./definition.js";
import { suggest } from "../../diagnostic/near.js";
import { helperOfTest, testNames } from "./test-names.js";

/** Helpers that map can apply and tests that select can ask: all but these here. Handed in, since they are made of other files. */
let inner: HelperTable = {};

/** Tells what map, select and their like can call. */
export function setInnerHelpers(table: HelperTable): void {
  inner = table;
}

type Test = (value: unknown) => boolean;

function testNamed(name: unknown, args: readonly unknown[], options: HelperOptions): Test {
  const word = textArgument(name, "the name of the test");
  const main = helperOfTest(word);
  const known = Object.hasOwn(inner, main) ? inner[main] : undefined;
  if (!known?.isPredicate) {
    const names = [...testNames, ...Object.keys(inner).filter((one) => inner[one]?.isPredicate)];
    throw new HelperError(`there is no test ${JSON.stringify(word)}`, suggest(word, names));
  }
  const fault =
    checkCall(word, known, args.length + 1, Object.keys(options.hash)) ??
    checkLiterals(word, known, [UNKNOWN, ...args], options.hash);
  if (fault) throw new HelperError(fault.message, fault.remedy);
  return (value) => {
    // What is not there passes no test but those that ask for that.
    if (value === undefined && known.isOptional?.(0) !== true) return false;
    return invoke(word, known, [value, ...args], options) === true;
  };
}

function choose(args: readonly unknown[], options: HelperOptions, wanted: boolean): unknown[] {
  const [list, name = "truthy", ...rest] = args;
  const test = testNamed(name, rest, options);
  return itemsOf(list).filter((one) => test(one) === wanted);
}

function chooseByField(args: readonly unknown[], options: HelperOptions, wanted: boolean): unknown[] {
  const [list, path, name = "truthy", ...rest] = args;
  const test = testNamed(name, rest, options);
  const field = textArgument(path, "the field's name");
  return itemsOf(list).filter((one) => test(attributeOf(one, field)) === wanted);
}

function itemsOf(value: unknown): readonly unknown[] {
  return isMap(value) ? Object.keys(value) : listArgument(value);
}

function mapOver(args: readonly unknown[], options: HelperOptions): unknown[] {
  const [list, name, ...rest] = args;
  const items = itemsOf(list);
  const { attribute, default: other, ...hash } = options.hash;
  if (attribute !== undefined) {
    if (name !== undefined) throw new HelperError("it takes a helper or attribute=, not both");
    const path = textArgument(attribute, "attribute");
    return items.map((one) => {
      const value = attributeOf(one, path) ?? other;
      if (value === undefined) throw noField(one, path, "default= says what to take for it.");
      return value;
    });
  }
  if (name === undefined) throw nothingToDo();
  const word = textArgument(name, "the helper's name");
  const innerHash = other === undefined ? hash : { ...hash, default: other };
  const chosen = innerCall(word, rest, innerHash);
  return items.map((one) => invoke(word, chosen, [one, ...rest], { ...options, hash: innerHash }));
}

function nothingToDo(): HelperError {
  return new HelperError("it wants a helper or attribute=", 'Write map users attribute="name", or map names "upper".');
}

/** The helper that is called for each item, if it can be called so. */
function innerCall(word: string, rest: readonly unknown[], hash: HelperOptions["hash"]): HelperDefinition {
  const chosen = Object.hasOwn(inner, word) ? inner[word] : undefined;
  if (!chosen)
    throw new HelperError(
      `there is no helper ${JSON.stringify(word)}`,
      suggest(word, Object.keys(inner)) ?? `For the field of each item write attribute=${JSON.stringify(word)}.`,
    );
  const names = Object.keys(hash);
  const fault =
    checkCall(word, chosen, rest.length + 1, names) ?? checkLiterals(word, chosen, [UNKNOWN, ...rest], hash);
  if (fault) throw new HelperError(fault.message, fault.remedy);
  return chosen;
}

/** The test is written out: it must be there, and take so many values. */
function checkTest(at: number): (args: readonly unknown[], hash: HelperOptions["hash"]) => void {
  return (args, hash) => {
    const name = literal(args[at]);
    if (name !== undefined) testNamed(name, args.slice(at + 1), { hash, scope: NO_SCOPE });
  };
}

function checkMap([, name, ...rest]: readonly unknown[], hash: HelperOptions["hash"]): void {
  const word = literal(name);
  if (name === undefined && hash["attribute"] === undefined) throw nothingToDo();
  if (word !== undefined) innerCall(word, rest, hash);
}

export const selectionHelpers: HelperTable = {
  map: helper(
    "list [helper] ... attribute= default=",
    'Each item through a helper, or its field: `map users attribute="name"`.',
    mapOver,
    { takesAlso: "inner", check: checkMap },
  ),
  select: helper(
    "list [test] ...",
    'The items for which a test holds: `select names "match" "^web"`.',
    (args, options) => choose(args, options, true),
    { takesAlso: "inner", check: checkTest(1) },
  ),
  reject: helper(
    "list [test] ...",
    "The items for which a test does not hold.",
    (args, options) => choose(args, options, false),
    { takesAlso: "inner", check: checkTest(1) },
  ),
  selectattr: helper(
    "list field [test] ...",
    'The items for whose field a test holds: `selectattr users "shell" "eq" "/bin/sh"`.',
    (args, options) => chooseByField(args, options, true),
    { takesAlso: "inner", check: checkTest(2) },
  ),
  rejectattr: helper(
    "list field [test] ...",
    "The items for whose field a test does not hold.",
    (args, options) => chooseByField(args, options, false),
    { takesAlso: "inner", check: checkTest(2) },
  ),
};
