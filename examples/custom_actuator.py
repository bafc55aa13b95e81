"""An actuator of your own: writes the ordered weights as nginx's split_clients to the file of the first argument."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

from connectors.actuators import Wanted, serve


class Nginx:
    name = "nginx"

    async def apply(self, wanted: Wanted) -> Mapping[str, float]:
        shares = "".join(f"    {weight:.2f}% {cohort};\n" for cohort, weight in wanted.weights.items() if weight)
        await asyncio.to_thread(Path(sys.argv[1]).write_text, f'split_clients "$request_id" $cohort {{\n{shares}}}\n')
        return wanted.weights  # acknowledged as applied; an exception is acknowledged as failed and tried again


serve(Nginx())  # until Ctrl-C or SIGTERM; the broker is SLUICEGATE_BOOTSTRAP
