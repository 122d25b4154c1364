#!/usr/bin/env python3
"""Finds, without a cluster, the mistakes in these manifests that one would tell too late or not at all.

Renders every kustomization, holds each manifest against the schemas that Kubernetes publishes (an unknown field is a fault),
and follows what no schema can: names, selectors, ports, files, the pod security standard "restricted". Then the Swarm stack.

    pip install -r requirements.txt && python validate.py [--kindling BIN]

It needs kustomize or kubectl to render, and takes docker's own word on the stack where there is a docker; no daemon, no network.
With --kindling every argument and variable is looked for in that program's --help.
"""

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import yaml

HERE = Path(__file__).resolve().parent
SWARM = HERE.parent / "swarm"

KUSTOMIZATIONS = ["base", "overlays/gpu", "overlays/tls", "overlays/viewer", "overlays/example"]
MANIFESTS = ["store.yaml"]
# The oldest release that has all we use, and the newest.
KUBERNETES = ["1.27", "1.37"]
# What the instructions tell people to make; nothing here makes it.
SECRETS = {
    "kindling-tokens": {"worker.token", "client.token"},
    "kindling-viewer": {"viewer.token"},
    "kindling-tls": {"tls.crt", "tls.key", "ca.crt"},
}
# The label of pods that are not ours but may call the coordinator.
CLIENT = {"kindling-client": "true"}
UID = 10001

STACKS = [["stack.yaml"], ["stack.yaml", "gpu.yaml"], ["stack.yaml", "viewer.yaml"]]
# Keys that Compose knows and that `docker stack deploy` drops, the last two without a word.
IGNORED_BY_SWARM = {
    "build", "cgroup_parent", "cgroupns_mode", "container_name", "devices", "domainname", "expose", "external_links", "ipc",
    "links", "mac_address", "network_mode", "pid", "privileged", "restart", "security_opt", "shm_size", "userns_mode",
    "depends_on", "tmpfs",
}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description="Checks the Kubernetes manifests and the Swarm stack.")
    parser.add_argument("--kindling", metavar="BIN", help="look for every argument in this program's --help")
    help_of = Help(parser.parse_args().kindling)
    faults = 0
    for folder in KUSTOMIZATIONS:
        documents = render(HERE / folder)
        faults += report(f"{folder}: {len(documents)} manifests", kubernetes_faults(documents, help_of))
    for name in MANIFESTS:
        documents = list(yaml.safe_load_all((HERE / name).read_text()))
        faults += report(name, kubernetes_faults(documents, help_of))
    for names in STACKS:
        faults += report(f"swarm: {' + '.join(names)}", swarm_faults([SWARM / name for name in names], help_of))
    sys.exit(1 if faults else 0)


def report(what, faults):
    faults = list(faults)
    print(f"{what}: {'FAULTY' if faults else 'sound'}")
    for fault in faults:
        print(f"  {fault}")
    return len(faults)


def render(folder):
    tool = next((tool for tool in (["kustomize", "build"], ["kubectl", "kustomize"]) if shutil.which(tool[0])), None)
    if tool is None:
        sys.exit("neither kustomize nor kubectl is here to render the kustomizations")
    done = subprocess.run([*tool, str(folder)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{folder} cannot be rendered: {done.stderr.strip()}")
    return list(yaml.safe_load_all(done.stdout))


class Help:
    """What the program says about its arguments. Without a program, only study files are looked for."""

    def __init__(self, program):
        self.program = program
        self.texts = {}

    def faults(self, arguments, environment=()):
        for path in arguments:
            if path.startswith("/studies/") and not (HERE.parents[1] / path[1:]).is_file():
                yield f"the image has no {path}"
        if self.program is None:
            return
        # `study create FILE --json`: the words before the first path or flag are the command.
        command = []
        for argument in arguments:
            if not re.fullmatch(r"[a-z]+", argument):
                break
            command.append(argument)
        text = self.text(tuple(command))
        if text is None:
            yield f"there is no `kindling {' '.join(command)}`"
            return
        for flag in [argument.split("=")[0] for argument in arguments if argument.startswith("--")]:
            if not re.search(rf"{flag}\b(?!-)", text):
                yield f"`kindling {' '.join(command)}` has no {flag}"
        for name in environment:
            if name.startswith("KINDLING_") and f"[env: {name}=" not in text:
                yield f"`kindling {' '.join(command)}` does not read {name}"

    def text(self, command):
        if command not in self.texts:
            done = subprocess.run([self.program, *command, "--help"], capture_output=True, text=True)
            self.texts[command] = done.stdout if done.returncode == 0 else None
        return self.texts[command]


# Kubernetes


def kubernetes_faults(documents, help_of):
    checks = [(document, schema_faults(document)) for document in documents]
    faults = [f"{name_of(document)}: {fault}" for document, found in checks for fault in found]
    if faults:
        # The other checks may trust in the shape.
        return faults
    checks = [(document, reference_faults(document, documents)) for document in documents]
    for document in filter(template_of, documents):
        checks += [(document, pod_faults(document, documents, help_of)), (document, restricted_faults(document))]
    names = [name_of(document) for document in documents]
    faults = [f"{name}: there are two" for name in sorted(set(names)) if names.count(name) > 1]
    return faults + [f"{name_of(document)}: {fault}" for document, found in checks for fault in found]


def name_of(document):
    return f"{document['kind']} {document['metadata']['name']}"


def schema_faults(document):
    for version in KUBERNETES:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{'.'.join(map(str, error.path)) or 'the whole'}: {error.message[:200]} (Kubernetes {version})"
        except kubernetes_validate.SchemaNotFoundError as error:
            yield error.message


def template_of(document):
    if document["kind"] == "Pod":
        return document
    return document["spec"].get("template") if document["kind"] in ("Deployment", "StatefulSet", "Job") else None


def templates(documents):
    return [template for template in map(template_of, documents) if template]


def labels_of(template):
    return template["metadata"].get("labels", {})


def container_ports(pods):
    return [port for pod in pods for container in pod["spec"]["containers"] for port in container.get("ports", [])]


def selects(selector, labels):
    """Whether a label selector, or the plain map of a Service, matches these labels."""
    if not {"matchLabels", "matchExpressions"} & selector.keys():
        selector = {"matchLabels": selector}
    operators = {
        "In": lambda value, values: value in values,
        "NotIn": lambda value, values: value not in values,
        "Exists": lambda value, values: value is not None,
        "DoesNotExist": lambda value, values: value is None,
    }
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        operators[e["operator"]](labels.get(e["key"]), e.get("values", [])) for e in selector.get("matchExpressions", [])
    )


def reference_faults(document, documents):
    """Selectors that select nothing, and ports that nobody opens."""
    spec = document["spec"]

    def selected(selector):
        return [template for template in templates(documents) if selects(selector, labels_of(template))]

    match document["kind"]:
        case "Deployment" | "StatefulSet":
            if not selects(spec["selector"], labels_of(spec["template"])):
                yield "its selector does not match its own pods"
            if "serviceName" in spec and f"Service {spec['serviceName']}" not in map(name_of, documents):
                yield f"there is no Service {spec['serviceName']}"
        case "Service":
            pods = selected(spec["selector"])
            if not pods:
                yield "its selector matches no pod"
            known = {key for port in container_ports(pods) for key in (port.get("name"), port["containerPort"])}
            for port in spec["ports"]:
                if pods and port.get("targetPort", port["port"]) not in known:
                    yield f"no pod has its port {port.get('targetPort', port['port'])}"
        case "PodDisruptionBudget":
            if not selected(spec["selector"]):
                yield "its selector matches no pod"
        case "NetworkPolicy":
            pods = selected(spec["podSelector"])
            if not pods:
                yield "its selector matches no pod"
            for rule in spec.get("ingress", []):
                for peer in rule.get("from", []):
                    if ours(peer) and not selected(peer["podSelector"]) and not selects(peer["podSelector"], CLIENT):
                        yield f"no pod is {peer['podSelector']}"
                yield from unopened(rule, pods)
            for rule in spec.get("egress", []):
                for peer in filter(ours, rule.get("to", [])):
                    if not selected(peer["podSelector"]):
                        yield f"no pod is {peer['podSelector']}"
                    yield from unopened(rule, selected(peer["podSelector"]))


def ours(peer):
    """Whether a policy means pods of this namespace; those of others cannot be known here."""
    return "podSelector" in peer and "namespaceSelector" not in peer


def unopened(rule, pods):
    known = {port["containerPort"] for port in container_ports(pods)}
    yield from (f"nobody listens on its port {port['port']}" for port in rule.get("ports", []) if port["port"] not in known)


def pod_faults(document, documents, help_of):
    """Volumes, Secrets, files, probes, addresses and times of a workload's pods."""
    template = template_of(document)
    volumes = {volume["name"]: volume for volume in template["spec"].get("volumes", [])}
    volumes |= {claim["metadata"]["name"]: claim for claim in document["spec"].get("volumeClaimTemplates", [])}
    maps = {d["metadata"]["name"]: set(d.get("data", {})) for d in documents if d["kind"] == "ConfigMap"}
    # The files in volumes that hold these and no others.
    files = {}
    for name, volume in volumes.items():
        for kind, key, known in [("secret", "secretName", SECRETS), ("configMap", "name", maps)]:
            if kind not in volume:
                continue
            source = known.get(volume[kind][key])
            if source is None:
                yield f"there is no {kind} {volume[kind][key]}"
                continue
            items = volume[kind].get("items", [{"key": file, "path": file} for file in source])
            yield from (f"{kind} {volume[kind][key]} has no {item['key']}" for item in items if item["key"] not in source)
            files[name] = {item["path"] for item in items}
    for container in template["spec"]["containers"]:
        mounts = {mount["mountPath"]: mount["name"] for mount in container.get("volumeMounts", [])}
        yield from (f"volume {name} does not exist" for name in mounts.values() if name not in volumes)
        yield from (f"volume {name} is not mounted" for name in volumes if name not in mounts.values())

        arguments = container.get("args", [])
        environment = {variable["name"]: variable.get("value", "") for variable in container.get("env", [])}
        options = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
        probes = [container[p] for p in ("startupProbe", "readinessProbe", "livenessProbe") if p in container]
        commands = [probe["exec"]["command"] for probe in probes if "exec" in probe]
        yield from help_of.faults(arguments, environment)
        for command in commands:
            yield from help_of.faults(command[1:])
            options |= dict(argument.split("=", 1) for argument in command if "=" in argument)
        for key, path in [*options.items(), *environment.items()]:
            if re.fullmatch("/[^:]*", path):
                yield from (f"{key}: {fault}" for fault in file_faults(path, mounts, files))

        ports = container.get("ports", [])
        opened = {int(options[flag].rsplit(":", 1)[1]) for flag in ("--listen", "--http", "--metrics") if flag in options}
        if opened != {port["containerPort"] for port in ports}:
            yield f"the program listens on {sorted(opened)}, which are not the ports of {container['name']}"
        for probe in probes:
            port = (probe.get("grpc") or probe.get("httpGet") or {}).get("port")
            if port and port not in {key for port in ports for key in (port.get("name"), port["containerPort"])}:
                yield f"a probe asks port {port}, which {container['name']} does not have"

        if "KINDLING_COORDINATOR" in environment:
            yield from address_faults(environment["KINDLING_COORDINATOR"], documents)
        # The program's default is 5; three more to hand trials back.
        least = int(options.get("--grace", 5)) + 3
        if arguments[:1] == ["worker"] and template["spec"].get("terminationGracePeriodSeconds", 30) <= least:
            yield f"a worker takes up to {least} s to stop; terminationGracePeriodSeconds must be more"


def file_faults(path, mounts, files):
    mount = next((mount for mount in mounts if path == mount or path.startswith(f"{mount}/")), None)
    if mount is None:
        yield f"{path} lies on no volume"
    elif mounts[mount] in files and path[len(mount) + 1 :] not in files[mounts[mount]]:
        yield f"{path} does not exist, only {sorted(files[mounts[mount]])}"


def address_faults(url, documents):
    scheme, host, port = re.fullmatch(r"(https?)://([^:]+):(\d+)", url).groups()
    service = next((document for document in documents if name_of(document) == f"Service {host}"), None)
    if service is None or int(port) not in {port["port"] for port in service["spec"]["ports"]}:
        yield f"no Service is at {url}"
        return
    behind = [t for t in templates(documents) if selects(service["spec"]["selector"], labels_of(t))]
    tls = any(a.startswith("--tls-cert=") for t in behind for c in t["spec"]["containers"] for a in c.get("args", []))
    if tls != (scheme == "https"):
        yield f"{url}, but the coordinator speaks {'TLS' if tls else 'no TLS'}"


def restricted_faults(document):
    """The pod security standard "restricted", a read-only root, no credentials, and limits: what the instructions promise."""
    pod = template_of(document)["spec"]
    context = pod.get("securityContext", {})
    promises = {
        "runs as a user of its own": context.get("runAsNonRoot") is True and context.get("runAsUser") == UID,
        "its files belong to its group": context.get("fsGroup") == UID,
        "seccomp is on": context.get("seccompProfile") == {"type": "RuntimeDefault"},
        "no service account token": pod.get("automountServiceAccountToken") is False,
        "nothing of the host": not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(),
        "only volumes that are allowed": not any("hostPath" in volume for volume in pod.get("volumes", [])),
        "files of Secrets are not for all": all(
            volume["secret"].get("defaultMode", 0o644) & 0o007 == 0 for volume in pod.get("volumes", []) if "secret" in volume
        ),
    }
    for container in pod["containers"] + pod.get("initContainers", []):
        own, resources = container.get("securityContext", {}), container.get("resources", {})
        requests, limits = resources.get("requests", {}), resources.get("limits", {})
        name = container["name"]
        promises |= {
            f"{name}: no new privileges": own.get("allowPrivilegeEscalation") is False and not own.get("privileged"),
            f"{name}: a root that is read-only": own.get("readOnlyRootFilesystem") is True,
            f"{name}: no capabilities": own.get("capabilities") == {"drop": ["ALL"]},
            f"{name}: requests, and a limit on memory": {"cpu", "memory"} <= requests.keys() and "memory" in limits,
            # The schema takes any text.
            f"{name}: resources are quantities": all(
                re.fullmatch(r"\d+(\.\d+)?(m|k|[KMGT]i?)?", str(quantity)) for quantity in [*requests.values(), *limits.values()]
            ),
        }
    yield from (f"does not hold: {promise}" for promise, holds in promises.items() if not holds)


# Swarm


def swarm_faults(paths, help_of):
    for path in paths:
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            yield f"{path.name}: {done.stdout.strip()}"
            return
    if shutil.which("docker"):
        # The loader of `docker stack deploy`.
        files = [word for path in paths for word in ("--compose-file", str(path))]
        done = subprocess.run(["docker", "stack", "config", *files], capture_output=True, text=True)
        if done.returncode != 0:
            yield f"docker: {done.stderr.strip()}"
            return
    stack = {}
    for path in paths:
        stack = merged(stack, yaml.safe_load(path.read_text()))
    used = {"networks": set(), "secrets": set(), "volumes": set()}
    for name, service in stack["services"].items():
        yield from (f"{name}: Swarm ignores {key}" for key in sorted(IGNORED_BY_SWARM & service.keys()))
        yield from (f"{name}: {fault}" for fault in service_faults(service, stack["services"], help_of))
        used["networks"] |= set(service.get("networks", []))
        used["secrets"] |= {secret["source"] for secret in service.get("secrets", [])}
        used["volumes"] |= {volume["source"] for volume in service.get("volumes", []) if volume["type"] == "volume"}
    for kind, names in used.items():
        yield from (f"{kind}: {name} is not both declared and used" for name in sorted(names ^ stack.get(kind, {}).keys()))


def merged(below, above):
    """As docker merges files, as far as ours go: maps by key, mounts by target, all else replaced."""
    match below, above:
        case dict(), dict():
            return below | {key: merged(below.get(key), value) for key, value in above.items()}
        case list(), [{"target": _}, *_]:
            return list(({mount["target"]: mount for mount in below} | {mount["target"]: mount for mount in above}).values())
    return above


def service_faults(service, services, help_of):
    environment = service.get("environment", {})
    arguments = service["command"]
    yield from help_of.faults(arguments, environment)
    options = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    secrets = {f"/run/secrets/{secret['target']}" for secret in service.get("secrets", [])}
    volumes = [volume["target"] for volume in service.get("volumes", [])]
    for key, path in [*options.items(), *environment.items()]:
        below = any(path == volume or path.startswith(f"{volume}/") for volume in volumes)
        if path.startswith("/") and path not in secrets and not below:
            yield f"{key}: {path} is neither a secret nor on a volume"
    if "KINDLING_COORDINATOR" in environment:
        host, port = re.fullmatch(r"http://([^:]+):(\d+)", environment["KINDLING_COORDINATOR"]).groups()
        if f"--listen=0.0.0.0:{port}" not in services.get(host, {}).get("command", []):
            yield f"no service listens at {environment['KINDLING_COORDINATOR']}"
    promises = {
        "runs as a user of its own": service.get("user") == f"{UID}:{UID}",
        "a root that is read-only": service.get("read_only") is True,
        "no capabilities": service.get("cap_drop") == ["ALL"],
        "secrets are for it alone": all(
            (s.get("uid"), s.get("gid"), s.get("mode")) == (str(UID), str(UID), 0o400) for s in service.get("secrets", [])
        ),
        "a limit on memory": "memory" in service.get("deploy", {}).get("resources", {}).get("limits", {}),
    }
    yield from (f"does not hold: {promise}" for promise, holds in promises.items() if not holds)
    least = int(options.get("--grace", 5)) + 3
    if arguments[0] == "worker" and int(service.get("stop_grace_period", "10s").removesuffix("s")) <= least:
        yield f"a worker takes up to {least} s to stop; stop_grace_period must be more"


if __name__ == "__main__":
    main()
