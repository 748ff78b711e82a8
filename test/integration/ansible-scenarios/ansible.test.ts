// Ansible itself on the scenarios of the modules that write files, but copy.

import { compareWithAnsible } from "./ansible.js";

for (const module of ["file", "template", "lineinfile", "blockinfile", "stat"]) compareWithAnsible(module);
