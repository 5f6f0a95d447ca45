"""Validates flow files by their JSON Schema with readers that are not ours.

Standard input: {"schema": ..., "files": [{"name": ..., "text": ..., "good": true}, ...]}. Prints one line for each file
that the schema judges otherwise than `good` says; exit code 1 when there is any.
"""

import datetime
import json
import sys

import jsonschema
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError


def plain(value):
    """Keys as texts, and days and moments as they are written: what JSON has."""
    if isinstance(value, dict):
        return {key_of(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    return value


def key_of(key):
    if isinstance(key, bool):
        return "true" if key else "false"
    return str(key)


def judge(validator, text):
    """What is wrong with the file, or nothing."""
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 2)
    try:
        file = plain(yaml.load(text))
    except YAMLError as error:
        return str(error).splitlines()[0]
    except RecursionError:
        return "an alias stands inside of what it stands for"
    found = jsonschema.exceptions.best_match(validator.iter_errors(file))
    return found and f"{'/'.join(map(str, found.absolute_path))}: {found.message[:200]}"


def main():
    asked = json.load(sys.stdin)
    jsonschema.Draft202012Validator.check_schema(asked["schema"])
    validator = jsonschema.Draft202012Validator(asked["schema"])
    odd = 0
    for file in asked["files"]:
        wrong = judge(validator, file["text"])
        if (wrong is None) != file["good"]:
            odd += 1
            print(f"{file['name']}: {wrong or 'accepted'}")
    print(f"{len(asked['files'])} files, {odd} judged otherwise")
    return 1 if odd else 0


sys.exit(main())
