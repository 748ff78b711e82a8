#!/bin/sh
printf '{"web": {"hosts": ["a",'
