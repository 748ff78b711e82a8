// Packages of Debian and its kin, through the tree's apt.

import { aptProblem, observeApt, observeAptMore } from "../src/facts/apt-look.js";
import { aptParams, aptReturns, aptRules } from "../src/facts/apt-params.js";
import { planApt } from "../src/facts/apt-plan.js";
import { defineModule } from "../src/module/contract.js";

export default defineModule({
  name: "apt",
  summary: "Installs, upgrades and removes packages with the tree's apt",
  doc:
    "What is installed is read from dpkg's status; apt is only asked about what is missing, and about versions. Nothing of Python is needed. " +
    "In a tree that is not booted no service is started: maintainer scripts find shims before invoke-rc.d, start-stop-daemon and their like, in a directory outside the tree, so that nothing is left behind. " +
    "A name that is provided by an installed package counts as installed.",
  params: aptParams,
  rules: aptRules,
  returns: aptReturns,
  examples: [
    {
      title: "A package, with lists not older than an hour",
      yaml: "apt:\n  name: nginx\n  update_cache: true\n  cache_valid_time: 3600",
    },
    { title: "Several, without recommended ones", yaml: "apt:\n  name: [git, curl]\n  install_recommends: false" },
    { title: "A version", yaml: "apt:\n  name: nginx=1.22.*" },
    { title: "The newest of a package", yaml: "apt:\n  name: openssl\n  state: latest" },
    {
      title: "No such package, nor its configuration",
      yaml: "apt:\n  name: exim4\n  state: absent\n  purge: true\n  autoremove: true",
    },
    { title: "Everything up to date", yaml: "apt:\n  upgrade: dist\n  update_cache: true" },
    { title: "A file", yaml: "apt:\n  deb: /srv/packages/tool_1.0_all.deb" },
  ],
  check: (wanted) => aptProblem(wanted),
  observe: (wanted) => observeApt(wanted),
  observeMore: (wanted, seen) => observeAptMore(wanted, seen),
  plan: (wanted, seen, context) => planApt(wanted, seen, context),
});
