# SPDX-License-Identifier: ISC
"""Hosts of a test: network namespaces, the cables between them, what runs inside."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time

TOP = os.environ.get("FAIRWAY_SRC") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
)
BUILD = os.environ.get("FAIRWAY_BUILD") or TOP


def run(*args, check=True, **kw):
    done = subprocess.run(
        [str(a) for a in args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **kw,
    )
    if check and done.returncode != 0:
        raise AssertionError(
            f"{' '.join(map(str, args))}: exit {done.returncode}\n"
            f"{done.stdout}{done.stderr}"
        )
    return done


def wait_for(what, seconds=15, every=0.1, say=None):
    """Until what() is true; its value. Fails with what `say` returns."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            more = say() if say else ""
            raise AssertionError(f"not within {seconds} s: {more}")
        time.sleep(every)


class Host:
    """A network namespace."""

    def __init__(self, lab, name):
        self.lab = lab
        self.name = name
        self.ns = f"fw{os.getpid()}-{lab.number}-{name}"
        self.dir = os.path.join(lab.dir, name)
        os.makedirs(self.dir, exist_ok=True)
        os.chmod(self.dir, 0o777)
        run("ip", "netns", "add", self.ns)
        self.ip("link", "set", "lo", "up")
        self.sysctl("net.ipv6.conf.all.accept_dad", 0)
        self.sysctl("net.ipv6.conf.default.accept_dad", 0)

    def ip(self, *args, check=True):
        return run("ip", "-n", self.ns, *args, check=check)

    def sysctl(self, key, value):
        self("sysctl", "-qw", f"{key}={value}", check=False)

    def __call__(self, *args, check=True, **kw):
        return run("ip", "netns", "exec", self.ns, *args, check=check, **kw)

    def start(self, *args, log=None, **kw):
        out = open(log, "ab") if log else subprocess.DEVNULL
        kw.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.ns, *map(str, args)],
            stdout=out,
            stderr=subprocess.STDOUT,
            **kw,
        )
        self.lab.processes.append(process)
        return process

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.dir, name)
        with open(path + ".new", "w") as f:
            f.write(text)
        os.chmod(path + ".new", mode)
        os.rename(path + ".new", path)
        return path

    def path(self, name):
        return os.path.join(self.dir, name)


class Lab:
    count = 0

    def __init__(self, directory):
        Lab.count += 1
        self.number = Lab.count
        self.dir = str(directory)
        os.chmod(self.dir, 0o777)
        # Peers that drop their privileges must reach their files.
        parent = os.path.dirname(self.dir)
        while parent.startswith("/tmp/"):
            os.chmod(parent, os.stat(parent).st_mode | 0o055)
            parent = os.path.dirname(parent)
        self.hosts = []
        self.processes = []
        self.hasty = []  # those that need no farewell
        self.cables = 0

    def host(self, name):
        host = Host(self, name)
        self.hosts.append(host)
        return host

    def cable(self, a, b, addrs_a, addrs_b, name_a=None, name_b=None):
        """A veth between two hosts, with addresses such as "10.0.0.1/24"."""
        self.cables += 1
        name_a = name_a or f"eth{self.cables}"
        name_b = name_b or f"eth{self.cables}"
        # Made inside the namespaces: no name of the machine is touched.
        a.ip("link", "add", name_a, "type", "veth", "peer", "name", name_b,
             "netns", b.ns)
        for host, name, addrs in ((a, name_a, addrs_a), (b, name_b, addrs_b)):
            for addr in addrs.split():
                extra = ["nodad"] if ":" in addr else []
                host.ip("addr", "add", addr, "dev", name, *extra)
            host.ip("link", "set", name, "up")
        return name_a, name_b

    def close(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                try:
                    process.send_signal(signal.SIGCONT)
                except ProcessLookupError:
                    pass
                if process in self.hasty:
                    process.kill()
                process.terminate()
        for process in self.processes:
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for host in self.hosts:
            run("ip", "netns", "del", host.ns, check=False)


class Bgpd:
    """Our daemon in a host, with its shell."""

    def __init__(self, host, conf="", args=(), name="bgpd"):
        self.host = host
        self.name = name
        self.args = args
        self.env = {}  # more than what the test itself was started with
        self.before = []  # a program that starts it
        self.conf = host.write(name + ".conf", conf, 0o600)
        self.socket = host.path(name + ".sock")
        self.log = host.path(name + ".log")
        self.binary = os.path.join(BUILD, "bgpd", "bgpd")
        self.shell_binary = os.path.join(BUILD, "bgpsh", "bgpsh")
        self.process = None

    def start(self, wait=True):
        self.process = self.host.start(
            *self.before, self.binary, "-f", self.conf, "-s", self.socket,
            "-L", os.path.join(BUILD, "plugins"), *self.args, log=self.log,
            env={**os.environ, **self.env})
        if wait:
            wait_for(lambda: self.answers() or self.is_dead(), every=0.02,
                     say=self.read_log)
            assert not self.is_dead(), self.read_log()
        return self

    def answers(self):
        """Not so the socket that one before us left behind."""
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(self.socket) == 0

    def is_dead(self):
        return self.process.poll() is not None

    @property
    def pid(self):
        return self.process.pid  # ip netns exec becomes the program

    def read_log(self):
        try:
            with open(self.log, errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def sh(self, *commands, check=True):
        args = []
        for command in commands:
            args += ["-c", command]
        done = self.host(self.shell_binary, "-s", self.socket, *args,
                         check=False, timeout=30)
        if check:
            assert done.returncode == 0, (
                f"{commands}: exit {done.returncode}: {done.stdout}"
                f"{done.stderr}\n{self.read_log()}")
            return done.stdout
        return done

    def json(self, command):
        return json.loads(self.sh(command + " json"))

    def reconfigure(self, conf):
        self.conf = self.host.write(self.name + ".conf", conf, 0o600)
        self.process.send_signal(signal.SIGHUP)

    def kill(self, how=signal.SIGKILL):
        self.process.send_signal(how)
        self.process.wait(10)
        return self.process.returncode

    def peer(self, addr, family="ipv4Unicast"):
        peers = self.json("show bgp summary").get(family, {}).get("peers", {})
        return peers.get(addr, {})

    def wait_peer(self, addr, state="Established", family="ipv4Unicast",
                  seconds=20):
        wait_for(lambda: self.peer(addr, family).get("state") == state,
                 seconds, say=lambda: self.sh("show bgp neighbors")
                 + self.read_log())

    def route(self, prefix):
        """The paths of one prefix, as JSON; [] if it is not there."""
        done = self.sh(f"show bgp {'ipv6' if ':' in prefix else 'ipv4'} "
                       f"unicast {prefix} json", check=False)
        try:
            return json.loads(done.stdout).get("paths", [])
        except json.JSONDecodeError:
            return []

    def wait_route(self, prefix, gone=False, seconds=15):
        return wait_for(
            lambda: (not self.route(prefix)) if gone else self.route(prefix),
            seconds, say=lambda: self.sh("show bgp neighbors")
            + self.read_log())


class Bird:
    """BIRD 2 in a host."""

    def __init__(self, host, conf, name="bird", router_id=None,
                 program=None):
        self.host = host
        self.program = program or shutil.which("bird") or "/usr/sbin/bird"
        self.socket = host.path(name + ".ctl")
        head = f"router id {router_id};\n" if router_id else ""
        self.conf = host.write(
            name + ".conf", "log stderr all;\n" + head
            + "protocol device {}\n" + conf)
        self.log = host.path(name + ".log")
        self.process = None

    def read_conf(self):
        with open(self.conf) as f:
            return f.read()

    def start(self):
        self.process = self.host.start(
            self.program, "-f", "-c", self.conf, "-s", self.socket,
            log=self.log)
        wait_for(lambda: self.ctl("show status", check=False).returncode == 0,
                 every=0.02, say=lambda: open(self.log).read())
        return self

    def ctl(self, command, check=True):
        return run(shutil.which("birdc") or "/usr/sbin/birdc", "-s",
                   self.socket, "-r" if command.startswith("show") else "-v",
                   *command.split(), check=check)

    def do(self, command):
        return run(shutil.which("birdc") or "/usr/sbin/birdc", "-s",
                   self.socket, *command.split()).stdout

    def show(self, command):
        return self.ctl("show " + command, check=False).stdout

    def route(self, prefix):
        """Everything BIRD knows of a prefix; "" if it has none."""
        text = self.show(f"route for {prefix} all")
        if ":" not in text.split("\n", 1)[-1] and "/" not in text:
            return ""
        return text if prefix in text else ""

    def protocol(self, name):
        return self.show(f"protocols all {name}")

    def is_up(self, name):
        return "Established" in self.protocol(name)

    def wait_up(self, name, seconds=20):
        wait_for(lambda: self.is_up(name), seconds,
                 say=lambda: self.protocol(name))

    def wait_route(self, prefix, gone=False, seconds=15):
        return wait_for(
            lambda: (not self.route(prefix)) if gone else self.route(prefix),
            seconds, say=lambda: self.show("route all")
            + self.show("protocols all"))


class FrrDaemon:
    """One of FRR's in a host: its files, and its shell."""

    daemon = None

    def __init__(self, host, conf, name):
        self.host = host
        self.name = name
        self.dir = host.path(name)
        os.makedirs(self.dir, exist_ok=True)
        os.chmod(self.dir, 0o777)
        self.conf = host.write(name + ".conf", conf, 0o666)
        self.log = host.path(name + ".log")
        self.process = None

    def vty(self, *commands, check=True, daemon=None):
        args = []
        for command in commands:
            args += ["-c", command]
        return run("vtysh", "--vty_socket", self.dir, "-d",
                   daemon or self.daemon, *args, check=check)

    def wait_vty(self, daemon=None):
        wait_for(lambda: self.vty("show version", daemon=daemon,
                                  check=False).returncode == 0,
                 say=lambda: open(self.log).read())


class Frr(FrrDaemon):
    """FRR's bgpd in a host, without zebra."""

    daemon = "bgpd"

    def __init__(self, host, conf, name="frr"):
        super().__init__(host, conf, name)

    def start(self):
        self.process = self.host.start(
            "/usr/lib/frr/bgpd", "-Z", "-S", "-f", self.conf, "-i",
            self.dir + "/bgpd.pid", "--vty_socket", self.dir, "-N", self.name,
            "-u", "root", "-g", "root", "--log", "stdout", log=self.log)
        self.wait_vty()
        return self

    def json(self, command):
        text = self.vty(command + " json", check=False).stdout
        return json.loads(text[text.index("{"):]) if "{" in text else {}

    def state(self, addr):
        return (self.json(f"show bgp neighbors {addr}").get(addr, {})
                .get("bgpState"))

    def wait_up(self, addr, seconds=20):
        wait_for(lambda: self.state(addr) == "Established", seconds,
                 say=lambda: str(self.json(f"show bgp neighbors {addr}")))

    def paths(self, prefix):
        family = "ipv6" if ":" in prefix else "ipv4"
        return self.json(f"show bgp {family} unicast {prefix}").get(
            "paths", [])

    def wait_route(self, prefix, gone=False, seconds=15):
        return wait_for(
            lambda: (not self.paths(prefix)) if gone else self.paths(prefix),
            seconds, say=lambda: self.vty("show bgp all").stdout)


class FrrBfd(FrrDaemon):
    """FRR's bfdd in a host, with the zebra that it hears of interfaces from."""

    daemon = "bfdd"

    def __init__(self, host, conf, name="frrbfd"):
        super().__init__(host, conf, name)
        self.empty = host.write(name + "-zebra.conf", "", 0o666)
        self.zebra = None

    def start(self):
        common = ["--vty_socket", self.dir, "-z", self.dir + "/zserv.api",
                  "--log", "stdout", "-N", self.name]
        self.zebra = self.host.start(
            "/usr/lib/frr/zebra", "-f", self.empty, "-i",
            self.dir + "/zebra.pid", *common, log=self.log)
        self.wait_vty("zebra")
        self.start_bfdd()
        return self

    def start_bfdd(self):
        self.process = self.host.start(
            "/usr/lib/frr/bfdd", "-f", self.conf, "-i",
            self.dir + "/bfdd.pid", "--bfdctl", self.dir + "/bfdd.sock",
            "--vty_socket", self.dir, "-z", self.dir + "/zserv.api",
            "--log", "stdout", "-N", self.name, log=self.log)
        self.wait_vty()

    def peers(self):
        text = self.vty("show bfd peers json", check=False).stdout
        return json.loads(text[text.index("["):]) if "[" in text else []

    def peer(self, addr):
        return next((p for p in self.peers() if p["peer"] == addr), {})


class Gobgp:
    """GoBGP in a host."""

    def __init__(self, host, conf, name="gobgp", port=50051):
        self.host = host
        self.conf = host.write(name + ".toml", conf)
        self.log = host.path(name + ".log")
        self.port = port
        self.process = None

    def start(self):
        self.process = self.host.start(
            "gobgpd", "-t", "toml", "-f", self.conf, "--api-hosts",
            f"127.0.0.1:{self.port}", log=self.log)
        wait_for(lambda: self.cli("global", check=False).returncode == 0,
                 say=lambda: open(self.log).read())
        return self

    def cli(self, *args, check=True):
        return self.host("gobgp", "-p", self.port, *args, check=check)

    def wait_up(self, addr, seconds=20):
        wait_for(lambda: "ESTABLISHED" in self.cli(
            "neighbor", addr, check=False).stdout.upper(), seconds,
            say=lambda: self.cli("neighbor", addr, check=False).stdout)

    def rib(self, family="ipv4"):
        text = self.cli("-j", "global", "rib", "-a", family,
                        check=False).stdout
        try:
            return json.loads(text) or {}
        except json.JSONDecodeError:
            return {}


class Openbgpd:
    """OpenBGPD in a host."""

    def __init__(self, host, conf, name="openbgpd"):
        self.host = host
        self.socket = host.path(name + ".sock")
        self.conf = host.write(
            name + ".conf", f'socket "{self.socket}"\n' + conf, 0o600)
        self.log = host.path(name + ".log")
        self.process = None

    def start(self):
        # Debian's unit makes the directory that its children are locked into.
        os.makedirs("/run/openbgpd", exist_ok=True)
        self.process = self.host.start(
            "/usr/sbin/openbgpd" if os.path.exists("/usr/sbin/openbgpd")
            else "/usr/sbin/bgpd", "-d", "-f", self.conf, log=self.log)
        wait_for(lambda: self.ctl("show", check=False).returncode == 0,
                 say=lambda: open(self.log).read())
        return self

    def ctl(self, *args, check=True):
        return self.host("bgpctl", "-s", self.socket, *args, check=check)

    def wait_up(self, addr, seconds=20):
        wait_for(lambda: "Established" in self.ctl(
            "show", "neighbor", addr, check=False).stdout, seconds,
            say=lambda: self.ctl("show", check=False).stdout
            + open(self.log).read())


def nginx(host, server):
    """A real one, with the lines of its one server."""
    conf = host.write("nginx.conf", f"""
daemon off; pid {host.path("nginx.pid")}; error_log stderr;
events {{ }}
http {{
	access_log off;
""" + "".join(f"\t{what}_temp_path {host.path(what)};\n" for what in (
        "client_body", "proxy", "fastcgi", "uwsgi", "scgi")) + f"""
	server {{ {server} }}
}}
""")
    return host.start("nginx", "-c", conf, "-p", host.dir,
                      log=host.path("nginx.log"))
