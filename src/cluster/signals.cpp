#include "rooflaw/cluster/signals.hpp"

#include <atomic>
#include <csignal>

#include <fmt/format.h>

namespace rooflaw::cluster {

namespace {

struct Named {
  int signal;
  const char* name;
};
constexpr Named of_batch_systems[] = {
    {SIGUSR1, "SIGUSR1"}, {SIGUSR2, "SIGUSR2"}, {SIGXCPU, "SIGXCPU"}};
constexpr Named of_users[] = {{SIGTERM, "SIGTERM"}, {SIGINT, "SIGINT"}, {SIGHUP, "SIGHUP"}};

std::atomic<int> caught = 0;
static_assert(std::atomic<int>::is_always_lock_free);

extern "C" void note_signal(int signal) { caught = signal; }

void catch_signal(int signal) {
  struct sigaction action {};
  sigaction(signal, nullptr, &action);
  if (signal == SIGHUP && action.sa_handler == SIG_IGN) return;
  action = {};
  action.sa_handler = note_signal;
  action.sa_flags = SA_RESTART;
  sigaction(signal, &action, nullptr);
}

}  // namespace

void catch_batch_signals() {
  for (const auto& named : of_batch_systems) catch_signal(named.signal);
}

void catch_signals() {
  catch_batch_signals();
  for (const auto& named : of_users) catch_signal(named.signal);
  std::signal(SIGPIPE, SIG_IGN);
}

int caught_signal() { return caught; }

std::string signal_name(int signal) {
  for (const auto& named : of_batch_systems)
    if (named.signal == signal) return named.name;
  for (const auto& named : of_users)
    if (named.signal == signal) return named.name;
  return fmt::format("signal {}", signal);
}

}  // namespace rooflaw::cluster
