#!/bin/sh
printf '{"_meta": {"hostvars": {}}, "web": {"hosts": ["a\\nb"]}}'
