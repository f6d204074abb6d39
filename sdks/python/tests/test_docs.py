"""`docs/sdk-python.md` and the example application, run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import downlink
from platform_bed import REPOSITORY, Device, Platform, binary

PAGE = REPOSITORY / "docs" / "sdk-python.md"
EXAMPLES = REPOSITORY / "sdks" / "python" / "examples"


def test_every_program_of_the_page_runs_as_it_is_printed(tmp_path: Path) -> None:
    """One shell goes through all of them, in their order."""
    blocks = re.findall(r"^```(bash|python)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert [kind for kind, _ in blocks].count("python") == 6 and blocks[0][0] == "bash"
    script = ["set -euo pipefail", "trap 'kill $(jobs -p) && wait' EXIT"]
    for number, (kind, text) in enumerate(blocks):
        if kind == "bash":
            script.append(text)
        else:
            (tmp_path / f"program{number}.py").write_text(text)
            script.append(f'"{sys.executable}" -W error program{number}.py')
    environment = {**os.environ, "PATH": f"{Path(binary()).parent}:{os.environ['PATH']}", "REPOSITORY": str(REPOSITORY)}
    command = ["bash", "-c", "\n".join(script)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{(tmp_path / 'demo.log').read_text()}"
    for said in ("is PENDING", "SET_PERIOD was ordered at 2", "the meter says {'result': 0}", "the meter sleeps: The device is not online. nothing"):
        assert said in done.stdout, done.stdout
    assert done.stdout.count("is CANCELED\n") == 5, done.stdout
    assert "the command is CANCELED and then 100435 The device command already canceled" in done.stdout, done.stdout


def test_the_example_application(platform: Platform, meter: Device) -> None:
    shown = platform.cli("app", "callback", Platform.APP, "--rotate-webhook-secret")
    settings = {
        "DOWNLINK_URL": platform.url,
        "DOWNLINK_APP": Platform.APP,
        "DOWNLINK_SECRET": platform.secret,
        "DOWNLINK_DEVICE": meter.id,
        "DOWNLINK_WEBHOOK_SECRET": shown["webhookSecret"],
    }
    desk = subprocess.Popen(
        [sys.executable, "-W", "error", str(EXAMPLES / "meter_desk.py")],
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert desk.stdout is not None
    try:
        said = [desk.stdout.readline() for _ in range(2)]
        assert said == ["the valve stays open: CANCELED\n", "the period waits for the meter\n"]
        platform.play(meter, "--commands", "2", "--body", '{"result":0}')
        rest, errors = desk.communicate(timeout=60)
    finally:
        desk.kill()
        desk.communicate()
    assert desk.returncode == 0, errors
    assert sorted(rest.splitlines()) == [
        "the call is sent",
        "the meter has answered the call: {'result': 0}",
        "the meter has heard the call",
        "the period is DELIVERED",
        "the period is SENT",
        "the period is SUCCESSFUL",
    ]


def test_the_page_names_what_is_there() -> None:
    text = PAGE.read_text()
    for name in re.findall(r"`downlink\.(\w+)\(", text):
        assert hasattr(downlink, name), name
    for link in re.findall(r"\]\(([\w.]+\.md)", text):
        assert (PAGE.parent / link).is_file(), link
