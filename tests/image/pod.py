# SPDX-License-Identifier: ISC
"""What kubelet would do for a pod of the DaemonSet of etc/kubernetes/."""

import glob
import os

import yaml

from lab import TOP


def manifests():
    for path in sorted(glob.glob(os.path.join(TOP, "etc/kubernetes/*.yaml"))):
        with open(path) as f:
            yield from yaml.safe_load_all(f)


def manifest(kind):
    found = [one for one in manifests() if one["kind"] == kind]
    assert len(found) == 1, kind
    return found[0]


class Pod:
    """What kubelet would do for the DaemonSet's pod."""

    def __init__(self):
        self.spec = manifest("DaemonSet")["spec"]["template"]["spec"]
        box, = self.spec["containers"]
        self.args = box["args"]
        self.env = {"NODE_NAME": "n1", "POD_NAME": "fairway-x"}
        assert set(self.env) == {one["name"] for one in box["env"]}
        security = box["securityContext"]
        self.user = security["runAsUser"]
        self.add = security["capabilities"]["add"]
        self.drop = security["capabilities"]["drop"]
        self.sealed = security["readOnlyRootFilesystem"]
        self.no_new = not security["allowPrivilegeEscalation"]
        self.read_only = [one["mountPath"] for one in box["volumeMounts"]
                          if one.get("readOnly")]
        places = {one["name"]: one["mountPath"]
                  for one in box["volumeMounts"]}
        self.volumes = {one["name"]: places[one["name"]]
                        for one in self.spec["volumes"]
                        if "emptyDir" not in one}
        self.memory = [places[one["name"]] for one in self.spec["volumes"]
                       if "emptyDir" in one]
        self.probes = {box[name]["httpGet"]["path"]
                       for name in ("livenessProbe", "readinessProbe")}
        self.port = box["ports"][0]["containerPort"]
        self.image = box["image"]


def http(host, pod, path):
    done = host("curl", "-s", "-m", "5", "-o", "/dev/null", "-w",
                "%{http_code}", f"http://127.0.0.1:{pod.port}{path}",
                check=False)
    return int(done.stdout)
