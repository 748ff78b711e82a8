// Ansible itself on the scenarios of the modules that run programs, and of those that touch no tree.

import { compareWithAnsible } from "./ansible.js";

for (const module of ["command", "shell", "script", "assert", "debug", "fail", "set_fact"]) compareWithAnsible(module);
