// Helpers that go through lists with another helper or test: map, select, reject, selectattr, rejectattr.

import { isEmpty, isSame } from "../scope/values.js";
import { encodingHelpers } from "./encode.js";
import {
  attributeOf,
  compare,
  helper,
  HelperError,
  isMap,
  listArgument,
  mapArgument,
  textArgument,
  type HelperOptions,
  type HelperTable,
} from "./definition.js";
import { listHelpers } from "./lists.js";
import { isIn, logicHelpers } from "./logic.js";
import { mapHelpers } from "./maps.js";
import { numberHelpers } from "./numbers.js";
import { pathHelpers } from "./paths.js";
import { regexHelpers } from "./regex.js";
import { textHelpers } from "./text.js";
import { suggest } from "../../diagnostic/near.js";

const inner: HelperTable = {
  ...logicHelpers,
  ...textHelpers,
  ...numberHelpers,
  ...listHelpers,
  ...mapHelpers,
  ...encodingHelpers,
  ...pathHelpers,
  ...regexHelpers,
};

type Test = (value: unknown, args: readonly unknown[]) => boolean;

/** Jinja's tests by their names. */
const TESTS: Readonly<Record<string, Test>> = {
  defined: (value) => value !== undefined,
  undefined: (value) => value === undefined,
  none: (value) => value === null,
  truthy: (value) => !isEmpty(value),
  falsy: (value) => isEmpty(value),
  true: (value) => value === true,
  false: (value) => value === false,
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  integer: (value) => Number.isInteger(value),
  boolean: (value) => typeof value === "boolean",
  mapping: (value) => isMap(value),
  sequence: (value) => Array.isArray(value),
  odd: (value) => typeof value === "number" && Math.abs(value % 2) === 1,
  even: (value) => typeof value === "number" && value % 2 === 0,
  eq: (value, [other]) => isSame(value, other),
  ne: (value, [other]) => !isSame(value, other),
  lt: (value, [other]) => compare(value, other) < 0,
  le: (value, [other]) => compare(value, other) <= 0,
  gt: (value, [other]) => compare(value, other) > 0,
  ge: (value, [other]) => compare(value, other) >= 0,
  in: (value, [other]) => isIn(value, other),
  contains: (value, [other]) => isIn(other, value),
};

const ALIASES: Readonly<Record<string, string>> = {
  equalto: "eq",
  "==": "eq",
  "!=": "ne",
  lessthan: "lt",
  greaterthan: "gt",
  "<": "lt",
  "<=": "le",
  ">": "gt",
  ">=": "ge",
};

const REGEX_TESTS = new Set(["match", "search", "regex"]);

function testNamed(name: unknown, options: HelperOptions): Test {
  const word = textArgument(name, "the name of the test");
  const main = Object.hasOwn(ALIASES, word) ? (ALIASES[word] ?? word) : word;
  if (Object.hasOwn(TESTS, main)) return TESTS[main] ?? ((): boolean => false);
  if (REGEX_TESTS.has(main)) {
    return (value, args) =>
      typeof value === "string" &&
      regexHelpers[main === "regex" ? "search" : main]?.call([value, ...args], options) === true;
  }
  throw new HelperError(
    `there is no test ${JSON.stringify(word)}`,
    suggest(word, [...Object.keys(TESTS), ...REGEX_TESTS]),
  );
}

function choose(args: readonly unknown[], options: HelperOptions, wanted: boolean): unknown[] {
  const [list, name = "truthy", ...rest] = args;
  const test = testNamed(name, options);
  return listArgument(list).filter((one) => test(one, rest) === wanted);
}

function chooseByField(args: readonly unknown[], options: HelperOptions, wanted: boolean): unknown[] {
  const [list, path, name = "truthy", ...rest] = args;
  const test = testNamed(name, options);
  const field = textArgument(path, "the field's name");
  return listArgument(list).filter((one) => test(attributeOf(one, field), rest) === wanted);
}

function mapOver(args: readonly unknown[], options: HelperOptions): unknown[] {
  const [list, name, ...rest] = args;
  const items = isMap(list) ? Object.keys(list) : listArgument(list);
  const attribute = options.hash["attribute"];
  if (attribute !== undefined) {
    const path = textArgument(attribute, "the field's name");
    return items.map((one) => {
      const value = attributeOf(one, path) ?? options.hash["default"];
      if (value === undefined)
        throw new HelperError(`an item has no ${JSON.stringify(path)}`, "default= says what to take for it.");
      return value;
    });
  }
  const word = textArgument(name, "the helper's name");
  if (word === "extract")
    return items.map((one) => inner["extract"]?.call([one, mapArgument(rest[0]), ...rest.slice(1)], options));
  const chosen = Object.hasOwn(inner, word) ? inner[word] : undefined;
  if (!chosen) throw new HelperError(`there is no helper ${JSON.stringify(word)}`, suggest(word, Object.keys(inner)));
  return items.map((one) => chosen.call([one, ...rest], options));
}

export const selectionHelpers: HelperTable = {
  ...regexHelpers,
  map: helper("list [helper] ...", 'Each item through a helper, or its field: `map users attribute="name"`.', mapOver),
  select: helper(
    "list [test] ...",
    'The items for which a test holds: `select names "match" "^web"`.',
    (args, options) => choose(args, options, true),
  ),
  reject: helper("list [test] ...", "The items for which a test does not hold.", (args, options) =>
    choose(args, options, false),
  ),
  selectattr: helper(
    "list field [test] ...",
    'The items for whose field a test holds: `selectattr users "shell" "eq" "/bin/sh"`.',
    (args, options) => chooseByField(args, options, true),
  ),
  rejectattr: helper("list field [test] ...", "The items for whose field a test does not hold.", (args, options) =>
    chooseByField(args, options, false),
  ),
};
