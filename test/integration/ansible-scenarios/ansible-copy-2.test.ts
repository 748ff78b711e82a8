// Ansible itself on the other half of the scenarios of copy.

import { compareWithAnsible } from "./ansible.js";

compareWithAnsible("copy", { index: 1, count: 2 });
