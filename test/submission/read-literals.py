"""Reads literals and modules as Python does, without running them.

Reads {"literals": [...], "modules": [{"folder", "names"}]} from stdin; prints the values of the literals, and for
each folder the values of those names in any of its modules, each of which was compiled first.
"""
import ast
import json
import os
import sys


def constants(folder):
    values = {}
    for parent, _, files in os.walk(folder):
        for name in sorted(files):
            if not name.endswith('.py'):
                continue
            with open(os.path.join(parent, name), encoding='utf-8') as file:
                text = file.read()
            compile(text, name, 'exec')
            for statement in ast.parse(text).body:
                if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                    try:
                        values[statement.targets[0].id] = ast.literal_eval(statement.value)
                    except ValueError:
                        pass  # not a literal
    return values


asked = json.load(sys.stdin)
found = []
for module in asked['modules']:
    values = constants(module['folder'])
    found.append({name: values.get(name, 'is missing') for name in module['names']})
print(json.dumps({'literals': [ast.literal_eval(text) for text in asked['literals']], 'modules': found}))
