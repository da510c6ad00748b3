# SPDX-License-Identifier: ISC
"""A server for test_k8s_http: answers by path, with the faults that it names.

usage: api_server.py [CERT KEY [CA of clients]]; prints its port on 127.0.0.1.
A connection is counted: its number is in every answer as X-Connection. It ends
with its standard input.
"""
import json
import os
import re
import socket
import ssl
import sys
import threading
import time

counted = 0
lock = threading.Lock()


def read_head(stream):
    lines = []
    while True:
        line = stream.readline()
        if not line:
            return None
        if line in (b"\r\n", b"\n"):
            return lines
        lines.append(line.decode().rstrip())


def answer(out, number, status, body=b"", *headers):
    head = [f"HTTP/1.1 {status}", f"X-Connection: {number}",
            f"Content-Length: {len(body)}", *headers, "", ""]
    out.sendall("\r\n".join(head).encode() + body)


def refusal(reason, message, **more):
    return json.dumps({"kind": "Status", "apiVersion": "v1",
                       "status": "Failure", "reason": reason,
                       "message": message, **more}).encode()


def chunk(out, data):
    out.sendall(b"%x\r\n%s\r\n" % (len(data), data))


def begin_chunks(out, number):
    out.sendall(f"HTTP/1.1 200 OK\r\nX-Connection: {number}\r\n"
                "Transfer-Encoding: chunked\r\n\r\n".encode())


def echo(out, number, words, lines, body):
    headers = dict(x.split(": ", 1) for x in lines if ": " in x)
    names = [x.split(": ", 1)[1] for x in lines
             if x.startswith("Impersonate-Group")]
    answer(out, number, "200 OK", json.dumps(
        {"method": words[0], "path": words[1], "headers": headers,
         "groups": names, "body": body.decode(), "number": number}).encode())


def chunks(out, number, *_):
    """A text in pieces of every small length, headers apart."""
    begin_chunks(out, number)
    text, at, size = b"0123456789" * 200, 0, 1
    while at < len(text):
        chunk(out, text[at:at + size])
        at, size = at + size, size % 97 + 1
        if size % 13 == 0:
            time.sleep(.002)
    out.sendall(b"0\r\n\r\n")


def big(out, number, words, *_):
    """As many bytes as /big/N says."""
    left, piece = int(words[1].split("/")[2]), b"x" * 65536
    begin_chunks(out, number)
    while left > 0:
        chunk(out, piece[:left])
        left -= len(piece)
    out.sendall(b"0\r\n\r\n")


def silent(out, number, *_):
    begin_chunks(out, number)
    chunk(out, b"one")
    time.sleep(.2)
    chunk(out, b"two")
    time.sleep(30)


def cut(out, number, *_):
    out.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    return "close"


def drops(out, number, *_):
    return "close"


def nonsense(out, number, *_):
    out.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    return "close"


def mute(*_):
    time.sleep(30)


def once(out, number, *_):
    """Hangs up after a good answer: the next one needs another connection."""
    answer(out, number, "200 OK", str(number).encode())
    return "close"


def error(out, number, words, *_):
    table = {
        "401": ("401 Unauthorized", refusal("Unauthorized", "Unauthorized")),
        "409": ("409 Conflict", refusal(
            "Conflict", "the object has been modified")),
        "410": ("410 Gone", refusal("Expired", "too old resource version")),
        "429": ("429 Too Many Requests", refusal(
            "TooManyRequests", "slow down"), "Retry-After: 7"),
        "503": ("503 Service Unavailable", b"overloaded\r\nby far",
                "Retry-After: " + time.strftime(
                    "%a, %d %b %Y %H:%M:%S GMT",
                    time.gmtime(time.time() + 60))),
        "504": ("504 Gateway Timeout", refusal(
            "Timeout", "later", details={"retryAfterSeconds": 3})),
        "500": ("500 Internal Server Error", b"y" * 100000),
    }
    answer(out, number, *table[words[1].split("/")[2]])


words_told = []


def told(out, number, words, _, body):
    """What was posted here so far."""
    if body:
        words_told.append(body.decode())
    answer(out, number, "200 OK", " ".join(words_told).encode())


PATHS = {"echo": echo, "chunks": chunks, "big": big, "silent": silent,
         "cut": cut, "drops": drops, "nonsense": nonsense, "mute": mute,
         "once": once, "error": error, "told": told}


def serve(out, context):
    global counted
    try:
        if context:
            out = context.wrap_socket(out, server_side=True)
        with lock:
            counted += 1
            number = counted
        stream = out.makefile("rb")
        while True:
            lines = read_head(stream)
            if lines is None:
                break
            words = lines[0].split()
            length = next((int(x.split(":")[1]) for x in lines
                           if x.lower().startswith("content-length:")), 0)
            body = stream.read(length)
            # To a proxy the whole address is said.
            path = re.sub("^http://[^/]*", "", words[1])
            place = path.split("/")[1].split("?")[0]
            if PATHS[place](out, number, words, lines, body) == "close":
                break
        out.close()
    except (OSError, ssl.SSLError):
        pass


def main():
    context = None
    if len(sys.argv) > 2:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
        if len(sys.argv) > 3:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(sys.argv[3])
    listener = socket.create_server(("127.0.0.1", 0))
    os.write(1, b"%d\n" % listener.getsockname()[1])

    def accept():
        while True:
            out = listener.accept()[0]
            out.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=serve, args=(out, context),
                             daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


main()
