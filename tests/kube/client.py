# SPDX-License-Identifier: ISC
"""A raw client of the API server, over TLS, from within a network namespace."""

import ctypes
import http.client
import json
import os
import socket
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

CLONE_NEWNET = 0x40000000
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
STALE = (http.client.RemoteDisconnected, ConnectionResetError,
         BrokenPipeError, http.client.CannotSendRequest)


def within(netns, what):
    """what(), in a thread of that namespace; None is where we are.

    A socket belongs for good to the namespace that it was made in, whoever
    uses it later.
    """
    if netns is None:
        return what()

    def enter():
        libc = ctypes.CDLL(None, use_errno=True)
        fd = os.open(f"/run/netns/{netns}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            if libc.setns(fd, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"setns {netns}")
        finally:
            os.close(fd)
        return what()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(enter).result()


def socket_in(netns, host):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return within(netns, lambda: socket.socket(family, socket.SOCK_STREAM))


def free_ports(netns, count, host="127.0.0.1"):
    """Ports that nobody listens on, all different."""
    sockets = []
    for _ in range(count):
        sockets.append(socket_in(netns, host))
        sockets[-1].bind((host, 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Refused(AssertionError):
    """The API server said no where a test takes yes for granted."""

    def __init__(self, what, status, answer):
        super().__init__(f"{what}: {status} {answer}")
        self.status = status
        self.answer = answer


class Connection(http.client.HTTPSConnection):
    def __init__(self, netns, host, port, trust, timeout):
        super().__init__(host, port, context=trust, timeout=timeout)
        self.netns = netns

    def connect(self):
        raw = socket_in(self.netns, self.host)
        try:
            raw.settimeout(self.timeout)
            raw.connect((self.host, self.port))
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sock = self._context.wrap_socket(
                raw, server_hostname=self.host)
        except BaseException:
            raw.close()
            raise


class Client:
    """One user; a kept connection for each thread that asks."""

    def __init__(self, netns, host, port, trust, token=None, timeout=30):
        self.where = (netns, host, port, trust)
        self.token = token
        self.timeout = timeout
        self.mine = threading.local()

    def connection(self, fresh=False, timeout=None):
        if fresh:
            return Connection(*self.where, timeout or self.timeout)
        if not hasattr(self.mine, "connection"):
            self.mine.connection = Connection(*self.where, self.timeout)
        return self.mine.connection

    def headers(self, kind=None):
        headers = {"Accept": "application/json"}
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        if kind:
            headers["Content-Type"] = kind
        return headers

    def send(self, method, path, body=None, kind="application/json"):
        """The response, unread; again where the connection had gone stale."""
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        headers = self.headers(kind if body is not None else None)
        for last in (False, True):
            connection = self.connection()
            new = connection.sock is None
            try:
                connection.request(method, path, body, headers)
                return connection.getresponse()
            except STALE:
                connection.close()
                if last or new:
                    raise
            except BaseException:
                connection.close()
                raise

    def request(self, method, path, body=None, kind="application/json",
                **query):
        """(status, what the answer's JSON says, or its text)."""
        response = self.send(method, with_query(path, query), body, kind)
        try:
            text = response.read()
        except BaseException:
            self.connection().close()
            raise
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, text.decode(errors="replace")

    def get(self, path, **query):
        return self.request("GET", path, **query)

    def post(self, path, body, **query):
        return self.request("POST", path, body, **query)

    def put(self, path, body, **query):
        return self.request("PUT", path, body, **query)

    def patch(self, path, body, kind=MERGE, **query):
        return self.request("PATCH", path, body, kind, **query)

    def delete(self, path, **query):
        return self.request("DELETE", path, **query)

    def watch(self, path, seconds=10, **query):
        """Events of a watch, for that long at most, or until it ends."""
        end = time.monotonic() + seconds
        connection = self.connection(fresh=True, timeout=seconds)
        try:
            connection.request(
                "GET", with_query(path, {"watch": "1", **query}),
                headers=self.headers())
            response = connection.getresponse()
            if response.status != 200:
                raise Refused(f"watch {path}", response.status,
                              response.read().decode(errors="replace"))
            while (left := end - time.monotonic()) > 0:
                connection.sock.settimeout(left)
                line = response.readline()
                if not line:
                    return
                yield json.loads(line)
        except TimeoutError:
            return
        finally:
            connection.close()

    def close(self):
        """The connection of this thread."""
        if hasattr(self.mine, "connection"):
            self.mine.connection.close()


def with_query(path, query):
    if not query:
        return path
    return path + "?" + urllib.parse.urlencode(query)
