# SPDX-License-Identifier: ISC
"""The control plane of the tests is real, and the proxy fails on command."""

import http.client
import json
import os
import ssl
import subprocess
import threading
import time

import pytest

from client import Client, Refused
from cluster import (
    ControlPlane, ingress, make_node, make_pod, make_service, make_slice,
    path_of, pod_status)
from lab import wait_for
from proxy import Proxy

SERVICES = "/api/v1/services"
ACCOUNT = "system:serviceaccount:kube-system:"


@pytest.fixture(scope="module")
def proxy(plane):
    with Proxy(plane) as made:
        yield made


class Watcher:
    """Reads a watch in a thread, as bytes, until it ends."""

    def __init__(self, client, path=SERVICES):
        self.client = client
        self.path = path + "?watch=1"
        self.data = b""
        self.why = None
        self.thread = threading.Thread(target=self.read)
        self.thread.start()
        wait_for(lambda: self.data)

    def read(self):
        response = self.client.send("GET", self.path)
        try:
            while data := response.read1(65536):
                self.data += data
            self.why = "end"
        except http.client.IncompleteRead as fault:
            self.data += fault.partial
            self.why = "cut"
        except OSError:  # Python's TLS calls some resets an end of file.
            self.why = "cut"
        self.client.close()

    def end(self):
        self.thread.join(10)
        return self.why


# The control plane ------------------------------------------------------------

def test_objects_are_made_and_seen(plane):
    plane.create(make_node("n1", {"zone": "a"}, ["10.0.0.2", "2001:db8::2"]))
    plane.create(make_service("dual", ipFamilyPolicy="PreferDualStack"))
    plane.create(make_slice("dual", [("10.244.0.9", "n1", True, True, False),
                                     ("10.244.0.8", "n1", False)]))
    plane.patch("Service", "dual", ingress("192.0.2.7"), sub="status")
    assert "v1.36" in plane.kubectl("version")
    said = json.loads(plane.kubectl("get", "service", "dual", "-o", "json"))
    assert said["spec"]["ipFamilies"] == ["IPv4", "IPv6"]
    assert said["status"]["loadBalancer"]["ingress"][0]["ip"] == "192.0.2.7"
    assert "192.0.2.7" in plane.kubectl("get", "services")
    assert "10.244.0.9" in plane.kubectl("get", "endpointslices")
    assert "10.0.0.2" in plane.kubectl("get", "nodes", "-o", "wide")
    plane.kubectl("apply", "-f", "-", input=json.dumps(make_service("cli")))
    plane.delete("Service", "cli")
    with pytest.raises(Refused, match="404"):
        plane.get("Service", "cli")


def test_the_controller_makes_slices_of_pods(plane):
    plane.apply(make_node("n1", addresses=["10.0.0.2"]))
    plane.create(make_service("web", selector={"app": "web"}))
    plane.create(make_pod("web-1", "n1", labels={"app": "web"}))
    plane.patch("Pod", "web-1", pod_status("10.244.0.3"), sub="status")

    def found():
        return [e for s in plane.list("EndpointSlice", "default")
                if s["metadata"]["name"].startswith("web-")
                for e in s["endpoints"] or ()]
    ends = wait_for(lambda: [e for e in found() if e["conditions"]["ready"]],
                    say=plane.say)
    assert [(e["addresses"], e["nodeName"]) for e in ends] == [
        (["10.244.0.3"], "n1")]


def test_who_has_no_role_is_refused(plane):
    who = plane.client(token=plane.token("fairway", "kube-system", 600))
    assert who.get(SERVICES)[0] == 403
    assert plane.client("nobody").get(SERVICES)[0] == 403
    assert plane.client(token="none").get(SERVICES)[0] == 401
    plane.grant("kube-system:fairway", [("", "services", "list watch")])
    wait_for(lambda: who.get(SERVICES)[0] == 200)
    assert who.get("/api/v1/nodes")[0] == 403
    assert who.patch(path_of("Service", "kubernetes", sub="status"),
                     ingress("192.0.2.9"))[0] == 403
    asked = plane.token("fairway", "kube-system", 60)
    assert plane.client(token=asked).get(SERVICES)[0] == 200
    past = plane.token("fairway", "kube-system", -1)
    assert plane.client(token=past).get(SERVICES)[0] == 401


def test_requests_are_counted(plane):
    plane.ensure(make_service("counted"))
    user = ACCOUNT + "counter"
    who = plane.client(token=plane.token("counter", "kube-system", 600))
    plane.grant(user, [("", "services", "list watch"),
                       ("", "services/status", "patch")])
    wait_for(lambda: who.get(SERVICES)[0] == 200)
    watch = who.watch(SERVICES, seconds=20)
    next(watch)
    mark = plane.audit.mark()
    for last in range(1, 4):
        assert who.patch(path_of("Service", "counted", sub="status"),
                         ingress(f"192.0.2.{last}"))[0] == 200
    more = who.watch(SERVICES, seconds=20)
    next(more)
    assert who.get("/api/v1/nodes")[0] == 403
    watch.close()
    more.close()
    assert plane.audit.table(mark, user) == {
        (user, "patch", "services/status"): 3,
        (user, "watch", "services"): 1, (user, "list", "nodes"): 1}
    assert plane.audit.count(mark, user=user, code=403) == 1
    assert plane.audit.count(mark, user=user, verb="patch", name="counted",
                             resource="services/status", space="default") == 3


def test_tls_is_verified(plane, tmp_path):
    stranger = Client(plane.netns, plane.address, plane.port,
                      ssl.create_default_context(), "admin-token")
    with pytest.raises(ssl.SSLCertVerificationError):
        stranger.get(SERVICES)
    env = plane.service_account_dir(str(tmp_path / "sa"), "fairway",
                                    "kube-system")
    plane.service_account_dir(str(tmp_path / "sa"), "fairway", "kube-system",
                              token="nobody-token")
    assert env["KUBERNETES_SERVICE_PORT"] == str(plane.port)
    assert (tmp_path / "sa" / "token").read_text() == "nobody-token"
    assert len(os.listdir(tmp_path / "sa")) == 5
    done = subprocess.run(
        plane.prefix() + ["curl", "-sS", "--http2", "--cacert",
                          str(tmp_path / "sa" / "ca.crt"), "-w", "%{http_code}",
                          plane.server + SERVICES, "-o", "/dev/null"],
        stdout=subprocess.PIPE, text=True)
    assert done.stdout == "403"  # Anonymous, but over TLS that verified.


def test_crashes_and_lost_history(plane):
    plane.ensure(make_service("kept"))
    port, old = plane.port, plane.list("Service") and plane.admin.get(
        SERVICES)[1]["metadata"]["resourceVersion"]
    plane.apiserver.kill9().start()
    assert plane.port == port
    plane.patch("Service", "kept", {"metadata": {"labels": {"a": "b"}}})
    plane.forget()
    (event,) = plane.admin.watch(SERVICES, resourceVersion=old)
    assert event["type"] == "ERROR" and event["object"]["code"] == 410


def test_back_to_an_older_copy(plane, tmp_path):
    plane.ensure(make_service("before"))
    before = plane.revision()
    copy = plane.etcd_copy(str(tmp_path / "copy"))
    for n in range(20):
        plane.create(make_service(f"after-{n}"))
    assert plane.revision() > before + 20
    plane.etcd_restore(copy)
    names = {s["metadata"]["name"] for s in plane.list("Service")}
    assert "before" in names and not {n for n in names if "after" in n}


@pytest.mark.parametrize("bind", ["10.9.0.1", "2001:db8:9::1", "0.0.0.0"])
def test_it_is_reached_from_another_host(lab, assets, bind):
    here, there = lab.host("plane"), lab.host("client")
    lab.cable(here, there, "10.9.0.1/24 2001:db8:9::1/64",
              "10.9.0.2/24 2001:db8:9::2/64")
    with ControlPlane(here.dir, here.ns, bind, ["10.9.0.1"], assets=assets,
                      manager=False, flags=["--goaway-chance=0.01"]) as plane:
        far = "10.9.0.1" if bind == "0.0.0.0" else bind
        who = Client(there.ns, far, plane.port, plane.pki.trust(),
                     "admin-token")
        assert who.get("/readyz") == (200, "ok")
        assert "kubernetes" in plane.kubectl("get", "services")
        parts, where = plane.parts(), plane.dir
    assert not any(part.is_running() for part in parts)
    assert not os.path.exists(where)


# The proxy --------------------------------------------------------------------

def test_the_proxy_passes_all_on(plane, proxy, tmp_path):
    plane.ensure(make_service("through"))
    conf = plane.kubeconfig("admin-token", str(tmp_path / "conf"),
                            server=proxy.server)
    mark = proxy.mark()
    assert "through" in plane.kubectl(f"--kubeconfig={conf}", "get",
                                      "services")
    assert proxy.count(mark, path="/services$", method="GET", status=200) == 1
    mark = proxy.mark()
    who = proxy.client()
    faults = []

    def ask():
        for _ in range(20):
            if who.get(SERVICES)[0] != 200:
                faults.append(1)
        who.close()
    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults and proxy.count(mark, status=200) == 400
    who.close()
    wait_for(lambda: not proxy.connections)


@pytest.mark.parametrize("how,why", [("close", "cut"), ("reset", "cut"),
                                     ("end", "end")])
def test_a_watch_is_cut_in_an_object(plane, proxy, how, why):
    plane.ensure(make_service("moving"))
    watcher = Watcher(proxy.client())
    wait_for(lambda: b'"moving"' in watcher.data)
    before = len(watcher.data)
    fault = proxy.cut(after=100, path="/services$", watch=True, how=how)
    plane.patch("Service", "moving", {"metadata": {"labels": {
        "t": str(time.time_ns())}}})
    assert watcher.end() == why
    assert len(watcher.data) == before + 100 and fault.hits == 1
    with pytest.raises(ValueError):
        json.loads(watcher.data[before:])
    assert proxy.client().get(SERVICES)[0] == 200


def test_a_watch_stalls_and_goes_on(plane, proxy):
    plane.ensure(make_service("moving"))
    watcher = Watcher(proxy.client())
    fault = proxy.stall(path="/services$", watch=True)
    plane.patch("Service", "moving", {"metadata": {"labels": {"s": "slow"}}})
    fault.wait()
    time.sleep(0.3)
    assert b'"slow"' not in watcher.data and not watcher.why
    assert proxy.client().get(SERVICES)[0] == 200
    fault.remove()
    wait_for(lambda: b'"slow"' in watcher.data)
    assert proxy.cut_now(path="/services$", how="reset") == 1
    assert watcher.end() == "cut"


def test_what_a_watch_is_told(plane, proxy):
    watcher = Watcher(proxy.client())
    assert proxy.inject(b'{"type":"ADDED","object":\n') == 1
    wait_for(lambda: watcher.data.endswith(b'"object":\n'))
    assert proxy.gone("/services$") == 1
    assert watcher.end() == "end"
    last = json.loads(watcher.data.splitlines()[-1])
    assert last["type"] == "ERROR" and last["object"]["reason"] == "Expired"


def test_requests_are_answered_by_order(plane, proxy):
    plane.ensure(make_service("moving"))
    who = proxy.client()
    path = path_of("Service", "moving", sub="status")
    fault = proxy.answer(429, writes=True, retry_after=1, times=2)
    for status in (429, 429, 200):
        response = who.send("PATCH", path, ingress("192.0.2.1"),
                            "application/merge-patch+json")
        assert response.status == status
        assert response.headers["Retry-After"] == (
            "1" if status == 429 else None)
        response.read()
        assert who.get(SERVICES)[0] == 200
    assert fault.hits == 2
    proxy.answer(503, path="/nodes", seconds=0.5)
    assert who.get("/api/v1/nodes")[1]["reason"] == "ServiceUnavailable"
    assert who.get(SERVICES)[0] == 200
    wait_for(lambda: who.get("/api/v1/nodes")[0] == 200)


def test_nobody_is_at_home(plane, proxy):
    watcher = Watcher(proxy.client())
    proxy.down()
    assert watcher.end() == "cut"
    with pytest.raises(ConnectionRefusedError):
        proxy.client().get(SERVICES)
    proxy.up()
    watcher = Watcher(proxy.client())
    idle = proxy.client()
    assert idle.get(SERVICES)[0] == 200
    plane.apiserver.kill9()
    assert watcher.end() == "cut"
    wait_for(lambda: not proxy.connections)
    plane.apiserver.start()
    assert idle.get(SERVICES)[0] == 200
