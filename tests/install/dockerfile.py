"""The instructions of a Dockerfile, as far as slurm/Dockerfile needs them."""

import json
import re
import shlex

KNOWN = {"FROM", "COPY", "RUN", "ENV", "WORKDIR", "ENTRYPOINT", "CMD", "USER", "LABEL", "ARG"}


def instructions(text):
    """[(keyword, arguments)], continued lines joined. ValueError for what is no Dockerfile."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    if lines and lines[-1].endswith("\\"):
        raise ValueError("the last line is continued")
    found = []
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        if not line.strip():
            continue
        keyword, _, rest = line.strip().partition(" ")
        if keyword not in KNOWN or not rest.strip():
            raise ValueError(f"no instruction: {line}")
        if keyword in ("ENTRYPOINT", "CMD"):
            json.loads(rest)
        if keyword == "ENV" and not all("=" in word for word in shlex.split(rest)):
            raise ValueError(f"ENV takes KEY=VALUE: {line}")
        if keyword == "COPY" and len(shlex.split(rest)) < 2:
            raise ValueError(f"COPY takes what and where: {line}")
        found.append((keyword, " ".join(rest.split())))
    if not found or found[0][0] not in ("FROM", "ARG"):
        raise ValueError("does not begin with FROM")
    return found
