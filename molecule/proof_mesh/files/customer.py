# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sixteen customers who order without a pause, on new connections. One line an order: what became of it."""

from __future__ import annotations

import http.client
import os
import threading
import time

SHOP = (os.environ["SHOP_SERVICE_HOST"], int(os.environ["SHOP_SERVICE_PORT"]))
CUSTOMERS = 16
ORDER_SECONDS = 10  # spreads the first orders


def order() -> str:
    """What became of one order."""
    connection = http.client.HTTPConnection(*SHOP, timeout=20)
    try:
        connection.request("GET", "/order")
        status = connection.getresponse().status
        return "ok" if status == 200 else f"status {status}"
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()


def customer(number: int) -> None:
    """One order after the other."""
    time.sleep(number * ORDER_SECONDS / CUSTOMERS)
    while True:
        outcome = order()
        print(outcome, flush=True)
        if outcome != "ok":
            time.sleep(1)


for number in range(CUSTOMERS):
    threading.Thread(target=customer, args=(number,)).start()
