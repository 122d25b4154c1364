#!/usr/bin/env python3
"""Breaks the manifests in one place after the other: validate.py must find each break, and name it.

    python test_validate.py
"""

import copy
import shutil
import tempfile
import unittest
from pathlib import Path

import validate
import yaml

GONE = object()
POD = "spec template spec"
CONTAINER = f"{POD} containers 0"
TOKENS = f"{POD} volumes 1 secret"

# The manifest, the place in it, what is put there, and a part of what must be said.
BREAKS = {
    "base": [
        ("Deployment/kindling-worker", "apiVersion", "apps/v2", "Couldn't find schema"),
        ("Deployment/kindling-worker", "spec replica", 2, "'replica' was unexpected"),
        ("Deployment/kindling-worker", "spec replicas", "two", "replicas: 'two' is not of type"),
        ("Deployment/kindling-worker", "spec selector matchLabels", {"a": "b"}, "does not match its own pods"),
        ("Deployment/kindling-worker", f"{POD} terminationGracePeriodSeconds", 63, "must be more"),
        ("Deployment/kindling-worker", f"{POD} hostNetwork", True, "nothing of the host"),
        ("Deployment/kindling-worker", f"{POD} securityContext runAsNonRoot", GONE, "runs as a user of its own"),
        ("Deployment/kindling-worker", f"{TOKENS} secretName", "tokens", "there is no secret tokens"),
        ("Deployment/kindling-worker", f"{TOKENS} defaultMode", 0o444, "files of Secrets are not for all"),
        ("Deployment/kindling-worker", f"{TOKENS} items 0 key", "worker", "secret kindling-tokens has no worker"),
        ("Deployment/kindling-worker", f"{CONTAINER} imagePolicy", "Always", "'imagePolicy' was unexpected"),
        ("Deployment/kindling-worker", f"{CONTAINER} name", GONE, "'name' is a required property"),
        ("Deployment/kindling-worker", f"{CONTAINER} volumeMounts 0 name", "cash", "volume cash does not exist"),
        ("Deployment/kindling-worker", f"{CONTAINER} volumeMounts 0", GONE, "volume cache is not mounted"),
        ("Deployment/kindling-worker", f"{CONTAINER} env 0 value", "http://kindling:50051", "no Service is at"),
        ("Deployment/kindling-worker", f"{CONTAINER} env 0 value", "http://kindling-coordinator:50052", "no Service is at"),
        ("Deployment/kindling-worker", f"{CONTAINER} env 0 value", "https://kindling-coordinator:50051", "speaks no TLS"),
        ("Deployment/kindling-worker", f"{CONTAINER} env 1 value", "/run/secrets/kindling/client.token", "does not exist"),
        ("Deployment/kindling-worker", f"{CONTAINER} env 1 value", "/elsewhere", "lies on no volume"),
        ("Deployment/kindling-worker", f"{CONTAINER} resources limits memory", "1Gib", "resources are quantities"),
        ("Deployment/kindling-worker", f"{CONTAINER} resources limits memory", GONE, "a limit on memory"),
        ("Deployment/kindling-worker", f"{CONTAINER} securityContext readOnlyRootFilesystem", GONE, "read-only"),
        ("Deployment/kindling-worker", f"{CONTAINER} securityContext capabilities drop 0", "NET_RAW", "no capabilities"),
        ("StatefulSet/kindling-coordinator", "spec serviceName", "kindling", "there is no Service kindling"),
        ("StatefulSet/kindling-coordinator", f"{CONTAINER} readinessProbe grpc port", 50052, "a probe asks port 50052"),
        ("StatefulSet/kindling-coordinator", f"{CONTAINER} livenessProbe httpGet port", "rest", "a probe asks port rest"),
        ("StatefulSet/kindling-coordinator", f"{CONTAINER} args 2", "--listen=0.0.0.0:50052", "listens on [8080, 9464, 50052]"),
        ("StatefulSet/kindling-coordinator", f"{CONTAINER} args 3", "--http=0.0.0.0:8081", "listens on [8081, 9464, 50051]"),
        ("Service/kindling-coordinator", "spec selector app.kubernetes.io/name", "tinder", "matches no pod"),
        ("Service/kindling-coordinator", "spec ports 0 targetPort", "rpc", "no pod has its port rpc"),
        ("PodDisruptionBudget/kindling-worker", "spec selector matchLabels app.kubernetes.io/name", "tinder", "matches no pod"),
        ("NetworkPolicy/kindling-deny", "spec podSelector matchLabels app.kubernetes.io/name", "tinder", "matches no pod"),
        (
            "NetworkPolicy/kindling-coordinator",
            "spec ingress 0 from 0 podSelector matchExpressions 0 values",
            ["workers"],
            "no pod is {'matchExpressions'",
        ),
        (
            "NetworkPolicy/kindling-coordinator",
            "spec ingress 0 from 1 podSelector matchLabels",
            {"kindling-clients": "true"},
            "no pod is {'matchLabels'",
        ),
        ("NetworkPolicy/kindling-coordinator", "spec ingress 0 ports 0 port", 50052, "nobody listens on its port 50052"),
        ("NetworkPolicy/kindling-callers", "spec egress 0 ports 0 port", 50052, "nobody listens on its port 50052"),
        ("Job/kindling-study", f"{CONTAINER} args 2", "/studies/none.toml", "the image has no /studies/none.toml"),
    ],
    "overlays/tls": [
        ("StatefulSet/kindling-coordinator", f"{CONTAINER} readinessProbe exec command 3", "--tls-ca=/ca.crt", "on no volume"),
        ("StatefulSet/kindling-coordinator", f"{CONTAINER} args 7", "--tls-cert=/run/secrets/kindling-tls/x", "x does not exist"),
        ("Job/kindling-study", f"{CONTAINER} env 0 value", "http://kindling-coordinator:50051", "speaks TLS"),
    ],
    "overlays/viewer": [
        ("StatefulSet/kindling-coordinator", f"{CONTAINER} args 7", "--viewer-token-file=/run/secrets/kindling-viewer/x", "x does not exist"),
        ("StatefulSet/kindling-coordinator", f"{CONTAINER} args 7", "--viewer-token-file=/viewer.token", "lies on no volume"),
    ],
}

# The file of the stack, a text in it, what takes its place, and a part of what must be said.
BREAKS_OF_SWARM = [
    ("stack.yaml", "stop_grace_period: 75s", "stop_grace_periods: 75s", "stop_grace_periods"),
    ("stack.yaml", "stop_grace_period: 75s", "stop_grace_period: 63s", "worker: a worker takes up to 63 s"),
    ("stack.yaml", "attachable:", "attachible:", "attachible"),
    ("stack.yaml", "delay: 5s", "delays: 5s", "delays"),
    ("stack.yaml", "{ disable: true }", "{ disable: perhaps, of: { a: b } }", "healthcheck"),
    ("stack.yaml", "read_only: true", "read_only: true\n  security_opt: [no-new-privileges]", "Swarm ignores security_opt"),
    ("stack.yaml", "read_only: true", "read_only: false", "does not hold: a root that is read-only"),
    ("stack.yaml", "source: worker-token", "source: worker", "worker"),
    ("stack.yaml", "target: worker.token", "target: token", "/run/secrets/worker.token is neither"),
    ("stack.yaml", "source: data", "source: store", "store"),
    ("stack.yaml", "mode: 0400", "mode: 0444", "secrets are for it alone"),
    ("stack.yaml", "networks: [cluster]", "networks: [other]", "other"),
    ("stack.yaml", "http://coordinator:50051", "http://coordinator:50052", "no service listens at http://coordinator:50052"),
    ("gpu.yaml", "generic_resources:", "generic_resource:", "generic_resource"),
    ("gpu.yaml", "--grace=60", "--grace=90", "worker: a worker takes up to 93 s"),
    ("viewer.yaml", "target: viewer.token", "target: token", "/run/secrets/viewer.token is neither"),
    ("viewer.yaml", "mode: 0400", "mode: 0444", "secrets are for it alone"),
    ("viewer.yaml", "--listen=0.0.0.0:50051", "--listen=0.0.0.0:50052", "no service listens at http://coordinator:50051"),
]


def put(document, place, value):
    *path, last = (int(word) if word.isdigit() else word for word in place.split())
    for word in path:
        document = document[word]
    if value is GONE:
        del document[last]
    else:
        document[last] = value


class Validate(unittest.TestCase):
    def test_a_manifest_that_is_broken(self):
        for folder, breaks in BREAKS.items():
            whole = validate.render(validate.HERE / folder)
            for target, place, value, said in breaks:
                with self.subTest(target=target, place=place, said=said):
                    documents = copy.deepcopy(whole)
                    kind, name = target.split("/")
                    put(next(d for d in documents if (d["kind"], d["metadata"]["name"]) == (kind, name)), place, value)
                    self.found(said, validate.kubernetes_faults(documents, validate.Help(None)))

    def test_a_stack_that_is_broken(self):
        for file, old, new, said in BREAKS_OF_SWARM:
            with self.subTest(file=file, new=new), tempfile.TemporaryDirectory() as folder:
                # What another file replaces must be looked for without it.
                names = ["stack.yaml"] if file == "stack.yaml" else ["stack.yaml", file]
                paths = [Path(shutil.copy(validate.SWARM / name, folder)) for name in names]
                text = Path(folder, file).read_text()
                self.assertIn(old, text)
                Path(folder, file).write_text(text.replace(old, new))
                self.found(said, validate.swarm_faults(paths, validate.Help(None)))

    def test_viewers_get_the_coordinator_that_everybody_has(self):
        files = [yaml.safe_load((validate.SWARM / name).read_text()) for name in ("stack.yaml", "viewer.yaml")]
        common, viewed = (file["services"]["coordinator"]["command"] for file in files)
        self.assertEqual(viewed, [*common, "--viewer-token-file=/run/secrets/viewer.token"])

    def test_an_argument_that_the_program_does_not_have(self):
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder, "kindling")
            program.write_text('#!/bin/sh\n[ "$1" = worker ] && echo "--slots <N>  [env: KINDLING_SLOTS=]"\n')
            program.chmod(0o755)
            help_of = validate.Help(program)
            self.assertEqual(list(help_of.faults(["worker", "--slots=1"], ["KINDLING_SLOTS"])), [])
            self.found("`kindling worker` has no --slot", help_of.faults(["worker", "--slot=1"]))
            self.found("`kindling worker` does not read KINDLING_S", help_of.faults(["worker"], ["KINDLING_S"]))
            self.found("there is no `kindling work`", help_of.faults(["work"]))

    def found(self, said, faults):
        faults = list(faults)
        self.assertTrue(any(said in fault for fault in faults), faults)


if __name__ == "__main__":
    unittest.main()
