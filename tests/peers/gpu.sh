#!/usr/bin/env bash
# Everything there is to measure on a GPU, in one command:
#
#     tests/peers/gpu.sh BIN MNIST [OUT]
#
# BIN holds the built programs `kindling` and `epoch_times`, and `parity`, the test program of the worker (README.md says
# how to build the three); MNIST the four files. `python3` must have the PyTorch that they were built with. Results go to
# OUT as JSON and text. To try the script where there is no GPU:
#
#     DEVICE=cpu TRIALS=2 SWEEP=1 SLOTS=1 EPOCHS=1 PYTORCH_TRIALS=1 tests/peers/gpu.sh BIN MNIST OUT
set -euo pipefail
bin="$(realpath "$1")" mnist="$(realpath "$2")" out="${3:-.}"
mkdir -p "$out"
out="$(realpath "$out")"
cd "$(dirname "$0")"
device="${DEVICE:-cuda:0}" trials="${TRIALS:-200}" slots="${SLOTS:-1 2 4 8 16}" sweep="${SWEEP:-32}"

LD_LIBRARY_PATH="$(python3 -c 'import os, torch; print(os.path.join(os.path.dirname(torch.__file__), "lib"))')"
export LD_LIBRARY_PATH
study=../../studies/weight-init-deep.toml
if [ -n "${EPOCHS:-}" ]; then
    sed "s/^patience = .*/&\nmax_epochs = $EPOCHS/" "$study" > "$out/study.toml"
    study="$out/study.toml"
fi
step() { printf '\n== %s (%s)\n' "$1" "$(date -u +%H:%M:%S)"; }
seconds() { date +%s.%N; }

step 'devices'
"$bin/kindling" worker --list-devices
"$bin/kindling" worker --list-devices --json > "$out/devices.json"

step "parity with PyTorch 2.9.0 on $device, in full single precision"
NVIDIA_TF32_OVERRIDE=0 KINDLING_TEST_DEVICE="$device" "$bin/parity" --nocapture parity::a_network_computes_what_pytorch_computed

step 'seconds per epoch and validation, one after another'
for network in common deep; do
    echo "$network, Kindling: $("$bin/epoch_times" --device "$device" --network "$network" | tee "$out/epoch-$network.json")"
done

step 'seconds per trial of PyTorch alone, one after another'
python3 - "$mnist" "$device" "$out/pytorch.json" "${PYTORCH_TRIALS:-6}" "${EPOCHS:-200}" <<'PYTHON'
import json, sys, time
sys.path.insert(0, ".")
import torch
import protocol
folder, device, out, count, epochs = sys.argv[1:]
parts = [(images.to(device), labels.to(device)) for images, labels in protocol.split(protocol.mnist(folder), 42)]
params = {"winit_conv": "he_normal", "winit_fc": "xavier_normal", "learning_rate": 1e-3}
found = []
for tuned in (False, True):
    protocol.trial(parts, "deep", params, 0, max_epochs=1, device=device, tuned=tuned)  # warms up
    for seed in range(1, int(count) + 1):
        start = time.perf_counter()
        done = protocol.trial(parts, "deep", params, seed, device=device, tuned=tuned, max_epochs=int(epochs))
        found.append({"tuned": tuned, "seconds": time.perf_counter() - start, **done})
        print(found[-1], flush=True)
json.dump(found, open(out, "w"), indent=1)
PYTHON

run() { # STUDY-TRIALS SLOTS NAME
    local start
    start="$(seconds)"
    "$bin/kindling" run "$study" --data-dir "$mnist" --device "$device" --slots "$2" \
        --trials "$1" --store "$out/$3.db" --json > "$out/$3.json"
    python3 -c "
import json, sys
s = float(sys.argv[2]) - float(sys.argv[1])
best = json.load(open(sys.argv[3]))['best']
print(f'$1 trials, $2 slots: {s:.1f} s, {3600 * $1 / s:.0f} trials/h; best {best[\"values\"][0]}, {best[\"attributes\"]}')
" "$start" "$(seconds)" "$out/$3.json" | tee -a "$out/studies.txt"
}

step "trials per hour against slots: the first $sweep trials of the deep study"
best_slots=1 best_rate=0
for n in $slots; do
    run "$sweep" "$n" "sweep-$n"
    rate="$(tail -1 "$out/studies.txt" | sed 's/.*, \([0-9]*\) trials.*/\1/')"
    if [ "$rate" -gt "$best_rate" ]; then best_rate="$rate" best_slots="$n"; fi
done

step "the deep study, $trials trials, $best_slots slots"
run "$trials" "$best_slots" study
