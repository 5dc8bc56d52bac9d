"""A real Slurm for tests: munged, slurmctld and a slurmd per node on this machine, in a temporary folder.

It runs beside anything else here, another Slurm included, and leaves nothing: every process of it, daemon
or job, carries the folder in SLURM_CONF and is ended by that, if need be by a guard that outlives the test.
"""

import os
import pathlib
import pwd
import random
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import namedtuple

# Jobs start and end as promptly as Slurm can; time limits it looks at every 30 s whatever it is told.
# Containers have no cgroups; nodes offer more processors than the machine may have. Memory counts, as on
# any cluster. Arrays are at their limit with three tasks.
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
PlugStackConfig={folder}/plugstack.conf
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=300
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1,sched_min_interval=0,batch_sched_delay=0
SlurmdParameters=config_overrides
ReturnToService=2
JobRequeue=1
MinJobAge=3600
MaxArraySize=3
KillWait=5
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""

FINAL_STATES = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "BOOT_FAIL")

Ended = namedtuple("Ended", "state exit_code")


class SlurmCluster:
    """Use as a context manager. Commands run in `folder` unless told otherwise."""

    def __init__(self, nodes=2, cpus=4):
        self.nodes = [f"n{i + 1}" for i in range(nodes)]
        self.cpus = cpus
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self.daemons = []

    def __enter__(self):
        # munged wants its socket's folder open to all.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rooflaw-slurm-"))
        self.folder.chmod(0o711)
        others = ("SLURM_", "SBATCH_", "OMPI_", "PMIX_")
        mine = {key: value for key, value in os.environ.items() if not key.startswith(others)}
        self.environment = {
            **mine, "SLURM_CONF": f"{self.folder}/slurm.conf",
            "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            # What a killed rank leaves goes with the folder, too.
            "TMPDIR": f"{self.folder}/tmp", "OMPI_MCA_btl_vader_backing_directory": f"{self.folder}/tmp"}
        self._start_guard()
        try:
            self._configure()
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        end_processes(self.folder)
        for daemon in self.daemons:
            daemon.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.guard.close()

    def _start_guard(self):
        """The guard sees the pipe close when this process is gone, whatever it died of."""
        reader, writer = os.pipe()
        subprocess.run(["setsid", "--fork", sys.executable, "-B", __file__, self.folder], stdin=reader,
                       check=True)
        os.close(reader)
        self.guard = os.fdopen(writer, "wb")

    def _configure(self):
        host, ports = socket.gethostname(), free_ports(1 + len(self.nodes))
        lines = CONFIGURATION.format(host=host, folder=self.folder, ports=ports, user=self.user)
        for node, port in zip(self.nodes, ports[1:]):
            lines += (f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} "
                      f"CPUs={self.cpus} RealMemory=64000\n")
        for name in ("state", "tmp"):
            (self.folder / name).mkdir()
        (self.folder / "plugstack.conf").touch()
        (self.folder / "slurm.conf").write_text(lines)
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        # PMIx's folder of a step has the same name on every node: nodes of one machine need one each,
        # which mpi.conf beside the node's own slurm.conf says.
        for node in self.nodes:
            (self.folder / node / "tmp").mkdir(parents=True)
            (self.folder / node / "slurm.conf").write_text(lines)
            # Left to itself slurmd looks for the machine's cgroups, and ends where there are none.
            (self.folder / node / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
            (self.folder / node / "mpi.conf").write_text(f"PMIxCliTmpDirBase={self.folder}/{node}/tmp\n")

    def _start(self):
        munge = {"socket": "munge.socket", "key-file": "munge.key", "pid-file": "munged.pid",
                 "seed-file": "munged.seed"}
        self._daemon("munged", "munged", "--foreground",
                     *(f"--{option}={self.folder / name}" for option, name in munge.items()))
        self._until((self.folder / "munge.socket").exists, 20, "munged makes its socket")
        self._daemon("slurmctld", "slurmctld", "-D")
        for node in self.nodes:
            self._daemon(f"slurmd-{node}", "slurmd", "-D", "-N", node,
                         configuration=self.folder / node / "slurm.conf")
        self._until(self._ready, 60, "all nodes are idle")

    def _daemon(self, name, *command, configuration=None):
        """In the foreground, where it logs to stderr. The PATH of a user need not have sbin."""
        environment = {**self.environment, "SLURM_CONF": str(configuration or self.folder / "slurm.conf"),
                       "PATH": f"{self.environment['PATH']}:/usr/sbin:/sbin"}
        with open(self.folder / f"{name}.log", "wb") as log:
            self.daemons.append(subprocess.Popen(
                command, executable=shutil.which(command[0], path=environment["PATH"]), env=environment,
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True))

    def _ready(self):
        done = subprocess.run(["sinfo", "--noheader", "--Node", "--format=%T"], env=self.environment,
                              capture_output=True, text=True)
        return done.stdout.split() == ["idle"] * len(self.nodes)

    def _until(self, done, seconds, what):
        limit = time.monotonic() + seconds
        while not done():
            for daemon in self.daemons:
                if daemon.poll() is not None:
                    raise AssertionError(f"{daemon.args[0]} ended with {daemon.returncode}{self.logs()}")
            if time.monotonic() > limit:
                raise AssertionError(f"not within {seconds} s: {what}{self.logs()}")
            time.sleep(0.2)

    def logs(self, lines=12):
        """The ends of the daemons' logs, for messages."""
        found = ""
        for path in sorted(self.folder.glob("*.log")):
            last = path.read_text(errors="replace").splitlines()[-lines:]
            found += f"\n--- {path.name}\n" + "\n".join(last)
        return found

    def run(self, *command, folder=None, environment={}):
        """What a client command prints."""
        done = subprocess.run(list(map(str, command)), cwd=folder or self.folder, text=True, timeout=120,
                              env={**self.environment, **environment}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode != 0:
            raise AssertionError(f"$ {' '.join(map(str, command))}\nexit code {done.returncode}\n"
                                 f"{done.stdout}{done.stderr}{self.logs()}")
        return done.stdout

    def sbatch(self, script, *arguments, options=(), **where):
        """The id of the submitted job."""
        return self.run("sbatch", "--parsable", *options, script, *arguments, **where).strip()

    def scontrol(self, *arguments):
        return self.run("scontrol", *arguments)

    def cancel(self, job, *options):
        return self.run("scancel", *options, job)

    def show(self, job):
        """The fields of `scontrol show job`."""
        return dict(re.findall(r"(\S+?)=(\S*)", self.scontrol("--oneliner", "show", "job", job)))

    def log(self, job):
        """What a job printed so far."""
        path = pathlib.Path(self.show(job)["StdOut"])
        return path.read_text(errors="replace") if path.exists() else f"(no {path})"

    def story(self, job):
        """All there is to say about a job, for messages."""
        return f"\n--- {self.show(job)}\n--- log of job {job}\n{self.log(job)}{self.logs()}"

    def wait_until(self, job, done, seconds, what):
        """Polls until done(fields of the job)."""
        try:
            self._until(lambda: done(self.show(job)), seconds, f"{what} (job {job})")
        except AssertionError as error:
            raise AssertionError(f"{error}{self.story(job)}") from None

    def wait(self, job, seconds=120):
        """Final state and exit code of a job. One that goes back into the queue would wait there for two
        minutes; it needs two seconds, since nodes tell its runs apart by the second they were ended in."""
        hastened = set()

        def ended(fields):
            if fields["Reason"] == "BeginTime" and fields["Restarts"] not in hastened:
                hastened.add(fields["Restarts"])
                self.scontrol("update", f"JobId={job}", "StartTime=now+3seconds")
            return fields["JobState"] in FINAL_STATES
        self.wait_until(job, ended, seconds, "the job ends")
        fields = self.show(job)
        return Ended(fields["JobState"], int(fields["ExitCode"].split(":")[0]))


def free_ports(count):
    """Free now, and outside the range that the system gives to connections."""
    ports = []
    while len(ports) < count:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", port))
            except OSError:
                continue
        if port not in ports:
            ports.append(port)
    return ports


def processes(folder):
    """Of the cluster in `folder`: its daemons, their children and the jobs."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            environment = path.read_bytes()
        except OSError:
            continue  # it ended meanwhile, or is not ours
        if f"\0SLURM_CONF={folder}/".encode() in b"\0" + environment:
            found.append(int(path.parent.name))
    return found


def end_processes(folder):
    """Once more until there is none: a process may start another while it is looked for."""
    while found := processes(folder):
        for process in found:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.05)


if __name__ == "__main__":
    sys.stdin.buffer.read()
    end_processes(sys.argv[1])
    shutil.rmtree(sys.argv[1], ignore_errors=True)
