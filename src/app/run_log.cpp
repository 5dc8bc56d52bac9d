#include "rooflaw/app/run_log.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "rooflaw/app/command_line.hpp"
#include "rooflaw/core/error.hpp"
#include "rooflaw/core/here_and_now.hpp"
#include "rooflaw/core/patient_write.hpp"
#include "rooflaw/core/printable.hpp"
#include "rooflaw/format/atomic_file.hpp"
#include "rooflaw/io/replace.hpp"
#include "text_table.hpp"

namespace rooflaw::app {

using namespace std::chrono_literals;

namespace {

constexpr int wait_for_reader_ms = 1000;  // of a pipe that is full

double share_of(const search::Progress& p) {
  return p.of == 0 ? 1.0 : std::min(1.0, static_cast<double>(p.done) / static_cast<double>(p.of));
}

constexpr std::string_view opening = "{\"event\":";

/// Lines at the end of a job or of a program's settings would spoil them.
void require_log_or_nothing(const std::string& path, const std::string& output) {
  namespace fs = std::filesystem;
  std::error_code unknown;
  auto taken = io::own_names(output);
  taken.push_back(output);
  for (const auto& name : taken)
    if (fs::weakly_canonical(path, unknown) == fs::weakly_canonical(name, unknown))
      throw FileError(path, fmt::format("is a file of the run itself, as {} is its result; the log "
                                        "needs a name of its own",
                                        output));
  if (!fs::is_regular_file(path, unknown) || fs::file_size(path, unknown) == 0) return;
  std::string start(opening.size(), '\0');
  std::ifstream(path, std::ios::binary).read(start.data(), std::ssize(start));
  if (start != opening)
    throw FileError(path, "is there and is no log of rooflaw; lines are added to such a log only");
}

}  // namespace

std::string progress_text(const search::Progress& p, double elapsed_s) {
  if (p.rounds > 0)
    return fmt::format(
        "round {}, {} of at most {} evaluations, {} frontier points, "
        "hypervolume {:.6g}, largest gap {:.2g} of it",
        p.rounds, p.done, p.of, p.frontier_points, p.hypervolume, p.largest_gap);
  const std::string level = p.levels > 1 ? fmt::format("level {} of {}, ", p.level, p.levels) : "";
  // The first pieces, and what a phase begins with, say nothing of the others.
  const double share = share_of(p);
  const bool tells = share >= 0.01 || (share > 0 && elapsed_s >= 60);
  const std::string left =
      tells ? fmt::format("about {:.0f} s left, ", elapsed_s * (1 - share) / share) : "";
  return fmt::format("{}{:.0f} s, {}{} points", level, elapsed_s, left,
                     readable_count(static_cast<double>(p.frontier_points)));
}

RunLog::RunLog() : terminal_(::isatty(STDERR_FILENO) != 0) {}

void RunLog::open_json(const std::string& path, const std::string& output) {
  if (path.empty()) return;
  require_log_or_nothing(path, output);
  format::require_folder_of(path);
  json_path_ = path;
  // A pipe that nobody reads would hold up the run, here and at each line.
  json_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0666);
  if (json_ < 0 && errno == ENXIO) throw FileError(path, "is a pipe that nobody reads");
  if (json_ < 0) throw FileError(path, fmt::format("cannot be opened: {}", std::strerror(errno)));
}

RunLog::~RunLog() {
  if (json_ >= 0) ::close(json_);
}

void RunLog::tell(const cluster::Event& event) {
  if (!event.text.empty()) {
    end_bar();
    say(fmt::format("rooflaw: {}\n", printable(event.text, "\n")));
  }
  write_json(event);
}

void RunLog::write_json(const cluster::Event& event) {
  if (json_ < 0) return;
  nlohmann::ordered_json line{{"event", event.kind}, {"time", utc_now(Resolution::milliseconds)}};
  if (!event.text.empty()) line["text"] = event.text;
  for (const auto& [name, field] : event.fields)
    std::visit([&, &key = name](const auto& value) { line[key] = value; }, field);
  const std::string text =
      line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  // In one write, so that lines of several runs into one file stay whole.
  const auto written = [&] {
    return ::write(json_, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  };
  if (written()) return;
  pollfd room{.fd = json_, .events = POLLOUT, .revents = 0};
  if (errno == EAGAIN && ::poll(&room, 1, wait_for_reader_ms) > 0 && written()) return;
  say(fmt::format("rooflaw: {}: cannot be written: {}; no more of it\n", json_path_,
                  std::strerror(errno)));
  ::close(json_);
  json_ = -1;
}

void RunLog::progress(std::string_view phase, const search::Progress& p) {
  const auto now = Clock::now();
  if (phase != phase_) {
    phase_ = phase;
    phase_start_ = last_called_;  // where the phase before ended
  }
  last_called_ = now;
  const bool show_now = now - last_shown_ >= (terminal_ ? Clock::duration(200ms) : 5s);
  const bool record_now = json_ >= 0 && now - last_recorded_ >= 5s;
  if (!show_now && !record_now) return;
  const double share = share_of(p);
  const double elapsed = std::chrono::duration<double>(now - phase_start_).count();
  if (record_now) {
    last_recorded_ = now;
    write_json({"progress",
                "",
                {{"phase", phase_},
                 {"done", p.done},
                 {"of", p.of},
                 {"share", share},
                 {"seconds", elapsed},
                 {"frontier_points", static_cast<std::int64_t>(p.frontier_points)}}});
  }
  if (!show_now) return;
  last_shown_ = now;
  show(share, progress_text(p, elapsed));
}

void RunLog::show(double share, const std::string& text) {
  if (terminal_) {
    // In one line of the terminal as it is now: a line that wraps could not be replaced.
    constexpr int width = 20;
    const auto filled = static_cast<std::size_t>(share * width);
    std::string line = fmt::format("{:<7} [{:<{}}] {:5.1f} %  {}", phase_, std::string(filled, '#'),
                                   width, 100 * share, text);
    line.resize(std::min(line.size(), terminal_width() - 1));
    say_if_read(fmt::format("\r{}\x1b[K", line));
    bar_shown_ = true;
  } else {
    say_if_read(fmt::format("progress {} {:5.1f} %  {}\n", phase_, 100 * share, text));
  }
}

void RunLog::end_bar() {
  if (bar_shown_) say_if_read("\r\x1b[K");
  bar_shown_ = false;
}

}  // namespace rooflaw::app
