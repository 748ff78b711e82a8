// Ansible itself on the scenarios of all modules but copy.

import { compareWithAnsible } from "./ansible.js";

for (const module of ["file", "template", "lineinfile", "blockinfile", "stat"]) compareWithAnsible(module);
