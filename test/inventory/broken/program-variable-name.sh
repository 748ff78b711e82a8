#!/bin/sh
echo '{"_meta": {"hostvars": {"a": {"http-port": 80}}}, "web": {"hosts": ["a"]}}'
