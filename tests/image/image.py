# SPDX-License-Identifier: ISC
"""The image of the Dockerfile, built and run: by podman, or by hand.

No registry is asked. The base is made by debootstrap, once, and kept outside the
tree. Podman then builds the Dockerfile on it and runs what came out. Where
podman is not to be had, or may not run a container, the same Dockerfile is
read here, its stages are run in trees of their own, and its process is started
with chroot, namespaces and setpriv. FAIRWAY_IMAGE=podman or hand says which.
"""

import fcntl
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "net"))

from lab import TOP, run, wait_for  # noqa: E402

import dockerfile  # noqa: E402

# What Debian's slim images lack of a debootstrap.
SLIM = [f"./usr/share/{name}/*" for name in
        ("doc", "groff", "info", "linda", "lintian", "locale", "man")]
RULES = "".join(f"path-exclude {name[1:]}\n" for name in SLIM) + \
    "path-include /usr/share/doc/*/copyright\n"
# crun refuses a machine with both versions of cgroups; it can do without either.
PRIVATE = 'umount -l /sys/fs/cgroup/unified 2>/dev/null; exec "$@"'


def read(*names):
    with open(os.path.join(TOP, *names)) as f:
        return f.read()


def mirrors():
    """suite: URL, as this machine's apt has them."""
    out = run("apt-get", "indextargets", "--format",
              "$(REPO_URI) $(RELEASE)", "Created-By: Packages").stdout
    found = {suite: uri for uri, suite in map(str.split, out.splitlines())}
    return {suite: found[suite] for suite in found
            if suite.startswith("bookworm")} or {
        "bookworm": "http://deb.debian.org/debian",
        "bookworm-security": "http://deb.debian.org/debian-security"}


def base():
    """The path of a tar file that stands for debian:bookworm-slim."""
    cache = os.path.join(os.environ.get("XDG_CACHE_HOME") or
                         os.path.expanduser("~/.cache"), "fairway-tests")
    os.makedirs(cache, exist_ok=True)
    path = os.path.join(cache, f"bookworm-slim-{platform.machine()}.tar")
    with open(path + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path):
            with tempfile.TemporaryDirectory(prefix="fwbase") as there:
                bootstrap(os.path.join(there, "tree"), path + ".new")
            os.rename(path + ".new", path)
    return path


def bootstrap(tree, path):
    uris = mirrors()
    run("debootstrap", "--variant=minbase", "bookworm", tree,
        uris["bookworm"])
    with open(f"{tree}/etc/apt/sources.list", "w") as f:
        f.writelines(f"deb {uri} {suite} main\n"
                     for suite, uri in uris.items())
    with open(f"{tree}/etc/dpkg/dpkg.cfg.d/slim", "w") as f:
        f.write(RULES)
    run("tar", "-C", tree, "--numeric-owner", "-cf", path,
        *(f"--exclude={name}" for name in
          [*SLIM, "./var/lib/apt/lists/*", "./var/cache/apt/*",
           "./var/log/*", "./dev/*", "./proc/*"]), ".")


class Running:
    """A container: a process in a host of a lab, and the files it writes."""

    def __init__(self, image, host, pod):
        self.image = image
        self.host = host
        self.log = host.path("pod.log")
        self.volumes = {path: host.path(name)
                        for name, path in pod.volumes.items()}
        for path in self.volumes.values():
            os.makedirs(path, exist_ok=True)
        self.process = None

    def read_log(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def sh(self, command, check=True):
        return self.exec("bgpsh", "-c", command, check=check)

    def wait(self, seconds=15):
        """Until bgpsh has an answer."""
        wait_for(lambda: self.process.poll() is not None or
                 self.sh("show version", check=False).returncode == 0,
                 seconds, say=self.read_log)
        assert self.process.poll() is None, self.read_log()
        return self

    def status(self):
        """/proc/PID/status of bgpd."""
        with open(f"/proc/{self.pid()}/status") as f:
            return dict(line.rstrip("\n").split(":\t", 1) for line in f
                        if ":\t" in line)

    def kill(self):
        if self.process.poll() is None:
            try:
                self.stop(1)
            except (AssertionError, subprocess.TimeoutExpired):
                self.process.kill()
                self.process.wait()


# By podman ----------------------------------------------------------------------


def limits(most=4096):
    """Podman's own default may be more than we are allowed to ask for."""
    for name in ("nofile", "nproc"):
        hard = resource.getrlimit(getattr(resource, "RLIMIT_" +
                                          name.upper()))[1]
        count = most if hard == resource.RLIM_INFINITY else min(most, hard)
        yield f"--ulimit={name}={count}:{count}"


class PodmanRunning(Running):
    def start(self, pod):
        self.name = self.host.ns
        mounts = [f"--volume={ours}:{path}" + (
            ":ro" if path in pod.read_only else "")
            for path, ours in self.volumes.items()]
        mounts += [f"--tmpfs={path}:rw,mode=755" for path in pod.memory]
        security = [f"--cap-add={name}" for name in pod.add]
        security += ["--cap-drop=ALL", f"--user={pod.user}"]
        security += ["--security-opt=no-new-privileges"] * pod.no_new
        security += ["--read-only", "--read-only-tmpfs=false"] * pod.sealed
        # Not within the host: `ip netns` hides /sys/fs/cgroup from podman.
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.image.command(
                "run", "--rm", "--pull=never", "--cgroups=disabled",
                *limits(), f"--name={self.name}",
                f"--network=ns:/run/netns/{self.host.ns}", *mounts,
                *security, *(f"--env={k}={v}" for k, v in pod.env.items()),
                self.image.id, *pod.args), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log)
        return self.wait()

    def exec(self, *args, check=True):
        return run(*self.image.command("exec", self.name, *args),
                   check=check, timeout=30)

    def pid(self):
        return int(self.image("inspect", "-f", "{{.State.Pid}}", self.name))

    def stop(self, seconds):
        """SIGTERM, as kubelet does it; the exit status."""
        os.kill(self.pid(), 15)
        return self.process.wait(seconds + 5)


class Podman:
    """One store for what is built, which goes with it."""

    running = PodmanRunning

    def __init__(self):
        # Short: sockets lie in it.
        self.dir = tempfile.mkdtemp(prefix="fwimg")
        self.id = self.base = None

    def command(self, *args):
        return ["unshare", "--mount", "sh", "-c", PRIVATE, "sh", "podman",
                "--root", f"{self.dir}/store", "--runroot", f"{self.dir}/run",
                *args]

    def __call__(self, *args, **kw):
        return run(*self.command(*args), **kw).stdout.strip()

    def prepare(self, tar):
        """Why containers cannot be run here; None: they can."""
        if shutil.which("podman") is None:
            return "there is no podman"
        self.base = dockerfile.read(read("Dockerfile"))[-1].base
        self("import", tar, "docker.io/library/" + self.base)
        done = run(*self.command(
            "run", "--rm", "--pull=never", "--cgroups=disabled", *limits(),
            "--network=none", "--read-only", self.base, "/bin/true"), check=False)
        return done.stderr.strip() if done.returncode else None

    def build(self):
        self("build", "--pull=never", "--isolation=chroot", "--layers=false",
             f"--iidfile={self.dir}/id", TOP, timeout=600)
        with open(f"{self.dir}/id") as f:
            self.id = f.read().strip()

    def config(self):
        made = json.loads(self("inspect", self.id))[0]
        return made["Config"]["Entrypoint"], made["Config"]["Cmd"]

    def sizes(self):
        """Bytes of all, and of what is not the base's."""
        whole, base = (int(self("image", "inspect", "-f", "{{.Size}}", name))
                       for name in (self.id, self.base))
        return whole, whole - base

    def once(self, *args, files=None, check=True):
        """A command in a container that is gone after."""
        more = [f"--volume={ours}:{path}:ro"
                for path, ours in (files or {}).items()]
        return run(*self.command(
            "run", "--rm", "--pull=never", "--cgroups=disabled", *limits(),
            "--network=none", "--entrypoint=", *more, self.id, *args),
            check=check, timeout=60)

    def close(self):
        if shutil.which("podman"):
            run(*self.command("rm", "--all", "--force"), check=False)
        shutil.rmtree(self.dir, ignore_errors=True)


# By hand ------------------------------------------------------------------------

# Below, $1 is the tree; what is mounted ends with the process. A tree of its own
# devices: nothing of this machine's is in it.
PLACES = """
tree=$1
mount --bind "$tree" "$tree"
mount -t proc proc "$tree/proc"
mount -t tmpfs -o mode=755 dev "$tree/dev"
for name in null zero full random urandom; do
	touch "$tree/dev/$name"
	mount --bind "/dev/$name" "$tree/dev/$name"
done
"""
# $2: where in the tree, $3: the command.
BUILD = PLACES + """
touch "$tree/etc/resolv.conf"
mount --bind /etc/resolv.conf "$tree/etc/resolv.conf"
exec chroot "$tree" /bin/sh -c "mkdir -p '$2' && cd '$2' && $3"
"""
# $2: ro or rw, then what is mounted on places that are there, as "ro|rw FROM TO" or "tmpfs - TO", "--",
# the command.
RUN = PLACES + """
sealed=$2
shift 2
while [ "$1" != -- ]; do
	case $1 in
	tmpfs) mount -t tmpfs -o mode=755 tmpfs "$tree$3" ;;
	*) mount --bind "$2" "$tree$3"
	   mount -o "remount,bind,$1" "$tree$3" ;;
	esac
	shift 3
done
shift
mount -o "remount,bind,$sealed" "$tree"
exec chroot "$tree" "$@"
"""


def confined(pod):
    caps = ",".join(["-all"] + [f"+{name.lower()}" for name in pod.add])
    return ["setpriv", f"--reuid={pod.user}", "--clear-groups",
            f"--bounding-set={caps}", "--inh-caps=-all",
            *["--no-new-privs"] * pod.no_new]


class HandRunning(Running):
    def start(self, pod):
        self.pod = pod
        mounts = []
        for path, ours in self.volumes.items():
            mounts += ["ro" if path in pod.read_only else "rw", ours, path]
        for path in pod.memory:
            mounts += ["tmpfs", "-", path]
        for path in (*self.volumes, *pod.memory):
            os.makedirs(self.image.inside(path), exist_ok=True)
        entry, command = self.image.config()
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **pod.env}
        self.process = self.host.start(
            "unshare", "--mount", "--pid", "--fork", "--kill-child", "sh",
            "-euc", RUN, "sh", self.image.tree,
            "ro" if pod.sealed else "rw", *mounts, "--", *confined(pod),
            *entry, *(pod.args or command), log=self.log, env={
                **os.environ, **env})
        return self.wait()

    def pid(self):
        parent = self.process.pid
        with open(f"/proc/{parent}/task/{parent}/children") as f:
            return int(f.read().split()[0])

    def entered(self):
        """Its pid once it is in its tree, else None: never outside of it."""
        try:
            pid = self.pid()
            root = os.readlink(f"/proc/{pid}/root")
        except (OSError, IndexError):
            return None
        return None if root == "/" else pid

    def exec(self, *args, check=True):
        pid = self.entered()
        if pid is None:
            assert not check, f"it does not run: {self.read_log()}"
            return subprocess.CompletedProcess(args, 1, "", "not running")
        return run("nsenter", f"--target={pid}", "--mount", "--net", "--pid",
                   "--root", "--wd", *confined(self.pod), *args, check=check,
                   timeout=30)

    def stop(self, seconds):
        os.kill(self.pid(), 15)
        return self.process.wait(seconds + 5)


class Hand:
    """Each stage a copy of the base's tree."""

    running = HandRunning

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="fwimg")
        self.stages = dockerfile.read(read("Dockerfile"))
        self.tree = self.tar = self.before = None

    def prepare(self, tar):
        self.tar = tar
        return None

    def build(self):
        for number, stage in enumerate(self.stages):
            self.tree = f"{self.dir}/{stage.name or number}"
            os.mkdir(self.tree)
            run("tar", "-C", self.tree, "--numeric-owner", "-xf", self.tar)
            self.before = self.weigh()
            where = "/"
            for step in stage.steps:
                if step.word == "WORKDIR":
                    where = step.rest
                elif step.word == "RUN":
                    run("unshare", "--mount", "sh", "-euc", BUILD, "sh",
                        self.tree, where, step.rest, timeout=600)
                elif step.word == "COPY":
                    self.copy(step, where)

    def inside(self, *parts):
        """Below the tree, whatever the path says: never this machine's own."""
        path = os.path.normpath("/".join((self.tree, *parts)))
        real = os.path.realpath(path)
        assert real.startswith(os.path.realpath(self.dir) + "/"), path
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def copy(self, step, where):
        *sources, target = step.rest.split()
        target = self.inside("" if target.startswith("/") else where, target)
        if "from" in step.flags:
            tree = f"{self.dir}/{step.flags['from']}"
            for source in sources:
                run("cp", "-aT", tree + source, target)
            return
        kept = list(dockerfile.Ignore(read(".dockerignore")).files(TOP))
        if sources == ["."]:
            self.copy_all(kept, target)
            return
        for source in sources:
            assert source in kept, f"{source} is not in the context"
            shutil.copy(os.path.join(TOP, source), target)

    def copy_all(self, names, target):
        os.makedirs(target, exist_ok=True)
        packed = f"{self.dir}/context.tar"
        run("tar", "-C", TOP, "--owner=0", "--group=0", "-cf", packed, *names)
        run("tar", "-C", target, "-xf", packed)

    def weigh(self):
        return int(run("du", "-sb", self.tree).stdout.split()[0])

    def config(self):
        return self.stages[-1].argv()

    def sizes(self):
        return self.weigh(), self.weigh() - self.before

    def once(self, *args, files=None, check=True):
        mounts = []
        for path, ours in (files or {}).items():
            os.makedirs(self.inside(path), exist_ok=True)
            mounts += ["ro", ours, path]
        return run("unshare", "--mount", "--net", "sh", "-euc", RUN, "sh",
                   self.tree, "rw", *mounts, "--", *args, check=check,
                   timeout=60)

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)


def make():
    """The image, built; says by whom, and why not by podman."""
    tar = base()
    wanted = os.environ.get("FAIRWAY_IMAGE")
    image = Hand() if wanted == "hand" else Podman()
    why = image.prepare(tar)
    if why is not None:
        image.close()
        assert wanted != "podman", why
        print(f"image: not by podman: {why}")
        image = Hand()
        image.prepare(tar)
    try:
        image.build()
    except BaseException:
        image.close()
        raise
    return image
