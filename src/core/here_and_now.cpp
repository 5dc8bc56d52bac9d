#include "rooflaw/core/here_and_now.hpp"

#include <unistd.h>

#include <array>
#include <chrono>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace rooflaw {

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

std::string utc_now(Resolution resolution) {
  const auto now = std::chrono::system_clock::now();
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
  const auto text =
      fmt::format("{:%Y-%m-%dT%H:%M:%S}", fmt::gmtime(std::chrono::system_clock::to_time_t(now)));
  if (resolution == Resolution::seconds) return text + "Z";
  return fmt::format("{}.{:03}Z", text, since.count() % 1000);
}

}  // namespace rooflaw
