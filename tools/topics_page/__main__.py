"""Write the page: `python -m tools.topics_page docs/topics.md`."""

import sys
from pathlib import Path

from tools.topics_page.page import page

Path(sys.argv[1]).write_text(page(), encoding="utf-8")
