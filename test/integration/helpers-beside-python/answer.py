# Answers questions as Python does. Input: a list of [kind, arguments...]; output: a list of answers.
import configparser
import json
import random
import sys
import textwrap
import time
import tomllib
import urllib.parse

import yaml


def ini(text):
    parser = configparser.ConfigParser(interpolation=None, allow_no_value=True, delimiters=("=",), comment_prefixes=("#", ";"))
    parser.optionxform = str
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


def shuffled(items, seed):
    random.Random(seed).shuffle(items)
    return items


ANSWERS = {
    "toml": tomllib.loads,
    "ini": ini,
    "yaml": yaml.safe_load,
    "json": json.loads,
    "strftime": lambda pattern, seconds: time.strftime(pattern, time.gmtime(seconds)),
    "random": lambda end, seed: random.Random(seed).randrange(0, end, 1),
    "shuffle": shuffled,
    "quote": lambda text: urllib.parse.quote(text, safe="/"),
    "round": round,
    "format": lambda pattern, value: pattern % value,
    "wrap": lambda text, width, long: "\n".join(
        line
        for paragraph in text.splitlines()
        for line in (
            textwrap.wrap(
                paragraph,
                width=width,
                expand_tabs=False,
                replace_whitespace=False,
                break_long_words=long,
                break_on_hyphens=True,
            )
            or [""]
        )
    ),
}

json.dump([ANSWERS[kind](*arguments) for kind, *arguments in json.load(sys.stdin)], sys.stdout)
