// Helpers of templates: Ansible's filters by their names. Expected values are those of ansible-core 2.14 unless they are crun's own.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { helpers } from "../../src/playbook/helpers/index.js";
import { passwordHash } from "../../src/playbook/helpers/password.js";
import { templateOfText } from "../../src/playbook/template/template.js";
import { messageOf, scopeOf } from "./scopes.js";

const scope = scopeOf(`
n: 5
text: "Hello, World"
lines: "a\\nb\\n\\nc"
list: [3, 1, 2, 1]
words: [b, A, c]
nested: [1, [2, [3, null]]]
map: {b: 2, a: 1}
deep: {x: {p: 1, z: [1]}}
users:
  - {name: joe, uid: 2, groups: [a, b], shell: /bin/sh}
  - {name: ann, uid: 1, groups: [c]}
ids: [{id: 1, v: a}, {id: 2, v: b}]
truth: true
none: null
`);

const table: readonly (readonly [string, unknown])[] = [
  // text
  ["upper text", "HELLO, WORLD"],
  ["lower text", "hello, world"],
  ["capitalize 'hELLO you'", "Hello you"],
  ["title 'hello my-friend'", "Hello My-Friend"],
  ["trim '  x '", "x"],
  ["trim '--x-' '-'", "x"],
  ["replace text 'l' 'L'", "HeLLo, WorLd"],
  ["replace text 'l' 'L' 2", "HeLLo, World"],
  ["split 'a,b,,c' ','", ["a", "b", "", "c"]],
  ["split ' a  b '", ["a", "b"]],
  ["splitlines lines", ["a", "b", "", "c"]],
  ["join list '-'", "3-1-2-1"],
  ["join words", "bAc"],
  ["join users ',' attribute='name'", "joe,ann"],
  ["string 5", "5"],
  ["indent lines 2", "a\n  b\n\n  c"],
  ["indent lines 2 first=true", "  a\n  b\n\n  c"],
  ["indent lines 2 true true", "  a\n  b\n  \n  c"],
  ["comment 'x'", "#\n# x\n#"],
  ["comment 'x' 'cblock'", "/*\n *\n * x\n *\n */"],
  ["comment 'x' 'c'", "//\n// x\n//"],
  ["comment 'x' decoration='; '", ";\n; x\n;"],
  ["quote 'a b'", "'a b'"],
  ['quote "it\'s"', "'it'\"'\"'s'"],
  ["quote 'plain-1.0'", "plain-1.0"],
  ["quote ''", "''"],
  ["format '%s is %05.1f %d%%' 'x' 2.25 7", "x is 002.2 7%"],
  ["wordwrap 'aa bb cc' 5", "aa bb\ncc"],
  ["center 'x' 3", " x "],
  ["truncate 'foo bar baz qux' 9", "foo..."],
  ["truncate 'foo bar baz qux' 9 true", "foo ba..."],
  ["truncate 'foo bar baz qux' 11", "foo bar baz qux"],
  ["truncate 'foo bar baz qux' 11 leeway=0", "foo bar..."],
  ["startswith text 'He'", true],
  ["endswith text 'x'", false],
  // regular expressions
  ["regex_replace 'ansible' '^a.*i(.*)$' 'a\\1'", "able"],
  ["regex_replace 'localhost:80' '^(?P<host>.+):(?P<port>\\d+)$' '\\g<host>, \\g<port>'", "localhost, 80"],
  ["regex_replace 'ABC' 'b' 'x' ignorecase=true", "AxC"],
  ["regex_replace 'aaa' 'a' 'b' count=2", "bba"],
  ["regex_search 'server1/db42' 'database|db\\d+'", "db42"],
  ["regex_search 'server1/db42' 'x'", null],
  ["regex_search 'db42' '(\\w)(\\d+)' '\\1' '\\2'", ["b", "42"]],
  ["regex_findall 'a1 b2' '\\d'", ["1", "2"]],
  [
    "regex_findall 'a1 b2' '(\\w)(\\d)'",
    [
      ["a", "1"],
      ["b", "2"],
    ],
  ],
  ["regex_escape 'a.b*'", "a\\.b\\*"],
  // numbers
  ["int '7'", 7],
  ["int '7.9'", 7],
  ["int 'x'", 0],
  ["int 'x' 3", 3],
  ["int 'ff' 0 16", 255],
  ["float '1.5'", 1.5],
  ["float 'x'", 0],
  ["abs -3", 3],
  ["round 2.5", 2],
  ["round 3.5", 4],
  ["round 2.567 1", 2.6],
  ["round 2.1 0 'ceil'", 3],
  ["round 2.9 0 'floor'", 2],
  ["sum list", 7],
  ["sum users attribute='uid'", 3],
  ["range 3", [0, 1, 2]],
  ["range 1 4", [1, 2, 3]],
  ["range 5 0 -2", [5, 3, 1]],
  ["add n 1", 6],
  ["modulo -1 5", 4],
  ["pow 2 10", 1024],
  ["human_readable 1048576", "1.00 MB"],
  ["human_to_bytes '10M'", 10485760],
  // lists
  ["first list", 3],
  ["last text", "d"],
  ["length list", 4],
  ["length text", 12],
  ["count map", 2],
  ["sort list", [1, 1, 2, 3]],
  ["sort list true", [3, 2, 1, 1]],
  ["sort words", ["A", "b", "c"]],
  ["sort words case_sensitive=true", ["A", "b", "c"]],
  ["map (sort users attribute='uid') attribute='name'", ["ann", "joe"]],
  ["unique list", [3, 1, 2]],
  ["reverse list", [1, 2, 1, 3]],
  ["union list (range 5)", [3, 1, 2, 0, 4]],
  ["intersect list (range 3)", [1, 2]],
  ["difference list (range 2)", [3, 2]],
  ["symmetric_difference list (range 2)", [3, 2, 0]],
  ["flatten nested", [1, 2, 3]],
  ["flatten nested 1", [1, 2, [3, null]]],
  [
    "product (range 2) words",
    [
      [0, "b"],
      [0, "A"],
      [0, "c"],
      [1, "b"],
      [1, "A"],
      [1, "c"],
    ],
  ],
  [
    "zip list words",
    [
      [3, "b"],
      [1, "A"],
      [2, "c"],
    ],
  ],
  ["map (subelements users 'groups') 'last'", ["a", "b", "c"]],
  ["batch list 3", [[3, 1, 2], [1]]],
  ["min list", 1],
  ["max list", 3],
  ["max users attribute='uid'", { name: "joe", uid: 2, groups: ["a", "b"], shell: "/bin/sh" }],
  ["slice text 0 5", "Hello"],
  ["map words 'upper'", ["B", "A", "C"]],
  ["map users attribute='shell' default='-'", ["/bin/sh", "-"]],
  ["select list 'gt' 1", [3, 2]],
  ["reject list 'odd'", [2]],
  ["select words 'match' '[a-z]'", ["b", "c"]],
  ["map (selectattr users 'shell' 'defined') attribute='name'", ["joe"]],
  ["map (rejectattr users 'name' 'eq' 'joe') attribute='name'", ["ann"]],
  // maps
  ["combine map deep", { b: 2, a: 1, x: { p: 1, z: [1] } }],
  ['combine deep (from_json \'{"x": {"p": 2}}\')', { x: { p: 2 } }],
  ['combine deep (from_json \'{"x": {"p": 2}}\') recursive=true', { x: { p: 2, z: [1] } }],
  ["combine deep (from_json '{\"x\": {\"z\": [2]}}') recursive=true list_merge='append'", { x: { p: 1, z: [1, 2] } }],
  [
    "dict2items map",
    [
      { key: "b", value: 2 },
      { key: "a", value: 1 },
    ],
  ],
  [
    "dict2items map key_name='k' value_name='v'",
    [
      { k: "b", v: 2 },
      { k: "a", v: 1 },
    ],
  ],
  ["items2dict (dict2items map)", { b: 2, a: 1 }],
  ["items2dict ids key_name='id' value_name='v'", { 1: "a", 2: "b" }],
  [
    "dictsort map",
    [
      ["a", 1],
      ["b", 2],
    ],
  ],
  ["dict a=1 b='x'", { a: 1, b: "x" }],
  ["get deep 'x.p'", 1],
  ["get deep 'q' 7", 7],
  ["extract 'x' deep 'p'", 1],
  ["keys map", ["b", "a"]],
  // formats
  ["to_json deep", '{"x": {"p": 1, "z": [1]}}'],
  ["to_json 'é'", '"\\u00e9"'],
  ["to_json 'é' ensure_ascii=false", '"é"'],
  ["to_nice_json map", '{\n    "a": 1,\n    "b": 2\n}'],
  ["to_yaml deep", "x:\n  p: 1\n  z: [1]\n"],
  [`to_yaml (dict a="x:y" q="a?b" b="?" p="plain")`, "{a: 'x:y', b: '?', p: plain, q: 'a?b'}\n"],
  ["to_nice_yaml deep", "x:\n    p: 1\n    z:\n    - 1\n"],
  ["from_json '[1, {\"a\": null}]'", [1, { a: null }]],
  ["from_yaml 'a: [1, 2]'", { a: [1, 2] }],
  ["b64encode 'hé'", "aMOp"],
  ["b64decode 'aMOp'", "hé"],
  ["hash 'x'", "11f6ad8ec52a2984abaafd7c3b516503785c2072"],
  ["hash 'x' 'md5'", "9dd4e461268c8034f5c8564e155c67a6"],
  ["md5 'x'", "9dd4e461268c8034f5c8564e155c67a6"],
  ["sha256 'x'", "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"],
  ["urlencode 'a b/c'", "a%20b/c"],
  ["urldecode 'a%20b'", "a b"],
  // paths
  ["basename '/etc/ssh/sshd_config'", "sshd_config"],
  ["dirname '/etc/ssh/sshd_config'", "/etc/ssh"],
  ["basename '/etc/'", ""],
  ["dirname 'x'", ""],
  ["splitext 'nginx.conf.bak'", ["nginx.conf", ".bak"]],
  ["path_join '/etc' 'ssh' 'x'", "/etc/ssh/x"],
  ["relpath '/etc/ssh' '/etc'", "ssh"],
  ["normpath '/a/../b//c/'", "/b/c"],
  // decisions
  ["ternary truth 'a' 'b'", "a"],
  ["ternary none 'a' 'b' 'c'", "c"],
  ["bool 'yes'", true],
  ["bool 'nope'", false],
  ["bool 1", true],
  ["and truth n", true],
  ["or none ''", false],
  ["not list", false],
  ["in 1 list", true],
  ["in 'ell' text", true],
  ["contains map 'a'", true],
  ["eq 1 1.0", true],
  ["ge 2 2", true],
  ["defined nowhere", false],
  ["not (defined nowhere.at.all)", true],
];

const mistakes: readonly (readonly [string, RegExp])[] = [
  ["first (range 0)", /first: there is nothing in it/],
  ["join 5", /join: the value must be a list, not the number 5/],
  ["upper list", /upper: the value must be text, not a list of 4 items/],
  ["sort nested", /a list of 2 items and the number 1 cannot be compared/],
  ["gt 1 'x'", /the number 1 and the text "x" cannot be compared/],
  ["from_json '{'", /from_json: this is no JSON/],
  ["regex_search 'x' '['", /regex_search: "\[" has a \[ without its \]/],
  ["divide 1 0", /divide: division by zero/],
  ["hash 'x' 'sha3000'", /there is no hash "sha3000"/],
  ["password_hash 'x' 'md5'", /there is no method "md5"/],
  ["password_hash 'x' 'sha512' 'a b'", /the salt must be/],
  ["mandatory nowhere", /a mandatory value is not defined/],
  ["mandatory nowhere 'say where'", /say where/],
  ["map words 'uper'", /there is no helper "uper"[^]*Did you mean "upper"\?/],
  ["select list 'gtt' 1", /there is no test "gtt"/],
  ["range 0 9999999", /too many/],
  ["file '/does/not/exist'", /there is no file "\/does\/not\/exist"/],
  ["version '1' '2' '=>'", /there is no operator "=>"/],
];

describe("helpers", () => {
  for (const [text, value] of table) {
    it(`{{${text}}} gives ${JSON.stringify(value)}`, () => {
      assert.deepEqual(templateOfText("t", `{{${text}}}`).render(scope), value);
    });
  }
  for (const [text, message] of mistakes) {
    it(`{{${text}}} says what is wrong`, () => {
      assert.match(
        messageOf(() => templateOfText("t", `{{${text}}}`).render(scope)),
        message,
      );
    });
  }

  it("each has a sentence of documentation", () => {
    for (const [name, { doc }] of Object.entries(helpers)) assert.match(doc, /^\S.*\.$/s, name);
  });

  it("reads files and the environment of the controller", () => {
    const directory = mkdtempSync(join(tmpdir(), "crun-helpers-"));
    writeFileSync(join(directory, "note"), "hello\n\n");
    const here = scopeOf(`playbook_dir: ${directory}`);
    assert.equal(templateOfText("t", "{{file 'note'}}").render(here), "hello");
    assert.equal(templateOfText("t", "{{file 'note' rstrip=false}}").render(here), "hello\n\n");
    process.env["CRUN_TEST_VALUE"] = "x";
    assert.equal(templateOfText("t", "{{env 'CRUN_TEST_VALUE'}}{{env 'CRUN_TEST_NONE' '-'}}").render(here), "x-");
    delete process.env["CRUN_TEST_VALUE"];
  });

  it("hashes passwords as the specification's own examples", () => {
    const cases: readonly (readonly [string, string, string, number | undefined, string])[] = [
      [
        "sha512",
        "saltstring",
        "Hello world!",
        undefined,
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
      ],
      [
        "sha512",
        "saltstringsaltst",
        "Hello world!",
        10000,
        "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
      ],
      ["sha256", "saltstring", "Hello world!", undefined, "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"],
    ];
    for (const [method, salt, password, rounds, expected] of cases)
      assert.equal(passwordHash(password, method, salt, rounds), expected);
  });

  it("hashes passwords as openssl does, whatever their length", function () {
    this.timeout(20_000);
    const word = fc
      .string({ unit: "grapheme-ascii", minLength: 1, maxLength: 140 })
      .filter((one) => !one.startsWith("-"));
    fc.assert(
      fc.property(word, fc.stringMatching(/^[./0-9A-Za-z]{1,16}$/), fc.constantFrom("5", "6"), (password, salt, id) => {
        const theirs = execFileSync("openssl", ["passwd", `-${id}`, "-salt", salt, "-stdin"], {
          input: `${password}\n`,
        })
          .toString()
          .trim();
        assert.equal(passwordHash(password, id === "6" ? "sha512" : "sha256", salt, undefined), theirs);
      }),
      { numRuns: 25 },
    );
  });

  it("takes a random salt where none is given", () => {
    const [one, two] = [passwordHash("x", "sha512", undefined, 1000), passwordHash("x", "sha512", undefined, 1000)];
    assert.match(one, /^\$6\$rounds=1000\$[./0-9A-Za-z]{16}\$[./0-9A-Za-z]{86}$/);
    assert.notEqual(one, two);
  });
});
