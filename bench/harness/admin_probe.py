"""A helper on a host of a cell: for each line of its input it reads that page of the server's admin interface.

    admin_probe.py PORT     "/metrics" → a line of JSON, name with labels: value; another page → that page, which is JSON

It stays, because starting a process takes longer than a page. Where nobody answers: {"error": …}.
"""

import http.client
import json
import sys


def samples(text):
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            found[name] = float(value)
    return found


def read(port, page):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", page)
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    return samples(text) if page == "/metrics" else json.loads(text)


def main(port):
    for line in sys.stdin:
        try:
            found = read(port, line.strip())
        except (OSError, ValueError, http.client.HTTPException) as error:
            found = {"error": str(error)}
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
