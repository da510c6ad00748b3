# SPDX-License-Identifier: ISC
"""A proxy before the API server that fails as servers may, on command.

    with Proxy(plane) as proxy:                 # listens where the plane does
        conf = plane.kubeconfig(token, path, server=proxy.server)
        proxy.answer(429, writes=True, retry_after=2, seconds=10)
        proxy.answer(503, path="/services", times=3)
        fault = proxy.stall(path="/services$", watch=True); ...; fault.remove()
        proxy.cut(after=100, path="/services$", watch=True)   # in mid-object
        proxy.cut_now(watch=True, how="reset")                # between objects
        proxy.gone(path="/services$")           # ERROR 410 and the watch's end
        proxy.inject(b'{"type":"ADDED","object":\\n')          # garbage
        proxy.down(); ...; proxy.up()           # refuses connections meanwhile
        mark = proxy.mark(); ...; proxy.count(mark, watch=True)

Which requests a fault is for: path (a regular expression, searched in the path
without its query), method, watch (True, False), writes. It holds until it was
used `times` times, or for `seconds`, or until remove(); `hits` counts. TLS ends
here, with a certificate of the plane's CA, and ALPN offers HTTP/1.1 alone: what
HTTP/2 would do needs the real server. Each client's connection has one of its
own to the server, which ends when that one ends, and the other way round.
"""

import asyncio
import collections
import json
import re
import socket
import ssl
import struct
import threading
import time
import urllib.parse

from client import Client, free_ports, socket_in

LIMIT = 1 << 20
LOST = (OSError, EOFError, ValueError, asyncio.LimitOverrunError)
WRITES = ("POST", "PUT", "PATCH", "DELETE")
REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden",
           404: "NotFound", 409: "Conflict", 410: "Expired", 422: "Invalid",
           429: "TooManyRequests", 500: "InternalError",
           503: "ServiceUnavailable", 504: "Timeout"}

Seen = collections.namedtuple(
    "Seen", "time method path query watch status body")


def status_object(code, message="by order of the test"):
    return {"kind": "Status", "apiVersion": "v1", "metadata": {},
            "status": "Failure", "message": message,
            "reason": REASONS.get(code, ""), "code": code}


class Head:
    """A head of HTTP, and how long the body is that follows."""

    def __init__(self, text):
        self.text = text
        first, *lines = text.decode("latin-1").split("\r\n")
        self.first = first.split(" ", 2)
        self.fields = {}
        for line in lines:
            name, _, value = line.partition(":")
            self.fields[name.lower()] = value.strip()

    @property
    def chunked(self):
        return "chunked" in self.fields.get("transfer-encoding", "")

    @property
    def length(self):
        """None: not said."""
        value = self.fields.get("content-length")
        return None if value is None else int(value)

    @property
    def closes(self):
        return self.fields.get("connection", "").lower() == "close"


class Request(Head):
    def __init__(self, text):
        super().__init__(text)
        self.method, target = self.first[:2]
        self.path, _, self.query = target.partition("?")
        asked = urllib.parse.parse_qs(self.query, keep_blank_values=True)
        self.watch = asked.get("watch", ["0"])[0] in ("1", "true", "")
        self.body = b""

    def bytes(self):
        return re.sub(rb"(?i)\r\nexpect:[^\r]*", b"", self.text) + self.body


async def read_request(reader, writer):
    """None: the client has left."""
    try:
        request = Request(await reader.readuntil(b"\r\n\r\n"))
        if "expect" in request.fields:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if request.chunked:
            async for data in chunks(reader):
                request.body += frame(data)
            request.body += b"0\r\n\r\n"
        elif request.length:
            request.body = await reader.readexactly(request.length)
        return request
    except LOST:
        return None


async def chunks(reader):
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass


def frame(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


async def body_of(response, request, reader):
    """The body in pieces as they come."""
    bare = request.method == "HEAD" or response.first[1] in ("204", "304")
    if bare or response.length == 0:
        return
    if response.chunked:
        async for data in chunks(reader):
            yield data
        return
    left = response.length
    while left is None or left > 0:
        data = await reader.read(65536 if left is None else min(left, 65536))
        if not data:
            if left is None:
                return
            raise EOFError
        yield data
        left = None if left is None else left - len(data)


class Fault:
    """What goes wrong, and for which requests."""

    def __init__(self, proxy, kind, path="", method=None, watch=None,
                 writes=None, times=None, seconds=None, **what):
        self.proxy = proxy
        self.kind = kind
        self.path = re.compile(path)
        self.method, self.watch, self.writes = method, watch, writes
        self.left = times
        self.what = what
        self.hits = 0
        self.over = asyncio.Event()
        self.counts = {}  # of a cut: bytes that a stream may still send
        if seconds is not None:
            proxy.loop.call_later(seconds, self.finish)

    def matches(self, request):
        return (not self.over.is_set() and self.path.search(request.path)
                and self.method in (None, request.method)
                and self.watch in (None, request.watch)
                and self.writes in (None, request.method in WRITES))

    def use(self):
        self.hits += 1
        if self.left is not None:
            self.left -= 1
            if self.left <= 0:
                self.finish()

    def finish(self):
        self.over.set()
        if self in self.proxy.faults:
            self.proxy.faults.remove(self)

    def remove(self):
        self.proxy.call(self.finish)

    def wait(self, hits=1, seconds=15):
        """Until it was used so often."""
        end = time.monotonic() + seconds
        while self.hits < hits:
            assert time.monotonic() < end, f"{self.kind}: {self.hits} hits"
            time.sleep(0.02)
        return self


def linger_none(writer):
    """The close that follows is a reset."""
    writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Stream:
    """A response on its way to the client."""

    def __init__(self, connection, request):
        self.proxy = connection.proxy
        self.connection = connection
        self.writer = connection.writer
        self.request = request
        self.task = asyncio.current_task()
        self.chunked = False
        self.whole = True  # what was sent ends with an object's end
        self.pending = []  # to be sent after the object under way
        self.ended = None  # how, once a fault ended it

    async def held(self):
        """While a stall is on."""
        counted = set()
        while fault := self.proxy.find("stall", self.request):
            if fault not in counted:
                counted.add(fault)
                fault.hits += 1
            await fault.over.wait()

    async def send(self, data):
        await self.held()
        cut = self.proxy.find("cut", self.request)
        if cut:
            left = cut.counts.setdefault(self, cut.what["after"])
            cut.counts[self] = left - len(data)
            if left < len(data):
                self.put(data[:left])
                cut.use()
                self.end(cut.what["how"])
                await asyncio.sleep(3600)  # cancelled, by end()
        self.put(data)
        self.flush()
        await self.writer.drain()

    def put(self, data):
        if data:
            self.writer.write(frame(data) if self.chunked else data)
            self.whole = data.endswith(b"\n")

    def inject(self, data, how=None):
        """After the object under way; how: then the stream ends so."""
        self.pending.append((data, how))
        self.flush()

    def flush(self):
        while (self.pending and self.chunked and self.whole and not self.ended
               and not self.proxy.find("stall", self.request)):
            data, how = self.pending.pop(0)
            self.put(data)
            if how:
                self.end(how)

    def end(self, how):
        """"end": as if the server had ended it; "close"; "reset"."""
        self.ended = how
        if how == "end" and self.chunked:
            self.writer.write(b"0\r\n\r\n")
        self.task.cancel()


class Upstream(asyncio.StreamReaderProtocol):
    """The connection to the server; tells when that is lost."""

    def __init__(self, loop, lost):
        self.reader = asyncio.StreamReader(limit=LIMIT, loop=loop)
        self.lost = lost
        super().__init__(self.reader, loop=loop)

    def eof_received(self):
        super().eof_received()
        return False

    def connection_lost(self, why):
        super().connection_lost(why)
        self.lost()


class Connection:
    """A client's, and the one to the server on its behalf."""

    def __init__(self, proxy, reader, writer):
        self.proxy = proxy
        self.reader, self.writer = reader, writer
        self.up = None  # (reader, transport)
        self.busy = False

    async def serve(self):
        coming = asyncio.ensure_future(read_request(self.reader, self.writer))
        try:
            while request := await coming:
                coming = asyncio.ensure_future(
                    read_request(self.reader, self.writer))
                self.busy = True
                work = asyncio.ensure_future(self.serve_one(request))
                await asyncio.wait({work, coming},
                                   return_when=asyncio.FIRST_COMPLETED)
                if not work.done() and coming.result() is None:
                    work.cancel()
                if not await work:
                    return
                self.busy = False
        except (*LOST, asyncio.CancelledError):
            pass
        finally:
            coming.cancel()
            self.close()

    async def serve_one(self, request):
        """Whether the connection can be used again."""
        answer = self.proxy.find("answer", request)
        if answer:
            answer.use()
            self.proxy.note(request, answer.what["status"])
            self.writer.write(answer.what["text"])
            await self.writer.drain()
            return not request.closes
        stream = Stream(self, request)
        self.proxy.streams.add(stream)
        try:
            return await self.relay(request, stream)
        except asyncio.CancelledError:
            if not stream.ended:
                raise
            self.drop_up()
            # What was sent before reaches the client before the end does.
            await asyncio.sleep(0.02)
            if stream.ended == "reset":
                linger_none(self.writer)
            return stream.ended == "end"
        finally:
            self.proxy.streams.discard(stream)

    async def relay(self, request, stream):
        response, reader = await self.ask(request)
        self.proxy.note(request, int(response.first[1]))
        await stream.held()
        stream.chunked = response.chunked
        self.writer.write(response.text)
        stream.flush()
        async for data in body_of(response, request, reader):
            await stream.send(data)
        await stream.held()
        if response.chunked:
            self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()
        ends = not response.chunked and response.length is None
        return not (request.closes or response.closes or (
            ends and response.first[1] not in ("204", "304")))

    async def ask(self, request):
        """The head of the answer; again where the connection had gone stale."""
        for last in (False, True):
            fresh = self.up is None
            if fresh:
                await self.dial()
            reader, transport = self.up
            try:
                transport.write(request.bytes())
                while True:
                    head = Head(await reader.readuntil(b"\r\n\r\n"))
                    if head.first[1] != "100":
                        return head, reader
            except LOST:
                self.drop_up()
                if fresh or last:
                    raise

    async def dial(self):
        plane = self.proxy.plane
        raw = socket_in(plane.netns, plane.address)
        raw.setblocking(False)
        try:
            await self.proxy.loop.sock_connect(raw, (plane.address,
                                                     plane.port))
            transport, up = await self.proxy.loop.create_connection(
                lambda: Upstream(self.proxy.loop, self.on_up_lost), sock=raw,
                ssl=self.proxy.trust, server_hostname=plane.address)
        except BaseException:
            raw.close()
            raise
        self.up = (up.reader, transport)

    def on_up_lost(self):
        if self.up and not self.busy:
            self.writer.transport.abort()

    def drop_up(self):
        if self.up:
            up, self.up = self.up, None
            up[1].abort()

    def close(self):
        self.drop_up()
        self.writer.transport.abort()
        self.proxy.connections.discard(self)


class Proxy:
    """Listens in the plane's namespace at `address`; see the file's head."""

    def __init__(self, plane, address=None, names=()):
        self.plane = plane
        self.address = address or plane.address
        self.port, = free_ports(plane.netns, 1, self.address)
        self.trust = plane.pki.trust()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*plane.pki.server(
            f"proxy{self.port}", (self.address, "localhost", *names)))
        for context in (self.trust, self.context):
            context.set_alpn_protocols(["http/1.1"])
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever,
                                       daemon=True)
        self.listener = None
        self.accepted = 0
        self.connections, self.streams, self.faults = set(), set(), []
        self.seen = []

    @property
    def server(self):
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"https://{host}:{self.port}"

    @property
    def in_cluster(self):
        """Over what plane.service_account_dir() gave."""
        return {"KUBERNETES_SERVICE_HOST": self.address,
                "KUBERNETES_SERVICE_PORT": str(self.port)}

    def client(self, user="admin", token=None, timeout=30):
        return Client(self.plane.netns, self.address, self.port,
                      self.plane.pki.trust(), token or user + "-token",
                      timeout)

    # Life

    def start(self):
        self.thread.start()
        return self.up()

    def stop(self):
        if self.thread.is_alive():
            self.down()
            for fault in list(self.faults):
                fault.remove()
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join()
        self.loop.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def wait(self, coroutine):
        return asyncio.run_coroutine_threadsafe(
            coroutine, self.loop).result(30)

    def call(self, what, *args, **kw):
        """what(), in the proxy's thread."""
        async def now():
            return what(*args, **kw)
        return self.wait(now())

    async def listen(self):
        raw = socket_in(self.plane.netns, self.address)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        raw.bind((self.address, self.port))
        self.listener = await asyncio.start_server(
            self.on_client, sock=raw, ssl=self.context, limit=LIMIT,
            backlog=1024)

    async def on_client(self, reader, writer):
        self.accepted += 1
        connection = Connection(self, reader, writer)
        self.connections.add(connection)
        await connection.serve()

    async def hang_up(self):
        self.listener.close()
        self.listener = None
        for connection in list(self.connections):
            connection.writer.transport.abort()
        while self.connections:
            await asyncio.sleep(0.01)

    def up(self):
        self.wait(self.listen())
        return self

    def down(self):
        """Ends every connection and refuses new ones."""
        if self.listener:
            self.wait(self.hang_up())

    # Faults

    def find(self, kind, request):
        for fault in self.faults:
            if fault.kind == kind and fault.matches(request):
                return fault
        return None

    def add(self, kind, **what):
        def make():
            fault = Fault(self, kind, **what)
            self.faults.append(fault)
            return fault
        return self.call(make)

    def answer(self, status, retry_after=None, body=None, **which):
        """The proxy answers by itself; body: an object, or text."""
        body = status_object(status) if body is None else body
        text = body if isinstance(body, str) else json.dumps(body)
        kind = "text/plain" if isinstance(body, str) else "application/json"
        head = [f"HTTP/1.1 {status} {REASONS.get(status, 'Some')}",
                f"Content-Type: {kind}", f"Content-Length: {len(text)}"]
        if retry_after is not None:
            head.append(f"Retry-After: {retry_after}")
        whole = "\r\n".join(head) + "\r\n\r\n" + text
        return self.add("answer", status=status, text=whole.encode(), **which)

    def stall(self, **which):
        """Not a byte of an answer goes on, and nothing is closed."""
        fault = self.add("stall", **which)

        async def when_over():
            await fault.over.wait()
            for stream in list(self.streams):
                stream.flush()
        asyncio.run_coroutine_threadsafe(when_over(), self.loop)
        return fault

    def cut(self, after, how="close", times=1, **which):
        """So many bytes more of the body, then the end; how: see Stream.end."""
        return self.add("cut", after=after, how=how, times=times, **which)

    def live(self, path="", **which):
        """Answers under way; a watch is one until it ends."""
        def look():
            wanted = Fault(self, "look", path=path, **which)
            return [s for s in self.streams if wanted.matches(s.request)]
        return self.call(look)

    def cut_now(self, path="", how="close", **which):
        """Ends what is under way; how many."""
        streams = self.live(path, **which)
        for stream in streams:
            self.call(stream.end, how)
        return len(streams)

    def inject(self, event, path="", how=None):
        """An event, or bytes, into the watches under way; how many."""
        if not isinstance(event, bytes):
            event = json.dumps(event).encode() + b"\n"
        streams = self.live(path, watch=True)
        for stream in streams:
            self.call(stream.inject, event, how)
        return len(streams)

    def gone(self, path="", how="end"):
        """What a watch is told whose version is too old; how many were."""
        return self.inject({"type": "ERROR", "object": status_object(
            410, "too old resource version: 1 (2)")}, path, how)

    # What was asked

    def note(self, request, status):
        self.seen.append(Seen(time.monotonic(), request.method, request.path,
                              request.query, request.watch, status,
                              request.body))

    def mark(self):
        return len(self.seen)

    def requests(self, mark=0, path="", **which):
        """Seen ones; which: method, watch, status."""
        return [s for s in self.seen[mark:] if re.search(path, s.path)
                and all(getattr(s, k) == v for k, v in which.items())]

    def count(self, mark=0, path="", **which):
        return len(self.requests(mark, path, **which))
