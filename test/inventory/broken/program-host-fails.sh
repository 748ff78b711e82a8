#!/bin/sh
if [ "$1" = --host ]; then echo "no such host: $2" >&2; exit 4; fi
echo '{"web": ["a"]}'
