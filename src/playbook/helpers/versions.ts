// Compares versions, as Ansible's test does.

import { HelperError, helper, listArgument, literal, predicate, textArgument, type HelperTable } from "./definition.js";

const OPERATORS: Readonly<Record<string, (order: number) => boolean>> = {
  "==": (order) => order === 0,
  "=": (order) => order === 0,
  eq: (order) => order === 0,
  "!=": (order) => order !== 0,
  "<>": (order) => order !== 0,
  ne: (order) => order !== 0,
  "<": (order) => order < 0,
  lt: (order) => order < 0,
  "<=": (order) => order <= 0,
  le: (order) => order <= 0,
  ">": (order) => order > 0,
  gt: (order) => order > 0,
  ">=": (order) => order >= 0,
  ge: (order) => order >= 0,
};

type Part = string | number;

function orderOf(left: readonly Part[], right: readonly Part[]): number {
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const [x, y] = [left[index], right[index]];
    if (x === y) continue;
    if (x === undefined || y === undefined) return x === undefined ? -1 : 1;
    if (typeof x === typeof y) return x < y ? -1 : 1;
    return typeof x === "number" ? 1 : -1;
  }
  return 0;
}

/** Numbers by value, words by letters; a longer one is later. */
function loose(text: string): Part[] {
  return (text.match(/\d+|[a-zA-Z]+/g) ?? []).map((part) => (/^\d/.test(part) ? Number(part) : part));
}

const SEMANTIC =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?$/;

/** Order of semantic versions (https://semver.org): what is before a release comes before it. */
function semanticOrder(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => {
    const match = SEMANTIC.exec(text);
    if (!match)
      throw new HelperError(`${JSON.stringify(text)} is no semantic version`, "It is like 1.2.3 or 1.2.3-rc.1.");
    return { numbers: match.slice(1, 4).map(Number), before: match[4]?.split(".").map(partOf) };
  });
  const order = orderOf(left?.numbers ?? [], right?.numbers ?? []);
  if (order !== 0 || left?.before === right?.before) return order;
  if (!left?.before || !right?.before) return left?.before ? -1 : 1;
  return identifiers(left.before, right.before);
}

function partOf(text: string): Part {
  return /^\d+$/.test(text) ? Number(text) : text;
}

/** Numbers come before words there. */
function identifiers(left: readonly Part[], right: readonly Part[]): number {
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const [x, y] = [left[index], right[index]];
    if (x === y || x === undefined || y === undefined) continue;
    if (typeof x === typeof y) return x < y ? -1 : 1;
    return typeof x === "number" ? -1 : 1;
  }
  return left.length - right.length;
}

/** Two or three numbers, then perhaps a or b and a number: what Python calls strict. */
function strictOrder(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => {
    const match = /^(\d+)\.(\d+)(?:\.(\d+))?(?:([ab])(\d+))?$/.exec(text);
    if (!match)
      throw new HelperError(`${JSON.stringify(text)} is no strict version`, "It is like 1.2, 1.2.3 or 1.2b1.");
    return [Number(match[1]), Number(match[2]), Number(match[3] ?? 0), match[4] ?? "release", Number(match[5] ?? 0)];
  });
  return orderOf(left ?? [], right ?? []);
}

const KINDS: Readonly<Record<string, (a: string, b: string) => number>> = {
  loose: (a, b) => orderOf(loose(a), loose(b)),
  strict: strictOrder,
  semver: semanticOrder,
  semantic: semanticOrder,
};

function compareVersions(a: string, b: string, operator: string, kind: string): boolean {
  if (a === "" || b === "") throw new HelperError("a version must not be empty");
  const judge = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator] : undefined;
  if (!judge)
    throw new HelperError(`there is no operator ${JSON.stringify(operator)}`, "There are ==, !=, <, <=, >, >=.");
  const order = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (!order)
    throw new HelperError(
      `there is no kind of version ${JSON.stringify(kind)}`,
      `There are ${Object.keys(KINDS).join(", ")}.`,
    );
  return judge(order(a, b));
}

export const versionHelpers: HelperTable = {
  version: predicate(
    "value version [operator] [strict] [version_type]",
    'Compares versions: `version a "1.10" ">="` (`==` where no operator is given); `version_type=` loose, strict, semver.',
    ([a, b, operator = "==", strict, kind]) =>
      compareVersions(
        textArgument(a),
        textArgument(b),
        textArgument(operator),
        kind === undefined || kind === null ? (strict === true ? "strict" : "loose") : textArgument(kind),
      ),
    {
      check: ([, , operator, , kind]) =>
        void compareVersions("1.0.0", "1.0.0", literal(operator) ?? "==", literal(kind) ?? "loose"),
    },
  ),
  version_sort: helper("list", "Versions in their order.", ([list]) =>
    listArgument(list)
      .map((one) => textArgument(one))
      .sort((a, b) => orderOf(loose(a), loose(b))),
  ),
};
