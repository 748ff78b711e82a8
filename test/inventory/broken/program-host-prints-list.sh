#!/bin/sh
if [ "$1" = --host ]; then echo "[]"; exit 0; fi
echo '{"web": ["a"]}'
