// Options of ansible-playbook that crun has not are answered with what there is instead.

import assert from "node:assert/strict";
import { answeredOptions } from "../../src/cli/ansible-options.js";
import { runProgram } from "../../src/cli/program.js";

/** What a command line that cannot be understood prints. */
async function refusal(...argv: readonly string[]): Promise<{ readonly status: number; readonly text: string }> {
  const write = process.stderr.write;
  let text = "";
  process.stderr.write = (chunk: string | Uint8Array): boolean => {
    text += String(chunk);
    return true;
  };
  try {
    return { status: await runProgram(argv), text };
  } finally {
    process.stderr.write = write;
  }
}

describe("options that crun has not", () => {
  for (const option of answeredOptions)
    it(`${option} is answered, and no option of crun's own`, async () => {
      const { status, text } = await refusal("play", option, "site.yml");
      assert.equal(status, 1);
      assert.ok(
        text.startsWith(`error: ${JSON.stringify(option)} is an option of Ansible's that crun has not\n  `),
        text,
      );
    });

  it("--private-key=FILE is answered without its value", async () => {
    const { text } = await refusal("play", "--private-key=/root/secret", "site.yml");
    assert.match(text, /crun_identity=FILE/);
    assert.doesNotMatch(text, /root\/secret/);
  });

  it("others are told as ever, with the near one", async () => {
    const { status, text } = await refusal("play", "--chek", "site.yml");
    assert.equal(status, 1);
    assert.match(text, /unknown option '--chek'[^]*--check/);
  });
});
