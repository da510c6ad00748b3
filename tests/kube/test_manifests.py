# SPDX-License-Identifier: ISC
"""etc/kubernetes/ as a real API server takes it, and what it then allows."""

import glob
import os
import re

import pytest
import yaml

from cluster import make, make_service, path_of
from lab import TOP, run, wait_for

FOLDER = os.path.join(TOP, "etc", "kubernetes")
FILES = sorted(glob.glob(os.path.join(FOLDER, "*.yaml")))
SPACE = "metallb-system"
CONFIG = {"config": "peers: []\naddress-pools: []\n"}
# (group, resource, name): verbs. Everywhere, and in the namespace besides.
EVERYWHERE = {
    ("", "services", ""): "list watch",
    ("", "nodes", ""): "list watch",
    ("", "services/status", ""): "patch",
    ("discovery.k8s.io", "endpointslices", ""): "list watch",
    ("events.k8s.io", "events", ""): "create patch",
}
AT_HOME = {
    ("", "configmaps", "config"): "list watch",
    ("", "secrets", "memberlist"): "list watch",
    ("coordination.k8s.io", "leases", ""): "create get list update watch",
}
# verb, resource.group/subresource, namespace, name: what must not be.
REFUSED = """
get     secrets                         metallb-system memberlist
get     secrets                         metallb-system other
list    secrets                         metallb-system -
list    secrets                         metallb-system other
list    secrets                         default        memberlist
list    secrets                         -              -
get     configmaps                      metallb-system config
list    configmaps                      metallb-system -
list    configmaps                      metallb-system fairway
list    configmaps                      kube-system    config
update  configmaps                      metallb-system config
patch   configmaps                      metallb-system config
get     services                        default        web
update  services                        default        web
patch   services                        default        web
create  services                        default        -
delete  services                        default        web
update  services/status                 default        web
get     services/status                 default        web
create  endpointslices.discovery.k8s.io default        -
get     nodes                           -              n1
patch   nodes                           -              n1
update  nodes                           -              n1
patch   nodes/status                    -              n1
get     nodes/proxy                     -              n1
list    pods                            metallb-system -
get     pods                            metallb-system fairway-x
create  pods                            metallb-system -
create  pods/exec                       metallb-system fairway-x
create  events                          default        -
list    events.events.k8s.io            default        -
delete  events.events.k8s.io            default        one
patch   leases.coordination.k8s.io      metallb-system fairway-allocator
delete  leases.coordination.k8s.io      metallb-system fairway-allocator
delete  leases.coordination.k8s.io      metallb-system fairway-node-n1
deletecollection leases.coordination.k8s.io metallb-system -
list    leases.coordination.k8s.io      kube-system    -
get     leases.coordination.k8s.io      kube-system    fairway-allocator
create  leases.coordination.k8s.io      kube-system    -
update  leases.coordination.k8s.io      kube-node-lease n1
create  serviceaccounts/token           metallb-system fairway
create  tokenreviews.authentication.k8s.io - -
list    namespaces                      -              -
get     daemonsets.apps                 metallb-system fairway
impersonate users                       -              admin
bind    clusterroles.rbac.authorization.k8s.io - admin
escalate clusterroles.rbac.authorization.k8s.io - fairway
*       *.*                             -              -
"""


def manifests():
    for path in FILES:
        with open(path) as f:
            yield from yaml.safe_load_all(f)


def manifest(kind):
    found = [one for one in manifests() if one["kind"] == kind]
    assert len(found) == 1, kind
    return found[0]


def template():
    return manifest("DaemonSet")["spec"]["template"]


def box():
    one, = template()["spec"]["containers"]
    return one


def read(*names):
    with open(os.path.join(TOP, *names)) as f:
        return f.read()


# What can be said without a server -------------------------------------------------


def test_the_namespace_is_the_first_and_the_users_config_is_not_there():
    kinds = [one["kind"] for one in manifests()]
    assert kinds[0] == "Namespace" and kinds[-1] == "DaemonSet"
    assert sorted(kinds) == sorted(set(kinds)), "one of a kind"
    for one in manifests():
        meta = one["metadata"]
        assert meta["name"] == ("fairway" if one["kind"] != "Namespace"
                                else SPACE)
        home = one["kind"] in ("Namespace", "ClusterRole",
                               "ClusterRoleBinding")
        assert meta.get("namespace") == (None if home else SPACE)


def test_files_have_a_licence_and_a_caption():
    assert len(FILES) >= 4
    for path in FILES:
        first, second = open(path).read().split("\n")[:2]
        assert first == "# SPDX-License-Identifier: ISC", path
        assert re.fullmatch(r"# [A-Z].*\.", second), path


def test_names_and_numbers_agree():
    conf = manifest("ConfigMap")["data"]["bgpd.conf"]
    version = re.search(r"AC_INIT\(\[fairway\], \[([^]]+)\]\)",
                        read("configure.ac")).group(1)
    pod = template()
    labels = (manifest("DaemonSet")["metadata"]["labels"],
              pod["metadata"]["labels"])
    for one in labels:
        assert one["app.kubernetes.io/version"] == version
    assert box()["image"] == f"fairway:{version}"
    port, = box()["ports"]
    assert {port["containerPort"], port["hostPort"]} == {7472}
    assert pod["metadata"]["annotations"] == {
        "prometheus.io/scrape": "true", "prometheus.io/port": "7472"}
    assert set(re.findall(r"(?m)^web listen \S+ (\d+)$", conf)) == {"7472"}
    assert not re.search(r"(?m)^router bgp", conf)
    for name, probe in (("livenessProbe", "/healthz"),
                        ("readinessProbe", "/readyz")):
        assert box()[name]["httpGet"] == {"path": probe, "port": port["name"]}
    role = manifest("Role")["rules"]
    names = [name for rule in role for name in rule.get("resourceNames", ())]
    assert re.search(r"(?m)^ config-map (\S+)$", conf).group(1) in names
    assert re.search(r"(?m)^ namespace (\S+)$", conf).group(1) == SPACE


def test_leases_are_named_as_the_plugin_names_them():
    said = {name for path in glob.glob(os.path.join(TOP, "plugins/k8s/*.c"))
            for name in re.findall(
                r'define (?:LEASE_NAME|PREFIX)\s+"([^"]+)"',
                open(path).read())}
    assert said == {"fairway-allocator", "fairway-node-"}
    text = read("etc", "kubernetes", "10-account.yaml")
    assert all(name in text for name in said)


def test_the_pod_may_do_what_it_must_and_no_more():
    security = box()["securityContext"]
    assert security["capabilities"] == {
        "drop": ["ALL"], "add": ["NET_ADMIN", "NET_RAW", "NET_BIND_SERVICE"]}
    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["privileged"] is False
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    spec = template()["spec"]
    assert spec["hostNetwork"] is True
    assert not spec.get("hostPID") and not spec.get("hostIPC")
    paths = {v["name"]: v["hostPath"] for v in spec["volumes"]
             if "hostPath" in v}
    assert paths == {"state": {"path": "/var/lib/fairway",
                               "type": "DirectoryOrCreate"}}
    assert box()["args"][-2:] == ["-p", "0"]
    assert {"name": "NODE_NAME", "valueFrom": {"fieldRef": {
        "fieldPath": "spec.nodeName"}}} in box()["env"]


# What the server says ------------------------------------------------------------------


@pytest.fixture(scope="module")
def installed(plane):
    """A cluster that MetalLB has left: its namespace and ConfigMap are there."""
    plane.create(make("Namespace", SPACE, labels={"app": "metallb"}))
    plane.create(make("ConfigMap", "config", SPACE, data=CONFIG))
    plane.create(make("ConfigMap", "other", SPACE, data={}))
    for name in ("memberlist", "other"):
        plane.create(make("Secret", name, SPACE))
    apply(plane)
    return plane


@pytest.fixture(scope="module")
def me(installed):
    return installed.client(token=installed.token("fairway", SPACE))


def apply(plane, *more, **kw):
    return plane.kubectl("apply", "--validate=strict", "-f", FOLDER, *more,
                         **kw)


def test_a_server_takes_them_strictly_and_the_second_time_changes_nothing(
        installed):
    again = apply(installed).splitlines()
    assert len(again) == len(list(manifests()))
    assert all(line.endswith(" unchanged") for line in again), again
    assert installed.kubectl("diff", "-f", FOLDER) == ""


def test_an_unknown_field_is_refused(installed, tmp_path):
    (tmp_path / "wrong.yaml").write_text(
        open(FILES[-1]).read().replace("hostNetwork:", "hostNetwrk:"))
    done = installed.kubectl("apply", "--validate=strict", "--dry-run=server",
                             "-f", str(tmp_path), check=False)
    assert done.returncode != 0 and "hostNetwrk" in done.stderr


def test_an_empty_cluster_takes_them_at_once(installed):
    """By the order of the files' names: no second run is needed."""
    installed.kubectl("delete", "namespace", SPACE, "--wait=false")
    wait_for(lambda: installed.admin.get(
        path_of("Namespace", SPACE, None))[0] == 404, 60)
    made = apply(installed)
    assert f"namespace/{SPACE} created" in made
    installed.create(make("ConfigMap", "config", SPACE, data=CONFIG))
    for name in ("memberlist", "other"):
        installed.create(make("Secret", name, SPACE))
    assert len(made.splitlines()) == len(list(manifests()))


def test_what_users_wrote_is_untouched(installed):
    apply(installed)
    assert installed.get("ConfigMap", "config", SPACE)["data"] == CONFIG
    labels = installed.get("Namespace", SPACE, None)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "privileged"


def test_its_pod_is_admitted_there_and_would_not_be_elsewhere(installed):
    pod = {"apiVersion": "v1", "kind": "Pod", "spec": template()["spec"],
           "metadata": {**template()["metadata"], "name": "one"}}
    made = installed.need("POST", path_of("Pod", None, SPACE) +
                          "?dryRun=All&fieldValidation=Strict", pod)
    assert made["spec"]["priority"] == 2000001000
    assert made["spec"]["tolerations"][0] == {"operator": "Exists"}
    installed.ensure(make("Namespace", "strict", labels={
        "pod-security.kubernetes.io/enforce": "baseline"}))
    installed.account("fairway", "strict")
    status, answer = installed.admin.post(
        path_of("Pod", None, "strict") + "?dryRun=All", pod)
    assert status == 403 and "hostPath" in answer["message"]


def rules(client, space):
    """{(group, resource, name): "verb verb"}, all that client may there."""
    status, answer = client.post(
        "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
        {"apiVersion": "authorization.k8s.io/v1",
         "kind": "SelfSubjectRulesReview", "spec": {"namespace": space}})
    assert status == 201 and not answer["status"]["incomplete"], answer
    found = {}
    for rule in answer["status"]["resourceRules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for name in rule.get("resourceNames") or [""]:
                    verbs = found.setdefault((group, resource, name), set())
                    verbs.update(rule["verbs"])
    return {key: " ".join(sorted(verbs)) for key, verbs in found.items()}


def test_all_that_it_may_is_this(installed, me):
    """Beyond what any account may, such as to ask who it is."""
    plain = installed.client(token=installed.token("plain", "default"))
    for space, more in (("default", {}), ("kube-system", {}),
                        (SPACE, AT_HOME)):
        wait_for(lambda: len(rules(me, space)) > len(rules(plain, space)))
        mine, any_ones = rules(me, space), rules(plain, space)
        mine = {key: verbs for key, verbs in mine.items()
                if any_ones.get(key) != verbs}
        assert mine == {**EVERYWHERE, **more}, space


def may(client, verb, what, space, name):
    what, _, sub = what.partition("/")
    resource, _, group = what.partition(".")
    asked = {"verb": verb, "resource": resource, "group": group,
             "subresource": sub, "namespace": space, "name": name}
    status, answer = client.post(
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        {"apiVersion": "authorization.k8s.io/v1",
         "kind": "SelfSubjectAccessReview",
         "spec": {"resourceAttributes": {
             key: value for key, value in asked.items()
             if value not in ("", "-")}}})
    assert status == 201, answer
    return answer["status"]["allowed"]


def test_what_it_may_it_may(me):
    for table, space in ((EVERYWHERE, "default"), (AT_HOME, SPACE)):
        for (group, what, name), verbs in table.items():
            resource, _, sub = what.partition("/")
            words = f"{resource}.{group}/{sub}" if group or sub else resource
            for verb in verbs.split():
                assert may(me, verb, words, space, name), (verb, words)


@pytest.mark.parametrize("row", REFUSED.strip().splitlines(),
                         ids=lambda row: "-".join(row.split()))
def test_it_may_not(me, row):
    assert not may(me, *row.split())


def test_its_requests_are_granted(installed, me):
    """As the plugin writes them: by field selector where the name is fixed."""
    installed.ensure(make_service("web"))
    for path, query in (
            ("/api/v1/services", {}), ("/api/v1/nodes", {}),
            ("/apis/discovery.k8s.io/v1/endpointslices", {}),
            (path_of("ConfigMap", None, SPACE),
             {"fieldSelector": "metadata.name=config"}),
            (path_of("Secret", None, SPACE),
             {"fieldSelector": "metadata.name=memberlist"})):
        status, answer = me.get(path, limit=500, **query)
        assert status == 200, answer
        version = answer["metadata"]["resourceVersion"]
        list(me.watch(path, seconds=0.3, resourceVersion=version,
                      allowWatchBookmarks="true", **query))
    items = me.get(path_of("ConfigMap", None, SPACE),
                   fieldSelector="metadata.name=config")[1]["items"]
    assert [one["metadata"]["name"] for one in items] == ["config"]
    status, answer = me.patch(
        path_of("Service", "web", sub="status"),
        {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}})
    assert status == 200, answer


def test_its_lease_and_its_events_are_granted(installed, me):
    leases = path_of("Lease", None, SPACE)
    lease = make("Lease", "fairway-allocator", SPACE, spec={
        "holderIdentity": "n1", "leaseDurationSeconds": 15})
    assert me.get(leases + "/fairway-allocator")[0] == 404
    status, made = me.post(leases, lease)
    assert status == 201, made
    made["spec"]["holderIdentity"] = "n2"
    assert me.put(leases + "/fairway-allocator", made)[0] == 200
    events = "/apis/events.k8s.io/v1/namespaces/default/events"
    status, made = me.post(events, {
        "apiVersion": "events.k8s.io/v1", "kind": "Event",
        "metadata": {"name": "web.1", "namespace": "default"},
        "eventTime": "2026-01-01T00:00:00.000000Z", "type": "Normal",
        "reason": "IPAllocated", "action": "Allocate", "note": "x",
        "reportingController": "metallb-controller",
        "reportingInstance": "n1", "regarding": {
            "apiVersion": "v1", "kind": "Service", "namespace": "default",
            "name": "web"}})
    assert status == 201, made
    assert me.patch(events + "/web.1", {"series": {
        "count": 2, "lastObservedTime": "2026-01-01T00:00:01.000000Z"}}
        )[0] == 200


def test_no_names_but_these_are_read(me):
    for kind, name in (("Secret", "other"), ("ConfigMap", "fairway")):
        assert me.get(path_of(kind, None, SPACE))[0] == 403
        assert me.get(path_of(kind, None, SPACE),
                      fieldSelector=f"metadata.name={name}")[0] == 403
        assert me.get(path_of(kind, name, SPACE))[0] == 403


def test_going_back_keeps_the_namespace(installed):
    """The last of this room: the words of doc/kubernetes.md, as they stand."""
    text = read("doc", "kubernetes.md")
    command, = re.findall(r"(?m)^    kubectl (delete -f etc/kubernetes/"
                          r"[^\\\n]*(?:\\\n.*)?)$", text)
    words = [os.path.join(TOP, word) if word.startswith("etc/") else word
             for word in command.replace("\\\n", " ").split()]
    installed.kubectl(*words)
    assert installed.get("ConfigMap", "config", SPACE)["data"] == CONFIG
    assert installed.admin.get(
        path_of("ClusterRole", "fairway", None))[0] == 404
    left = run("ls", FOLDER).stdout.split()
    assert len(words) == 1 + 2 * (len(left) - 1), "all but the namespace"
    apply(installed)
