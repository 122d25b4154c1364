"""Optuna's own tests of samplers, pruners, studies and trials, on a coordinator.

    python tests/peers/optuna_suite.py KINDLING OPTUNA [FOLDER…]

OPTUNA is a checkout of Optuna's repository, of the version that is installed beside pytest. Where a test would make an in-memory storage, it is given
a client of the coordinator. The same tests run with Optuna's storage first: whatever differs is named. Some tests ask for the order in which parameters were set, which no
server of Optuna's protocol tells: they fail on Optuna's own (`optuna.storages.run_grpc_proxy_server`), too. OPTUNA_SUITE_ADDRESS and `-p optuna_suite` run pytest on any."""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

FOLDERS = ["tests/pruners_tests", "tests/samplers_tests", "tests/study_tests", "tests/trial_tests"]
ADDRESS = "OPTUNA_SUITE_ADDRESS"


def pytest_configure(config):
    """As a plugin of pytest: `create_study()` makes its study on the coordinator, if there is one."""
    if ADDRESS not in os.environ:
        return
    import optuna

    host, port = os.environ[ADDRESS].rsplit(":", 1)
    known = optuna.storages.get_storage

    def get_storage(storage):
        if storage is None:
            return optuna.storages.GrpcStorageProxy(host=host, port=int(port))
        return known(storage)

    optuna.storages.get_storage = get_storage


def outcomes(checkout, folders, address):
    """What became of each test."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)} | ({ADDRESS: address} if address else {})
        command = [sys.executable, "-m", "pytest", "-q", "-p", "optuna_suite", f"--junit-xml={report}", *folders]
        subprocess.run(command, cwd=checkout, env=environment, stdout=subprocess.DEVNULL, check=False)
        found = {}
        for case in ElementTree.parse(report).iter("testcase"):
            wrong = next((case.find(kind) for kind in ("failure", "error") if case.find(kind) is not None), None)
            end = "skipped" if case.find("skipped") is not None else "passed" if wrong is None else wrong.get("message", "")
            found[f"{case.get('classname')}::{case.get('name')}"] = end
        return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kindling")
    parser.add_argument("optuna", type=Path)
    parser.add_argument("folders", nargs="*", default=FOLDERS)
    options = parser.parse_args()
    folders = options.folders or FOLDERS
    before = outcomes(options.optuna, folders, None)
    with socket.socket() as free, tempfile.TemporaryDirectory() as folder:
        free.bind(("127.0.0.1", 0))
        address = "127.0.0.1:{}".format(free.getsockname()[1])
        free.close()
        command = [options.kindling, "coordinator", "--store", f"{folder}/study.db", "--listen", address]
        coordinator = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        time.sleep(2)
        try:
            after = outcomes(options.optuna, folders, address)
        finally:
            coordinator.terminate()
            coordinator.wait()
    count = lambda ends: f"{sum(end == 'passed' for end in ends.values())} of {len(ends)} passed"
    print(f"in memory: {count(before)}\non a coordinator: {count(after)}")
    for test, end in sorted(after.items()):
        if (end == "passed") != (before.get(test) == "passed"):
            print(f"differs: {test}: {end[:200]}")


if __name__ == "__main__":
    main()
