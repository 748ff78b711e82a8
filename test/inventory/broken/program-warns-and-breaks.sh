#!/bin/sh
echo "token is about to expire" >&2
printf '{\n  "web": {\n    "hosts": [a]\n  }\n}\n'
