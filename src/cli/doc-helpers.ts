// What `crun doc helpers` shows of the helpers of templates and conditions, and docs/HELPERS.md.

import { CrunError } from "../diagnostic/diagnostic.js";
import { suggest } from "../diagnostic/near.js";
import { exampleVariables, helperExamples, type Example } from "../playbook/helpers/examples.js";
import { helperGroups, helpers, type HelperDefinition } from "../playbook/helpers/index.js";
import { absentHelper } from "../playbook/helpers/absent.js";

const INTRODUCTION =
  'In templates: {{helper value argument option=x}}; in conditions: helper(value, argument, {"option": x}).';

/** All helpers, a line each, by what they are for. */
export function helpersText(): string {
  const groups = helperGroups.map(({ title, helpers: table }) => {
    const lines = Object.entries(table).map(
      ([name, { args, doc }]) => `  ${`${name} ${args}`.trim().padEnd(34)} ${doc}`,
    );
    return `${title}\n${lines.join("\n")}`;
  });
  return `${INTRODUCTION}\n\n${groups.join("\n\n")}\n\n\`crun doc helpers NAME\` shows examples.\n`;
}

/** One helper with its examples. Throws a CrunError where there is none. */
export function helperText(name: string): string {
  const helper = Object.hasOwn(helpers, name) ? helpers[name] : undefined;
  if (!helper) {
    throw new CrunError({
      severity: "error",
      summary: `there is no helper ${JSON.stringify(name)}`,
      remedy: absentHelper(name) ?? suggest(name, Object.keys(helpers)) ?? "crun doc helpers lists them all.",
    });
  }
  const examples = (helperExamples[name] ?? []).map((one) => `  ${exampleLine(one)}`);
  return [
    `${name}: ${helper.doc}`,
    ["Written", `  {{${usage(name, helper)}}}`, ...optionLines(helper)].join("\n"),
    ["Examples", ...examples, ""].join("\n"),
  ].join("\n\n");
}

function usage(name: string, helper: HelperDefinition): string {
  return `${name} ${helper.args}`.trim();
}

function optionLines(helper: HelperDefinition): string[] {
  const byName = [...helper.names.slice(1), ...helper.options];
  return byName.length === 0 ? [] : [`  by name, too: ${byName.map((one) => `${one}=`).join(" ")}`];
}

function exampleLine([text, value]: Example): string {
  return `{{${text.replaceAll("\n", "\\n")}}}  →  ${JSON.stringify(value)}`;
}

/** docs/HELPERS.md. */
export function helpersPage(): string {
  const sections = helperGroups.map(({ title, helpers: table }) => {
    const parts = Object.entries(table).map(([name, helper]) =>
      [
        `### ${name}\n`,
        `\`{{${usage(name, helper)}}}\`\n`,
        `${helper.doc}\n`,
        "```",
        ...(helperExamples[name] ?? []).map(exampleLine),
        "```",
      ].join("\n"),
    );
    return `## ${title}\n\n${parts.join("\n\n")}`;
  });
  return (
    [
      "# Helpers of templates and conditions",
      "Made by the tests from the helpers themselves (`crun doc helpers` shows the same); every example is run. Helpers bear the names of Ansible's filters, tests and\n" +
        "lookups. The value comes first, other arguments by place or, under the names shown, as `name=value`; `[x]` may be left out, `...` repeats, `x=` has no place.",
      'In conditions helpers are functions, and options stand in a map behind the other arguments: `sort(users, {"attribute": "name"})`. In templates helpers of\n' +
        'text are blocks, too (`{{#indent 2}}…{{/indent}}`), and those that give yes or no (`{{#eq name "web"}}…{{else}}…{{/eq}}`).',
      "The examples use these variables; `\\n` stands for a line end:",
      [
        "```",
        ...Object.entries(exampleVariables).map(([name, value]) => `${name}: ${JSON.stringify(value)}`),
        "```",
      ].join("\n"),
      ...sections,
      "",
    ]
      .join("\n\n")
      .trimEnd() + "\n"
  );
}
