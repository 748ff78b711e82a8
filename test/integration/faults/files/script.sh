#!/bin/sh
exec mkdir /srv/by-script
