# SPDX-License-Identifier: ISC
"""A real Kubernetes control plane for a test, in a namespace or on loopback.

    assets = cluster.assets()    # build.sh's; raises Missing, with a reason
    with ControlPlane(tmp_path, netns=host.ns, assets=assets) as plane:
        plane.kubectl("get", "nodes")                     # as admin; its output
        plane.create(make_node("n1", {"zone": "a"}, ["10.0.0.2"]))
        plane.create(make_service("web"))
        plane.create(make_slice("web", [("10.244.0.9", "n1", True)]))
        plane.patch("Service", "web", {"spec": {...}})    # merge patch
        plane.apply(obj); plane.delete("Service", "web")  # or raw:
        status, answer = plane.admin.get("/api/v1/services", limit=5)
        for event in plane.admin.watch("/api/v1/services", seconds=3): ...
        plane.grant("kube-system:fairway", [("", "services", "list watch")])
        conf = plane.kubeconfig(plane.token("fairway", "kube-system", 600),
                                host.path("kubeconfig"))
        env = plane.service_account_dir(host.path("sa"), "fairway",
                                        "kube-system")    # in-cluster mode
        mark = plane.audit.mark()
        assert plane.audit.count(mark, user="system:serviceaccount:...",
                                 verb="update", resource="services/status") == 1

Parts are plane.etcd, plane.apiserver and plane.manager, each with start, stop
(SIGTERM), kill9, pause, resume, restart, pid, rss_mb, read_log and `flags`,
which hold from its next start. The API server keeps its port.
plane.etcd_copy(to) and plane.etcd_restore(of) go back in time; plane.compact()
drops etcd's history and plane.forget() the API server's too, so that any older
version is Gone.

Users besides admin: plane.client("nobody"), any name given as tokens={...}, a
ServiceAccount's plane.client(token=...), a certificate of plane.pki.client().
A SIGTERM ends watches in order after a second; etcd takes 7 s for its own while
the API server is connected, so kill9() is the quick way. A new right holds a
moment later, as RBAC has a cache: wait for it. Start from the main thread: the
parts die with it, whatever becomes of the test. FAIRWAY_KEEP=1 keeps the
directories.
For faults that the real server does not make on demand there is proxy.py.
"""

import atexit
import collections
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "net"))

from lab import run, wait_for  # noqa: E402

import client as raw  # noqa: E402
from audit import POLICY, Audit  # noqa: E402
from client import Refused  # noqa: E402
from objects import (  # noqa: E402,F401
    ingress, make, make_binding, make_node, make_pod, make_role, make_service,
    make_slice, path_of, path_to, pod_status)
from pki import LEEWAY, Pki  # noqa: E402,F401

ISSUER = "https://kubernetes.default.svc.cluster.local"
NAMES = ("localhost", "127.0.0.1", "::1", "kubernetes", "kubernetes.default",
         "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
         "10.96.0.1", "fd00:96::1")
RANGES = "10.96.0.0/12,fd00:96::/112"
CONTROLLERS = ("endpointslice-controller", "serviceaccount-controller",
               "serviceaccount-token-controller", "namespace-controller",
               "root-ca-certificate-publisher-controller")


class Missing(Exception):
    """There are no binaries, and no way to build them here."""


def assets():
    """The directory of the binaries; builds them once, which takes minutes."""
    done = subprocess.run([os.path.join(HERE, "build.sh")], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode == 77:
        raise Missing(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Part:
    """One process of the control plane."""

    def __init__(self, plane, name, arguments, ready, flags=()):
        self.plane = plane
        self.name = name
        self.arguments = arguments
        self.ready = ready
        self.flags = list(flags)
        self.log = plane.path(name + ".log")
        self.process = None

    def start(self, wait=True):
        command = self.plane.prefix() + [
            os.path.join(self.plane.assets, self.name), *self.arguments(),
            *self.flags]
        # A test that is killed leaves nothing behind; the signal would come
        # with the end of the thread that starts, so the main one alone.
        if threading.current_thread() is threading.main_thread():
            command = ["setpriv", "--pdeathsig", "KILL", *command]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self.plane.environment())
        if wait:
            self.wait()
        return self

    def wait(self, seconds=60):
        """Until it is ready."""
        wait_for(lambda: self.answers() or not self.is_running(), seconds,
                 every=0.05, say=self.read_log)
        assert self.is_running(), self.read_log()
        return self

    def answers(self):
        try:
            return self.ready()
        except (OSError, http.client.HTTPException):
            return False

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self):
        return self.process.pid

    def signal(self, number):
        self.process.send_signal(number)
        return self

    def stop(self, seconds=20):
        """SIGTERM, and what it takes to end; SIGKILL after so many seconds."""
        if self.is_running():
            self.signal(signal.SIGCONT).signal(signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill9()
        return self

    def kill9(self):
        if self.is_running():
            self.signal(signal.SIGKILL)
            self.process.wait()
        return self

    def restart(self, wait=True):
        return self.stop().start(wait)

    def pause(self):
        return self.signal(signal.SIGSTOP)

    def resume(self):
        return self.signal(signal.SIGCONT)

    def rss_mb(self):
        with open(f"/proc/{self.pid}/status") as f:
            for line in f:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) // 1024
        return 0

    def read_log(self, lines=40):
        try:
            with open(self.log, errors="replace") as f:
                return "".join(collections.deque(f, lines))
        except FileNotFoundError:
            return ""


class ControlPlane:
    """etcd, API server and controller manager; `with` starts and removes it.

    bind is where the API server listens, `names` are further addresses and
    names that its certificate is for. tokens: {user: [group, ...]}, and the
    token of a user is "USER-token". flags are the API server's.
    """

    count = 0

    def __init__(self, directory, netns=None, bind="127.0.0.1", names=(),
                 flags=(), tokens=None, manager=True, controllers=CONTROLLERS,
                 manager_flags=(), ranges=RANGES, audit=True, assets=None):
        ControlPlane.count += 1
        self.dir = os.path.join(str(directory), f"plane{ControlPlane.count}")
        self.assets = assets or globals()["assets"]()
        self.netns = netns
        self.bind = bind
        self.address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)
        self.ranges = ranges
        self.audited = audit
        self.with_manager = manager
        self.controllers = controllers
        self.tokens = {"admin": ["system:masters"], "nobody": [],
                       **(tokens or {})}
        os.makedirs(self.dir)
        atexit.register(self.stop)
        self.pki = Pki(self.path("pki"))
        self.certificate = self.pki.server(
            "kube-apiserver", (*NAMES, self.address, *names))
        self.etcd_port, self.etcd_peer_port = raw.free_ports(netns, 2)
        self.port, = raw.free_ports(netns, 1, self.address)
        self.write_files()
        self.audit = Audit(self.path("audit.log"))
        self.clients = {}
        self.etcd = Part(self, "etcd", self.etcd_arguments, lambda: "true" in
                         self.etcd_call("/health").get("health", ""))
        self.apiserver = Part(
            self, "kube-apiserver", self.apiserver_arguments,
            self.is_apiserver_ready, flags)
        self.manager = Part(
            self, "kube-controller-manager", self.manager_arguments,
            self.has_default_account, manager_flags)

    # What the parts are started with

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def prefix(self):
        return ["ip", "netns", "exec", self.netns] if self.netns else []

    def environment(self):
        """Nothing of the caller's cluster, proxy or home reaches the parts."""
        return {"PATH": os.environ["PATH"], "HOME": self.dir,
                "KUBECONFIG": self.path("admin.conf"), "LANG": "C.UTF-8",
                "GOGC": "75"}

    def write_files(self):
        with open(self.path("tokens.csv"), "w") as f:
            for user, groups in self.tokens.items():
                f.write(f'{user}-token,{user},{user},"{",".join(groups)}"\n')
        with open(self.path("audit.yaml"), "w") as f:
            yaml.safe_dump(POLICY, f)
        self.kubeconfig("admin-token", self.path("admin.conf"))

    def etcd_arguments(self):
        ours = f"http://127.0.0.1:{self.etcd_port}"
        peer = f"http://127.0.0.1:{self.etcd_peer_port}"
        return ["--name", "one", "--data-dir", self.path("etcd-data"),
                "--unsafe-no-fsync", "--log-level", "warn",
                "--listen-client-urls", ours, "--advertise-client-urls", ours,
                "--listen-peer-urls", peer, "--initial-advertise-peer-urls",
                peer, "--initial-cluster", "one=" + peer]

    def apiserver_arguments(self):
        crt, key = self.certificate
        far = ":" not in self.address and not self.address.startswith("127.")
        issuer = self.pki.accounts_key
        # An endpoint of the Service "kubernetes" may not be a loopback address.
        return ["--advertise-address", self.address if far else "192.0.2.1",
                "--endpoint-reconciler-type", "lease" if far else "none",
                f"--etcd-servers=http://127.0.0.1:{self.etcd_port}",
                f"--bind-address={self.bind}", f"--secure-port={self.port}",
                f"--cert-dir={self.path('run')}", f"--tls-cert-file={crt}",
                f"--tls-private-key-file={key}",
                f"--client-ca-file={self.pki.ca}",
                f"--token-auth-file={self.path('tokens.csv')}",
                "--authorization-mode=RBAC", "--profiling=false",
                # Else a SIGTERM waits for watches to end, up to a minute.
                "--shutdown-watch-termination-grace-period=1s",
                f"--service-account-issuer={ISSUER}",
                f"--service-account-key-file={issuer}",
                f"--service-account-signing-key-file={issuer}",
                f"--service-cluster-ip-range={self.ranges}",
                *self.audit_arguments()]

    def audit_arguments(self):
        if not self.audited:
            return []
        return [f"--audit-policy-file={self.path('audit.yaml')}",
                f"--audit-log-path={self.path('audit.log')}",
                "--audit-log-maxsize=100000"]

    def manager_arguments(self):
        return [f"--kubeconfig={self.path('admin.conf')}", "--secure-port=0",
                "--leader-elect=false", "--profiling=false",
                "--controllers=" + ",".join(self.controllers),
                "--kube-api-qps=2000", "--kube-api-burst=4000",
                f"--root-ca-file={self.pki.ca}",
                "--service-account-private-key-file="
                + self.pki.accounts_key]

    def is_apiserver_ready(self):
        """Its own Service is made a moment after it says that it is ready."""
        return all(self.admin.get(path)[0] == 200 for path in (
            "/readyz", path_of("Service", "kubernetes")))

    def has_default_account(self):
        return self.admin.get(path_of("ServiceAccount", "default"))[0] == 200

    # Life

    def start(self):
        self.etcd.start()
        self.apiserver.start()
        if self.with_manager:
            self.manager.start()
        return self

    def parts(self):
        return [p for p in (getattr(self, name, None) for name in
                            ("manager", "apiserver", "etcd")) if p]

    def stop(self):
        """Ends everything and removes its directory."""
        atexit.unregister(self.stop)
        for part in self.parts():
            part.kill9()
        if not os.environ.get("FAIRWAY_KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()

    def say(self):
        """The ends of the logs, for a test that failed."""
        return "".join(f"== {p.name}\n{p.read_log()}" for p in self.parts())

    # etcd, and time

    def etcd_call(self, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.etcd_port)
        connection.sock = raw.socket_in(self.netns, "127.0.0.1")
        try:
            connection.sock.settimeout(10)
            connection.sock.connect(("127.0.0.1", self.etcd_port))
            connection.request("POST" if body else "GET", path,
                               json.dumps(body) if body else None)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def revision(self):
        """What every object's resourceVersion is at most."""
        return int(self.etcd_call("/v3/kv/range", {
            "key": "AA==", "range_end": "AA==", "limit": "1",
            "count_only": True})["header"]["revision"])

    def compact(self):
        """etcd knows no version older than now."""
        self.etcd_call("/v3/kv/compaction", {
            "revision": str(self.revision()), "physical": True})

    def forget(self):
        """A watch from any older version is told 410 Gone."""
        self.compact()
        self.apiserver.restart()

    def etcd_copy(self, to):
        """etcd's data as of now, as a crash would leave it; etcd goes on."""
        self.etcd.pause()
        try:
            run("cp", "-a", "--sparse=always", self.path("etcd-data"), to)
        finally:
            self.etcd.resume()
        return to

    def etcd_restore(self, of, apiserver=True):
        """Back to a copy, as after a restore from a backup."""
        if apiserver:
            self.apiserver.kill9()
        self.etcd.kill9()
        shutil.rmtree(self.path("etcd-data"))
        run("cp", "-a", "--sparse=always", of, self.path("etcd-data"))
        self.etcd.start()
        if apiserver:
            self.apiserver.start()

    # Asking it

    def kubectl(self, *args, input=None, check=True, user="admin"):
        """Its output; with check=False the finished process."""
        conf = self.path(user + ".conf")
        if not os.path.exists(conf):
            self.kubeconfig(user + "-token", conf)
        done = run(*self.prefix(), os.path.join(self.assets, "kubectl"),
                   f"--kubeconfig={conf}", *args, check=check, input=input,
                   env=self.environment(), timeout=60)
        return done.stdout if check else done

    def client(self, user=None, token=None, timeout=30):
        token = token or (user + "-token" if user else None)
        return raw.Client(self.netns, self.address, self.port,
                          self.pki.trust(), token, timeout)

    @property
    def admin(self):
        if "admin" not in self.clients:
            self.clients["admin"] = self.client("admin")
        return self.clients["admin"]

    def need(self, method, path, body=None, **more):
        status, answer = self.admin.request(method, path, body, **more)
        if not 200 <= status < 300:
            raise Refused(f"{method} {path}", status, answer)
        return answer

    def create(self, made):
        path = path_of(made["kind"], None,
                       made["metadata"].get("namespace", "default"))
        return self.need("POST", path, made)

    def apply(self, made):
        """As `kubectl apply --server-side --force-conflicts`."""
        return self.need("PATCH", path_to(made), made, kind=raw.APPLY,
                         fieldManager="tests", force="true")

    def update(self, made, sub=None):
        return self.need("PUT", path_to(made, sub), made)

    def get(self, kind, name, space="default"):
        return self.need("GET", path_of(kind, name, space))

    def list(self, kind, space=None):
        return self.need("GET", path_of(kind, None, space))["items"]

    def patch(self, kind, name, patch, space="default", sub=None):
        return self.need("PATCH", path_of(kind, name, space, sub), patch,
                         kind=raw.MERGE)

    def delete(self, kind, name, space="default"):
        return self.need("DELETE", path_of(kind, name, space))

    def ensure(self, made):
        """Makes it unless it is there."""
        try:
            return self.create(made)
        except Refused as fault:
            if fault.status != 409:
                raise
            return self.get(made["kind"], made["metadata"]["name"],
                            made["metadata"].get("namespace", "default"))

    # Who may

    def account(self, name, space="default"):
        """A ServiceAccount, and its namespace where that is missing."""
        self.ensure(make("Namespace", space))
        return self.ensure(make("ServiceAccount", name, space))

    def grant(self, user, rules, space=None, name=None):
        """Rights for a user or "space:account"; see make_role for rules."""
        name = name or "may-" + user.replace(":", "-")
        self.apply(make_role(name, rules, space))
        self.apply(make_binding(name, user, space))

    def token(self, account, space="default", seconds=3600):
        """Of a ServiceAccount; under ten minutes, signed here: see pki.py.

        The server remembers for up to ten seconds that a token was good.
        """
        made = self.account(account, space)
        if seconds < 600:
            return self.pki.account_token(
                ISSUER, space, account, made["metadata"]["uid"], seconds)
        answer = self.need(
            "POST", path_of("ServiceAccount", account, space, "token"),
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
             "spec": {"expirationSeconds": seconds}})
        return answer["status"]["token"]

    @property
    def host(self):
        return f"[{self.address}]" if ":" in self.address else self.address

    @property
    def server(self):
        return f"https://{self.host}:{self.port}"

    def kubeconfig(self, token, path, server=None, **cluster):
        """For a token, or the path of a file that holds one; the path."""
        user = {"tokenFile": token} if token.startswith("/") else {
            "token": token}
        with open(path + ".new", "w") as f:
            yaml.safe_dump({
                "apiVersion": "v1", "kind": "Config", "current-context": "c",
                "clusters": [{"name": "c", "cluster": {
                    "server": server or self.server,
                    "certificate-authority": self.pki.ca, **cluster}}],
                "contexts": [{"name": "c", "context": {
                    "cluster": "c", "user": "u"}}],
                "users": [{"name": "u", "user": user}]}, f)
        os.chmod(path + ".new", 0o600)
        os.rename(path + ".new", path)
        return path

    def service_account_dir(self, path, account, space="default",
                            token=None):
        """What a Pod finds; called again, it is swapped as kubelet does.

        Returned is the environment of in-cluster mode.
        """
        ClusterFiles(path).swap({
            "token": token or self.token(account, space),
            "ca.crt": open(self.pki.ca).read(), "namespace": space})
        return {"KUBERNETES_SERVICE_HOST": self.address,
                "KUBERNETES_SERVICE_PORT": str(self.port)}


class ClusterFiles:
    """A projected volume: files are links into ..data, itself a link."""

    def __init__(self, path):
        self.path = path
        os.makedirs(path, exist_ok=True)

    def swap(self, files):
        link = os.path.join(self.path, "..data")
        old = os.readlink(link) if os.path.islink(link) else None
        new = f"..{time.time_ns()}"
        os.mkdir(os.path.join(self.path, new))
        for name, text in files.items():
            with open(os.path.join(self.path, new, name), "w") as f:
                f.write(text)
        os.symlink(new, link + "_tmp")
        os.rename(link + "_tmp", link)
        for name in files:
            at = os.path.join(self.path, name)
            if not os.path.islink(at):
                os.symlink(os.path.join("..data", name), at)
        if old:
            shutil.rmtree(os.path.join(self.path, old))
