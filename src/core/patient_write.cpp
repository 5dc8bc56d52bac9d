#include "rooflaw/core/patient_write.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>

namespace rooflaw {

Written write_patiently(int descriptor, std::string_view text,
                        const std::function<bool()>& patient) {
  constexpr int pause_ms = 100;
  while (!text.empty()) {
    pollfd room{.fd = descriptor, .events = POLLOUT, .revents = 0};
    if (::poll(&room, 1, 0) <= 0) {
      if (!patient()) return Written::given_up;
      if (::poll(&room, 1, pause_ms) <= 0) continue;
    }
    // A pipe that has room takes so much at once, without waiting.
    const ssize_t size =
        ::write(descriptor, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (size < 0) return Written::failed;
    text.remove_prefix(static_cast<std::size_t>(size));
  }
  return Written::all;
}

void say(std::string_view text) {
  using namespace std::chrono_literals;
  using Clock = std::chrono::steady_clock;
  static std::atomic<bool> nobody_reads = false;
  const auto end = Clock::now() + (nobody_reads ? 0s : 1s);
  const auto patient = [&] { return Clock::now() < end; };
  nobody_reads = write_patiently(STDERR_FILENO, text, patient) == Written::given_up;
}

void say_if_read(std::string_view text) {
  write_patiently(STDERR_FILENO, text, [] { return false; });
}

}  // namespace rooflaw
