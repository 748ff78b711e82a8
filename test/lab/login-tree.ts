// A tree of a login's own in which busybox is all that runs, for tests without root.
import {
  chmodSync,
  chownSync,
  copyFileSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Login } from "./login.js";

const directories =
  "bin dev etc/systemd/system home lib proc root run srv tmp usr/bin usr/lib/systemd/system var/lib/apt/lists".split(
    " ",
  );
const applets = "cat chown echo id ls mkdir rm sh sleep stat test touch true".split(" ");

/** Makes it (busybox, accounts root and app, a unit `x`, an apt that does nothing), all of it the login's. */
export function loginTree(path: string): string {
  for (const directory of directories) mkdirSync(join(path, directory), { recursive: true });
  chmodSync(join(path, "tmp"), 0o1777);
  copyFileSync("/bin/busybox", join(path, "bin/busybox"));
  for (const applet of applets) symlinkSync("busybox", join(path, "bin", applet));
  const write = (name: string, text: string): void => writeFileSync(join(path, name), text);
  write("etc/passwd", "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\n");
  write("etc/group", "root:x:0:\napp:x:1000:\n");
  write("etc/shadow", "root:*:1::::::\n");
  write("usr/lib/systemd/system/x.service", "[Service]\nExecStart=/x\n[Install]\nWantedBy=multi-user.target\n");
  for (const name of ["apt-get", "apt-cache", "dpkg-query"]) {
    write(join("usr/bin", name), "#!/bin/sh\nexit 0\n");
    chmodSync(join(path, "usr/bin", name), 0o755);
  }
  give(path);
  return path;
}

/** All that lies there becomes the login's. */
export function give(path: string): void {
  chownSync(path, Login.uid, Login.uid);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const below = join(path, entry.name);
    if (entry.isDirectory()) give(below);
    else lchownSync(below, Login.uid, Login.uid);
  }
}
