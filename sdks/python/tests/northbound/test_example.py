"""The example application is run as it is printed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from northbound.bed import Bed

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "northbound_application.py"


def test_the_example_runs(bed: Bed) -> None:
    command = [sys.executable, "-W", "error", str(EXAMPLE), str(bed.work), bed.meter.id]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert program.stdout is not None
    lines = [program.stdout.readline(), program.stdout.readline()]
    assert lines[0].startswith('refused: {"error_code":"100435"'), program.communicate()
    assert lines[1] == "waiting for the device to wake\n"
    with bed.platform.awake(bed.meter, "--commands", "2", "--body", '{"result":0}'):
        out, err = program.communicate(timeout=90)
    assert err == ""
    assert program.returncode == 0
    assert out.splitlines()[-1] == "all is as it should be"
