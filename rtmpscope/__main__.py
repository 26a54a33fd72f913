"""python -m rtmpscope"""

import sys

from rtmpscope.cli import main

sys.exit(main())
