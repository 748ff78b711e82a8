// What to write instead of filters, tests and lookups of Ansible that crun has not.

const ABSENT: Readonly<Record<string, string>> = {
  json_query: "Write the steps: selectattr, map attribute=…, dict2items; in conditions x.filter(one, …).map(one, …).",
  url: 'Fetch it in a task (command: curl …, register), or {{pipe "curl -fsS URL"}}.',
  uri: "Fetch it in a task (command: curl …, register).",
  config: "crun has no configuration of Ansible's to look up.",
  dig: 'Write {{pipe "dig +short NAME"}}.',
  password: 'Write it to a variable in a vault; {{password_hash secret "sha512" salt}} hashes it.',
  passwordstore: 'Write {{pipe "pass show NAME"}}.',
  win_basename: "crun has no Windows targets.",
  win_dirname: "crun has no Windows targets.",
  win_splitdrive: "crun has no Windows targets.",
  safe: "Nothing is escaped here: write the value alone.",
  forceescape: "Write {{escape x}}.",
  pprint: "Write {{to_nice_json x}}.",
  urlize: "It makes HTML of text: write the link in the template.",
  undef: 'Leave the variable undefined, and take it with {{mandatory x "why"}}.',
  inventory_hostnames: 'Write {{lookup groups "NAME"}} for the targets of a group.',
  random_choice: "Write {{random list seed=inventory_hostname}}.",
  vars: "Write {{lookup vars name}}.",
  query: 'Lookups are helpers of their own: {{file "…"}}, {{env "…"}}, {{fileglob "…"}}, {{pipe "…"}}.',
  q: 'Lookups are helpers of their own: {{file "…"}}, {{env "…"}}, {{fileglob "…"}}, {{pipe "…"}}.',
};

const OTHER_NAMES: Readonly<Record<string, string>> = {
  d: "default",
  e: "escape",
  tojson: "to_json",
  nice_json: "to_nice_json",
  json: "to_json",
  yaml: "to_yaml",
  toml: "to_toml",
  base64: "b64encode",
  size: "length",
  len: "length",
  strip: "trim",
  equals: "eq",
  equal: "eq",
  concatenate: "concat",
  items2map: "items2dict",
  map2items: "dict2items",
};

/** What to write instead of a helper that there is not, where it is known under that name elsewhere. */
export function absentHelper(name: string): string | undefined {
  if (Object.hasOwn(OTHER_NAMES, name)) return `Here it is called ${OTHER_NAMES[name] ?? ""}.`;
  return Object.hasOwn(ABSENT, name) ? ABSENT[name] : undefined;
}
