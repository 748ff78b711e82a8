// What crun's modules do to the files of a tree, each as a task on a given path.

import type { Task } from "../integration/crun-tasks.js";

/** Tasks that look at a path or change what is there. Each names itself. `/srv/own` (a file) must be in the tree. */
export function fileTasks(path: string): readonly Task[] {
  const tasks: readonly (readonly [string, Task])[] = [
    ["stat", { stat: { path, follow: true, get_checksum: true } }],
    ["stat the link", { stat: { path } }],
    ["wait_for", { wait_for: { path, search_regex: "nothing of this", timeout: 1 }, check_mode: true }],
    ["copy", { copy: { dest: path, content: "crun's\n", force: true } }],
    ["copy from it", { copy: { src: path, dest: "/srv/copied", remote_src: true } }],
    ["copy with owner", { copy: { dest: path, content: "crun's too\n", mode: "0666", owner: "1000" } }],
    ["backup", { copy: { dest: path, content: "crun's 3\n", backup: true } }],
    ["copy over it in place", { copy: { dest: path, content: "crun's 4\n", unsafe_writes: true } }],
    ["lineinfile", { lineinfile: { path, line: "crun's line", create: true } }],
    ["blockinfile", { blockinfile: { path, block: "crun's block", create: true } }],
    ["template", { template: { dest: path, src: "t.hbs" } }],
    ["touch", { file: { path, state: "touch" } }],
    ["mode", { file: { path, mode: "0777", follow: true } }],
    ["owner", { file: { path, owner: "1000", group: "1000", follow: true } }],
    ["owner of the link", { file: { path, owner: "1000", follow: false } }],
    ["attributes", { file: { path, attributes: "+d" } }],
    ["times", { file: { path, modification_time: "202001010000.00", access_time: "202001010000.00" } }],
    ["hard link to it", { file: { path: "/srv/hard", src: path, state: "hard", force: true } }],
    ["recursive", { file: { path, state: "directory", recurse: true, owner: "1000", mode: "0777" } }],
    ["directory", { file: { path, state: "directory", mode: "0777" } }],
    ["directories", { file: { path: `${path}/made/deeper`, state: "directory" } }],
    ["files into it", { copy: { src: "files/", dest: path } }],
    ["a file into it", { copy: { dest: `${path}/new`, content: "crun's\n" } }],
    ["link in it", { file: { path: `${path}/link`, src: "/srv/own", state: "link", force: true } }],
    ["copy of what is in it", { copy: { src: `${path}/`, dest: "/srv/copies", remote_src: true } }],
    ["hard link over it", { file: { path, src: "/srv/own", state: "hard", force: true } }],
    ["link over it", { file: { path, src: "/srv/own", state: "link", force: true } }],
    ["absent", { file: { path, state: "absent" } }],
  ];
  return tasks.map(([name, task]) => ({ name: `${name} ${path}`, ...task }));
}

/** What the tasks read on the controller. */
export const controllerFiles: Readonly<Record<string, string>> = {
  "t.hbs": "a template\n",
  "files/one": "1\n",
  "files/sub/two": "2\n",
};
