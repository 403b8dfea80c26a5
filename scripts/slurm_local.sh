#!/usr/bin/env bash
# A SLURM of one machine, for tests: Debian's slurm-wlm and munge, as root, also in a container without cgroups.
#   bash scripts/slurm_local.sh start DIR [SLOTS]   prints the line that makes a shell use it
#   bash scripts/slurm_local.sh stop DIR
# All its files lie in DIR; processes are ended by their pid files there.
set -euo pipefail
what=${1:?start or stop} dir=$(realpath -m "${2:?a folder}") slots=${3:-2}

stop_by() { # PIDFILE
  [ -s "$1" ] || return 0
  local pid; pid=$(cat "$1")
  kill "$pid" 2>/dev/null || true
  for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  rm -f "$1"
}

if [ "$what" = stop ]; then
  stop_by "$dir/slurmd.pid"
  stop_by "$dir/slurmctld.pid"
  stop_by "$dir/munged.pid"
  exit
fi

for program in slurmctld slurmd munged sbatch; do
  command -v "$program" >/dev/null || PATH=$PATH:/usr/sbin
  command -v "$program" >/dev/null || { echo "missing: $program (apt-get install slurm-wlm munge)" >&2; exit 3; }
done
[ "$(id -u)" -eq 0 ] || { echo "slurmd starts jobs for others, so this needs root" >&2; exit 3; }

mkdir -p "$dir/state" "$dir/spool" "$dir/munge"
host=$(hostname -s)
# A munge of its own, so that one of the machine is neither needed nor touched.
chmod 0755 "$dir/munge"
[ -f "$dir/munge.key" ] || { head -c 1024 /dev/urandom >"$dir/munge.key"; chmod 0400 "$dir/munge.key"; }
munged --force --key-file="$dir/munge.key" --socket="$dir/munge/socket" --pid-file="$dir/munged.pid" \
  --log-file="$dir/munged.log" --seed-file="$dir/munge.seed" --num-threads=2

ports() { python3 - <<'P'
import socket
held = [socket.socket() for _ in range(2)]
for s in held: s.bind(("127.0.0.1", 0))
print(*[s.getsockname()[1] for s in held])
P
}
read -r control node < <(ports)
cat >"$dir/slurm.conf" <<CONF
ClusterName=local
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$control
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket,cred_expire=5
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0
ReturnToService=2
MpiDefault=none
SwitchType=switch/none
KillWait=2
OverTimeLimit=0
MinJobAge=60
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
NodeName=$host NodeAddr=127.0.0.1 Port=$node CPUs=$slots RealMemory=2000 State=UNKNOWN
PartitionName=short Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$dir/slurm.conf
slurmctld -f "$SLURM_CONF" >>"$dir/start.log" 2>&1
slurmd -f "$SLURM_CONF" >>"$dir/start.log" 2>&1
for _ in $(seq 150); do
  if sinfo -h -o %t 2>/dev/null | grep -q idle; then
    echo "export SLURM_CONF=$SLURM_CONF"
    exit
  fi
  sleep 0.2
done
echo "the node did not come up; see $dir" >&2
exit 1
