# SPDX-License-Identifier: ISC
"""Keys of a test's control plane: a CA of its own, what it signs, tokens."""

import base64
import json
import os
import ssl
import subprocess
import time

from lab import run

CONFIG = """
[req]
distinguished_name = dn
[dn]
[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = ${ENV::NAMES}
[client]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""
LEEWAY = 60  # seconds that the API server goes on taking an expired token


def alt_name(name):
    kind = "IP" if name.replace(".", "").isdigit() or ":" in name else "DNS"
    return f"{kind}:{name}"


class Pki:
    """A CA in a directory, with openssl(1)."""

    def __init__(self, directory):
        self.dir = directory
        os.makedirs(directory, exist_ok=True)
        self.config = self.path("openssl.cnf")
        with open(self.config, "w") as f:
            f.write(CONFIG)
        self.ca = self.path("ca.crt")
        self.make("ca", "/CN=fairway-tests", "ca")
        self.accounts_key = self.path("accounts.key")
        run("openssl", "genrsa", "-out", self.accounts_key, "2048")

    def path(self, name):
        return os.path.join(self.dir, name)

    def make(self, name, subject, section, names=(), days=30):
        crt, key = self.path(name + ".crt"), self.path(name + ".key")
        signer = () if section == "ca" else (
            "-CA", self.ca, "-CAkey", self.path("ca.key"))
        alt = ", ".join(map(alt_name, names)) or "DNS:unused"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:prime256v1", "-nodes", "-config", self.config,
            "-extensions", section, "-days", days, "-subj", subject,
            *signer, "-keyout", key, "-out", crt,
            env=dict(os.environ, NAMES=alt))
        return crt, key

    def server(self, name, names):
        """A certificate for these addresses and names: (file, key's file)."""
        return self.make(name, f"/CN={name}", "server", names)

    def client(self, user, groups=()):
        """A certificate that the API server takes for this user."""
        subject = "".join(f"/O={group}" for group in groups) + f"/CN={user}"
        return self.make("user-" + user.replace(":", "_"), subject, "client")

    def trust(self):
        """What a client of ours verifies a server with."""
        return ssl.create_default_context(cafile=self.ca)

    def sign(self, claims):
        """A JWT as the API server would have signed it."""
        text = ".".join(encode(json.dumps(part).encode()) for part in
                        ({"alg": "RS256"}, claims))
        done = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", self.accounts_key],
            input=text.encode(), stdout=subprocess.PIPE, check=True)
        return text + "." + encode(done.stdout)

    def account_token(self, issuer, space, account, uid, seconds):
        """Of a ServiceAccount; the server takes it for so many seconds.

        For what the TokenRequest API refuses: less than ten minutes, or none.
        """
        now = int(time.time())
        return self.sign({
            "iss": issuer, "aud": [issuer],
            "iat": now - 3600, "nbf": now - 3600,
            "exp": now + int(seconds) - LEEWAY,
            "sub": f"system:serviceaccount:{space}:{account}",
            "kubernetes.io": {"namespace": space, "serviceaccount": {
                "name": account, "uid": uid}}})


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
