#include "rooflaw/cluster/queue.hpp"

#include <algorithm>
#include <ctime>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace rooflaw::cluster {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t no_more_pieces = -1;

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/// Pieces done, and what they gave.
struct Report {
  std::vector<std::int64_t> done;
  Bytes of_work;
};
template <class Archive>
void fields(Archive& a, Report& x) {
  a(x.done, x.of_work);
}

struct Order {
  std::int64_t piece = no_more_pieces;
  Bytes news;
};
template <class Archive>
void fields(Archive& a, Order& x) {
  a(x.piece, x.news);
}

/// Finds are shared now and then: one that is soon beaten by another then never travels.
class Due {
 public:
  bool now() {
    const auto time = Clock::now();
    if (time - last_ < std::chrono::milliseconds(500)) return false;
    last_ = time;
    return true;
  }

 private:
  Clock::time_point last_ = Clock::now();
};

void score(Work& work, std::int64_t piece, const Between& between) {
  try {
    work.score(piece, between);
  } catch (const RunEnds&) {
    throw;
  } catch (const Error& e) {
    throw Error(fmt::format("{}: {}", work.name(piece), e.what()), e.exit_code());
  } catch (const std::exception& e) {
    throw Error(fmt::format("{}: {}", work.name(piece), e.what()));
  }
}

class Worker {
 public:
  Worker(Work& work, Communicator& ranks, Watch& watch)
      : work_(work), ranks_(ranks), watch_(watch) {}

  void run() {
    const Between look = [this] { watch_.look(); };
    const bool ask_ahead = !work_.long_pieces();
    request(false);
    for (;;) {
      const auto order = unpacked<Order>(wait_for(Tag::piece).bytes);
      if (order.piece == no_more_pieces) break;
      work_.learn(order.news);
      // Asked for before this piece is begun, the next one is there when it is needed, though rank
      // 0 be busy with a row of its own.
      if (ask_ahead) request(due_.now());
      score(work_, order.piece, look);
      done_.push_back(order.piece);
      if (!ask_ahead) request(due_.now());
    }
    ranks_.send(0, Tag::last_report, report());
    wait_for(Tag::done);
  }

 private:
  Bytes report() { return packed(Report{std::exchange(done_, {}), work_.report()}); }
  void request(bool with_report) {
    ranks_.send(0, Tag::request, with_report ? report() : packed(Report{}));
  }
  Message wait_for(Tag tag) {
    const auto since = Clock::now();
    for (BackOff back_off;; back_off.pause()) {
      if (auto message = ranks_.poll(tag)) return std::move(*message);
      watch_.look();
      // At the end rank 0 waits for the others, and need not answer before.
      if (tag == Tag::piece) watch_.waiting(since);
    }
  }

  Work& work_;
  Communicator& ranks_;
  Watch& watch_;
  Due due_;
  std::vector<std::int64_t> done_;  // since the last report
};

class Master {
 public:
  Master(Work& work, QueueState& state, Communicator& ranks, Watch& watch, const QueueHooks& hooks,
         search::Serving& serving)
      : work_(work),
        state_(state),
        ranks_(ranks),
        watch_(watch),
        hooks_(hooks),
        serving_(serving),
        again_(state.open.begin(), state.open.end()),
        due_(static_cast<std::size_t>(ranks.size())) {}

  void run() {
    try {
      watch_.begin();
      const Between attend = [this] { this->attend(); };
      attend();
      for (std::int64_t piece = take(); piece != no_more_pieces; piece = take()) {
        score(work_, piece, attend);
        under_way_.erase(piece);
        attend();
        report_progress();
      }
      for (BackOff back_off; last_reports_ + 1 < ranks_.size();) {
        const auto before = serving_.messages;
        attend();
        if (serving_.messages == before) back_off.pause();
      }
      report_progress();
      for (int rank = 1; rank < ranks_.size(); ++rank) ranks_.send(rank, Tag::done, {});
      note_state();
    } catch (const RunEnds&) {
      checkpoint();
      throw;
    }
  }

 private:
  std::int64_t take() {
    if (hooks_.out_of_time && hooks_.out_of_time()) return no_more_pieces;
    std::int64_t piece = no_more_pieces;
    if (!again_.empty())
      piece = again_.extract(again_.begin()).value();
    else if (state_.next < work_.pieces())
      piece = state_.next++;
    if (piece != no_more_pieces) under_way_.insert(piece);
    return piece;
  }

  void attend() {
    while (const auto message = ranks_.poll()) {
      const double before = cpu_seconds();
      answer(*message);
      serving_.cpu_s += cpu_seconds() - before;
      ++serving_.messages;
    }
    watch_.look();
    if (hooks_.checkpoint && watch_.checkpoint_due()) checkpoint();
  }

  void answer(const Message& message) {
    const auto report = unpacked<Report>(message.bytes);
    if (!report.of_work.empty()) work_.absorb(report.of_work);
    for (const std::int64_t piece : report.done) under_way_.erase(piece);
    if (message.tag == Tag::last_report) {
      ++last_reports_;
      return;
    }
    const bool due = due_[static_cast<std::size_t>(message.from)].now();
    const Order order{take(), due ? work_.news(message.from) : Bytes{}};
    ranks_.send(message.from, Tag::piece, packed(order));
  }

  void note_state() {
    state_.open.assign(again_.begin(), again_.end());
    state_.open.insert(state_.open.end(), under_way_.begin(), under_way_.end());
  }

  void checkpoint() {
    note_state();
    if (hooks_.checkpoint) hooks_.checkpoint(state_);
  }

  void report_progress() {
    if (hooks_.progress) hooks_.progress(state_);
  }

  Work& work_;
  QueueState& state_;
  Communicator& ranks_;
  Watch& watch_;
  const QueueHooks& hooks_;
  search::Serving& serving_;
  std::set<std::int64_t> again_;      // left over from an earlier run
  std::set<std::int64_t> under_way_;  // handed out, not reported
  int last_reports_ = 0;
  std::vector<Due> due_;  // by rank: to be told more
};

}  // namespace

bool fits(const QueueState& state, std::int64_t pieces) {
  return state.next >= 0 && state.next <= pieces &&
         std::all_of(state.open.begin(), state.open.end(),
                     [&](std::int64_t piece) { return piece >= 0 && piece < state.next; });
}

void run_queue(Work& work, QueueState& state, Communicator& ranks, Watch& watch,
               const QueueHooks& hooks, search::Serving& serving) {
  if (!ranks.is_root()) return Worker(work, ranks, watch).run();
  const double before = cpu_seconds();
  Master(work, state, ranks, watch, hooks, serving).run();
  serving.of_cpu_s += cpu_seconds() - before;
}

}  // namespace rooflaw::cluster
