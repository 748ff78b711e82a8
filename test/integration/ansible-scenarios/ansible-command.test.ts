// Ansible itself on the scenarios of the modules that run programs.

import { compareWithAnsible } from "./ansible.js";

for (const module of ["command", "shell", "script"]) compareWithAnsible(module);
