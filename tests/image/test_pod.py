# SPDX-License-Identifier: ISC
"""The pod of etc/kubernetes/ in front of a real API server, with its own rights."""

import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(os.path.dirname(HERE), "kube"))

import cluster  # noqa: E402
from cluster import (  # noqa: E402
    ControlPlane, make, make_node, make_service, make_slice)
from lab import TOP, Bird, wait_for  # noqa: E402
from pod import Pod, http, manifest  # noqa: E402

SPACE = "metallb-system"
ME = f"system:serviceaccount:{SPACE}:fairway"
SECRETS = "/run/secrets/kubernetes.io/serviceaccount"
CONFIG = """
peers:
- peer-address: 10.1.0.2
  peer-asn: 65002
  my-asn: 65001
address-pools:
- name: default
  protocol: bgp
  addresses: [192.0.2.16/28]
"""
BIRD = """
protocol bgp fairway {
	local 10.1.0.2 as 65002;
	neighbor 10.1.0.1 as 65001;
	passive on;
	ipv4 { import all; export none; };
}
"""


@pytest.fixture(scope="session")
def assets():
    try:
        return cluster.assets()
    except cluster.Missing as reason:
        pytest.skip(str(reason))


@pytest.fixture
def flags(request):
    """The API server's own."""
    return getattr(request, "param", ())


@pytest.fixture
def world(assets, lab, flags):
    """A node between a router and an API server that has the manifests."""
    node, router, far = (lab.host(name) for name in ("n1", "rt", "api"))
    lab.cable(node, router, "10.1.0.1/24", "10.1.0.2/24")
    lab.cable(node, far, "10.2.0.1/24", "10.2.0.2/24")
    peer = Bird(router, BIRD, router_id="10.1.0.2").start()
    with ControlPlane(far.dir, netns=far.ns, bind="10.2.0.2", manager=False,
                      flags=flags, assets=assets) as plane:
        plane.kubectl("apply", "--validate=strict", "-f",
                      os.path.join(TOP, "etc", "kubernetes"))
        plane.create(make("ConfigMap", "config", SPACE,
                          data={"config": CONFIG}))
        plane.create(make_node("n1", addresses=["10.1.0.1"]))
        plane.create(make_service("web"))
        plane.create(make_slice("web", [("10.244.0.9", "n1", True)]))
        yield node, peer, plane


def admitted(pod, plane):
    """What kubelet adds to a pod: how to reach the server, and as whom."""
    pod.volumes["account"] = SECRETS
    pod.read_only.append(SECRETS)
    pod.env["KUBERNETES_SERVICE_HOST"] = plane.address
    pod.env["KUBERNETES_SERVICE_PORT"] = str(plane.port)
    return pod


def granted():
    """(verb, resource) of all rules."""
    return {(verb, what) for kind in ("ClusterRole", "Role")
            for rule in manifest(kind)["rules"]
            for what in rule["resources"] for verb in rule["verbs"]}


def ingress_of(plane):
    status = plane.get("Service", "web")["status"]["loadBalancer"]
    return [one["ip"] for one in status.get("ingress", ())]


# A server that streams lists is never asked for a list.
@pytest.mark.parametrize("flags", [["--feature-gates=WatchList=false"]],
                         indirect=True, ids=["without-streaming"])
def test_it_does_its_work_with_its_rights_and_needs_each(start, world):
    node, peer, plane = world
    pod = admitted(Pod(), plane)
    running = start(node, pod, lambda it: plane.service_account_dir(
        it.volumes[SECRETS], "fairway", SPACE))
    wait_for(lambda: http(node, pod, "/readyz") == 200,
             say=lambda: running.read_log() + running.sh("show k8s").stdout)
    wait_for(lambda: ingress_of(plane) == ["192.0.2.16"],
             say=running.read_log)
    peer.wait_route("192.0.2.16/32")
    assert "192.0.2.16" in running.sh("show services").stdout
    wait_for(lambda: "IPAllocated" in plane.kubectl("get", "events"))

    def asked():
        return {(verb, what) for _, verb, what in plane.audit.table(user=ME)}
    # A repeat of an event takes minutes, and who has the Lease does not watch it
    # (tests/kube/test_lease.py does both).
    unseen = {("patch", "events"), ("list", "leases"), ("watch", "leases")}
    wait_for(lambda: asked() >= granted() - unseen, 30,
             say=lambda: f"never asked: {granted() - unseen - asked()}")
    assert asked() <= granted()
    assert plane.audit.count(user=ME, code=403) == 0


def test_what_it_gave_is_announced_again_without_a_server(start, world):
    """A state that is on the node: pods come and go, the server may be away."""
    node, peer, plane = world
    pod = admitted(Pod(), plane)

    def fill(it):
        plane.service_account_dir(it.volumes[SECRETS], "fairway", SPACE)

    one = start(node, pod, fill)
    peer.wait_route("192.0.2.16/32")
    assert one.stop(10) == 0
    peer.wait_route("192.0.2.16/32", gone=True)
    plane.apiserver.stop()
    again = start(node, pod)
    peer.wait_route("192.0.2.16/32")
    assert "192.0.2.16" in again.sh("show services").stdout
