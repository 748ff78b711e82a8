// What a .nspawn file can say (systemd.nspawn(5)): sections, keys, words.

/** Keys by section, of systemd 226 to 257. */
export const nspawnKeys: Readonly<Record<string, readonly string[]>> = {
  Exec: [
    "Boot",
    "Ephemeral",
    "ProcessTwo",
    "Parameters",
    "Environment",
    "User",
    "WorkingDirectory",
    "PivotRoot",
    "Capability",
    "DropCapability",
    "AmbientCapability",
    "NoNewPrivileges",
    "KillSignal",
    "Personality",
    "MachineID",
    "PrivateUsers",
    "NotifyReady",
    "SystemCallFilter",
    "LimitCPU",
    "LimitFSIZE",
    "LimitDATA",
    "LimitSTACK",
    "LimitCORE",
    "LimitRSS",
    "LimitNOFILE",
    "LimitAS",
    "LimitNPROC",
    "LimitMEMLOCK",
    "LimitLOCKS",
    "LimitSIGPENDING",
    "LimitMSGQUEUE",
    "LimitNICE",
    "LimitRTPRIO",
    "LimitRTTIME",
    "OOMScoreAdjust",
    "CPUAffinity",
    "Hostname",
    "ResolvConf",
    "Timezone",
    "LinkJournal",
    "SuppressSync",
  ],
  Files: [
    "ReadOnly",
    "Volatile",
    "Bind",
    "BindReadOnly",
    "BindUser",
    "BindUserShell",
    "TemporaryFileSystem",
    "Inaccessible",
    "Overlay",
    "OverlayReadOnly",
    "PrivateUsersOwnership",
  ],
  Network: [
    "Private",
    "VirtualEthernet",
    "VirtualEthernetExtra",
    "Interface",
    "MACVLAN",
    "IPVLAN",
    "Bridge",
    "Zone",
    "Port",
  ],
};

/** capabilities(7), without CAP_. */
export const capabilityNames: readonly string[] = [
  ..."AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE".split(" "),
  ..."DAC_READ_SEARCH FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE".split(" "),
  ..."MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID".split(" "),
  ..."SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE".split(" "),
  ..."SYS_TIME SYS_TTY_CONFIG SYSLOG WAKE_ALARM".split(" "),
];

export const resolvConfWords = [
  "off",
  "copy-host",
  "copy-static",
  "copy-uplink",
  "copy-stub",
  "replace-host",
  "replace-static",
  "replace-uplink",
  "replace-stub",
  "bind-host",
  "bind-static",
  "bind-uplink",
  "bind-stub",
  "delete",
  "auto",
] as const;

export const timezoneWords = ["off", "copy", "bind", "symlink", "delete", "auto"] as const;

export const linkJournalWords = ["no", "host", "try-host", "guest", "try-guest", "auto"] as const;

export const ownershipWords = ["off", "chown", "map", "auto"] as const;
