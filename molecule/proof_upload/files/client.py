# Copyright: Contributors to the graceful.termination project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slow uploads at the same time, by three ways. One line an upload: its way, and what became of it.

The file UNDER_WAY is there when each has sent its first piece.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import select
import threading
import time
from pathlib import Path

FRONT = (os.environ["FRONT_SERVICE_HOST"], int(os.environ["FRONT_SERVICE_PORT"]))
WAYS = ("streamed", "ignoring", "buffered")  # nginx.conf has what they mean
UPLOADS = 6  # by each way
SECONDS = 45
PIECE_SECONDS = 0.5
PIECE = 4096  # bytes
UNDER_WAY = Path("/tmp/under-way")

all_under_way = threading.Barrier(len(WAYS) * UPLOADS, UNDER_WAY.touch, timeout=20)


def upload(way: str) -> str:
    """What became of one upload: whole, if the application received what was sent here."""
    body = os.urandom(int(SECONDS / PIECE_SECONDS) * PIECE)
    connection = http.client.HTTPConnection(*FRONT, timeout=30)
    try:
        connection.putrequest("POST", f"/{way}/")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        for start in range(0, len(body), PIECE):
            if select.select([connection.sock], [], [], 0)[0]:
                break  # an answer to half an upload, or the end
            connection.send(body[start : start + PIECE])
            if start == 0:
                all_under_way.wait()
            time.sleep(PIECE_SECONDS)
        response = connection.getresponse()
        if response.status != 200:
            return f"status {response.status}"
        received = {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
        return "whole" if json.load(response) == received else "different"
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()


def tell(way: str) -> None:
    """Upload and say what became of it."""
    print(way, upload(way), flush=True)


for way in WAYS * UPLOADS:
    threading.Thread(target=tell, args=(way,)).start()
