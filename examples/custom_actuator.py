"""An actuator of your own: nginx's split_clients from the gate's weights. Run: custom_actuator.py /etc/nginx/split.conf"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from connectors.actuators import Wanted, serve


class Nginx:
    name = "nginx"

    async def apply(self, wanted: Wanted) -> Mapping[str, float]:
        lines = [f"    {weight:.2f}% {cohort};\n" for cohort, weight in wanted.weights.items() if weight]
        Path(sys.argv[1]).write_text('split_clients "$request_id" $cohort {\n' + "".join(lines) + "}\n")
        subprocess.run(sys.argv[2:] or ["true"], check=True)  # e.g. nginx -s reload; to raise is to say that it failed
        return wanted.weights


serve(Nginx())  # the broker is SLUICEGATE_BOOTSTRAP
