#!/bin/sh
printf "\033[2Jgone\007\n" >&2
exit 1
