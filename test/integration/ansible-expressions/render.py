# Renders expressions with Ansible's own templating. Input: {"directory", "variables", "expressions"}; output: a list of {"value"} or {"error"}.
import json
import sys

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

asked = json.load(sys.stdin)
loader = DataLoader()
loader.set_basedir(asked["directory"])
templar = Templar(loader, variables=asked["variables"])
answers = []
for expression in asked["expressions"]:
    try:
        text = templar.template("{{ (" + expression + ") | to_json }}", convert_data=False, fail_on_undefined=True, escape_backslashes=False)
        answers.append({"value": json.loads(text)})
    except Exception as error:  # whatever it is, it is the answer
        answers.append({"error": str(error)})
json.dump(answers, sys.stdout)
