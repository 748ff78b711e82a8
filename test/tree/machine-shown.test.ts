// What systemd and machined tell of a host's machines, read into rows.

import assert from "node:assert/strict";
import { readImages } from "../../src/tree/machine/images.js";
import { listedMachines, namesIn } from "../../src/tree/machine/shown.js";
import { dropInText } from "../../src/tree/machine/unit.js";

const web = "systemd-nspawn@web1.service";
const registered = `# This is private data. Do not parse.\nNAME=web1\nSCOPE=${web}\nROOT=/var/lib/machines/web1\nLEADER=170\n`;
const show = `StatusText=Container running: Ready.
MemoryCurrent=32788480
TasksCurrent=5
CPUQuotaPerSecUSec=1.500s
MemoryMax=infinity
TasksMax=16384
Id=${web}
ActiveState=active
UnitFileState=enabled
ActiveEnterTimestamp=Mon 2026-11-30 02:17:29.477560 UTC

StatusText=
MemoryCurrent=[not set]
TasksMax=16384
Id=systemd-nspawn@far.service
ActiveState=failed
UnitFileState=disabled
ActiveEnterTimestamp=
`;
const machined = `[{"machine":"web1","class":"container","os":"debian","version":"12","addresses":"10.0.0.2\\nfe80::1…"},{"machine":"other"}]`;

describe("machines of a host", () => {
  it("are named by their settings, links, drop-ins and registrations, each once", () => {
    const paths = [
      "/etc/systemd/nspawn/b.nspawn",
      `/etc/systemd/system/machines.target.wants/${web}`,
      "/etc/systemd/system/systemd-nspawn@b.service",
      "web1",
      `unit:${web}`,
      "/etc/systemd/nspawn/..nspawn",
    ];
    assert.deepEqual(namesIn(paths), ["b", "web1"]);
  });

  it("are read of what runs, and of what is off", () => {
    const elsewhere = {
      directory: "/srv/50% $ and blanks/far",
      template: "[Service]\nExecStart=systemd-nspawn --boot\n",
    };
    const dropIn = dropInText({ limits: {}, devices: [], elsewhere });
    assert.ok("text" in dropIn);
    const texts = [
      { name: "far", registered: undefined, dropIn: dropIn.text },
      { name: "web1", registered, dropIn: undefined },
    ];
    const [far, running] = listedMachines(texts, show, machined);
    assert.deepEqual(running, {
      name: "web1",
      unit: web,
      path: "/var/lib/machines/web1",
      state: "running",
      says: "Ready.",
      isEnabled: true,
      leader: 170,
      addresses: ["10.0.0.2", "fe80::1…"],
      os: "debian 12",
      since: "2026-11-30T02:17:29Z",
      memory: 32788480,
      memoryMax: undefined,
      tasks: 5,
      tasksMax: 16384,
      cpuMax: 150,
    });
    assert.deepEqual(
      [far?.path, far?.state, far?.leader, far?.since, far?.memory, far?.isEnabled],
      ["/srv/50% $ and blanks/far", "failed", undefined, undefined, undefined, false],
    );
  });

  it("are known by their files alone where the programs say nothing", () => {
    const [one] = listedMachines(
      [{ name: "x", registered: "NAME=x\nSCOPE=machine-x.scope\nLEADER=9\nROOT=/x\n", dropIn: undefined }],
      "",
      "No machines.",
    );
    assert.deepEqual([one?.unit, one?.state, one?.path, one?.os], ["machine-x.scope", "running", "/x", undefined]);
  });

  it("have images, as machinectl tells of them", () => {
    const json = `[{"name":"a","type":"subvolume","ro":true,"usage":4096,"created":1796005038000000,"modified":0},{"type":"raw"},null]`;
    assert.deepEqual(readImages(json), [
      {
        name: "a",
        type: "subvolume",
        isReadOnly: true,
        usage: 4096,
        createdAt: "2026-11-30T02:17:18Z",
        modifiedAt: undefined,
      },
    ]);
    assert.equal(readImages("No images."), undefined);
  });
});
