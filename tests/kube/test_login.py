# SPDX-License-Identifier: ISC
"""Who bgpd is to the cluster: kubeconfigs, tokens, certificates, and refusals."""

import base64
import json
import os
import stat
import time

import pytest
import yaml

from cluster import make, make_binding
from lab import wait_for
from world import ACCOUNT, SPACE, within

CERT_USER = "fairway-by-certificate"


def read(path):
    with open(path, "rb") as f:
        return f.read()


def data(path):
    return base64.b64encode(read(path)).decode()


class Kubeconfig:
    """One that a story writes piece by piece."""

    def __init__(self, world):
        self.world = world
        self.pki = world.plane.pki
        self.path = world.node.host.path("kubeconfig")
        self.cluster = {"server": world.plane.server,
                        "certificate-authority": self.pki.ca}
        self.user = {}
        self.more = {}

    def write(self, path=None):
        text = yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "ours",
            "clusters": [{"name": "c", "cluster": self.cluster},
                         {"name": "wrong", "cluster": {
                             "server": "https://192.0.2.1:6443"}}],
            "contexts": [
                {"name": "theirs", "context": {"cluster": "wrong",
                                               "user": "u"}},
                {"name": "ours", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": self.user}], **self.more})
        return self.world.node.host.write(
            os.path.basename(path or self.path), text, 0o600)


@pytest.fixture
def outside(make_world):
    """bgpd outside of a pod, with a kubeconfig that is to be written."""
    world = make_world()
    node = world.node
    node.bgpd.env = {"NODE_NAME": node.name, "HOME": node.host.path("home"),
                     "KUBECONFIG": ""}
    os.makedirs(node.host.path("home/.kube"))
    world.conf = Kubeconfig(world)
    world.conf.user = {"token": world.plane.token(ACCOUNT, SPACE)}
    return world


def by_file(world):
    """bgpd.conf names the kubeconfig."""
    world.node.bgpd.conf = world.node.host.write(
        "bgpd.conf", world.node.conf(source="api " + world.conf.path), 0o600)


def bind_user(world, name):
    """The manifests' own roles, for one who is no ServiceAccount."""
    world.plane.apply(bound("fairway", name, None))
    world.plane.apply(bound("fairway", name, SPACE))


def bound(role, user, space):
    made = make_binding(role, user, space)
    made["metadata"]["name"] = "also-" + user
    return made


def assert_works(world, name="web"):
    world.serve(name)
    world.wait_route(world.wait_address(name, seconds=10))


# Where it says so ---------------------------------------------------------------

@pytest.mark.parametrize("where", ["line", "variable", "home"])
def test_a_kubeconfig(outside, where):
    if where == "line":
        by_file(outside)
    elif where == "variable":
        outside.node.bgpd.env["KUBECONFIG"] = outside.conf.path
    else:
        outside.conf.path = outside.node.host.path("home/.kube/config")
    text = read(outside.conf.write())
    if where == "home":
        with open(outside.conf.path, "wb") as f:
            f.write(text)
    outside.start()
    assert_works(outside)
    said = outside.node.everything_it_says()
    assert outside.conf.user["token"] not in said
    assert outside.conf.path in outside.node.bgpd.sh("show k8s")


def test_everything_as_data(outside):
    by_file(outside)
    crt, key = outside.plane.pki.client(CERT_USER)
    bind_user(outside, CERT_USER)
    outside.conf.cluster = {"server": outside.plane.server,
                            "certificate-authority-data": data(
                                outside.plane.pki.ca)}
    outside.conf.user = {"client-certificate-data": data(crt),
                         "client-key-data": data(key)}
    outside.conf.write()
    mark = outside.plane.audit.mark()
    outside.start()
    assert_works(outside)
    assert outside.plane.audit.count(mark, user=CERT_USER, verb="patch",
                                     resource="services/status") == 1
    secret = read(key).decode().split("\n")[1]
    said = outside.node.everything_it_says()
    assert secret not in said and data(key)[:60] not in said


def test_a_certificate_in_files(outside):
    by_file(outside)
    crt, key = outside.plane.pki.client(CERT_USER)
    bind_user(outside, CERT_USER)
    outside.conf.user = {"client-certificate": crt, "client-key": key}
    outside.conf.write()
    outside.start()
    assert_works(outside)
    # Rotated: other files are named, and nothing is lost by it.
    crt, key = outside.plane.pki.client(CERT_USER + "-2")
    bind_user(outside, CERT_USER + "-2")
    mark = outside.plane.audit.mark()
    with outside.no_flap():
        outside.conf.user = {"client-certificate": crt, "client-key": key}
        outside.conf.write()
        time.sleep(1.5)
        assert_works(outside, "late")
    assert outside.plane.audit.count(mark, user=CERT_USER + "-2",
                                     resource="services/status") == 1


def test_an_exec_plugin(outside):
    by_file(outside)
    token = outside.conf.user["token"]
    script = outside.node.host.write("credentials", f"""#!/bin/sh
echo run >>{outside.node.host.path("runs")}
cat <<END
{{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
 "status": {{"token": "{token}"}}}}
END
""", 0o755)
    outside.conf.user = {"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": script,
        "interactiveMode": "Never"}}
    outside.conf.write()
    outside.start()
    assert_works(outside)
    assert token not in outside.node.everything_it_says()
    assert 1 <= read(outside.node.host.path("runs")).count(b"run") <= 3


def test_another_name_for_the_server(outside):
    """tls-server-name is checked, and it must be one of the certificate's."""
    by_file(outside)
    outside.conf.cluster["tls-server-name"] = "kubernetes.default.svc"
    outside.conf.write()
    outside.start()
    assert_works(outside)
    outside.conf.cluster["tls-server-name"] = "somebody.example.org"
    with outside.no_flap():
        outside.conf.write()
        outside.plane.apiserver.kill9().start()
        outside.node.wait_k8s("somebody.example.org", seconds=10)


def test_a_server_whose_certificate_is_of_another_authority(outside):
    by_file(outside)
    other = str(outside.node.host.path("other"))
    from pki import Pki
    outside.conf.cluster["certificate-authority"] = Pki(other).ca
    outside.conf.write()
    outside.start(wait=False)
    wait_for(lambda: "certificate" in outside.node.k8s().get(
        "apiTrouble", ""), 10, say=outside.node.say)
    outside.serve("web")
    time.sleep(0.5)
    assert not outside.addresses("web")
    # It is mended in place.
    outside.conf.cluster["certificate-authority"] = outside.plane.pki.ca
    outside.conf.write()
    outside.wait_address("web", seconds=20)


@pytest.mark.parametrize("text,words", [
    (None, "no such file"), ("", "nothing in it"), ("- a\n- b\n", "mapping"),
    ("kind: Config\napiVersion: v1\ncurrent-context: x\n", '"x"'),
    ("kind: [", "kubeconfig")])
def test_a_kubeconfig_that_is_none(outside, text, words):
    """It is told what is wrong, and when it is mended all goes on."""
    by_file(outside)
    if text is not None:
        outside.node.host.write("kubeconfig", text, 0o600)
    outside.start(wait=False)
    wait_for(lambda: words in outside.node.bgpd.sh("show k8s"), 5,
             say=outside.node.say)
    outside.conf.write()
    assert_works(outside)


def test_no_login_at_all(make_world):
    world = make_world()
    world.node.bgpd.env = {"NODE_NAME": "prod-01", "KUBECONFIG": "",
                           "HOME": world.node.host.path("nobody")}
    world.start(wait=False)
    world.node.wait_k8s("source api PATH")
    assert not world.node.bgpd.is_dead()


# Tokens that end ----------------------------------------------------------------

def test_tokens_are_rotated(world):
    """As the kubelet does it, by another directory behind a link."""
    assert_works(world)
    node, plane = world.node, world.plane
    old = read(node.account + "/token").decode()
    with world.no_flap():
        for n in range(2):
            plane.service_account_dir(node.account, ACCOUNT, SPACE)
            time.sleep(1.2)
            assert_works(world, f"late-{n}")
    said = node.everything_it_says()
    assert old not in said
    assert read(node.account + "/token").decode() not in said


def test_an_expired_token(make_world):
    """401 on everything, told so; nothing flaps; the next one is taken."""
    world = make_world()
    node, plane = world.node, world.plane
    plane.service_account_dir(node.account, ACCOUNT, SPACE,
                              token=plane.token(ACCOUNT, SPACE, 4))
    began = time.monotonic()
    world.start()
    assert_works(world)
    with world.no_flap():
        # The server remembers for ten seconds more that it was good.
        time.sleep(max(0, 4 - (time.monotonic() - began)))
        plane.apiserver.restart()
        node.wait_k8s("has it expired", seconds=20)
        assert "has it expired" in node.bgpd.read_log()
        assert world.has_route("198.51.100.0/32")
        plane.service_account_dir(node.account, ACCOUNT, SPACE)
        world.back(30)
        world.serve("late")
        world.wait_address("late", seconds=25)
    assert world.patches(name="web") >= 1
    world.assert_none_twice()


def test_a_token_that_is_missing(make_world):
    world = make_world()
    os.unlink(world.node.account + "/token")
    world.start(wait=False)
    world.node.wait_k8s("token")
    world.plane.service_account_dir(world.node.account, ACCOUNT, SPACE)
    assert_works(world)


# Not allowed ---------------------------------------------------------------------

CURES = {"services": "list and watch of services",
         "nodes": "list and watch of nodes",
         "endpointslices":
             "list and watch of endpointslices.discovery.k8s.io",
         "configmaps": "list and watch of configmaps"}


@pytest.mark.parametrize("what", CURES)
def test_a_rule_that_is_missing_is_told_with_the_cure(make_world, what):
    world = make_world()
    world.site.changed = True
    kind, space = (("Role", SPACE) if what == "configmaps"
                   else ("ClusterRole", "default"))
    rules = world.plane.get(kind, "fairway", space)["rules"]
    for rule in rules:
        if rule["verbs"] == ["list", "watch"]:
            rule["resources"] = [r for r in rule["resources"]
                                 if r != what] or ["none"]
    world.plane.patch(kind, "fairway", {"rules": rules}, space)
    time.sleep(0.5)
    world.serve("web")
    world.start(wait=False)
    world.node.wait_k8s(CURES[what])
    assert CURES[what] in world.node.bgpd.read_log()
    assert not world.addresses("web") and not world.node.is_synced()
    world.site.apply_manifests()
    world.wait_route(world.wait_address("web", seconds=25))
    assert "the verbs list" not in world.node.bgpd.sh("show k8s")


def test_a_right_that_is_taken_away_costs_no_route(world):
    """All rights are lost while it runs, and given back."""
    assert_works(world)
    world.site.changed = True
    with world.no_flap():
        world.plane.patch("ClusterRole", "fairway", {"rules": []})
        world.plane.patch("Role", "fairway", {"rules": []}, SPACE)
        time.sleep(0.5)
        world.plane.apiserver.restart()
        world.node.wait_k8s("a role must allow", seconds=20)
        time.sleep(1)
        world.site.apply_manifests()
        world.back(30)
        world.serve("late")
        world.wait_address("late", seconds=25)


def test_a_secret_that_may_not_be_read_is_no_fault(make_world):
    world = make_world()
    world.site.changed = True
    role = world.plane.get("Role", "fairway", SPACE)
    world.plane.patch("Role", "fairway", {"rules": [
        r for r in role["rules"] if r["resources"] != ["secrets"]]}, SPACE)
    time.sleep(0.5)
    world.start_router()
    with within(2):  # nothing waits for it to be said again
        world.node.bgpd.start()
        world.node.wait_synced()
    assert_works(world)


def test_404(make_world):
    """A server without one of the kinds, and a namespace that is not there."""
    world = make_world(proxy=True)
    fault = world.proxy.answer(404, path="/endpointslices")
    world.start(wait=False)
    world.node.wait_k8s("404")
    assert not world.node.is_synced()
    world.serve("web")
    time.sleep(0.5)
    assert not world.addresses("web")
    fault.remove()
    world.wait_route(world.wait_address("web", seconds=25))


def test_a_namespace_that_is_not_there(make_world):
    world = make_world(config=None)
    conf = world.node.conf().replace("namespace " + SPACE, "namespace nowhere")
    world.node.bgpd.conf = world.node.host.write("bgpd.conf", conf, 0o600)
    world.start(wait=False)
    world.node.wait_k8s("nowhere")
    world.serve("web")
    time.sleep(0.5)
    assert not world.addresses("web") and not world.node.bgpd.is_dead()


# What stays secret -----------------------------------------------------------------

def test_nothing_secret_is_told_or_readable(world):
    assert_works(world)
    node = world.node
    world.plane.create(make("Secret", "memberlist", SPACE, stringData={
        "secretkey": "a-secret-of-the-test"}))
    # Faults are where secrets slip out.
    world.configure("peers: [{password: \"yourPassword\", peer-asn: x}]\n")
    node.wait_k8s("stale")
    world.plane.service_account_dir(node.account, ACCOUNT, SPACE,
                                    token="a-token-that-is-wrong")
    time.sleep(1.2)
    world.plane.apiserver.restart()
    node.wait_k8s("has it expired", seconds=20)
    said = node.everything_it_says() + json.dumps(node.metrics())
    for secret in ("yourPassword", "a-token-that-is-wrong",
                   "a-secret-of-the-test"):
        assert secret not in said
    for name in (node.state + ".objects",):
        assert stat.S_IMODE(os.stat(name).st_mode) == 0o600, name
    assert "a-token-that-is-wrong" not in str(read(f"/proc/{node.bgpd.pid}/"
                                                   "cmdline"))
