#pragma once
// Signals that ask a run to stop and keep what it has: from a user (SIGINT, SIGTERM), a terminal
// that is gone (SIGHUP), and batch systems ahead of a limit: Slurm and SGE send SIGUSR1 or SIGUSR2,
// SGE and LSF SIGXCPU. The handler sets a flag, nothing else.

#include <string>

namespace rooflaw::cluster {

/// From now on those that only batch systems send are noted, not obeyed: they may come at any time.
/// The others should end a process that still reads its inputs, as a pipe may take for ever.
void catch_batch_signals();
/// All of them; not SIGHUP where the parent had it ignored (nohup). A reader of stderr or of a log
/// that is gone does not end the run either.
void catch_signals();

/// The last that came; 0 if none did.
int caught_signal();

/// "SIGTERM"
std::string signal_name(int signal);

}  // namespace rooflaw::cluster
