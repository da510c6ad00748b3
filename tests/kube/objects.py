# SPDX-License-Identifier: ISC
"""Objects of Kubernetes as tests write them, and where each kind lives."""

LABEL = "kubernetes.io/service-name"

# kind: (group and version, its path's last word, whether in a namespace)
KINDS = {
    "Namespace": ("v1", "namespaces", False),
    "Node": ("v1", "nodes", False),
    "Service": ("v1", "services", True),
    "ServiceAccount": ("v1", "serviceaccounts", True),
    "ConfigMap": ("v1", "configmaps", True),
    "Secret": ("v1", "secrets", True),
    "Pod": ("v1", "pods", True),
    "Event": ("v1", "events", True),
    "EndpointSlice": ("discovery.k8s.io/v1", "endpointslices", True),
    "Lease": ("coordination.k8s.io/v1", "leases", True),
    "ServiceCIDR": ("networking.k8s.io/v1", "servicecidrs", False),
    "ClusterRole": ("rbac.authorization.k8s.io/v1", "clusterroles", False),
    "ClusterRoleBinding": ("rbac.authorization.k8s.io/v1",
                           "clusterrolebindings", False),
    "Role": ("rbac.authorization.k8s.io/v1", "roles", True),
    "RoleBinding": ("rbac.authorization.k8s.io/v1", "rolebindings", True),
    "CustomResourceDefinition": ("apiextensions.k8s.io/v1",
                                 "customresourcedefinitions", False),
}


def path_of(kind, name=None, space="default", sub=None):
    """/api/v1/namespaces/default/services/web/status, say."""
    version, word, spaced = KINDS[kind]
    parts = ["/apis" if "/" in version else "/api", version]
    if spaced and space:
        parts += ["namespaces", space]
    parts += [word] + [part for part in (name, sub) if part]
    return "/".join(parts)


def path_to(made, sub=None):
    meta = made["metadata"]
    return path_of(made["kind"], meta["name"],
                   meta.get("namespace", "default"), sub)


def make(kind, name, space="default", labels=None, annotations=None, **rest):
    """Any object; `space` is left out where the kind has none."""
    version, _, spaced = KINDS[kind]
    meta = {"name": name}
    if spaced:
        meta["namespace"] = space
    if labels:
        meta["labels"] = dict(labels)
    if annotations:
        meta["annotations"] = dict(annotations)
    return {"apiVersion": version, "kind": kind, "metadata": meta, **rest}


def make_node(name, labels=None, addresses=(), unavailable=None, **more):
    """A Node that is ready, with InternalIPs."""
    conditions = [{"type": "Ready", "status": "True"}]
    if unavailable is not None:
        conditions.append({"type": "NetworkUnavailable",
                           "status": "True" if unavailable else "False"})
    return make("Node", name, labels=labels, status={
        "addresses": [{"type": "InternalIP", "address": a}
                      for a in addresses],
        "conditions": conditions}, **more)


def make_service(name, space="default", port=80, labels=None,
                 annotations=None, **spec):
    """A LoadBalancer without a selector: its slices are made by hand.

    `port` is one number, or a list of ports as the API has them.
    """
    ports = port if isinstance(port, list) else [
        {"name": "p", "port": port, "protocol": "TCP"}]
    return make("Service", name, space, labels, annotations,
                spec={"type": "LoadBalancer", "ports": ports, **spec})


def make_slice(service, endpoints=(), name=None, space="default", port=8080,
               kind=None):
    """A slice of a Service's.

    endpoints are (ip, node, ready, serving, terminating); what is left out of
    a tuple's end is left out of the object.
    """
    made = []
    for ip, *rest in endpoints:
        one = {"addresses": [ip]}
        if rest and rest[0]:
            one["nodeName"] = rest[0]
        states = zip(("ready", "serving", "terminating"), rest[1:])
        one["conditions"] = {key: value for key, value in states
                             if value is not None}
        made.append(one)
    if kind is None:
        kind = "IPv6" if made and ":" in made[0]["addresses"][0] else "IPv4"
    return make("EndpointSlice", name or f"{service}-1", space,
                {LABEL: service}, addressType=kind, endpoints=made,
                ports=[{"name": "p", "port": port, "protocol": "TCP"}])


def make_pod(name, node, space="default", labels=None):
    """A Pod as the scheduler leaves it: bound; nothing runs it."""
    return make("Pod", name, space, labels, spec={
        "nodeName": node,
        "containers": [{"name": "c", "image": "none.invalid/none"}]})


def pod_status(ip, ready=True):
    """What a kubelet would patch the Pod's status with."""
    return {"status": {
        "phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}],
        "conditions": [{"type": "Ready",
                        "status": "True" if ready else "False"}]}}


def make_role(name, rules, space=None):
    """rules: ("", "services/status", "update patch"), ... words by spaces."""
    return make("Role" if space else "ClusterRole", name, space, rules=[
        {"apiGroups": [group], "resources": resources.split(),
         "verbs": verbs.split()} for group, resources, verbs in rules])


def make_binding(name, user, space=None):
    """Binds the role of that name to a user, or a "space:account"."""
    group = "rbac.authorization.k8s.io"
    if ":" in user and not user.startswith("system:"):
        of, account = user.split(":")
        subject = {"kind": "ServiceAccount", "name": account, "namespace": of}
    else:
        subject = {"kind": "User", "name": user, "apiGroup": group}
    kind = "Role" if space else "ClusterRole"
    return make(kind + "Binding", name, space, subjects=[subject],
                roleRef={"kind": kind, "name": name, "apiGroup": group})


def ingress(*addresses, **more):
    """A Service's status with these addresses; more: ipMode="VIP", say."""
    return {"status": {"loadBalancer": {
        "ingress": [{"ip": a, **more} for a in addresses]}}}
