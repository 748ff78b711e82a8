#!/bin/bash
# The lab host: a Debian VM under qemu with systemd as PID 1, cgroup v2, machined, sshd, sudo and two nspawn machines.
# usage: vm.sh build | up DIR | run DIR | down DIR | ssh DIR [CMD…]
#   build  makes the disk, boots it once and saves the running machine in the cache (a minute and a half, then nothing)
#   up     starts a copy of the saved machine in the background; DIR holds its keys, ssh_config, log and pid (3 s)
#   run    the same in the foreground; ends with the process that started it
#   down   ends it; nothing of it is kept
# Logins by key: root, admin (sudo without password), pwadmin (sudo with password "lab pass").
# /var/lib/machines is btrfs. Machines in it: m1, which runs, and m2, which does not and has a user namespace. /srv/machine.tar is a tree that boots.
. "$(dirname "$0")/common.sh"

readonly host_packages=systemd,systemd-sysv,dbus,libpam-systemd,udev,kmod,iproute2,openssh-server,sudo,systemd-container,uidmap,btrfs-progs,criu
readonly memory_mib=2048
readonly trimmed="usr/share/doc usr/share/man usr/share/locale usr/share/info var/cache/apt var/lib/apt/lists"

# build_initrd KERNEL_TREE VERSION OUTPUT: busybox and the two drivers between the kernel and its disk.
build_initrd() {
  local kernel=$1 version=$2 output=$3 root module
  root=$(mktemp -d)
  mkdir -p "$root"/{bin,dev,proc,new,lib}
  cp "$kernel/bin/busybox" "$root/bin/busybox"
  # insmod needs them in this order
  for module in virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk; do
    find "$kernel/lib/modules/$version" -name "$module.ko" -exec cp {} "$root/lib/" \;
  done
  cat >"$root/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs devtmpfs /dev
for module in virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk; do
  [ ! -e "/lib/$module.ko" ] || /bin/busybox insmod "/lib/$module.ko"
done
/bin/busybox mount -t ext4 -o ro /dev/vda /new
/bin/busybox mount --move /dev /new/dev
exec /bin/busybox switch_root /new /sbin/init
INIT
  chmod +x "$root/init"
  (cd "$root" && find . | ./bin/busybox cpio -o -H newc 2>/dev/null >"$output")
  rm -rf "$root"
}

# Kernel image, modules and a static busybox, unpacked from their packages; nothing is installed on this machine.
kernel_files() {
  local directory=$1 package
  package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ { print $2; exit }')
  mkdir -p "$directory"
  # as root, apt would rather download as _apt, who may not write here
  (cd "$directory" && apt-get -qq -o APT::Sandbox::User=root download "$package" busybox-static)
  for archive in "$directory"/*.deb; do
    dpkg-deb -x "$archive" "$directory"
    rm "$archive"
  done
}

configure_machine() { # TREE NAME
  local tree=$1 name=$2
  echo "$name" >"$tree/etc/hostname"
  echo "127.0.0.1 localhost $name" >"$tree/etc/hosts"
  head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$tree/etc/machine-id"
  echo >>"$tree/etc/machine-id"
  for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer \
    getty@tty1.service serial-getty@ttyS0.service getty.target console-getty.service e2scrub_reap.service systemd-pstore.service; do
    ln -sf /dev/null "$tree/etc/systemd/system/$unit"
  done
}

# They are all started whenever systemd reads its units, at each daemon-reload.
mask_generators() { # TREE [KEPT]
  local path
  mkdir -p "$1/etc/systemd/system-generators"
  for path in "$1"/lib/systemd/system-generators/*; do
    [ "$(basename "$path")" = "${2:-}" ] || ln -sf /dev/null "$1/etc/systemd/system-generators/$(basename "$path")"
  done
}

configure_host() { # TREE
  local tree=$1
  configure_machine "$tree" lab
  # on a busy machine udev may take longer than systemd waits, which would end in emergency mode
  printf '/dev/vda / ext4 rw,noatime 0 0\n/dev/vdb /var/lib/machines btrfs rw,noatime,x-systemd.device-timeout=600 0 0\n' >"$tree/etc/fstab"
  printf '[Match]\nName=eth0\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\n' \
    >"$tree/etc/systemd/network/10-lab.network"
  mask_generators "$tree" systemd-fstab-generator
  chroot "$tree" systemctl --quiet enable systemd-networkd.service
  chroot "$tree" systemctl --quiet disable systemd-networkd-wait-online.service
  # what is started at each login to say what uname says takes a sixth of a login
  rm "$tree"/etc/update-motd.d/*
  local user
  for user in admin pwadmin; do
    chroot "$tree" useradd --create-home --shell /bin/bash "$user"
  done
  echo "pwadmin:lab pass" | chroot "$tree" chpasswd --crypt-method SHA512
  echo "admin ALL=(ALL:ALL) NOPASSWD: ALL" >"$tree/etc/sudoers.d/admin"
  echo "pwadmin ALL=(ALL:ALL) ALL" >"$tree/etc/sudoers.d/pwadmin"
  chmod 440 "$tree/etc/sudoers.d/admin" "$tree/etc/sudoers.d/pwadmin"
  mkdir -p "$tree/etc/systemd/nspawn" "$tree/var/lib/machines"
  chmod 700 "$tree/var/lib/machines"
  printf '[Exec]\nPrivateUsers=no\n[Network]\nVirtualEthernet=no\n' >"$tree/etc/systemd/nspawn/m1.nspawn"
  chroot "$tree" systemctl --quiet enable systemd-nspawn@m1.service machines.target
  printf '[Exec]\nPrivateUsers=pick\n[Network]\nVirtualEthernet=no\n' >"$tree/etc/systemd/nspawn/m2.nspawn"
}

trim() { # TREE
  local path
  for path in $trimmed; do find "$1/$path" -mindepth 1 -delete; done
}

# criu comes with Python scripts that nobody needs here, and crun needs no Python on a host.
remove_python() { # TREE
  rm -rf "$1"/usr/bin/python3* "$1"/usr/lib/python3*
}

# build_machines TREE DIRECTORY IMAGE ARCHIVE: the btrfs that is the host's /var/lib/machines, with subvolumes m1 and m2; and the tree as an archive.
build_machines() {
  local tree=$1 directory=$2 image=$3 archive=$4 unit
  mkdir "$directory"
  truncate -s 8G "$image"
  mkfs.btrfs --quiet "$image" >/dev/null
  mount -o loop,noatime "$image" "$directory"
  chmod 700 "$directory"
  btrfs --quiet subvolume create "$directory/m1"
  cp -a "$tree/." "$directory/m1"
  trim "$directory/m1"
  mask_generators "$directory/m1"
  configure_machine "$directory/m1" m1
  btrfs --quiet subvolume snapshot "$directory/m1" "$directory/m2"
  configure_machine "$directory/m2" m2
  btrfs --quiet subvolume snapshot "$directory/m1" "$directory/base"
  configure_machine "$directory/base" base
  # many of it start at once on an emulated processor
  for unit in systemd-{logind,sysctl,sysusers,journal-flush,update-utmp,update-utmp-runlevel,tmpfiles-setup-dev}.service \
    dev-hugepages.mount dev-mqueue.mount sys-fs-fuse-connections.mount systemd-tmpfiles-clean.timer; do
    ln -sf /dev/null "$directory/base/etc/systemd/system/$unit"
  done
  ln -sf /lib/systemd/system/multi-user.target "$directory/base/etc/systemd/system/default.target"
  mkdir -p "$directory/base/etc/systemd/system.conf.d"
  printf '[Manager]\nShowStatus=no\nLogLevel=warning\n' >"$directory/base/etc/systemd/system.conf.d/quiet.conf"
  tar -C "$directory/base" -cf "$archive" .
  btrfs --quiet subvolume delete "$directory/base"
  umount "$directory"
}

authorize() { # TREE PUBLIC_KEY_FILE
  local user home
  for user in root admin pwadmin; do
    home=$(awk -F: -v user="$user" '$1 == user { print $6 }' "$1/etc/passwd")
    mkdir -p "$1$home/.ssh"
    cp "$2" "$1$home/.ssh/authorized_keys"
    chmod 700 "$1$home/.ssh"
    chroot "$1" chown -R "$user:" "$home/.ssh"
  done
}

# qemu_command IMAGE_DIR DIR PORT SNAPSHOT EXTRA… sets the array `qemu`. Only the forwarded port leads in, and nothing leads out.
# One processor: two emulated ones that wait for each other take half as much again for the same work. A plain one: what newer ones save at each
# change of programs costs an emulator more. Programs lie where they always lie (norandmaps): what was translated of them serves again, half of all.
qemu_command() {
  local image=$1 dir=$2 port=$3 snapshot=$4
  shift 4
  qemu=(qemu-system-x86_64 -name crun-lab -nodefaults -no-user-config -display none -no-reboot
    -machine q35,usb=off,vmport=off -accel tcg,thread=multi -cpu qemu64 -smp 1 -m "$memory_mib"
    -kernel "$image/vmlinuz" -initrd "$image/initrd"
    -append "root=/dev/vda console=ttyS0 panic=-1 no_timer_check quiet net.ifnames=0 mitigations=off tsc=reliable systemd.show_status=false audit=0 norandmaps 8250.nr_uarts=1"
    -drive "file=$image/disk.img,if=virtio,format=raw,snapshot=$snapshot,cache=unsafe"
    -drive "file=$image/machines.img,if=virtio,format=raw,snapshot=$snapshot,cache=unsafe"
    -netdev "user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:$port-:22"
    -device virtio-net-pci,netdev=net0,romfile=
    -device virtio-rng-pci
    -serial "file:$dir/serial.log" "$@")
}

free_port() {
  node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'
}

# write_client_files IMAGE_DIR DIR PORT: what an SSH client needs to come in.
write_client_files() {
  local image=$1 dir=$2 port=$3 user
  cp "$image/id" "$image/id.pub" "$dir/"
  chmod 600 "$dir/id"
  echo "$port" >"$dir/port"
  awk -v port="$port" '{ print "[127.0.0.1]:" port, $1, $2 }' "$image/host_key.pub" >"$dir/known_hosts"
  for user in root admin pwadmin; do
    printf 'Host lab-%s\n  HostName 127.0.0.1\n  Port %s\n  User %s\n  IdentityFile %s\n' \
      "$user" "$port" "$user" "$dir/id"
    printf '  IdentitiesOnly yes\n  UserKnownHostsFile %s\n  BatchMode yes\n' "$dir/known_hosts"
  done >"$dir/ssh_config"
}

lab_ssh() { # DIR CMD…
  local dir=$1
  shift
  ssh -F "$dir/ssh_config" -o ConnectTimeout="${connect_timeout:-30}" lab-root "$@"
}

wait_for_ssh() { # DIR SECONDS PID
  local end=$((SECONDS + $2)) connect_timeout=2
  until lab_ssh "$1" true 2>"$1/ssh.log"; do
    if ! kill -0 "$3" 2>/dev/null || [ "$SECONDS" -ge "$end" ]; then
      echo "the lab host does not answer; its last words:" >&2
      tail -n 20 "$1/serial.log" "$1/qemu.log" "$1/ssh.log" >&2 || true
      return 1
    fi
    # on a busy machine an answer may take longer than a moment
    connect_timeout=$((connect_timeout < 16 ? connect_timeout * 2 : 16))
    sleep 0.3
  done
}

# Boots the disk once, lets it settle, and writes the running machine to IMAGE_DIR/state.
save_state() {
  local image=$1 dir port pid
  dir=$(mktemp -d)
  port=$(free_port)
  write_client_files "$image" "$dir" "$port"
  mkfifo "$dir/monitor.in" "$dir/monitor.out"
  qemu_command "$image" "$dir" "$port" off -monitor "pipe:$dir/monitor"
  "${qemu[@]}" >"$dir/qemu.log" 2>&1 &
  pid=$!
  cat "$dir/monitor.out" >"$dir/monitor.log" &
  exec 8>"$dir/monitor.in"
  if ! wait_for_ssh "$dir" 300 "$pid"; then
    kill "$pid"
    return 1
  fi
  lab_ssh "$dir" 'systemctl is-system-running --wait; systemctl list-units --failed --no-legend
    for try in $(seq 300); do systemd-run -q -M m1 --wait -P true 2>/dev/null && break; sleep 0.2; done
    systemd-run -q -M m1 --wait -P systemctl is-system-running --wait; sync' >"$dir/settled" || true
  if [ "$(cat "$dir/settled")" != "$(printf 'running\nrunning')" ]; then
    echo "the lab host did not settle: $(cat "$dir/settled")" >&2
    kill "$pid"
    return 1
  fi
  printf 'migrate_set_parameter max-bandwidth 4G\nmigrate "exec:cat > %s"\nquit\n' "$image/state" >&8
  wait "$pid"
  exec 8>&-
  [ -s "$image/state" ]
  rm -rf "$dir"
}

# Prints the directory of the built image.
build() {
  local cache key final work base version
  cache=$(cache_dir)
  mkdir -p "$cache"
  key=$({ cat "$0" "$(dirname "$0")/common.sh"; qemu-system-x86_64 --version; } | sha256sum | cut -c1-12)
  final=$cache/vm-$key
  if [ ! -d "$final" ]; then
    (
      flock 9
      [ ! -d "$final" ] || exit 0
      work=$(mktemp -d "$cache/building-vm.XXXXXX")
      trap 'umount -q "$work/machines" || true; rm -rf --one-file-system "$work"' EXIT
      base=$(debian_tree vm "$host_packages")
      machine=$(bash "$(dirname "$0")/tree.sh" boot)
      kernel_files "$work/kernel"
      version=$(ls "$work/kernel/lib/modules")
      cp -a "$base" "$work/tree"
      configure_host "$work/tree"
      mkdir -p "$work/tree/lib/modules/$version/kernel" "$work/image"
      build_machines "$machine" "$work/machines" "$work/image/machines.img" "$work/tree/srv/machine.tar"
      trim "$work/tree"
      remove_python "$work/tree"
      cp "$work/kernel/lib/modules/$version"/modules.* "$work/tree/lib/modules/$version/"
      for part in fs lib crypto net block drivers/virtio drivers/block drivers/net/veth.ko drivers/net/dummy.ko \
        drivers/net/virtio_net.ko drivers/net/net_failover.ko drivers/char net/core/failover.ko; do
        (cd "$work/kernel/lib/modules/$version/kernel" && [ ! -e "$part" ] ||
          cp -a --parents "$part" "$work/tree/lib/modules/$version/kernel/")
      done
      chroot "$work/tree" depmod "$version"
      ssh-keygen -q -t ed25519 -N "" -C lab -f "$work/image/id"
      authorize "$work/tree" "$work/image/id.pub"
      cp "$work/tree/etc/ssh/ssh_host_ed25519_key.pub" "$work/image/host_key.pub"
      cp "$work/kernel/boot/vmlinuz-$version" "$work/image/vmlinuz"
      build_initrd "$work/kernel" "$version" "$work/image/initrd"
      mke2fs -q -t ext4 -J size=8 -d "$work/tree" "$work/image/disk.img" 3G >/dev/null
      save_state "$work/image"
      mv "$work/image" "$final"
    ) 9>"$cache/vm.lock"
    # images of older recipes that nobody has used for two days
    find "$cache" -maxdepth 1 -name "vm-*" -mtime +2 -exec rm -rf {} +
  fi
  touch "$final"
  echo "$final"
}

# wake DIR [PREFIX…]: starts a copy of the saved machine and leaves its pid in DIR/pid. Where qemu cannot wake it, it boots.
wake() {
  local dir=$1 image port
  shift
  image=$(build)
  mkdir -p "$dir"
  port=$(free_port)
  write_client_files "$image" "$dir" "$port"
  qemu_command "$image" "$dir" "$port" on -incoming "exec:cat $image/state"
  "$@" "${qemu[@]}" </dev/null >"$dir/qemu.log" 2>&1 &
  echo $! >"$dir/pid"
  if ! wait_for_ssh "$dir" 60 "$!"; then
    kill "$!" 2>/dev/null || true
    qemu_command "$image" "$dir" "$port" on
    "$@" "${qemu[@]}" </dev/null >"$dir/qemu.log" 2>&1 &
    echo $! >"$dir/pid"
    wait_for_ssh "$dir" 180 "$!"
  fi
  # it wakes up with the clock of the moment in which it was saved
  lab_ssh "$dir" "date --set=@$(date +%s) >/dev/null"
  touch "$dir/ready"
}

[ $# -ge 1 ] || { sed -n '2,10p' "$0" >&2; exit 1; }
command=$1 dir=${2:-}
case $command in
  build) build ;;
  up) wake "$dir" setsid ;;
  run)
    # the kernel ends the VM when this script goes
    wake "$dir" setpriv --pdeathsig KILL
    wait
    ;;
  down)
    pid=$(cat "$dir/pid")
    # only if the number still belongs to the VM
    if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q -- '-name crun-lab'; then kill "$pid"; fi
    rm -f "$dir/pid" "$dir/ready"
    ;;
  ssh)
    shift 2
    lab_ssh "$dir" "$@"
    ;;
  *)
    sed -n '2,10p' "$0" >&2
    exit 1
    ;;
esac
