// Ansible itself on the scenarios of copy, which take it longest.

import { compareWithAnsible } from "./ansible.js";

compareWithAnsible("copy");
