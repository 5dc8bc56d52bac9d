#include "rooflaw/app/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

namespace rooflaw::app {

namespace {
/// A log that cannot be written must not end the search, as fmt::print would.
void print(const std::string& text) { std::fputs(text.c_str(), stderr); }
}  // namespace

ProgressReport::ProgressReport() : terminal_(::isatty(STDERR_FILENO) != 0) {}

bool ProgressReport::due() {
  using namespace std::chrono_literals;
  const auto now = Clock::now();
  if (now - last_ < (terminal_ ? Clock::duration(200ms) : Clock::duration(5s))) return false;
  last_ = now;
  return true;
}

void ProgressReport::operator()(const cluster::Progress& progress) {
  if (!due()) return;
  const double share =
      static_cast<double>(progress.pieces_done) / static_cast<double>(progress.pieces);
  const double elapsed = std::chrono::duration<double>(last_ - start_).count();
  const double left = share > 0 ? elapsed * (1 - share) / share : 0;
  show(share, fmt::format("{:.0f} s, about {:.0f} s left, {} frontier points", elapsed, left,
                          progress.frontier_points));
}

void ProgressReport::operator()(const cluster::PlasProgress& progress) {
  if (!due()) return;
  const auto evaluations = progress.counts.evaluations();
  const double share =
      static_cast<double>(evaluations) / static_cast<double>(progress.max_evaluations);
  show(
      std::min(share, 1.0),
      fmt::format("round {}, {} of at most {} evaluations, {} frontier points, hypervolume {:.6g}, "
                  "largest gap {:.2g} of it",
                  progress.counts.rounds, evaluations, progress.max_evaluations,
                  progress.frontier_points, progress.hypervolume, progress.largest_gap));
}

void ProgressReport::show(double share, const std::string& text) {
  if (terminal_) {
    constexpr int width = 30;
    const auto filled = static_cast<std::size_t>(share * width);
    print(fmt::format("\r[{:<{}}] {:5.1f} %  {}\x1b[K", std::string(filled, '#'), width,
                      100 * share, text));
    bar_shown_ = true;
  } else {
    print(fmt::format("progress {:5.1f} %  {}\n", 100 * share, text));
  }
  std::fflush(stderr);
}

void ProgressReport::finish() {
  if (bar_shown_) print("\r\x1b[K");
  bar_shown_ = false;
}

}  // namespace rooflaw::app
