// Ansible itself on one half of the scenarios of copy, which take it longest.

import { compareWithAnsible } from "./ansible.js";

compareWithAnsible("copy", { index: 0, count: 2 });
