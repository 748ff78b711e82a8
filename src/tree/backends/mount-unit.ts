// Units of systemd that mount overlays again when the host starts.

import type { Change } from "../../module/change.js";
import { contentOf } from "../../module/content.js";
import { hostProgram } from "../program.js";
import { overlayOptions, type Layers } from "./layers.js";

const directory = "/etc/systemd/system";

/** As `systemd-escape --path --suffix=mount` has it. */
export function mountUnitName(path: string): string {
  const plain = path.replace(/^\/+|\/+$/g, "").replace(/\/+/g, "/");
  if (plain === "") return "-.mount";
  const escaped = [...Buffer.from(plain)].map((byte, index) => {
    const char = String.fromCharCode(byte);
    if (char === "/") return "-";
    const isPlain = /[A-Za-z0-9:_.]/.test(char) && !(char === "." && index === 0);
    return isPlain ? char : `\\x${byte.toString(16).padStart(2, "0")}`;
  });
  return `${escaped.join("")}.mount`;
}

/** The overlay is mounted at each start. */
export function keptMount(path: string, layers: Layers): readonly Change[] {
  const own = mountUnitName(path);
  const content = contentOf(unitText(path, "overlay", "overlay", overlayOptions(layers), [layers.path, layers.lower]));
  const unit = { path: `${directory}/${own}`, content, mode: 0o644, uid: 0, gid: 0 };
  return [
    { kind: "writeFile", ...unit, expect: {} },
    hostProgram({ argv: ["systemctl", "--quiet", "enable", "--", own] }),
  ];
}

/** The unit that makes a base read-only at each start. */
export function holdUnit(path: string): string {
  return unitText(path, path, "none", "bind,ro", []);
}

export function holdUnitPath(path: string): string {
  return `${directory}/${mountUnitName(path)}`;
}

export function keptNoLonger(path: string): readonly Change[] {
  const own = mountUnitName(path);
  const script = '! [ -e "$1" ] || { systemctl --quiet disable -- "$2"; rm -f -- "$1"; }';
  return [hostProgram({ argv: ["sh", "-c", script, "systemctl", `${directory}/${own}`, own] })];
}

/** `%` begins a specifier, a backslash an escape. */
function quoted(text: string): string {
  return text.replaceAll("%", "%%").replaceAll("\\", "\\\\");
}

function unitText(where: string, what: string, type: string, options: string, needs: readonly string[]): string {
  return [
    "# Made by crun, which removes it with the tree.",
    "[Unit]",
    `Description=Tree ${quoted(where)}`,
    ...(needs.length === 0 ? [] : [`RequiresMountsFor=${needs.map(quoted).join(" ")}`]),
    "",
    "[Mount]",
    `What=${quoted(what)}`,
    `Where=${quoted(where)}`,
    `Type=${type}`,
    `Options=${quoted(options)}`,
    "",
    "[Install]",
    "WantedBy=local-fs.target",
    "",
  ].join("\n");
}
