# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker that logs every order to a file. On SIGTERM it takes no more, and does those that it has taken."""

from __future__ import annotations

import logging
import os
import signal
import time
import urllib.request

TAKEN = 100  # orders that are its own when SIGTERM comes
SECONDS_AN_ORDER = 0.02

stopping = False


def stop(_signal: int, _frame: object) -> None:
    """Take no more orders."""
    global stopping
    stopping = True


class Numbered(logging.FileHandler):
    """Writes `pod number message` and counts."""

    written = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; each is flushed, as is the default."""
        self.written += 1
        record.pod, record.number = os.environ["POD"], self.written
        super().emit(record)


def main() -> None:
    """Work until SIGTERM, then finish, and tell how many lines were written."""
    signal.signal(signal.SIGTERM, stop)
    log = Numbered("/var/log/orders/orders.log")
    logging.basicConfig(level=logging.INFO, handlers=[log], format="%(pod)s %(number)d %(message)s")
    logging.info("started")
    while not stopping:
        time.sleep(SECONDS_AN_ORDER)
        logging.info("order done")
    logging.info("stopping, %d orders left", TAKEN)
    for _order in range(TAKEN):
        time.sleep(SECONDS_AN_ORDER)
        logging.info("order done, after SIGTERM")
    logging.info("stopped")
    # Whatever becomes of the log: how long it was.
    backend = f"http://{os.environ['BACKEND_SERVICE_HOST']}:4318"
    request = urllib.request.Request(f"{backend}/written/{os.environ['POD']}", str(log.written).encode(), method="PUT")
    urllib.request.urlopen(request, timeout=5).close()


if __name__ == "__main__":
    main()
