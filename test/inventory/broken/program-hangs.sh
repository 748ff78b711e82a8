#!/bin/sh
echo "waiting for a password" >&2
sleep 1000
