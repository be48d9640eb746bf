"""systemd's own Varlink client talks to the daemon. It came with systemd 255."""
import json

import daemon
from machine import Skip

SOCKET = "/run/containerd-lite/containerd-lite.sock"
INTERFACES = ("io.containerdlite.container", "io.containerdlite.system", "org.varlink.service")
CONTAINER = "io.containerdlite.container."


def start(vm):
    if vm.run("command -v varlinkctl")[0] != 0:
        raise Skip("this Debian's systemd has no varlinkctl")
    daemon.start(vm)


def call(vm, method, parameters, options=""):
    """What varlinkctl prints: a reply, or one a line."""
    text = vm.check(f"varlinkctl call {options} -j {SOCKET} {method} '{json.dumps(parameters)}'")
    # With --more it writes a JSON sequence: a record separator before each.
    return [json.loads(reply) for reply in text.replace("\x1e", "").splitlines() if reply]


def test_introspection(vm):
    """It lists our interfaces, and takes each description for valid."""
    start(vm)
    assert "containerd-lite" in vm.check(f"varlinkctl info {SOCKET}")
    listed = vm.check(f"varlinkctl list-interfaces {SOCKET}")
    for interface in INTERFACES:
        assert interface in listed, listed
        text = vm.check(f"varlinkctl introspect {SOCKET} {interface}")
        assert f"interface {interface}" in text, text
        vm.check(f"varlinkctl validate-idl /usr/share/containerd-lite/interface/{interface}.varlink")
    methods = vm.check(f"varlinkctl introspect {SOCKET} io.containerdlite.container")
    for method in ("Create", "Run", "Wait", "Inspect"):
        assert f"method {method}" in methods, method
    daemon.clear(vm)


def test_calls(vm):
    """A container's life by single calls; an error has its name."""
    start(vm)
    made = call(vm, CONTAINER + "Create", {"config": {"name": "called", "image": "busybox", "args": ["sh", "-c", "exit 7"]}})[0]
    assert made["name"] == "called", made
    assert call(vm, CONTAINER + "Start", {"containers": ["called"]})[0]["outcomes"][0].get("error") is None
    waited = call(vm, CONTAINER + "Wait", {"containers": ["called"]})[0]
    assert waited["outcomes"][0]["exit"]["code"] == 7, waited
    code, text = vm.run(f"varlinkctl call -j {SOCKET} {CONTAINER}Inspect '{{\"container\":\"nobody\"}}'")
    assert code != 0 and "NoSuchContainer" in text, (code, text)
    code, text = vm.run(f"varlinkctl call -j {SOCKET} {CONTAINER}Inspect '{{\"nonsense\":1}}'")
    assert code != 0 and "InvalidParameter" in text, (code, text)
    daemon.clear(vm)


def test_more(vm):
    """--more: several replies to one call, and one that goes on while things happen."""
    start(vm)
    begun = vm.check("date --rfc-3339=ns").strip().replace(" ", "T")
    vm.check("ctl run --name watched busybox sh -c 'for i in 1 2 3; do echo $i; done'")
    told = [event for reply in call(vm, "io.containerdlite.system.Events", {"filters": ["name=watched"]}, "--more")
            for event in reply["events"]]
    assert [event["kind"] for event in told] == ["create", "start", "exit"], told
    vm.check(f"varlinkctl call --more -j {SOCKET} io.containerdlite.system.Events '{{\"since\":\"{begun}\",\"follow\":true}}' "
             ">/tmp/events 2>&1 & echo $! >/tmp/pid; timeout 30 sh -c 'until grep -q exit /tmp/events; do sleep 0.2; done'; "
             "ctl rm watched >/dev/null; timeout 30 sh -c 'until grep -q remove /tmp/events; do sleep 0.2; done'; "
             "kill $(cat /tmp/pid)", 90)
    records = [record for reply in call(vm, CONTAINER + "List", {"all": True}) for record in reply["containers"]]
    assert records == [], records
    daemon.clear(vm)
