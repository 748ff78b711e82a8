// What helpers give, by example: for the documentation, and run by the tests.

/** An expression as it stands between the braces, and its value. */
export type Example = readonly [expression: string, value: unknown];

/** Variables that the examples use. */
export const exampleVariables: Readonly<Record<string, unknown>> = {
  name: "web",
  text: "Hello, World",
  ports: [443, 80, 8080, 80],
  limits: { memory: "2G", tasks: 100 },
  users: [
    { name: "joe", uid: 1000, shell: "/bin/bash", groups: ["dev", "ops"] },
    { name: "ann", uid: 1001, groups: ["dev"] },
  ],
};

export const helperExamples: Readonly<Record<string, readonly Example[]>> = {
  // defaults, comparisons, choices
  default: [
    ['default missing "none"', "none"],
    ['default "" "none" true', "none"],
  ],
  mandatory: [['mandatory name "give the machine a name"', "web"]],
  defined: [["defined missing", false]],
  undefined: [["undefined missing", true]],
  ternary: [['ternary (eq name "web") 443 80', 443]],
  eq: [['eq name "web"', true]],
  ne: [['ne name "web"', false]],
  lt: [["lt 9 10", true]],
  le: [["le 10 10", true]],
  gt: [["gt 9 10", false]],
  ge: [["ge 10 10", true]],
  and: [["and name (defined missing)", false]],
  or: [["or name (defined missing)", true]],
  not: [['not ""', true]],
  in: [["in 80 ports", true]],
  contains: [['contains text "World"', true]],
  bool: [['bool "yes"', true]],
  omitted: [["omitted omit", true]],
  version: [
    ['version "1.10" "1.9" ">"', true],
    ['version "2.0.0-rc.1" "2.0.0" "<" version_type="semver"', true],
  ],
  version_sort: [['version_sort (array "1.10" "1.9")', ["1.9", "1.10"]]],
  // what a value is
  type_debug: [["type_debug ports", "list"]],
  is_string: [["is_string name", true]],
  is_number: [["is_number 1.5", true]],
  is_integer: [["is_integer 1.5", false]],
  is_float: [["is_float 1.5", true]],
  is_boolean: [["is_boolean false", true]],
  is_none: [["is_none null", true]],
  is_mapping: [["is_mapping limits", true]],
  is_list: [["is_list limits", false]],
  is_true: [["is_true 1", false]],
  is_false: [["is_false false", true]],
  is_lower: [["is_lower name", true]],
  is_upper: [["is_upper name", false]],
  truthy: [['truthy "no" convert_bool=true', false]],
  falsy: [["falsy (array)", true]],
  all: [["all (array true 1)", true]],
  any: [["any (array false 0)", false]],
  // text
  upper: [["upper name", "WEB"]],
  lower: [["lower text", "hello, world"]],
  capitalize: [["capitalize name", "Web"]],
  title: [['title "my web host"', "My Web Host"]],
  trim: [
    ['trim "  x "', "x"],
    ['trim "--x-" "-"', "x"],
  ],
  replace: [['replace text "l" "L" 2', "HeLLo, World"]],
  split: [['split "a,b" ","', ["a", "b"]]],
  splitlines: [['splitlines "a\nb\n"', ["a", "b"]]],
  join: [
    ['join ports ","', "443,80,8080,80"],
    ['join users " " attribute="name"', "joe ann"],
  ],
  string: [["string 80", "80"]],
  quote: [['quote "two words"', "'two words'"]],
  wordcount: [["wordcount text", 2]],
  striptags: [['striptags "<b>bold</b> text"', "bold text"]],
  escape: [['escape "<a>"', "&lt;a&gt;"]],
  xmlattr: [['xmlattr (dict id="x")', ' id="x"']],
  startswith: [['startswith text "Hello"', true]],
  endswith: [['endswith text "!"', false]],
  // layout
  indent: [['indent "a\nb" 2', "a\n  b"]],
  comment: [
    ['comment "managed"', "#\n# managed\n#"],
    ['comment "managed" decoration="; " prefix="" postfix=""', "; managed\n"],
  ],
  wordwrap: [['wordwrap "one two three" 8', "one two\nthree"]],
  center: [['center "x" 5', "  x  "]],
  truncate: [['truncate "one two three four" 10', "one..."]],
  format: [
    ['format "%s:%05d" name 80', "web:00080"],
    ['format "%-5s|" "ab"', "ab   |"],
  ],
  // regular expressions
  regex_replace: [['regex_replace "web01.example.com" "^(\\w+)\\..*" "\\1"', "web01"]],
  regex_search: [
    ['regex_search "release 12.4" "[0-9.]+"', "12.4"],
    ['regex_search "a=b" "(\\w)=(\\w)" "\\1" "\\2"', ["a", "b"]],
  ],
  regex_findall: [['regex_findall "a1 b22" "\\d+"', ["1", "22"]]],
  regex_escape: [['regex_escape "a.b"', "a\\.b"]],
  match: [['match "web01" "web"', true]],
  search: [['search "my-web" "WEB" ignorecase=true', true]],
  regex: [['regex "my-web" "w.b"', true]],
  // numbers
  int: [
    ['int "42"', 42],
    ['int "ff" base=16', 255],
  ],
  float: [['float "1.5"', 1.5]],
  abs: [["abs -3", 3]],
  round: [
    ["round 2.567 1", 2.6],
    ['round 2.1 0 "ceil"', 3],
  ],
  add: [["add 1 2 3", 6]],
  subtract: [["subtract 5 2", 3]],
  multiply: [["multiply 2 3", 6]],
  divide: [["divide 7 2", 3.5]],
  floor_divide: [["floor_divide 7 2", 3]],
  modulo: [["modulo 7 2", 1]],
  pow: [["pow 2 10", 1024]],
  log: [["log 1000 10", 3]],
  root: [["root 27 3", 3]],
  sum: [
    ["sum (array 1 2 3)", 6],
    ['sum users attribute="uid"', 2001],
  ],
  range: [
    ["range 3", [0, 1, 2]],
    ["range 1 10 4", [1, 5, 9]],
  ],
  human_readable: [["human_readable 1572864", "1.50 MB"]],
  human_to_bytes: [['human_to_bytes "2G"', 2147483648]],
  filesizeformat: [["filesizeformat 1500000", "1.5 MB"]],
  divisibleby: [["divisibleby 80 16", true]],
  odd: [["odd 3", true]],
  even: [["even 3", false]],
  // lists
  list: [["list limits", ["memory", "tasks"]]],
  array: [["array 1 name", [1, "web"]]],
  first: [["first ports", 443]],
  last: [["last text", "d"]],
  length: [["length users", 2]],
  count: [["count text", 12]],
  sort: [
    ["sort ports", [80, 80, 443, 8080]],
    ['join (sort users attribute="name") "," attribute="name"', "ann,joe"],
  ],
  reverse: [["reverse ports", [80, 8080, 80, 443]]],
  unique: [["unique ports", [443, 80, 8080]]],
  union: [["union (array 1 2) (array 2 3)", [1, 2, 3]]],
  intersect: [["intersect (array 1 2) (array 2 3)", [2]]],
  difference: [["difference (array 1 2) (array 2 3)", [1]]],
  symmetric_difference: [["symmetric_difference (array 1 2) (array 2 3)", [1, 3]]],
  concat: [["concat (array 1) (array 2 3)", [1, 2, 3]]],
  flatten: [["flatten (array 1 (array 2 (array 3)))", [1, 2, 3]]],
  batch: [["batch (range 5) 2", [[0, 1], [2, 3], [4]]]],
  slice: [["slice ports 1 3", [80, 8080]]],
  min: [["min ports", 80]],
  max: [
    ["max ports", 8080],
    ['lookup (max users attribute="uid") "name"', "ann"],
  ],
  subset: [["subset (array 80) ports", true]],
  superset: [["superset ports (array 22)", false]],
  index_of: [["index_of ports 8080", 2]],
  // items chosen and changed
  map: [
    ['map users attribute="name"', ["joe", "ann"]],
    ['map (array "a" "b") "upper"', ["A", "B"]],
    ['map users attribute="shell" default="/bin/sh"', ["/bin/bash", "/bin/sh"]],
  ],
  select: [['select ports "gt" 100', [443, 8080]]],
  reject: [['reject ports "even"', [443]]],
  selectattr: [['map (selectattr users "shell" "defined") attribute="name"', ["joe"]]],
  rejectattr: [['map (rejectattr users "name" "eq" "joe") attribute="name"', ["ann"]]],
  // lists put together
  product: [
    [
      'product (array 1 2) (array "a")',
      [
        [1, "a"],
        [2, "a"],
      ],
    ],
  ],
  combinations: [
    [
      "combinations (array 1 2 3) 2",
      [
        [1, 2],
        [1, 3],
        [2, 3],
      ],
    ],
  ],
  permutations: [
    [
      "permutations (array 1 2)",
      [
        [1, 2],
        [2, 1],
      ],
    ],
  ],
  zip: [
    [
      'zip (array 1 2) (array "a" "b")',
      [
        [1, "a"],
        [2, "b"],
      ],
    ],
  ],
  zip_longest: [
    [
      'zip_longest (array 1 2) (array "a") fillvalue="-"',
      [
        [1, "a"],
        [2, "-"],
      ],
    ],
  ],
  subelements: [['map (subelements users "groups") "last"', ["dev", "ops", "dev"]]],
  groupby: [['map (groupby users "shell" default="none") "first"', ["/bin/bash", "none"]]],
  rekey_on_member: [['keys (rekey_on_member users "name")', ["joe", "ann"]]],
  indexed_items: [
    [
      'indexed_items (array "a" "b")',
      [
        [0, "a"],
        [1, "b"],
      ],
    ],
  ],
  nested: [
    [
      'nested (array 1 2) (array "a")',
      [
        [1, "a"],
        [2, "a"],
      ],
    ],
  ],
  together: [
    [
      "together (array 1 2) (array 3)",
      [
        [1, 3],
        [2, null],
      ],
    ],
  ],
  sequence: [
    ['sequence "start=1 end=3 format=web%02d"', ["web01", "web02", "web03"]],
    ["sequence count=2", ["1", "2"]],
  ],
  varnames: [['varnames "^use"', ["users"]]],
  // maps
  combine: [
    ["combine limits (dict tasks=200)", { memory: "2G", tasks: 200 }],
    ["combine (dict a=(dict x=1)) (dict a=(dict y=2)) recursive=true", { a: { x: 1, y: 2 } }],
  ],
  dict2items: [
    [
      "dict2items limits",
      [
        { key: "memory", value: "2G" },
        { key: "tasks", value: 100 },
      ],
    ],
  ],
  items2dict: [['items2dict users key_name="name" value_name="uid"', { joe: 1000, ann: 1001 }]],
  dictsort: [
    [
      "dictsort (dict b=1 a=2)",
      [
        ["a", 2],
        ["b", 1],
      ],
    ],
  ],
  items: [["items (dict a=1)", [["a", 1]]]],
  keep_keys: [['keep_keys limits (array "tasks")', { tasks: 100 }]],
  remove_keys: [['remove_keys limits "tasks"', { memory: "2G" }]],
  keys: [["keys limits", ["memory", "tasks"]]],
  values: [["values limits", ["2G", 100]]],
  dict: [
    ["dict a=1 b=name", { a: 1, b: "web" }],
    ['dict (array (array "a-b" 1))', { "a-b": 1 }],
  ],
  get: [['get limits "swap" "none"', "none"]],
  extract: [['extract "tasks" limits', 100]],
  // JSON, YAML, base64, hashes, passwords
  to_json: [["to_json limits", '{"memory": "2G", "tasks": 100}']],
  to_nice_json: [["to_nice_json (dict b=1 a=2)", '{\n    "a": 2,\n    "b": 1\n}']],
  to_yaml: [["to_yaml (dict a=ports)", "a: [443, 80, 8080, 80]\n"]],
  to_nice_yaml: [["to_nice_yaml (dict a=(array 1 2))", "a:\n- 1\n- 2\n"]],
  from_json: [["from_json '{\"a\": [1]}'", { a: [1] }]],
  from_yaml: [['from_yaml "a: [1]"', { a: [1] }]],
  from_yaml_all: [['from_yaml_all "a: 1\n---\nb: 2"', [{ a: 1 }, { b: 2 }]]],
  b64encode: [["b64encode name", "d2Vi"]],
  b64decode: [['b64decode "d2Vi"', "web"]],
  hash: [['hash name "sha256"', "4b5e57f6eb2f42b9039b3d1e13929295f231749c510cbe341cd68036d9af97e2"]],
  checksum: [["checksum name", "ca84d1343b96baa8137c943ed1860e522cacb238"]],
  md5: [["md5 name", "2567a5ec9705eb7ac2c984033e06189d"]],
  sha1: [["sha1 name", "ca84d1343b96baa8137c943ed1860e522cacb238"]],
  sha256: [["sha256 name", "4b5e57f6eb2f42b9039b3d1e13929295f231749c510cbe341cd68036d9af97e2"]],
  sha512: [["slice (sha512 name) 0 8", "cbead8fe"]],
  password_hash: [['password_hash "secret" "sha256" "salt"', "$5$salt$kpa26zwgX83BPSR8d7w93OIXbFt/d3UOTZaAu5vsTM6"]],
  // TOML, INI, CSV
  to_toml: [["to_toml (dict title=name limits=limits)", 'title = "web"\n\n[limits]\nmemory = "2G"\ntasks = 100\n']],
  from_toml: [['from_toml "[a]\nb = 1"', { a: { b: 1 } }]],
  to_ini: [["to_ini (dict debug=false limits=limits)", "debug = false\n\n[limits]\nmemory = 2G\ntasks = 100\n"]],
  from_ini: [['from_ini "[a]\nb = 1"', { a: { b: "1" } }]],
  from_csv: [['from_csv "id,name\n1,joe"', [{ id: "1", name: "joe" }]]],
  to_properties: [["to_properties (dict a=(dict b=1) c=name)", "a.b=1\nc=web\n"]],
  // paths
  basename: [['basename "/etc/ssh/sshd_config"', "sshd_config"]],
  dirname: [['dirname "/etc/ssh/sshd_config"', "/etc/ssh"]],
  splitext: [['splitext "nginx.conf"', ["nginx", ".conf"]]],
  relpath: [['relpath "/etc/ssh" "/etc"', "ssh"]],
  path_join: [['path_join "/etc" "ssh" "sshd_config"', "/etc/ssh/sshd_config"]],
  commonpath: [['commonpath (array "/etc/ssh" "/etc/apt/a")', "/etc"]],
  is_abs: [['is_abs "etc"', false]],
  normpath: [['normpath "/a/../b//c"', "/b/c"]],
  // URLs and identifiers
  urlencode: [
    ['urlencode "a b/c"', "a%20b/c"],
    ['urlencode (dict q="a b")', "q=a+b"],
  ],
  urldecode: [['urldecode "a%20b"', "a b"]],
  urlsplit: [['urlsplit "http://example.com:8080/x" "port"', 8080]],
  is_uri: [['is_uri "urn:isbn:1"', true]],
  is_url: [['is_url "urn:isbn:1"', false]],
  is_urn: [['is_urn "urn:isbn:1"', true]],
  to_uuid: [["to_uuid name", "1ceeeb77-29cd-55e2-8b45-3dc51b7bf384"]],
  // addresses and networks
  ipaddr: [
    ['ipaddr "192.168.0.10/24" "network"', "192.168.0.0"],
    ['ipaddr "192.168.0.0/24" 1', "192.168.0.1/24"],
    ['ipaddr "not an address"', false],
    ['ipaddr (array "10.0.0.1" "x" "::1")', ["10.0.0.1", "::1"]],
  ],
  ipv4: [['ipv4 (array "10.0.0.1" "::1")', ["10.0.0.1"]]],
  ipv6: [['ipv6 (array "10.0.0.1" "::1")', ["::1"]]],
  ipwrap: [['ipwrap "fe80::1"', "[fe80::1]"]],
  ipsubnet: [
    ['ipsubnet "10.0.0.0/16" 24', 256],
    ['ipsubnet "10.0.0.0/16" 24 3', "10.0.3.0/24"],
  ],
  nthhost: [['nthhost "10.0.0.0/8" 305', "10.0.1.49"]],
  next_nth_usable: [['next_nth_usable "192.168.122.1/24" 2', "192.168.122.3"]],
  previous_nth_usable: [['previous_nth_usable "192.168.122.10/24" 2', "192.168.122.8"]],
  network_in_usable: [['network_in_usable "10.0.0.0/24" "10.0.0.255"', false]],
  network_in_network: [['network_in_network "10.0.0.0/24" "10.0.0.255"', true]],
  reduce_on_network: [['reduce_on_network (array "10.0.0.1" "10.1.0.1") "10.0.0.0/24"', ["10.0.0.1"]]],
  cidr_merge: [['cidr_merge (array "10.0.0.0/25" "10.0.0.128/25")', ["10.0.0.0/24"]]],
  ipmath: [['ipmath "10.0.0.255" 1', "10.0.1.0"]],
  ip4_hex: [['ip4_hex "192.168.1.1"', "c0a80101"]],
  hwaddr: [['hwaddr "1a:2b:3c:4d:5e:6f" "cisco"', "1a2b.3c4d.5e6f"]],
  macaddr: [['macaddr "no address"', false]],
  slaac: [['slaac "fd00::/64" "1a:2b:3c:4d:5e:6f"', "fd00::182b:3cff:fe4d:5e6f"]],
  // dates
  now: [['length (now fmt="%F")', 10]],
  strftime: [['strftime "%Y-%m-%d %H:%M" 0 utc=true', "1970-01-01 00:00"]],
  to_datetime: [['to_datetime "2026-05-01T00:00:00Z" "%Y-%m-%dT%H:%M:%S%z"', 1777593600]],
  // choices by a seed
  random: [["random 60 seed=name", 10]],
  shuffle: [["shuffle (range 5) seed=name", [4, 3, 2, 0, 1]]],
  // the controller
  env: [['env "NOT_SET_ANYWHERE" "none"', "none"]],
  file: [['file "motd"', "Welcome"]],
  vault: [['truncate (vault text "correct horse" "salt") 46', "$ANSIBLE_VAULT;1.2;AES256;filter_default\n37..."]],
  vault_encrypted: [['vault_encrypted (vault text "correct horse")', true]],
  unvault: [['unvault (vault text "correct horse") "correct horse"', "Hello, World"]],
  template: [['template "greeting.hbs"', "Hello web\n"]],
  pipe: [['pipe "echo hello"', "hello"]],
  lines: [["lines \"printf 'a\\nb\\n'\"", ["a", "b"]]],
  fileglob: [['map (fileglob "keys/*.pub") "basename"', ["ann.pub", "joe.pub"]]],
  first_found: [['basename (first_found (array "missing" "motd"))', "motd"]],
  csvfile: [['csvfile "joe" "users.csv" delimiter="," col=1', "1000"]],
  ini: [['ini "port" "app.ini" section="server"', "8080"]],
  expanduser: [['expanduser "~root/x"', "/root/x"]],
  expandvars: [['expandvars "$NOT_SET_ANYWHERE"', "$NOT_SET_ANYWHERE"]],
  realpath: [['realpath "/proc/../etc/passwd"', "/etc/passwd"]],
  exists: [['exists "/nowhere"', false]],
  is_file: [['is_file "/etc/passwd"', true]],
  is_dir: [['is_dir "/etc"', true]],
  is_link: [['is_link "/proc/self"', true]],
  link_exists: [['link_exists "/nowhere"', false]],
  is_mount: [['is_mount "/proc"', true]],
  is_same_file: [['is_same_file "/etc" "/etc/."', true]],
};
