// Variables that are passwords of connections, crun's names and Ansible's: whoever reads them has a secret.

export const loginPasswords = [
  "crun_password",
  "ansible_password",
  "ansible_ssh_pass",
  "ansible_ssh_password",
] as const;
export const becomePasswords = ["crun_become_password", "ansible_become_password", "ansible_become_pass"] as const;

/** All of them. */
export const passwordVariables: ReadonlySet<string> = new Set([...loginPasswords, ...becomePasswords]);
