#include "rooflaw/app/progress.hpp"

#include <unistd.h>

#include <cstdio>
#include <string>

#include <fmt/format.h>

namespace rooflaw::app {

namespace {
/// A log that cannot be written must not end the search, as fmt::print would.
void print(const std::string& text) { std::fputs(text.c_str(), stderr); }
}  // namespace

ProgressReport::ProgressReport() : terminal_(::isatty(STDERR_FILENO) != 0) {}

void ProgressReport::operator()(const cluster::Progress& progress) {
  using namespace std::chrono_literals;
  const auto now = Clock::now();
  if (now - last_ < (terminal_ ? Clock::duration(200ms) : Clock::duration(5s))) return;
  last_ = now;
  const double share =
      static_cast<double>(progress.pieces_done) / static_cast<double>(progress.pieces);
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  const double left = share > 0 ? elapsed * (1 - share) / share : 0;
  const std::string text =
      fmt::format("{:5.1f} %  {:.0f} s, about {:.0f} s left, {} frontier points", 100 * share,
                  elapsed, left, progress.frontier_points);
  if (terminal_) {
    constexpr int width = 30;
    const auto filled = static_cast<int>(share * width);
    print(fmt::format("\r[{:<{}}] {}\x1b[K", std::string(static_cast<std::size_t>(filled), '#'),
                      width, text));
    bar_shown_ = true;
  } else {
    print(fmt::format("progress {}\n", text));
  }
  std::fflush(stderr);
}

void ProgressReport::finish() {
  if (bar_shown_) print("\r\x1b[K");
  bar_shown_ = false;
}

}  // namespace rooflaw::app
