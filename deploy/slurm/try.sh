#!/bin/bash
# Tries coordinator.sbatch and workers.sbatch on a Slurm of one node that this script starts and ends:
#
#   apt-get install --no-install-recommends slurmctld slurmd slurm-client munge python3    # Debian
#   deploy/slurm/try.sh PATH/TO/kindling
#
# Three workers train a small study. One is cancelled in mid-trial, one is killed with `kill -9`, one hears that its time
# limit is near, and the coordinator is requeued. In the end every trial must be complete, and finished once. Everything
# listens on loopback and lies in a temporary folder, which stays if something is wrong. Run as root; about five minutes.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
kindling=$(realpath "${1:?give the path of the kindling program}")
trials=12
for program in munged slurmctld slurmd sbatch python3; do
    PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || { echo "$program is missing; see the top of $0" >&2; exit 1; }
done
PATH=$PATH:/usr/sbin

dir=$(mktemp -d "${TMPDIR:-/tmp}/kindling-slurm.XXXXXX")
mkdir "$dir/shared" "$dir/shared/data" "$dir/local" "$dir/tmp" "$dir/state" "$dir/spool" "$dir/munge"
chmod 755 "$dir"
cd "$dir/shared" # jobs start where they are submitted

say() { printf '== %s\n' "$*"; }
fail() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}
# Waits until the command succeeds: within SECONDS WHAT COMMAND...
within() {
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        [ $SECONDS -lt $end ] || fail "$what: not in time"
        sleep 1
    done
}

not() { ! "$@"; }

# --- The end, whatever happens: the jobs first, then the daemons that were started here, each by its pid.
daemons=()
finish() {
    local status=$? pid
    trap - EXIT
    if [ ${#daemons[@]} -gt 1 ]; then
        scancel --user="$(id -un)" || true
        for _ in $(seq 40); do
            [ -n "$(squeue -h 2>/dev/null)" ] || break
            sleep 1
        done
    fi
    for ((i = ${#daemons[@]} - 1; i >= 0; i--)); do
        pid=${daemons[i]}
        kill -TERM "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    if [ $status = 0 ]; then
        rm -rf "$dir"
    else
        echo "logs and stores: $dir" >&2
    fi
    exit $status
}
trap finish EXIT

# --- A Slurm of one node.
free_ports() {
    python3 - "$1" <<'EOF'
import socket, sys
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(s.getsockname()[1] for s in sockets))
EOF
}
read -r slurmctld_port slurmd_port port list_port <<<"$(free_ports 4)"
node=$(hostname -s)
user=$(id -un)
cat >"$dir/slurm.conf" <<EOF
ClusterName=try
SlurmctldHost=$node(127.0.0.1)
SlurmUser=$user
SlurmdUser=$user
SlurmctldPort=$slurmctld_port
SlurmdPort=$slurmd_port
# On loopback only.
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/munge
# A requeued job waits for cred_expire seconds before it starts again, by default two minutes.
AuthInfo=socket=$dir/munge/socket,cred_expire=5
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=2
# Without cgroups, so that it runs in a container, too.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
KillWait=30
ReturnToService=2
MailProg=$(command -v true)
# More cores and memory than there may be: the jobs of this test share them.
SlurmdParameters=config_overrides
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
NodeName=$node NodeAddr=127.0.0.1 CPUs=8 RealMemory=32000 State=UNKNOWN
PartitionName=try Nodes=$node Default=YES MaxTime=INFINITE State=UP
EOF
export SLURM_CONF=$dir/slurm.conf

head -c 1024 /dev/urandom >"$dir/munge/key"
chmod 600 "$dir/munge/key"
munged --foreground --force --key-file="$dir/munge/key" --socket="$dir/munge/socket" --pid-file="$dir/munge/pid" \
    --log-file="$dir/munge/log" --seed-file="$dir/munge/seed" >"$dir/munge/out" 2>&1 &
daemons+=("$!")
within 10 "munged" test -S "$dir/munge/socket"
slurmctld -D -i >"$dir/slurmctld.out" 2>&1 &
daemons+=("$!")
controller_is_up() { scontrol ping 2>/dev/null | grep -q UP; }
within 20 "slurmctld" controller_is_up
slurmd -D >"$dir/slurmd.out" 2>&1 &
daemons+=("$!")
node_is_idle() { [ "$(sinfo -h -o %t)" = idle ]; }
within 30 "an idle node" node_is_idle
say "Slurm: $(sinfo --version), node $(sinfo -h -o '%n %t %c cores')"

# --- The program, and a study whose trials take a while.
export TMPDIR=$dir/tmp # of the jobs, too
export KINDLING=$kindling KINDLING_LOCAL=$dir/local KINDLING_LISTEN=127.0.0.1 KINDLING_PORT=$port KINDLING_HOST=localhost
export KINDLING_TOKEN_FILE=$dir/shared/client.token
"$kindling" certificate create "$dir/shared/tls" --host localhost
url=https://localhost:$port
export KINDLING_TLS_CA=$dir/shared/tls/ca.pem
export KINDLING_TLS_CERT=$dir/shared/tls/client.pem KINDLING_TLS_KEY=$dir/shared/tls/client.key
export KINDLING_COORDINATOR=$url

echo "for the workers' scratch folders" >data/file
cat >study.toml <<EOF
name = "slurm"
direction = "maximize"
trials = $trials
seed = 1
max_attempts = 3

[objective]
kind = "mnist_cnn"
network = "common"
data = "digits"
loss = "softmax"
train = 400
epoch_validation = 100
trial_validation = 200
test = 200
patience = 20

[space.winit_conv]
type = "categorical"
choices = ["xavier_uniform", "xavier_normal", "he_uniform", "he_normal"]

[space.winit_fc]
type = "categorical"
choices = ["xavier_uniform", "xavier_normal"]

[space.learning_rate]
type = "float"
low = 5e-4
high = 1e-2
log = true
EOF

# --- The jobs. No grace: these trials are so short that they might end in the usual five seconds.
coordinator=$(sbatch --parsable "$here/coordinator.sbatch" study.toml)
array=$(sbatch --parsable --dependency="after:$coordinator" --array=0-2 "$here/workers.sbatch" --device flex --grace 0)
say "coordinator: job $coordinator; workers: array $array"

state_of() { squeue -h -t all -j "$1" -o %T; }
is() { [ "$(state_of "$1")" = "$2" ]; }
no_jobs() { [ -z "$(squeue -h)" ]; }
answers() { "${@:-$KINDLING}" study list >/dev/null 2>&1; }
# The process of a task's worker: the newest child of its script.
worker_of() {
    local id
    id=$(squeue -h -j "${array}_$1" -o %A)
    ps -o pid=,args= -p "$(scontrol listpids "$id" | awk 'NR > 1 && $1 > 0 {print $1}' | paste -sd,)" |
        awk '$3 == "worker" {print $1}' | tail -n 1
}
# The trial that a task's worker is in the midst of, with a dozen epochs to go at least; fails if there is none.
trial_of() {
    "$KINDLING" study show slurm --json 2>/dev/null | python3 -c '
import json, sys
for worker in json.load(sys.stdin)["workers"]:
    if f"-{sys.argv[1]}-" in worker["id"]:
        for trial in worker["running"]:
            if 2 <= (trial["step"] or 0) <= 8:
                print(trial["trial"])
                sys.exit()
sys.exit(1)' "$(worker_of "$1")" 2>/dev/null
}

within 60 "the coordinator's address" test -s coordinator
within 60 "a worker in mid-trial" trial_of 0 >"$dir/trial.0"
say "scancel of task 0 in mid-trial $(tail -n 1 "$dir/trial.0")"
scancel "${array}_0"
within 25 "the end of task 0" is "${array}_0" CANCELLED

within 60 "a worker in mid-trial" trial_of 1 >"$dir/trial.1"
pid=$(worker_of 1)
say "kill -9 of task 1's worker, process $pid, in mid-trial $(tail -n 1 "$dir/trial.1")"
kill -9 "$pid"
within 25 "the failure of task 1" is "${array}_1" FAILED

within 60 "a worker in mid-trial" trial_of 2 >"$dir/trial.2"
say "task 2 hears that its time limit is near, in mid-trial $(tail -n 1 "$dir/trial.2")"
scancel --batch --signal=USR1 "${array}_2"
within 30 "the requeue of task 2" not is "${array}_2" RUNNING
within 60 "another turn of task 2" is "${array}_2" RUNNING
# The last task has the number of the whole array: the others must not come back with it.
is "${array}_0" CANCELLED || fail "the whole array was requeued"
is "${array}_1" FAILED || fail "the whole array was requeued"

more=$(sbatch --parsable --array=3 "$here/workers.sbatch" --device flex --grace 0)
say "one more worker: array $more; the coordinator is requeued"
scontrol requeue "$coordinator"
within 60 "the coordinator's stop" not is "$coordinator" RUNNING
within 60 "another turn of the coordinator" is "$coordinator" RUNNING
within 60 "an answer" answers

say "waiting for the end of the study"
within 600 "the end of the study" grep -qx finished coordinator
within 60 "the end of all jobs" no_jobs
is "$coordinator" COMPLETED || fail "the coordinator's job is $(state_of "$coordinator")"
is "${array}_2" COMPLETED || fail "task 2 is $(state_of "${array}_2")"
is "${more}_3" COMPLETED || fail "the added task is $(state_of "${more}_3")"
if [ -e live-store ] || [ -n "$(ls "$dir/local")" ]; then fail "the live store was left behind"; fi
[ -z "$(ls "$dir/tmp")" ] || fail "a scratch folder was left behind"
[ "$(wc -l <slurm.csv)" = $((trials + 1)) ] || fail "slurm.csv has $(wc -l <slurm.csv) lines"

# --- What the saved store says, asked through a coordinator.
cp study.db "$dir/list.db"
plain=(env -u KINDLING_TOKEN_FILE -u KINDLING_TLS_CA -u KINDLING_TLS_CERT -u KINDLING_TLS_KEY)
"${plain[@]}" "$kindling" coordinator --store "$dir/list.db" --listen "127.0.0.1:$list_port" >"$dir/list.log" 2>&1 &
daemons+=("$!")
ask=("${plain[@]}" "KINDLING_COORDINATOR=http://127.0.0.1:$list_port" "$kindling")
within 20 "a coordinator on the saved store" answers "${ask[@]}"
"${ask[@]}" trial list slurm --json >"$dir/trials.json"
python3 - "$dir/trials.json" study.db "$trials" "$(tail -n 1 "$dir/trial.0")" "$(tail -n 1 "$dir/trial.1")" \
    "$(tail -n 1 "$dir/trial.2")" <<'EOF'
import collections, json, sqlite3, sys
listed, store, trials, cancelled, killed, limited = (
    int(argument) if argument.isdigit() else argument for argument in sys.argv[1:])
listed = json.load(open(listed))
numbers = sorted(trial["number"] for trial in listed)
states = collections.Counter(trial["state"] for trial in listed)
assert numbers == list(range(trials)), numbers
assert states == {"COMPLETE": trials}, states
leases = collections.defaultdict(list)
for number, ended in sqlite3.connect(store).execute(
    "SELECT number, ended FROM kindling_leases JOIN trials USING (trial_id) ORDER BY number, attempt"):
    leases[number].append(ended)
for number, ends in leases.items():
    assert ends.count("FINISHED") == 1 and ends[-1] == "FINISHED", (number, ends)
assert "HANDED_BACK" in leases[cancelled], leases[cancelled]
assert "EXPIRED" in leases[killed], leases[killed]
assert "HANDED_BACK" in leases[limited], leases[limited]
ends = collections.Counter(end for trial in leases.values() for end in trial)
assert ends["HANDED_BACK"] == 2 and ends["EXPIRED"] == 1, ends
print(f"== {trials} trials, all COMPLETE, each finished once; leases: {dict(ends)}")
EOF
say "all right, in $SECONDS s"
