// Options of ansible-playbook and ansible that crun has not, and what it has instead.

const inventory = "How a host is reached stands in the inventory";

/** By the option as it is written, without a value. */
const answers: Readonly<Record<string, string>> = {
  "--become-password-file": `${inventory}: crun_become_password, from a vault file; or -K asks for it.`,
  "--become-pass-file": `${inventory}: crun_become_password, from a vault file; or -K asks for it.`,
  "--connection-password-file": "Use a key (crun_identity); or -k asks for the login's password.",
  "--conn-pass-file": "Use a key (crun_identity); or -k asks for the login's password.",
  "--connection": `${inventory}: local is this machine, everything else is reached over SSH. --entry chooses how trees are entered.`,
  "-c": `${inventory}: local is this machine, everything else is reached over SSH. --entry chooses how trees are entered.`,
  "--private-key": `${inventory}: crun_identity=FILE, or -e crun_identity=FILE. ~/.ssh/config (IdentityFile) and the agent are used, too.`,
  "--key-file": `${inventory}: crun_identity=FILE, or -e crun_identity=FILE. ~/.ssh/config (IdentityFile) and the agent are used, too.`,
  "--ssh-common-args":
    "crun speaks SSH itself and reads ~/.ssh/config: write HostName, Port, User, ProxyJump, IdentityFile there.",
  "--ssh-extra-args":
    "crun speaks SSH itself and reads ~/.ssh/config: write HostName, Port, User, ProxyJump, IdentityFile there.",
  "--sftp-extra-args": "crun needs no sftp: files travel over the one connection.",
  "--scp-extra-args": "crun needs no scp: files travel over the one connection.",
  "--ask-vault-password": "Write --ask-vault-pass.",
  "--inventory-file": "Write -i FILE.",
  "--timeout": "Write --connect-timeout SECONDS.",
  "-T": "Write --connect-timeout SECONDS.",
  "--module-path": "crun has its own modules: `crun doc` lists them.",
  "-M": "crun has its own modules: `crun doc` lists them.",
  "--playbook-dir": "Paths begin at the playbook's directory.",
  "--module-name":
    "One command on many targets: crun exec PATTERN -- COMMAND. Everything else is a task of a playbook.",
  "-m": "One command on many targets: crun exec PATTERN -- COMMAND. Everything else is a task of a playbook.",
  "--args": "One command on many targets: crun exec PATTERN -- COMMAND. Everything else is a task of a playbook.",
  "-a": "One command on many targets: crun exec PATTERN -- COMMAND. Everything else is a task of a playbook.",
  "--one-line": "crun exec shows each target's lines behind its name; crun play --output json is for programs.",
  "-o": "crun exec shows each target's lines behind its name; crun play --output json is for programs.",
  "--tree": "crun play --output json writes each result as a line of JSON.",
  "--background": "Write async: and poll: in the task.",
  "-B": "Write async: and poll: in the task.",
  "--poll": "Write async: and poll: in the task.",
  "-P": "Write async: and poll: in the task.",
  "--task-timeout": "Write timeout: in the task.",
};

/** What to do instead of an option that crun has not; undefined: it is none of Ansible's. */
export function answerFor(option: string): string | undefined {
  const name = option.replace(/=.*$/s, "");
  return Object.hasOwn(answers, name) ? answers[name] : undefined;
}

/** The options that have an answer. */
export const answeredOptions: readonly string[] = Object.keys(answers);
