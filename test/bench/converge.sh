#!/bin/sh
# The benchmark's 36 tasks as a careful administrator writes them by hand: looks first, changes what differs, counts it.
# Runs inside the tree: chroot TREE /bin/sh -s <converge.sh
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C

changed=0
change() { changed=$((changed + 1)); }

want_group() { # NAME GID
  if ! getent group "$1" >/dev/null; then
    groupadd --gid "$2" "$1"
    change
  fi
}

want_user() { # NAME UID GID GROUPS SHELL COMMENT
  entry=$(getent passwd "$1") || entry=
  if [ -z "$entry" ]; then
    useradd --uid "$2" --gid "$3" --groups "$4" --shell "$5" --comment "$6" --create-home "$1"
    change
    return
  fi
  if [ "$entry" != "$1:x:$2:$3:$6:/home/$1:$5" ]; then
    usermod --uid "$2" --gid "$3" --shell "$5" --comment "$6" "$1"
    change
  fi
  if [ -n "$4" ]; then
    case " $(id -Gn "$1") " in
      *" $4 "*) ;;
      *)
        usermod --groups "$4" "$1"
        change
        ;;
    esac
  fi
}

want_attributes() { # PATH OWNER GROUP MODE
  if [ "$(stat -c %U:%G:%a "$1")" != "$2:$3:$4" ]; then
    chown "$2:$3" "$1"
    chmod "$4" "$1"
    return 1
  fi
}

want_directory() { # PATH OWNER GROUP MODE
  if [ ! -d "$1" ]; then
    mkdir "$1"
    want_attributes "$@" || true
    change
  else
    want_attributes "$@" || change
  fi
}

want_file() { # PATH OWNER GROUP MODE CONTENT
  if [ ! -f "$1" ] || ! printf '%s\n' "$5" | cmp -s - "$1"; then
    new=$(mktemp "$1.XXXXXX")
    printf '%s\n' "$5" >"$new"
    chown "$2:$3" "$new"
    chmod "$4" "$new"
    mv "$new" "$1"
    change
  else
    want_attributes "$1" "$2" "$3" "$4" || change
  fi
}

want_line() { # FILE LINE [EXPRESSION]
  if grep -qxF -e "$2" "$1"; then
    return
  fi
  if [ $# = 3 ] && grep -q -e "$3" "$1"; then
    sed -i -e "s|$3.*|$2|" "$1"
  else
    printf '%s\n' "$2" >>"$1"
  fi
  change
}

want_link() { # PATH TARGET
  if [ "$(readlink "$1")" != "$2" ]; then
    ln -sfn "$2" "$1"
    change
  fi
}

want_mode() { # PATH MODE
  if [ "$(stat -c %a "$1")" != "$2" ]; then
    chmod "$2" "$1"
    change
  fi
}

want_absent() { # PATH
  if [ -e "$1" ] || [ -L "$1" ]; then
    rm -rf "$1"
    change
  fi
}

# facts
. /etc/os-release
kernel=$(uname -srm)

app=shop group=web port=8080 workers=4 log_level=info

want_group web 3001
want_group ops 3002
want_user shop 3001 3001 ops /bin/bash Shop
want_user ada 3002 3002 "" /bin/bash Ada
want_user grace 3003 3002 "" /bin/sh Grace

want_directory /srv/shop shop web 755
want_directory /srv/shop/releases shop web 755
want_directory /srv/shop/shared shop web 2775
want_directory /var/log/shop shop web 750
want_directory /etc/shop root web 755

want_file /etc/shop/shop.conf root web 640 "# $app on $VERSION_CODENAME
listen = 0.0.0.0:$port
workers = $workers
root = /srv/$app/current
user = $app
group = $group

[limits]
body = 16m
timeout = 30s
keepalive = 75s"

upstreams="# upstreams of $app"
for one in api:10.1.0.11:9000 images:10.1.0.12:9001 search:10.1.0.13:9002; do
  upstreams="$upstreams
upstream ${one%%:*} {
  server ${one#*:};
}"
done
want_file /etc/shop/upstreams.conf root web 640 "$upstreams"

want_file /etc/shop/logging.conf root web 640 "level = $log_level
file = /var/log/$app/$app.log
format = json"

limits=
for one in "nofile 65536" "nproc 4096"; do
  limits="$limits${limits:+
}@$group soft $one
@$group hard $one"
done
want_file /etc/security/limits.d/shop.conf root root 644 "$limits"

want_file /etc/systemd/system/shop.service root root 644 "[Unit]
Description=$app
After=network.target

[Service]
User=$app
Group=$group
Environment=PORT=$port
ExecStart=/usr/local/bin/shop-start
Restart=on-failure

[Install]
WantedBy=multi-user.target"

want_file /etc/cron.d/shop root root 644 "MAILTO=root
17 3 * * * $app find /srv/$app/shared -name '*.tmp' -mtime +2 -delete"

want_file /etc/logrotate.d/shop root root 644 "/var/log/$app/*.log {
  weekly
  rotate 8
  compress
  missingok
  create 0640 $app $group
}"

want_file /etc/motd root root 644 "$app runs here with $workers workers on port $port."

want_file /etc/shop/mime.types root web 644 '# types
application/x-type-1 t1
application/x-type-2 t2
application/x-type-3 t3
application/x-type-4 t4
application/x-type-5 t5
application/x-type-6 t6
application/x-type-7 t7
application/x-type-8 t8
application/x-type-9 t9
application/x-type-10 t10
application/x-type-11 t11
application/x-type-12 t12
application/x-type-13 t13
application/x-type-14 t14
application/x-type-15 t15
application/x-type-16 t16
application/x-type-17 t17
application/x-type-18 t18
application/x-type-19 t19
application/x-type-20 t20
application/x-type-21 t21
application/x-type-22 t22
application/x-type-23 t23
application/x-type-24 t24
application/x-type-25 t25
application/x-type-26 t26
application/x-type-27 t27
application/x-type-28 t28
application/x-type-29 t29
application/x-type-30 t30
application/x-type-31 t31
application/x-type-32 t32
application/x-type-33 t33
application/x-type-34 t34
application/x-type-35 t35
application/x-type-36 t36
application/x-type-37 t37
application/x-type-38 t38
application/x-type-39 t39
application/x-type-40 t40
application/x-type-41 t41
application/x-type-42 t42
application/x-type-43 t43
application/x-type-44 t44
application/x-type-45 t45
application/x-type-46 t46
application/x-type-47 t47
application/x-type-48 t48
application/x-type-49 t49
application/x-type-50 t50
application/x-type-51 t51
application/x-type-52 t52
application/x-type-53 t53
application/x-type-54 t54
application/x-type-55 t55
application/x-type-56 t56
application/x-type-57 t57
application/x-type-58 t58
application/x-type-59 t59
application/x-type-60 t60'

want_file /usr/local/bin/shop-start root root 755 '#!/bin/sh
set -eu
cd /srv/shop/current
exec ./shop --config /etc/shop/shop.conf "$@"'

want_file /etc/shop/NOTICE root web 644 'Made for measuring.
Nothing of this runs.'

want_file /etc/profile.d/shop.sh root root 644 "export SHOP_ROOT=/srv/shop"

want_line /etc/environment SHOP_PORT=8080
want_line /etc/login.defs "UMASK 027" '^UMASK[[:space:]]'
want_line /etc/security/limits.conf "@web hard nproc 4096"
want_line /etc/adduser.conf FIRST_UID=4000 '^#\{0,1\}FIRST_UID='

if [ "$(dpkg-query --show --showformat '${db:Status-Status} ' tzdata gzip mawk)" != "installed installed installed " ]; then
  apt-get install --yes tzdata gzip mawk
  change
fi

if [ ! -e /srv/shop/releases/1 ]; then
  mkdir -p /srv/shop/releases/1
  change
fi
if [ ! -e /srv/shop/shared/ready ]; then
  echo ready >/srv/shop/shared/ready
  change
fi

want_link /srv/shop/current releases/1
want_link /etc/shop/enabled.conf shop.conf

want_mode /etc/adduser.conf 640
want_mode /etc/deluser.conf 640

want_absent /etc/issue.net
want_absent /etc/shop/old.conf

current=$(stat -c '%F %s %Y' /srv/shop/current)

echo "changed=$changed kernel=$kernel current=$current"
