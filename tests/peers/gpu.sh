#!/usr/bin/env bash
# Everything there is to measure on a GPU, in one command:
#
#     tests/peers/gpu.sh BIN MNIST OUT [parity] [epochs] [trials] [sweep] [study]
#
# or only the steps that are named. BIN holds the built programs `kindling`, `epoch_times` and `parity`
# (tests/peers/build.sh makes them), MNIST the four files. `python3` must have the PyTorch that they were built with.
# OUT gets the results; a step that fails leaves the others alone. To try the script where there is no GPU:
#
#     DEVICE=cpu TRIALS=2 SLOTS=1 EPOCHS=1 tests/peers/gpu.sh BIN MNIST OUT
set -uo pipefail
bin="$(realpath "$1")" mnist="$(realpath "$2")"
mkdir -p "$3"
out="$(realpath "$3")"
shift 3
steps="${*:-parity epochs trials sweep study}"
cd "$(dirname "$0")" || exit 1
device="${DEVICE:-cuda:0}" slots="${SLOTS:-1 4 8 16}" sweep_epochs="${EPOCHS:-10}"
databases="$(mktemp -d)"
trap 'rm -rf "$databases"' EXIT
LD_LIBRARY_PATH="$(python3 -c 'import os, torch; print(os.path.join(os.path.dirname(torch.__file__), "lib"))')"
export LD_LIBRARY_PATH

step() { printf '\n== %s (%s)\n' "$1" "$(date -u +%H:%M:%S)"; }
wanted() { case " $steps " in *" $1 "*) ;; *) return 1 ;; esac; }
now() { date +%s.%N; }
per_hour() { python3 -c "import sys; print(f'{3600 * $1 / $2:.0f}')"; }
since() { python3 -c "print(f'{$(now) - $1:.2f}')"; }

step 'devices'
"$bin/kindling" worker --list-devices | tee "$out/devices.txt"
theirs="$(python3 -c 'import torch; print(torch.__version__.split("+")[0])')"
if ! grep -q "libtorch $theirs," "$out/devices.txt"; then
    echo "error: these programs were not built on this machine's PyTorch $theirs" >&2
    echo "hint: with that release in the active environment, LIBTORCH_BYPASS_VERSION_CHECK=1 tests/peers/build.sh BIN" >&2
    exit 1
fi

if wanted parity; then
    step "parity with PyTorch 2.9.0 on $device, in full single precision"
    NVIDIA_TF32_OVERRIDE=0 KINDLING_TEST_DEVICE="$device" "$bin/parity" --nocapture \
        parity::a_network_computes_what_pytorch_computed 2>&1 | tee "$out/parity.txt"
fi

if wanted epochs; then
    step 'seconds per epoch and validation'
    for network in common deep; do
        "$bin/epoch_times" --device "$device" --network "$network" > "$out/epoch-$network.json" \
            && echo "$network: $(cat "$out/epoch-$network.json")"
    done
fi

# run STUDY-FILE SLOTS NAME: prints seconds
run() {
    local start
    start="$(now)"
    "$bin/kindling" run "$1" --data-dir "$mnist" --device "$device" --slots "$2" --workers 1 \
        --store "$databases/$3.db" --json > "$out/$3.json" 2> "$databases/$3.log" || { tail -5 "$databases/$3.log" >&2; return 1; }
    since "$start"
}

if wanted trials; then
    step "seconds per trial of $sweep_epochs epochs of PyTorch, one after another (Kindling's are in the sweep, at 1 slot)"
    python3 - "$mnist" "$device" "$out/pytorch.json" "$sweep_epochs" <<'PYTHON'
import json, sys, time
sys.path.insert(0, ".")
import torch
import protocol

folder, device, out, epochs = sys.argv[1:]
epochs = int(epochs)
parts = [(images.to(device), labels.to(device)) for images, labels in protocol.split(protocol.mnist(folder), 42)]
params = {"winit_conv": "he_normal", "winit_fc": "xavier_normal", "learning_rate": 1e-3}
found = []
for tuned in (False, True):
    protocol.trial(parts, "deep", params, 0, 1, 1, device, tuned)  # warms up
    for seed in (1, 2, 3):
        start = time.perf_counter()
        done = protocol.trial(parts, "deep", params, seed, epochs, epochs, device, tuned)
        found.append({"tuned": tuned, "seconds": time.perf_counter() - start, **done})
        print(found[-1], flush=True)
with open(out, "w") as file:
    json.dump(found, file, indent=1)
PYTHON
fi

# The study with as many trials and epochs as wanted, sampled at random: equal work, however many run at a time.
equal() { # TRIALS
    python3 studies.py deep "$1" "$sweep_epochs"
}

best_slots=1 best_rate=0
if wanted sweep; then
    step "trials of $sweep_epochs epochs per hour against slots"
    for n in $slots; do
        trials=$((n * 3 > 8 ? n * 3 : 8))
        [ -n "${EPOCHS:-}" ] && trials=$n
        equal "$trials" > "$databases/sweep.toml"
        seconds="$(run "$databases/sweep.toml" "$n" "sweep-$n")" || continue
        rate="$(per_hour "$trials" "$seconds")"
        echo "$n slots: $trials trials in $seconds s, $rate trials/h" | tee -a "$out/sweep.txt"
        if [ "$rate" -gt "$best_rate" ]; then best_rate="$rate" best_slots="$n"; fi
    done
fi

if wanted study; then
    n="${STUDY_SLOTS:-$best_slots}"
    step "the deep study as it is, $n slots"
    sed -e "s/^trials = .*/trials = ${TRIALS:-200}/" ../../studies/weight-init-deep.toml > "$databases/study.toml"
    [ -n "${EPOCHS:-}" ] && sed -i "s/^patience = .*/&\nmax_epochs = $EPOCHS/" "$databases/study.toml"
    if seconds="$(run "$databases/study.toml" "$n" study)"; then
        echo "${TRIALS:-200} trials in $seconds s, $(per_hour "${TRIALS:-200}" "$seconds") trials/h" | tee "$out/study.txt"
    fi
fi
step 'done'
