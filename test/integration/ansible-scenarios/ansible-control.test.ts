// Ansible itself on the scenarios of the modules that touch no tree.

import { compareWithAnsible } from "./ansible.js";

for (const module of ["assert", "debug", "fail", "set_fact"]) compareWithAnsible(module);
